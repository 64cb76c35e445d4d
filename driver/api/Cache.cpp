//===- Cache.cpp - the compile cache on disk ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Cache.h"

#include "ir/Settings.h"

#include "llvm/Support/xxhash.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace tegula::api {

namespace {

/// A file descriptor that is closed at the end of its scope.
struct File {
  int fd = -1;
  explicit File(int fd) : fd(fd) {}
  File(const File &) = delete;
  ~File() {
    if (fd >= 0)
      ::close(fd);
  }
  explicit operator bool() const { return fd >= 0; }
};

/// What every file starts with. `check` covers the rest of the header and the payload.
struct Header {
  char magic[8] = {'T', 'e', 'g', 'u', 'l', 'a', '0', '1'};
  uint64_t check[2] = {0, 0};
  uint32_t kind = 0;
  uint32_t reserved = 0;
  uint64_t size = 0; ///< of the payload
  Digest key{};
};
static_assert(sizeof(Header) == 72);

constexpr size_t checkedFrom = offsetof(Header, kind);
constexpr off_t largestFile = off_t(1) << 30;

/// Once a process: a cache that does not work slows everything down, and sixty lines would not say more.
void warnOnce(const std::string &folder, const std::string &why) {
  static std::atomic<bool> said{false};
  if (said.exchange(true))
    return;
  Diagnostic diagnostic = makeDiagnostic(Diag::cache_unusable, {}, {folder, why});
  std::fprintf(stderr, "tegula: warning: %s. %s\n", diagnostic.message.c_str(), diagnostic.nextStep.c_str());
}

std::string systemError() { return std::strerror(errno); }

/// Empty when only this user may write to it, else why it is not trusted.
std::string distrust(int fd, bool folder) {
  struct stat info;
  if (fstat(fd, &info) != 0)
    return systemError();
  if (folder ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode))
    return folder ? "it is not a folder" : "an entry is not a file";
  if (info.st_uid != geteuid())
    return folder ? "it belongs to another user" : "an entry belongs to another user";
  if (info.st_mode & S_IWOTH)
    return folder ? "every user may write to it" : "every user may write to an entry";
  return {};
}

/// As `mkdir -p`, private; what exists already stays as it is.
bool makeFolders(const std::string &path) {
  for (size_t at = 1; at <= path.size(); ++at)
    if (at == path.size() || path[at] == '/')
      if (mkdir(path.substr(0, at).c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR &&
          errno != EROFS && errno != EACCES)
        return false;
  return true;
}

/// The folder, checked; opened anew each time (some 5 us), so that a folder removed meanwhile is made again.
int openFolder(const std::string &path, bool create) {
  if (path.empty())
    return -1;
  int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT && create) {
    if (!makeFolders(path)) {
      warnOnce(path, systemError());
      return -1;
    }
    fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  if (fd < 0) {
    if (create || errno != ENOENT)
      warnOnce(path, systemError());
    return -1;
  }
  std::string why = distrust(fd, true);
  if (why.empty())
    return fd;
  warnOnce(path, why);
  close(fd);
  return -1;
}

void checksum(const Header &header, std::string_view payload, uint64_t out[2]) {
  std::string bytes(reinterpret_cast<const char *>(&header) + checkedFrom, sizeof(Header) - checkedFrom);
  bytes += payload;
  auto hash = llvm::xxh3_128bits({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  out[0] = hash.low64;
  out[1] = hash.high64;
}

bool readAll(int fd, char *to, size_t size) {
  while (size > 0) {
    ssize_t got = ::read(fd, to, size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    to += got;
    size -= size_t(got);
  }
  return true;
}

bool writeAll(int fd, const char *from, size_t size) {
  while (size > 0) {
    ssize_t put = ::write(fd, from, size);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return false;
    from += put;
    size -= size_t(put);
  }
  return true;
}

/// A name no other process or thread takes at the same time; O_EXCL has the last word.
std::string temporaryName() {
  static std::atomic<unsigned> count{0};
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char name[96];
  std::snprintf(name, sizeof name, ".tmp-%ld-%u-%lx", long(getpid()), count++,
                long(now.tv_sec) ^ now.tv_nsec << 20);
  return name;
}

bool writeEntryOrFail(int folder, const std::string &name, const std::string &bytes) {
  std::string temporary = temporaryName();
  int fd = openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return false;
  bool ok = writeAll(fd, bytes.data(), bytes.size());
  int error = errno;
  // Some file systems report a full disk only here.
  if (::close(fd) != 0 && ok) {
    ok = false;
    error = errno;
  }
  if (ok && renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
    ok = false;
    error = errno;
  }
  if (!ok) {
    unlinkat(folder, temporary.c_str(), 0);
    errno = error;
  }
  return ok;
}

} // namespace

std::string cacheFolder() {
  std::string chosen = settings().cacheDir;
  if (!chosen.empty())
    return chosen;
  const char *base = std::getenv("XDG_CACHE_HOME");
  if (base && *base == '/')
    return std::string(base) + "/tegula";
  const char *home = std::getenv("HOME");
  if (!home || !*home) {
    struct passwd *user = getpwuid(geteuid());
    home = user ? user->pw_dir : nullptr;
  }
  return home && *home ? std::string(home) + "/.cache/tegula" : std::string();
}

std::string entryName(const Digest &key, EntryKind kind) {
  return hexadecimal(key) + (kind == EntryKind::Variants ? ".variants" : ".kernel");
}

std::optional<std::string> readEntry(const Digest &key, EntryKind kind) try {
  std::string path = cacheFolder();
  File folder(openFolder(path, false));
  if (!folder)
    return std::nullopt;
  // O_NONBLOCK: somebody's pipe of this name must not hold us up.
  File file(openat(folder.fd, entryName(key, kind).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file)
    return std::nullopt;
  if (std::string why = distrust(file.fd, false); !why.empty()) {
    warnOnce(path, why);
    return std::nullopt;
  }
  struct stat info;
  Header header;
  if (fstat(file.fd, &info) != 0 || info.st_size < off_t(sizeof header) || info.st_size > largestFile ||
      !readAll(file.fd, reinterpret_cast<char *>(&header), sizeof header))
    return std::nullopt;
  if (std::memcmp(header.magic, Header().magic, sizeof header.magic) != 0 || header.kind != uint32_t(kind) ||
      header.key != key || header.size != uint64_t(info.st_size) - sizeof header)
    return std::nullopt;
  std::string payload(header.size, '\0');
  uint64_t check[2];
  if (!readAll(file.fd, payload.data(), payload.size()))
    return std::nullopt;
  checksum(header, payload, check);
  if (check[0] != header.check[0] || check[1] != header.check[1])
    return std::nullopt;
  return payload;
} catch (const std::bad_alloc &) {
  return std::nullopt;
}

bool writeEntry(const Digest &key, EntryKind kind, std::string_view payload) try {
  std::string path = cacheFolder();
  File folder(openFolder(path, true));
  if (!folder)
    return false;
  Header header;
  header.kind = uint32_t(kind);
  header.size = payload.size();
  header.key = key;
  checksum(header, payload, header.check);
  std::string bytes(reinterpret_cast<const char *>(&header), sizeof header);
  bytes += payload;
  if (writeEntryOrFail(folder.fd, entryName(key, kind), bytes))
    return true;
  // A folder that was removed between two calls is no trouble of the user's.
  if (errno != ENOENT)
    warnOnce(path, systemError());
  return false;
} catch (const std::bad_alloc &) {
  return false;
}

} // namespace tegula::api
