//===- Cache.h - the compile cache on disk ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// One file an entry, named by its key, in one private folder. Readers and writers hold no locks: a file appears whole
// (written under another name, then renamed) or not at all, and says by a checksum over key and payload that it is what
// it was. Machine code is read from here and run, so only files and folders of this user count that nobody else may
// write. Whatever goes wrong is a miss; what the user can mend is said once on stderr.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Digest.h"

#include <optional>

namespace tegula::api {

enum class EntryKind : uint32_t { Variants = 1, Kernel = 2 };

/// TEGULA_CACHE_DIR, else $XDG_CACHE_HOME/tegula, else ~/.cache/tegula; empty when there is no home.
std::string cacheFolder();

/// The payload; nullopt: missing, damaged, or not to be trusted.
std::optional<std::string> readEntry(const Digest &key, EntryKind kind);
/// False: not written. Never throws.
bool writeEntry(const Digest &key, EntryKind kind, std::string_view payload);

/// The file of an entry in cacheFolder() (tests).
std::string entryName(const Digest &key, EntryKind kind);

} // namespace tegula::api
