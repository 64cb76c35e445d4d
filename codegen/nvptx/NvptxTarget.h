//===- NvptxTarget.h - how PTX spells what the emitter asks for ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Cpu.h"
#include "codegen/nvptx/Nvptx.h"
#include "codegen/simt/SimtTarget.h"

namespace tegula::nvptx {

class NvptxTarget final : public simt::SimtTarget {
public:
  explicit NvptxTarget(const Target &target, const Options &options);

  llvm::StringRef name() const override { return "cuda"; }
  void prepareModule(llvm::Module &module) const override;
  void markKernel(llvm::Function &kernel, const simt::Group &all) const override;
  llvm::Value *threadIndex(llvm::IRBuilderBase &b, const simt::Group &all) const override;
  llvm::Value *programId(llvm::IRBuilderBase &b, int axis) const override;
  llvm::Value *numPrograms(llvm::IRBuilderBase &b, int axis) const override;
  void barrier(llvm::IRBuilderBase &b, const simt::Group &group) const override;
  llvm::Value *shuffleXor(llvm::IRBuilderBase &b, llvm::Value *word, unsigned mask) const override;
  llvm::Value *shuffleUp(llvm::IRBuilderBase &b, llvm::Value *word, unsigned delta) const override;
  llvm::Value *shuffleFrom(llvm::IRBuilderBase &b, llvm::Value *word, llvm::Value *lane) const override;
  void loadGlobal(llvm::IRBuilderBase &b, const simt::Access &access, llvm::ArrayRef<llvm::Value *> others,
                  llvm::MutableArrayRef<llvm::Value *> words) const override;
  void storeGlobal(llvm::IRBuilderBase &b, const simt::Access &access,
                   llvm::ArrayRef<llvm::Value *> words) const override;
  llvm::Value *atomicRmw(llvm::IRBuilderBase &b, const simt::AtomicAccess &access, tile::RmwKind kind,
                         llvm::Value *value) const override;
  llvm::Value *atomicCas(llvm::IRBuilderBase &b, const simt::AtomicAccess &access, llvm::Value *compare,
                         llvm::Value *value) const override;
  llvm::Value *sharedMemory(llvm::IRBuilderBase &b, llvm::Module &module) const override;
  void loadShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, unsigned bytes,
                  llvm::Value *predicate, llvm::MutableArrayRef<llvm::Value *> words) const override;
  void storeShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, unsigned bytes,
                   llvm::Value *predicate, llvm::ArrayRef<llvm::Value *> words) const override;
  void beginCopy(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, const simt::Access &access,
                 llvm::Value *read) const override;
  void commitCopies(llvm::IRBuilderBase &b) const override;
  void waitForCopies(llvm::IRBuilderBase &b, unsigned pending) const override;
  void countShared(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place,
                   llvm::Value *predicate) const override;
  void print(llvm::IRBuilderBase &b, llvm::StringRef format,
             llvm::ArrayRef<llvm::Value *> values) const override;
  void assertFailed(llvm::IRBuilderBase &b, llvm::StringRef message, llvm::StringRef file,
                    int line) const override;
  void loadMatrices(llvm::IRBuilderBase &b, std::pair<llvm::Value *, int64_t> place, bool transposed,
                    llvm::MutableArrayRef<llvm::Value *> words) const override;
  std::vector<simt::MatrixStep> matrixSteps(tile::MmaOp op) const override;
  llvm::Value *matrixOperand(llvm::IRBuilderBase &b, tile::MmaOp op,
                             llvm::ArrayRef<llvm::Value *> words) const override;
  void emitMatrixStep(llvm::IRBuilderBase &b, tile::MmaOp op, llvm::ArrayRef<llvm::Value *> left,
                      llvm::ArrayRef<llvm::Value *> right,
                      llvm::MutableArrayRef<llvm::Value *> sums) const override;
  llvm::Value *bytePermute(llvm::IRBuilderBase &b, llvm::Value *first, llvm::Value *second,
                           std::array<uint8_t, 4> selector) const override;
  llvm::Value *emitElement(llvm::IRBuilderBase &b, mlir::Operation *op,
                           llvm::ArrayRef<llvm::Value *> operands) const override;
  llvm::Value *narrowPair(llvm::IRBuilderBase &b, llvm::Value *low, llvm::Value *high, mlir::Type from,
                          mlir::Type to) const override;
  llvm::Value *widenPair(llvm::IRBuilderBase &b, llvm::Value *pair, mlir::Type from) const override;
  const cpu::Target &elementTarget() const override { return scalarTarget; }

private:
  Target target;
  Options options;
  cpu::Target scalarTarget;
};

} // namespace tegula::nvptx
