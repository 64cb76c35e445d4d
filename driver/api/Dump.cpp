//===- Dump.cpp - stages written to files, and taken from files ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One name for both ways: <folder>/<kernel>-<first 12 digits of its hash>.<stage>. A file <kernel>.<stage> takes the
// place of a stage of every specialisation that has none of its own.
//
//     TEGULA_DUMP=llir TEGULA_DUMP_DIR=d python k.py        writes d/add-0f3a6f01b2c4.llir
//     <edit it>; TEGULA_OVERRIDE_DIR=d python k.py          compiles on from the edited file
//

#include "driver/api/Stages.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include <sys/stat.h>

namespace tegula::api {

static std::string fileName(const Job &job, std::string_view stage) {
  return job.name() + "-" + job.hash.substr(0, 12) + "." + std::string(stage);
}

static std::vector<std::string> splitAtCommas(const std::string &text) {
  std::vector<std::string> out(1);
  for (char c : text)
    if (c == ',')
      out.emplace_back();
    else if (c != ' ')
      out.back() += c;
  return out;
}

/// Under another name first: two processes may dump the same kernel.
static bool writeFile(const std::string &path, const std::string &text) {
  std::string temporary = path + "." + std::to_string(getpid());
  FILE *file = std::fopen(temporary.c_str(), "we");
  if (!file)
    return false;
  bool ok = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  ok = std::fclose(file) == 0 && ok;
  return ok && std::rename(temporary.c_str(), path.c_str()) == 0;
}

void dumpStages(const Job &job, CompiledKernel &kernel) {
  if (job.settings.dump.empty())
    return;
  auto wanted = splitAtCommas(job.settings.dump);
  bool all = std::find(wanted.begin(), wanted.end(), "all") != wanted.end();
  std::string folder = job.settings.dumpDir.empty() ? "tegula-dump" : job.settings.dumpDir;
  // Names of other targets' stages are no mistake: the same variable serves kernels for several.
  for (const std::string &stage : kernel.stageNames()) {
    if (!all && std::find(wanted.begin(), wanted.end(), stage) == wanted.end())
      continue;
    const std::string &content = kernel.stage(stage);
    std::string path = folder + "/" + fileName(job, stage);
    mkdir(folder.c_str(), 0777);
    if (!writeFile(path, content))
      throw Error(Diag::dump_failed, {stage, path, std::strerror(errno)});
  }
}

/// The whole file; nullopt: there is none. Throws Error (stage_override_bad) for one that cannot be read.
static std::optional<std::string> readFile(const std::string &path, Stage stage) {
  FILE *file = std::fopen(path.c_str(), "re");
  if (!file)
    return std::nullopt;
  std::string text;
  char buffer[16384];
  while (size_t got = std::fread(buffer, 1, sizeof buffer, file))
    text.append(buffer, got);
  bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed)
    throw Error(Diag::stage_override_bad, {stageName(stage), path, std::strerror(errno)});
  return text;
}

std::optional<std::pair<std::string, std::string>> overrideOf(const Job &job, Stage stage) {
  if (job.settings.overrideDir.empty())
    return std::nullopt;
  for (const std::string &name : {fileName(job, stageName(stage)), job.name() + "." + stageName(stage)}) {
    std::string path = job.settings.overrideDir + "/" + name;
    if (auto text = readFile(path, stage))
      return std::pair(std::move(*text), std::move(path));
  }
  return std::nullopt;
}

} // namespace tegula::api
