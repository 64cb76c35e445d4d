//===- NvJitLink.cpp - the assembler as a library in this process ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Names and numbers as the nvJitLink documentation gives them (docs.nvidia.com/cuda/nvjitlink). Handles are independent
// of each other, so several threads assemble at once.

#include "driver/cuda/Assembler.h"

#include "ir/diag/Diagnostic.h"

#include <dlfcn.h>

namespace tegula::cuda {

namespace {

using Handle = struct nvJitLink *;
constexpr int inputIsPtx = 2;

struct Functions {
  int (*create)(Handle *, uint32_t, const char **) = nullptr;
  int (*destroy)(Handle *) = nullptr;
  int (*addData)(Handle, int, const void *, size_t, const char *) = nullptr;
  int (*complete)(Handle) = nullptr;
  int (*cubinSize)(Handle, size_t *) = nullptr;
  int (*cubin)(Handle, void *) = nullptr;
  int (*errorLogSize)(Handle, size_t *) = nullptr;
  int (*errorLog)(Handle, char *) = nullptr;
  int (*infoLogSize)(Handle, size_t *) = nullptr;
  int (*infoLog)(Handle, char *) = nullptr;
};

class NvJitLink final : public Assembler {
public:
  explicit NvJitLink(const std::string &path) : Assembler("nvjitlink", path) {}
  Assembled assemble(const AssemblyRequest &request) const override;

private:
  const Functions &functions() const;

  mutable bool loaded = false;
  mutable std::string trouble; ///< of loading
  mutable Functions table;
};

/// One link, freed at the end of its scope.
struct Link {
  const Functions &f;
  Handle handle = nullptr;
  explicit Link(const Functions &f) : f(f) {}
  Link(const Link &) = delete;
  ~Link() {
    if (handle)
      f.destroy(&handle);
  }
  std::string log(bool ofErrors) const {
    size_t size = 0;
    if (!handle || (ofErrors ? f.errorLogSize : f.infoLogSize)(handle, &size) != 0 || size == 0)
      return {};
    std::string text(size, '\0');
    (ofErrors ? f.errorLog : f.infoLog)(handle, text.data());
    text.resize(text.find_last_not_of('\0') + 1);
    return text;
  }
};

} // namespace

const Functions &NvJitLink::functions() const {
  std::lock_guard lock(assemblerMutex());
  if (!loaded) {
    loaded = true;
    // Never closed: it has threads and thread-local data of its own.
    void *library = dlopen(path().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      trouble = dlerror();
    } else {
      auto find = [&](auto &function, const char *name) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
        if (!function && trouble.empty())
          trouble = std::string("it has no function ") + name;
      };
      find(table.create, "nvJitLinkCreate");
      find(table.destroy, "nvJitLinkDestroy");
      find(table.addData, "nvJitLinkAddData");
      find(table.complete, "nvJitLinkComplete");
      find(table.cubinSize, "nvJitLinkGetLinkedCubinSize");
      find(table.cubin, "nvJitLinkGetLinkedCubin");
      find(table.errorLogSize, "nvJitLinkGetErrorLogSize");
      find(table.errorLog, "nvJitLinkGetErrorLog");
      find(table.infoLogSize, "nvJitLinkGetInfoLogSize");
      find(table.infoLog, "nvJitLinkGetInfoLog");
    }
  }
  if (!trouble.empty())
    throw Error(Diag::assembler_unusable, {name(), path(), trouble});
  return table;
}

Assembled NvJitLink::assemble(const AssemblyRequest &request) const {
  const Functions &f = functions();
  std::string arch = "-arch=" + request.arch;
  const char *options[] = {arch.c_str(), "-Xptxas=-v", "-lineinfo"};
  Link link(f);
  int result = f.create(&link.handle, request.lineInfo ? 3 : 2, options);
  if (result == 0)
    result = f.addData(link.handle, inputIsPtx, request.ptx.data(), request.ptx.size(), "kernel.ptx");
  if (result == 0)
    result = f.complete(link.handle);
  Assembled made;
  size_t size = 0;
  if (result == 0)
    result = f.cubinSize(link.handle, &size);
  if (result == 0) {
    made.cubin.resize(size);
    result = f.cubin(link.handle, made.cubin.data());
  }
  if (result != 0) {
    std::string log = link.log(true);
    failRefused(*this, request, log.empty() ? "error " + std::to_string(result) : log);
  }
  readStatistics(link.log(false), made);
  return made;
}

std::shared_ptr<const Assembler> makeNvJitLink(const std::string &path) {
  return std::make_shared<NvJitLink>(path);
}

} // namespace tegula::cuda
