//===- Modules.cpp - modules, libraries, globals, linking ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Module.h"
#include "driver/emulator/cuda/Stream.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace tegula::cuda {

Registry<Module> &modules = *new Registry<Module>;
Registry<Function> &functions = *new Registry<Function>;

// --- Options of the JIT compiler: there is none, but its logs are the place for errors

namespace {
enum : int { jitWallTime = 2, jitInfoLog = 3, jitInfoSize = 4, jitErrorLog = 5, jitErrorSize = 6 };

struct JitOptions {
  unsigned count = 0;
  const int *options = nullptr;
  void **values = nullptr;

  void **find(int option) const {
    for (unsigned k = 0; k < count; k++)
      if (options[k] == option)
        return &values[k];
    return nullptr;
  }
  /// Fills a log's buffer; its size then is what was written.
  void fill(int log, int size, const std::string &text) const {
    void **buffer = find(log), **bytes = find(size);
    if (!buffer || !*buffer || !bytes)
      return;
    size_t room = static_cast<unsigned>(reinterpret_cast<uintptr_t>(*bytes));
    if (!room)
      return;
    size_t n = std::min(room - 1, text.size());
    memcpy(*buffer, text.data(), n);
    static_cast<char *>(*buffer)[n] = 0;
    *bytes = reinterpret_cast<void *>(n);
  }
};
} // namespace

/// Runs `make`; an error's text goes to the error log as well.
template <typename F> static auto withLogs(const JitOptions &options, F make) {
  need(!options.count || (options.options && options.values));
  options.fill(jitInfoLog, jitInfoSize, "");
  try {
    auto result = make();
    options.fill(jitErrorLog, jitErrorSize, "");
    return result;
  } catch (const Error &e) {
    options.fill(jitErrorLog, jitErrorSize, e.what());
    throw;
  }
}

// --- Loading

static std::shared_ptr<Module> loadImage(Image image, const std::string &name, Context *context) {
  Driver &driver = Driver::get();
  auto module = std::make_shared<Module>();
  module->context = context;
  module->loaded = driver.emulator().load(std::move(image.ptx), driver.device().arch, name);
  const ptx::Program &program = module->loaded->program();
  for (const ptx::Routine &r : program.routines) {
    if (!r.isEntry)
      continue;
    auto f = std::make_shared<Function>();
    f->name = r.name;
    f->module = module.get();
    f->loaded = module->loaded;
    f->entry = &r;
    if (auto known = image.info.find(r.name); known != image.info.end())
      f->info = known->second;
    else // the emulator's registers hold constants and predicates too, and are not packed as ptxas packs them
      f->info = {std::clamp(int(r.slots) - int(r.constants.size()) + 6, 16, 255), int(r.localBytes)};
    f->dynamicSharedLimit = std::max(0, (48 << 10) - int(r.sharedBytes)); // more has to be asked for
    functions.add(f);
    module->functions.emplace(r.name, f);
  }
  for (const ptx::Variable &v : program.module.variables) {
    if (v.function >= 0 || (v.space != ptx::Space::global && v.space != ptx::Space::constant))
      continue;
    auto [address, bytes] = module->loaded->variable(v.name);
    if (!address || !bytes)
      continue;
    driver.addRange(address, bytes, Allocation::Kind::variable, v.isManaged, std::string(v.name));
    module->variables.push_back(address);
  }
  modules.add(module);
  return module;
}

static std::string nextName() {
  static std::atomic<unsigned> count{0};
  return "module " + std::to_string(++count);
}

static CUresult load(CUmodule *module, const void *image, size_t size, const std::string &name,
                     Context *context, const JitOptions &options) {
  need(module && image);
  *module = withLogs(options, [&] {
              return loadImage(readImage(image, size, Driver::get().device().sm), name, context);
            }).get();
  return CUDA_SUCCESS;
}

static std::string fileText(const char *path) {
  need(path);
  std::ifstream in(path, std::ios::binary);
  if (!in)
    fail(CUDA_ERROR_FILE_NOT_FOUND);
  // With a zero byte behind, as a text of PTX has it.
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  need(!text.empty(), CUDA_ERROR_INVALID_IMAGE);
  return text;
}

