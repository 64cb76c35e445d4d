//===- Job.cpp - one compile, from the request to the key ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Stages.h"

#include <elf.h>
#include <link.h>
#include <sys/stat.h>

namespace tegula::api {

std::string Job::name() const {
  const std::string &full = function->qualifiedName;
  size_t dot = full.rfind('.');
  return dot == full.npos ? full : full.substr(dot + 1);
}

static void collectNames(const std::vector<lang::Argument> &arguments, const std::string &prefix,
                         std::vector<std::string> &names) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const lang::Argument &argument = arguments[i];
    std::string name = prefix.empty() ? argument.name : prefix + "[" + std::to_string(i) + "]";
    if (!argument.tupleItems.empty())
      collectNames(argument.tupleItems, name, names);
    else if (!argument.constant &&
             (argument.type.isPointer || argument.type.scalar != lang::ScalarKind::Void))
      names.push_back(name);
  }
}

std::vector<std::string> runtimeArguments(const std::vector<lang::Argument> &arguments) {
  std::vector<std::string> names;
  collectNames(arguments, "", names);
  return names;
}

//===----------------------------------------------------------------------===//
// The build
//===----------------------------------------------------------------------===//

/// The linker's build id of the file that holds `address`, or what tells it from its successor.
static int readBuildId(struct dl_phdr_info *info, size_t, void *result) {
  auto here = reinterpret_cast<ElfW(Addr)>(&readBuildId);
  bool isOurs = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &part = info->dlpi_phdr[i];
    ElfW(Addr) start = info->dlpi_addr + part.p_vaddr;
    isOurs |= part.p_type == PT_LOAD && here >= start && here < start + part.p_memsz;
  }
  if (!isOurs)
    return 0;
  auto &out = *static_cast<std::string *>(result);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &part = info->dlpi_phdr[i];
    if (part.p_type != PT_NOTE)
      continue;
    auto *at = reinterpret_cast<const char *>(info->dlpi_addr + part.p_vaddr);
    const char *end = at + part.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      auto *note = reinterpret_cast<const ElfW(Nhdr) *>(at);
      const char *name = at + sizeof *note, *data = name + ((note->n_namesz + 3) & ~3u);
      if (note->n_type == NT_GNU_BUILD_ID &&
          std::string_view(name, note->n_namesz) == std::string_view("GNU\0", 4))
        out.assign(data, note->n_descsz);
      at = data + ((note->n_descsz + 3) & ~3u);
    }
  }
  struct stat file;
  const char *path = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
  if (out.empty() && stat(path, &file) == 0)
    out = std::string(path) + ":" + std::to_string(file.st_size) + ":" + std::to_string(file.st_mtim.tv_sec) +
          "." + std::to_string(file.st_mtim.tv_nsec);
  return 1;
}

const std::string &buildId() {
  static const std::string id = [] {
    std::string out;
    dl_iterate_phdr(readBuildId, &out);
    return out;
  }();
  return id;
}

//===----------------------------------------------------------------------===//
// The key
//===----------------------------------------------------------------------===//

static void writeOptions(ByteWriter &out, const CompileOptions &options) {
  out.pod(options.numWarps);
  out.pod(options.numStages);
  out.pod(options.debug);
  out.pod(options.fpFusion);
  out.pod(options.disjoint);
  out.pod(options.pull);
  out.pod(options.maxRegisters);
}

/// Steps when the meaning of what is cached changes without the build doing so.
static constexpr uint32_t keyVersion = 2;

Job makeJob(const Request &request) {
  Job job;
  job.function = request.function;
  job.arguments = request.arguments;
  job.target = request.target;
  job.options = request.options;
  job.settings = settings();
  job.options.debug |= job.settings.debug;
  job.options.fpFusion &= job.settings.fpFusion;
  job.options.pull &= job.settings.cpuPull;
  job.backend = &backendNamed(job.target.backend);

  ByteWriter out;
  out.pod(keyVersion);
  out.text(buildId());
  job.backend->resolve(job, out);
  out.text(job.target.backend);
  out.text(job.target.arch);
  out.pod(job.target.warpSize);
  writeOptions(out, job.options);
  writeFunction(out, *job.function, job.resolvers, job.placed());
  out.pod(uint64_t(job.arguments.size()));
  for (const lang::Argument &argument : job.arguments)
    writeArgument(out, argument, job.resolvers, job.placed());

  std::string digest = settingsDigest();
  std::string chosen = "overrideDir=" + job.settings.overrideDir + ";";
  if (size_t at = digest.find(chosen); at != digest.npos)
    digest.erase(at, chosen.size());
  out.text(digest);
  job.hash = hexadecimal(digestOf(out.bytes));
  out.text(job.settings.overrideDir);
  job.key = digestOf(out.bytes);
  return job;
}

} // namespace tegula::api
