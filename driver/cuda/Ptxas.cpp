//===- Ptxas.cpp - the assembler as a process of its own ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// No shell and no files: its text, its code and what it says are three files in memory, which it opens by /dev/fd.

#include "driver/cuda/Assembler.h"

#include "ir/diag/Diagnostic.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tegula::cuda {

namespace {

class Ptxas final : public Assembler {
public:
  explicit Ptxas(const std::string &path) : Assembler("ptxas", path) {}
  Assembled assemble(const AssemblyRequest &request) const override;

private:
  [[noreturn]] void unusable(const std::string &why) const {
    throw Error(Diag::assembler_unusable, {name(), path(), why});
  }
};

/// A file in memory, closed at the end of its scope and in every process that is started.
struct MemoryFile {
  int fd;
  explicit MemoryFile(const char *name) : fd(memfd_create(name, MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile &) = delete;
  ~MemoryFile() {
    if (fd >= 0)
      close(fd);
  }

  bool write(const std::string &text) const {
    for (size_t done = 0; done < text.size();) {
      ssize_t put = ::write(fd, text.data() + done, text.size() - done);
      if (put < 0 && errno == EINTR)
        continue;
      if (put <= 0)
        return false;
      done += size_t(put);
    }
    return lseek(fd, 0, SEEK_SET) == 0;
  }

  std::string read() const {
    struct stat info;
    if (fstat(fd, &info) != 0)
      return {};
    std::string text(size_t(info.st_size), '\0');
    for (size_t done = 0; done < text.size();) {
      ssize_t got = pread(fd, text.data() + done, text.size() - done, off_t(done));
      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        return {};
      done += size_t(got);
    }
    return text;
  }
};

/// The numbers that the three files have in the process.
enum { inputFd = 0, logFd = 2, outputFd = 3 };

/// Starts the program; returns an error number.
int start(pid_t &child, const std::string &path, char *const *arguments, const MemoryFile &input,
          const MemoryFile &output, const MemoryFile &log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Above the numbers that they are moved to, so that none is overwritten before it was moved.
  int from[3] = {fcntl(input.fd, F_DUPFD_CLOEXEC, 16), fcntl(output.fd, F_DUPFD_CLOEXEC, 16),
                 fcntl(log.fd, F_DUPFD_CLOEXEC, 16)};
  posix_spawn_file_actions_adddup2(&actions, from[0], inputFd);
  posix_spawn_file_actions_adddup2(&actions, from[1], outputFd);
  posix_spawn_file_actions_adddup2(&actions, from[2], logFd);
  posix_spawn_file_actions_adddup2(&actions, from[2], STDOUT_FILENO);
  int error = posix_spawn(&child, path.c_str(), &actions, nullptr, arguments, environ);
  for (int fd : from)
    if (fd >= 0)
      close(fd);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

} // namespace

Assembled Ptxas::assemble(const AssemblyRequest &request) const {
  MemoryFile input("ptx"), output("cubin"), log("log");
  if (input.fd < 0 || output.fd < 0 || log.fd < 0 || !input.write(request.ptx))
    unusable(std::strerror(errno));
  std::string program = path(), arch = "-arch=" + request.arch;
  std::string words[] = {program, arch, "-v", "/dev/fd/0", "-o", "/dev/fd/3", "-lineinfo"};
  char *arguments[8] = {};
  for (size_t i = 0; i < std::size(words) - (request.lineInfo ? 0 : 1); ++i)
    arguments[i] = words[i].data();
  pid_t child = 0;
  if (int error = start(child, program, arguments, input, output, log))
    unusable(std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      unusable(std::strerror(errno)); // a handler of SIGCHLD took its status
  std::string said = log.read();
  if (WIFSIGNALED(status))
    unusable("it was ended by signal " + std::to_string(WTERMSIG(status)) + (said.empty() ? "" : ": ") +
             said);
  if (WEXITSTATUS(status) == 127 && said.empty())
    unusable("it cannot be run");
  if (WEXITSTATUS(status) != 0)
    failRefused(*this, request, said.empty() ? "exit status " + std::to_string(WEXITSTATUS(status)) : said);
  Assembled made;
  made.cubin = output.read();
  if (made.cubin.empty())
    unusable("it made no code: " + said);
  readStatistics(said, made);
  return made;
}

std::shared_ptr<const Assembler> makePtxas(const std::string &path) { return std::make_shared<Ptxas>(path); }

} // namespace tegula::cuda