CU_FUNCTION(context, cuModuleLoad, (CUmodule * module, const char *path), (module, path)) {
  std::string text = fileText(path);
  return load(module, text.data(), text.size(), path, currentContext().get(), {});
}
CU_FUNCTION(context, cuModuleLoadData, (CUmodule * module, const void *image), (module, image)) {
  return load(module, image, 0, nextName(), currentContext().get(), {});
}
CU_FUNCTION(context, cuModuleLoadDataEx,
            (CUmodule * module, const void *image, unsigned count, int *options, void **values),
            (module, image, count, options, values)) {
  return load(module, image, 0, nextName(), currentContext().get(), {count, options, values});
}
CU_FUNCTION(context, cuModuleLoadFatBinary, (CUmodule * module, const void *image), (module, image)) {
  return load(module, image, 0, nextName(), currentContext().get(), {});
}

static void unload(const std::shared_ptr<Module> &module) {
  drain(module->context);
  for (auto &[name, f] : module->functions)
    functions.remove(f.get());
  for (uint64_t address : module->variables)
    Driver::get().release(address, {Allocation::Kind::variable});
}
CU_FUNCTION(init, cuModuleUnload, (CUmodule handle), (handle)) {
  unload(modules.remove(handle));
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuModuleGetLoadingMode, (int *mode), (mode)) {
  need(mode);
  *mode = 1; // eager
  return CUDA_SUCCESS;
}

// --- What is in a module

static CUresult getFunction(CUfunction *function, CUmodule handle, const char *name) {
  need(function && name);
  auto module = modules.get(handle);
  auto it = module->functions.find(std::string_view(name));
  need(it != module->functions.end(), CUDA_ERROR_NOT_FOUND);
  *function = it->second.get();
  return CUDA_SUCCESS;
}
static CUresult count(unsigned *number, CUmodule handle) {
  need(number);
  *number = unsigned(modules.get(handle)->functions.size());
  return CUDA_SUCCESS;
}
static CUresult enumerate(CUfunction *list, unsigned size, CUmodule handle) {
  need(list && size);
  auto module = modules.get(handle);
  unsigned k = 0;
  for (auto &[name, f] : module->functions)
    if (k < size)
      list[k++] = f.get();
  return CUDA_SUCCESS;
}
static CUresult getGlobal(CUdeviceptr *address, size_t *bytes, CUmodule handle, const char *name) {
  need(name);
  auto [at, size] = modules.get(handle)->loaded->variable(name);
  need(at, CUDA_ERROR_NOT_FOUND);
  if (address)
    *address = at;
  if (bytes)
    *bytes = size;
  return CUDA_SUCCESS;
}

CU_FUNCTION(context, cuModuleGetFunction, (CUfunction * function, CUmodule module, const char *name),
            (function, module, name)) {
  return getFunction(function, module, name);
}
CU_FUNCTION(context, cuModuleGetFunctionCount, (unsigned *number, CUmodule module), (number, module)) {
  return count(number, module);
}
CU_FUNCTION(context, cuModuleEnumerateFunctions, (CUfunction * list, unsigned size, CUmodule module),
            (list, size, module)) {
  return enumerate(list, size, module);
}
CU_FUNCTION(context, cuModuleGetGlobal_v2,
            (CUdeviceptr * address, size_t *bytes, CUmodule module, const char *name),
            (address, bytes, module, name)) {
  return getGlobal(address, bytes, module, name);
}

// --- Libraries: modules that belong to no context

