//===- Assembler.cpp - finds an assembler, reads what it says ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/cuda/Assembler.h"

#include "ir/Settings.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string_view>

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tegula::cuda {

Assembler::Assembler(std::string name, std::string path) : shownName(std::move(name)), file(std::move(path)) {
  struct stat info{};
  stat(file.c_str(), &info);
  key = shownName + ":" + file + ":" + std::to_string(info.st_size) + ":" +
        std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

ForkSafeMutex &assemblerMutex() {
  static ForkSafeMutex &it = *new ForkSafeMutex;
  return it;
}

//===----------------------------------------------------------------------===//
// Looking for one
//===----------------------------------------------------------------------===//

namespace {

using Assemblers = std::vector<std::shared_ptr<const Assembler>>;

bool isFile(const std::string &path, int mode) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), mode) == 0;
}

/// Paths that fit, the highest version first.
std::vector<std::string> matching(const std::string &pattern) {
  glob_t found;
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  std::sort(paths.begin(), paths.end(), [](const std::string &a, const std::string &b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
  });
  return paths;
}

std::vector<std::string> split(const char *list) {
  std::vector<std::string> parts;
  for (std::string_view rest = list ? list : ""; !rest.empty();) {
    size_t end = std::min(rest.find(':'), rest.size());
    if (end)
      parts.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return parts;
}

std::atomic<std::vector<std::string> (*)()> packageFolders{nullptr};

std::vector<std::string> packages() {
  static auto *known = new std::vector<std::string>;
  static bool asked = false;
  auto ask = packageFolders.load();
  if (!ask)
    return {};
  std::vector<std::string> fresh = ask(); // without the lock: it may wait for the interpreter
  std::lock_guard lock(assemblerMutex());
  if (!asked)
    *known = std::move(fresh);
  asked = true;
  return *known;
}

std::vector<std::string> toolkits() {
  std::vector<std::string> folders;
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char *folder = std::getenv(variable); folder && *folder)
      folders.emplace_back(folder);
  folders.emplace_back("/usr/local/cuda");
  for (std::string &folder : matching("/usr/local/cuda-*"))
    folders.push_back(std::move(folder));
  return folders;
}

template <typename Make> void add(Assemblers &list, const std::string &pattern, int mode, Make make) {
  for (const std::string &path : matching(pattern))
    if (isFile(path, mode))
      list.push_back(make(path));
}

/// Libraries before processes; within each, the packages of the interpreter that runs before what the machine has.
Assemblers lookEverywhere(bool libraries, bool processes) {
  Assemblers list;
  std::vector<std::string> inPackages = packages(), inToolkits = toolkits();
  if (libraries) {
    for (const std::string &folder : inPackages)
      add(list, folder + "/nvidia/*/lib/libnvJitLink.so.*", R_OK, makeNvJitLink);
    for (const std::string &folder : inToolkits)
      add(list, folder + "/lib64/libnvJitLink.so", R_OK, makeNvJitLink);
    for (const std::string &folder : split(std::getenv("LD_LIBRARY_PATH")))
      add(list, folder + "/libnvJitLink.so.*", R_OK, makeNvJitLink);
  }
  if (processes) {
    for (const std::string &folder : inPackages)
      add(list, folder + "/nvidia/*/bin/ptxas", X_OK, makePtxas);
    for (const std::string &folder : inToolkits)
      add(list, folder + "/bin/ptxas", X_OK, makePtxas);
    for (const std::string &folder : split(std::getenv("PATH")))
      add(list, folder + "/ptxas", X_OK, makePtxas);
  }
  return list;
}

Assemblers lookFor(const std::string &chosen) {
  if (chosen == "none")
    return {};
  Assemblers list;
  if (chosen.find('/') != chosen.npos) {
    bool isLibrary = chosen.find(".so", chosen.rfind('/')) != chosen.npos;
    if (isFile(chosen, isLibrary ? R_OK : X_OK))
      list.push_back(isLibrary ? makeNvJitLink(chosen) : makePtxas(chosen));
  } else if (chosen.empty() || chosen == "nvjitlink" || chosen == "ptxas") {
    list = lookEverywhere(chosen != "ptxas", chosen != "nvjitlink");
  }
  if (list.empty() && !chosen.empty())
    throw Error(Diag::assembler_missing, {chosen});
  return list;
}

/// What was found under the settings of `epoch`.
struct Found {
  unsigned epoch = 0;
  Assemblers list;
};

Assemblers assemblers() {
  static Found &found = *new Found;
  unsigned epoch = settingsEpoch();
  {
    std::lock_guard lock(assemblerMutex());
    if (found.epoch == epoch)
      return found.list;
  }
  std::string chosen = settings().assembler;
  Assemblers list = lookFor(chosen);
  std::lock_guard lock(assemblerMutex());
  found.epoch = epoch;
  found.list = list;
  return list;
}

} // namespace

void setPackageFolders(std::vector<std::string> (*folders)()) { packageFolders = folders; }

std::shared_ptr<const Assembler> findAssembler() {
  Assemblers list = assemblers();
  return list.empty() ? nullptr : list.front();
}

std::shared_ptr<const Assembler> findAssemblerAfter(const Assembler &broken) {
  Assemblers list = assemblers();
  auto at = std::find_if(list.begin(), list.end(), [&](auto &each) { return each.get() == &broken; });
  return at == list.end() || at + 1 == list.end() ? nullptr : *(at + 1);
}

//===----------------------------------------------------------------------===//
// What it says
//===----------------------------------------------------------------------===//

/// The number before `word` in `text`; -1: there is none.
static int numberBefore(const std::string &text, std::string_view word) {
  size_t at = text.find(word);
  if (at == text.npos || at == 0)
    return -1;
  size_t end = at;
  while (end > 0 && text[end - 1] == ' ')
    --end;
  size_t begin = end;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9')
    --begin;
  return begin == end ? -1 : std::atoi(text.substr(begin, end - begin).c_str());
}

void readStatistics(const std::string &log, Assembled &result) {
  result.registers = numberBefore(log, " registers");
  int bytes = numberBefore(log, " bytes spill stores");
  result.spills = bytes < 0 ? -1 : bytes / 4;
}

/// The first line that tells of an error, without what the tool puts before it.
static std::string firstError(const std::string &log) {
  size_t at = log.find("error");
  if (at == log.npos)
    at = log.find("fatal");
  if (at == log.npos)
    return log.substr(0, std::min(log.find('\n'), log.size()));
  size_t begin = log.rfind('\n', at), end = std::min(log.find('\n', at), log.size());
  begin = begin == log.npos ? 0 : begin + 1;
  return log.substr(begin, end - begin);
}

void failRefused(const Assembler &assembler, const AssemblyRequest &request, const std::string &log) {
  std::string why = firstError(log);
  auto says = [&](std::string_view text) { return log.find(text) != log.npos; };
  if (says("uses too much") || says("too many resources"))
    throw Error(Diag::assembler_resources, {request.kernel, request.arch, why});
  if (says("Unsupported .version") || says("UNRECOGNIZED_ARCH") || says("not defined for option"))
    throw Error(Diag::assembler_too_old, {assembler.name(), assembler.path(), request.arch, why});
  throw Error(Diag::assembler_refused, {assembler.name(), why});
}

} // namespace tegula::cuda
