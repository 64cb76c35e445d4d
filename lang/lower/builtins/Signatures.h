//===- Signatures.h - the functions of the language, for stubs and documentation ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <string>

namespace tegula::lang {

/// A JSON array of {"name", "signature", "doc", "isMethod", "supported"}, one object for each function that a user can
/// call, by its dotted name under tl: the builtins in the order of their tables, then the library's.
std::string builtinSignaturesJson();

} // namespace tegula::lang
