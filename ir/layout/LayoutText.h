//===- LayoutText.h - the parts that layouts share as text ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/Layout.h"

namespace tegula::layout::text {

void printDims(std::string &out, llvm::ArrayRef<Dim> dims);
/// Nothing if there are no bases.
void printBases(std::string &out, llvm::ArrayRef<Dim> dims, llvm::StringRef name,
                llvm::ArrayRef<uint32_t> bases);

/// Reads from the front of a text; whoever gets a false or nothing gives up.
class Reader {
public:
  explicit Reader(llvm::StringRef text) : rest(text) {}

  bool word(llvm::StringRef expected);
  bool symbol(llvm::StringRef expected);
  std::optional<uint32_t> number();
  bool done();
  std::optional<Dims> dims();
  /// The bases after `name`; true and none if it does not come next.
  bool bases(llvm::ArrayRef<Dim> dims, llvm::StringRef name, llvm::SmallVectorImpl<uint32_t> &out);

private:
  void skip() { rest = rest.ltrim(' '); }
  bool basis(llvm::ArrayRef<Dim> dims, llvm::SmallVectorImpl<uint32_t> &out);

  llvm::StringRef rest;
};

} // namespace tegula::layout::text
