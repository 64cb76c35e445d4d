//===- Dependencies.h - what a kernel took from outside, found again ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Which globals a kernel uses is known only after lowering it. So what is cached under the request (source, arguments,
// target, options) is a list of variants: each says which names it took, from which function's surroundings, and the
// digests of their values. A variant fits when looking those names up again gives the same digests.
//
//     request ─▶ [ {f: BLOCK = #a1, helper = #07; helper: SCALE = #55} ─▶ code 1,
//                  {f: BLOCK = #b2, helper = #07; helper: SCALE = #55} ─▶ code 2 ]
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/api/Digest.h"

#include <optional>

namespace tegula::api {

struct DependencyKey {
  uint32_t resolver = 0; ///< number in KnownResolvers: those of the request, then of the values in this list
  std::string name;      ///< "BLOCK", or "module.BLOCK"
  Digest value;
  friend bool operator==(const DependencyKey &, const DependencyKey &) = default;
};

/// `known` holds the resolvers of the request. nullopt: something cannot be found again in another process, so that the
/// kernel must not be kept beyond this one.
std::optional<std::vector<DependencyKey>> describe(const std::vector<lang::Dependency> &dependencies,
                                                   KnownResolvers known, bool placed);

/// The dependencies with their present values when all digests agree; nullopt when one does not.
std::optional<std::vector<lang::Dependency>> match(const std::vector<DependencyKey> &keys,
                                                   KnownResolvers known, bool placed);

/// `function` with everything it depends on as it is now: later changes of globals do not reach the copy, and it calls no
/// resolver for a name in `dependencies`.
std::shared_ptr<const lang::JitFunction> frozen(const lang::JitFunction &function,
                                                const std::vector<lang::Dependency> &dependencies);

} // namespace tegula::api
