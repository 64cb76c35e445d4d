//===- Ptxas.cpp - a front for ptxas: its cubins carry the PTX they were made from ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Takes ptxas's command line. Where NVIDIA's ptxas is installed it does the work, with the same arguments: what it
// refuses is refused, and its cubin is what the PTX is added to, so that disassemblers and its counts of registers keep
// working. Where it is not, the emulator's own decoder checks the text.
//
// The real tool is TEGULA_EMU_PTXAS, else the first other ptxas of PATH, else that of /usr/local/cuda.

#include "driver/emulator/cuda/Image.h"
#include "driver/emulator/ptx/Emulator.h"
#include "driver/emulator/ptx/Processor.h"
#include "ir/Settings.h"
#include "ir/diag/Diagnostic.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tegula::cuda {

namespace {

namespace fs = std::filesystem;

struct CommandLine {
  std::vector<std::string> arguments; ///< all but the program's name and the output
  std::string input, output = "elf.o", arch = "sm_75";
  bool verbose = false, version = false;
};

CommandLine parse(int argc, char **argv) {
  CommandLine line;
  // Options whose value is the next argument, as ptxas --help lists them.
  static const char *const withValue[] = {"-O",
                                          "--opt-level",
                                          "--maxrregcount",
                                          "-maxrregcount",
                                          "--device-function-maxrregcount",
                                          "--def-load-cache",
                                          "-dlcm",
                                          "--def-store-cache",
                                          "-dscm",
                                          "--override-directive-values",
                                          "--options-file",
                                          "-optf",
                                          "--entry",
                                          "-e",
                                          "--machine",
                                          "-m",
                                          "--split-compile",
                                          "--regAllocOptLevel",
                                          "--input-as-string",
                                          "-ias",
                                          "--compile-as-tools-patch",
                                          "--fmad",
                                          "-fmad",
                                          "--position-independent-code",
                                          "-pic",
                                          "--Ofast-compile",
                                          "-Ofc"};
  auto value = [&](std::string_view name, int &k, std::string &out) {
    std::string_view a = argv[k];
    if (a == name && k + 1 < argc) {
      out = argv[++k];
      return true;
    }
    if (a.size() > name.size() && a.starts_with(name) && a[name.size()] == '=') {
      out = a.substr(name.size() + 1);
      return true;
    }
    return false;
  };
  for (int k = 1; k < argc; k++) {
    std::string_view a = argv[k];
    int before = k;
    if (value("-o", k, line.output) || value("--output-file", k, line.output))
      continue;
    for (const char *name : {"--gpu-name", "-arch", "--gpu-architecture"})
      if (k == before)
        (void)value(name, k, line.arch);
    if (k == before && a.find('=') == a.npos && k + 1 < argc)
      for (const char *name : withValue)
        if (a == name)
          k++;
    line.verbose |= a == "-v" || a == "--verbose";
    line.version |= a == "-V" || a == "--version";
    if (k == before && !a.starts_with("-"))
      line.input = a;
    for (int n = before; n <= k; n++)
      line.arguments.push_back(argv[n]);
  }
  return line;
}

std::string ownPath() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

std::string realPtxas() {
  std::string given = settings().emuPtxas;
  if (given == "none")
    return {};
  if (!given.empty())
    return given;
  std::error_code error;
  auto usable = [&](const fs::path &p) {
    return fs::exists(p, error) && !fs::equivalent(p, ownPath(), error) && access(p.c_str(), X_OK) == 0;
  };
  std::string path = getenv("PATH") ? getenv("PATH") : "";
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(':', at), path.size());
    if (fs::path p = fs::path(path.substr(at, end - at)) / "ptxas"; end > at && usable(p))
      return p;
    at = end + 1;
  }
  if (usable("/usr/local/cuda/bin/ptxas"))
    return "/usr/local/cuda/bin/ptxas";
  return {};
}

struct Ran {
  int status = 127;
  std::string text; ///< stdout and stderr
};

