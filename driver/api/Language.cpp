//===- Language.cpp - the language as stubs and documentation see it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Api.h"
#include "lang/lower/builtins/Signatures.h"

std::string tegula::api::languageSignatures() { return lang::builtinSignaturesJson(); }
