//===- LineInfo.h - lines of the source on LLVM instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "mlir/IR/Location.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/DIBuilder.h"
#include "llvm/IR/Function.h"

namespace tegula::llvmc {

/// Line tables and nothing else (DICompileUnit::DebugDirectivesOnly), for profilers: calls that were inlined keep the line
/// that called.
class LineInfo {
public:
  /// `function` is the kernel; it begins at `place`.
  LineInfo(llvm::Module &module, llvm::Function &function, mlir::Location place);
  /// Null where nothing is known of the place.
  llvm::DILocation *at(mlir::Location place);
  /// After the last instruction.
  void finish() { builder.finalize(); }

private:
  llvm::DILocation *locate(mlir::Location place, llvm::DILocation *caller);
  llvm::DIFile *fileOf(llvm::StringRef path);
  llvm::DISubprogram *subprogram(llvm::StringRef name, llvm::DIFile *file, unsigned line);

  llvm::DIBuilder builder;
  llvm::LLVMContext &context;
  llvm::DICompileUnit *unit = nullptr;
  llvm::DISubprogram *kernel = nullptr;
  llvm::StringMap<llvm::DIFile *> files;
  llvm::DenseMap<llvm::DIFile *, llvm::DISubprogram *> inlined; ///< what is called from elsewhere, by file
  llvm::DenseMap<mlir::Location, llvm::DILocation *> known;
};

} // namespace tegula::llvmc