CU_FUNCTION(init, cuLibraryLoadData,
            (CUlibrary * library, const void *image, int *jitOptions, void **jitValues, unsigned jitCount,
             int *options, void **values, unsigned optionCount),
            (library, image, jitOptions, jitValues, jitCount, options, values, optionCount)) {
  return load(library, image, 0, nextName(), nullptr, {jitCount, jitOptions, jitValues});
}
CU_FUNCTION(init, cuLibraryLoadFromFile,
            (CUlibrary * library, const char *path, int *jitOptions, void **jitValues, unsigned jitCount,
             int *options, void **values, unsigned optionCount),
            (library, path, jitOptions, jitValues, jitCount, options, values, optionCount)) {
  std::string text = fileText(path);
  return load(library, text.data(), text.size(), path, nullptr, {jitCount, jitOptions, jitValues});
}
CU_FUNCTION(init, cuLibraryUnload, (CUlibrary library), (library)) {
  unload(modules.remove(library));
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuLibraryGetKernel, (CUkernel * kernel, CUlibrary library, const char *name),
            (kernel, library, name)) {
  return getFunction(kernel, library, name);
}
CU_FUNCTION(init, cuLibraryGetKernelCount, (unsigned *number, CUlibrary library), (number, library)) {
  return count(number, library);
}
CU_FUNCTION(init, cuLibraryEnumerateKernels, (CUkernel * list, unsigned size, CUlibrary library),
            (list, size, library)) {
  return enumerate(list, size, library);
}
CU_FUNCTION(init, cuLibraryGetModule, (CUmodule * module, CUlibrary library), (module, library)) {
  need(module);
  *module = modules.get(library).get();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuLibraryGetGlobal,
            (CUdeviceptr * address, size_t *bytes, CUlibrary library, const char *name),
            (address, bytes, library, name)) {
  return getGlobal(address, bytes, library, name);
}
CU_FUNCTION(init, cuLibraryGetManaged,
            (CUdeviceptr * address, size_t *bytes, CUlibrary library, const char *name),
            (address, bytes, library, name)) {
  need(name);
  for (const ptx::Variable &v : modules.get(library)->loaded->program().module.variables)
    if (v.name == name && v.isManaged)
      return getGlobal(address, bytes, library, name);
  fail(CUDA_ERROR_NOT_FOUND);
}
CU_FUNCTION(init, cuLibraryGetUnifiedFunction, (void **function, CUlibrary library, const char *name),
            (function, library, name)) {
  need(function && name);
  modules.get(library);
  fail(CUDA_ERROR_NOT_FOUND);
}

// --- Linking: of PTX only

struct Linker {
  std::mutex mutex;
  std::vector<std::string> texts;
  std::map<std::string, KernelInfo> info;
  std::string result;
  std::string errors;
  JitOptions options;
};
static Registry<Linker> &linkers = *new Registry<Linker>;

CU_FUNCTION(context, cuLinkCreate_v2, (unsigned count, int *options, void **values, CUlinkState *state),
            (count, options, values, state)) {
  need(state && (!count || (options && values)));
  auto linker = std::make_shared<Linker>();
  linker->options = {count, options, values}; // the caller keeps them, as CUDA asks
  *state = linkers.add(std::move(linker));
  return CUDA_SUCCESS;
}

static CUresult addInput(CUlinkState state, int type, const void *data, size_t size) {
  constexpr int library = 4;
  auto linker = linkers.get(state);
  need(data && type >= 0 && type <= 5);
  std::lock_guard lock(linker->mutex);
  auto *bytes = static_cast<const char *>(data);
  // The device runtime's archive is often named though nothing of it is used.
  if (type == library && size >= 8 && !memcmp(bytes, "!<arch>\n", 8))
    return CUDA_SUCCESS;
  Image image = withLogs(linker->options, [&] { return readImage(data, size, Driver::get().device().sm); });
  linker->texts.push_back(std::move(image.ptx));
  linker->info.merge(image.info);
  return CUDA_SUCCESS;
}
CU_FUNCTION(context, cuLinkAddData_v2,
            (CUlinkState state, int type, void *data, size_t size, const char *name, unsigned count,
             int *options, void **values),
            (state, type, data, size, name, count, options, values)) {
  return addInput(state, type, data, size);
}
CU_FUNCTION(context, cuLinkAddFile_v2,
            (CUlinkState state, int type, const char *path, unsigned count, int *options, void **values),
            (state, type, path, count, options, values)) {
  std::string text = fileText(path);
  return addInput(state, type, text.data(), text.size());
}
CU_FUNCTION(context, cuLinkComplete, (CUlinkState state, void **cubin, size_t *size), (state, cubin, size)) {
  need(cubin);
  auto linker = linkers.get(state);
  std::lock_guard lock(linker->mutex);
  linker->result = withLogs(linker->options, [&] {
    const Device &device = Driver::get().device();
    Image image{linker->texts.size() == 1 ? linker->texts[0] : linkTexts(linker->texts), linker->info};
    Driver::get().emulator().load(image.ptx, device.arch,
                                  "linked code"); // names that are missing are told here
    return packImage(image, {}, device.sm);
  });
  *cubin = linker->result.data();
  if (size)
    *size = linker->result.size();
  return CUDA_SUCCESS;
}
CU_FUNCTION(init, cuLinkDestroy, (CUlinkState state), (state)) {
  linkers.remove(state);
  return CUDA_SUCCESS;
}

} // namespace tegula::cuda