Ran runTool(const std::string &tool, const std::vector<std::string> &arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC))
    return {127, "no pipe can be had\n"};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char *> argv{const_cast<char *>(tool.c_str())};
  for (const std::string &a : arguments)
    argv.push_back(const_cast<char *>(a.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  int bad = posix_spawn(&child, tool.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Ran ran;
  if (bad) {
    close(ends[0]);
    return {127, tool + " cannot be started: " + strerror(bad) + "\n"};
  }
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    ran.text.append(buffer, size_t(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

std::string contents(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What `ptxas -v` says of each kernel.
std::map<std::string, KernelInfo> infoOf(const std::string &text) {
  std::map<std::string, KernelInfo> info;
  std::string kernel;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    auto number = [&](const char *before, const char *after) {
      size_t a = line.find(before);
      a = a == line.npos ? a : a + strlen(before);
      return a != line.npos && line.find(after, a) != line.npos ? atoi(line.c_str() + a) : -1;
    };
    if (size_t p = line.find("Compiling entry function '"); p != line.npos) {
      p += strlen("Compiling entry function '");
      kernel = line.substr(p, line.find('\'', p) - p);
    } else if (int stack = number("    ", " bytes stack frame"); stack >= 0 && !kernel.empty())
      info[kernel].localBytes = stack;
    else if (int registers = number("Used ", " registers"); registers >= 0 && !kernel.empty())
      info[kernel].registers = registers;
  }
  std::erase_if(info, [](auto &entry) { return !entry.second.registers; });
  return info;
}

/// Text of `ptxas -v` that nobody has asked for is left out.
std::string withoutInfo(const std::string &text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (!line.starts_with("ptxas info") && line.find(" bytes stack frame") == line.npos)
      out += std::string(line) + "\n";
    at = end + 1;
  }
  return out;
}

int version(const std::string &tool) {
  std::string text = "ptxas of Tegula's emulated GPUs, release 13.0\n";
  if (!tool.empty()) {
    Ran ran = runTool(tool, {"--version"});
    if (ran.status)
      return fputs(ran.text.c_str(), stderr), ran.status;
    text = ran.text;
  }
  // Caches that go by this text must not give real cubins to the emulator, or the other way round.
  printf("%sCubins carry their PTX, for the emulated GPUs of Tegula\n", text.c_str());
  return 0;
}

int assemble(const CommandLine &line, const std::string &tool) {
  if (line.input.empty())
    return fputs("ptxas fatal   : No input file given (the emulator's front for ptxas)\n", stderr), 255;
  Image image{contents(line.input), {}};
  if (image.ptx.empty())
    return fprintf(stderr, "ptxas fatal   : Could not open input file '%s'\n", line.input.c_str()), 255;
  std::string cubin;
  if (!tool.empty()) {
    std::string made = line.output + ".real";
    std::vector<std::string> arguments = line.arguments;
    if (!line.verbose)
      arguments.push_back("-v");
    arguments.insert(arguments.end(), {"-o", made});
    Ran ran = runTool(tool, arguments);
    fputs((line.verbose ? ran.text : withoutInfo(ran.text)).c_str(), stderr);
    if (ran.status)
      return ran.status;
    image.info = infoOf(ran.text);
    cubin = contents(made);
    unlink(made.c_str());
  } else {
    ptx::Emulator().load(image.ptx, line.arch, line.input); // throws
  }
  int sm = line.arch.starts_with("sm_") ? atoi(line.arch.c_str() + 3) : 0;
  std::string file = packImage(image, cubin, sm);
  std::ofstream out(line.output, std::ios::binary);
  out.write(file.data(), std::streamsize(file.size()));
  if (!out.flush())
    return fprintf(stderr, "ptxas fatal   : Could not write '%s'\n", line.output.c_str()), 255;
  return 0;
}

} // namespace

extern "C" __attribute__((visibility("default"))) int tegulaPtxas(int argc, char **argv) {
  try {
    ptx::requireProcessor();
    CommandLine line = parse(argc, argv);
    std::string tool = realPtxas();
    return line.version ? version(tool) : assemble(line, tool);
  } catch (const std::exception &e) {
    fprintf(stderr, "ptxas error   : %s\n", e.what());
    return 255;
  }
}

} // namespace tegula::cuda
