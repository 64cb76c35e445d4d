//===- Emitter.h - target-ready IR to LLVM IR of one thread ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A tile becomes the registers that its layout gives to a thread. Integers and pointers are kept as a base and a constant,
//
//     %i = make_range 0 to 1024 : layout with 2 x 4 elements a thread     base t = (thread << 2) & 508
//                                                                        registers t+0, t+1, t+2, t+3, t+512, ...
//
// so that all addresses of a thread share one register and differ in the offsets that instructions have room for. Small
// elements stay packed in words as memory and matrix units want them, until an operation asks for them one by one.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/llvm/LineInfo.h"
#include "codegen/simt/SimtTarget.h"
#include "ir/diag/Diagnostic.h"
#include "ir/layout/Conversion.h"
#include "ir/ops/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace tegula::simt {

/// One element of a tile in a thread: `base` + `offset`. Only integers and pointers have an offset (pointers: bytes); a
/// null base is 0.
struct Part {
  llvm::Value *base = nullptr;
  int64_t offset = 0;
  friend bool operator==(const Part &, const Part &) = default;
};

/// The registers of a tile. `pack` 1: `parts` are its elements; 2 or 4: words of so many elements, lowest first.
struct TileValue {
  llvm::SmallVector<Part, 8> parts;
  uint8_t pack = 1;
  /// No element's base + offset carries into the sign: as wide integers they are the same sums.
  bool exact = false;
};

/// The predicates of one vector: of each element, of all, of at least one.
struct VectorMask {
  llvm::SmallVector<llvm::Value *, 16> each;
  llvm::Value *all = nullptr, *some = nullptr; ///< null: true
  bool uniform = true;
};

class Emitter {
public:
  Emitter(mlir::func::FuncOp kernel, llvm::Module &module, const SimtTarget &target, const Group &group);
  /// `withLines`: the instructions get the lines of the source.
  void emit(llvm::StringRef name, bool withLines);

private:
  using Words = llvm::SmallVector<llvm::Value *, 8>;

  // Emitter.cpp: functions, blocks, scalars.
  void emitBlock(mlir::Block &block);
  void emitOp(mlir::Operation *op);
  void emitScalarOp(mlir::Operation *op);
  [[noreturn]] void unsupported(mlir::Operation *op);
  llvm::Value *scalar(mlir::Value value);
  llvm::Type *registerType(mlir::Type element);
  /// Bits of an element in a register, where i1 takes one.
  unsigned registerBits(mlir::Type element);

  // Values.cpp: registers of tiles.
  const layout::Layout &layoutOf(mlir::Value value) { return tile::layoutOf(value.getType()); }
  TileValue &tile(mlir::Value value);
  void set(mlir::Value value, TileValue registers);
  unsigned registersOf(mlir::Value value) { return layoutOf(value).registers(); }
  /// The element in a register as one LLVM value.
  llvm::Value *element(mlir::Value value, unsigned reg);
  Part part(mlir::Value value, unsigned reg);
  llvm::Value *materialise(const Part &part, mlir::Type element);
  /// `count` elements from register `first` on as i32 words (or one narrower value).
  Words words(mlir::Value value, unsigned first, unsigned count);
  Words wordsOf(mlir::Value value, llvm::ArrayRef<unsigned> registers);
  Words toWords(llvm::ArrayRef<llvm::Value *> elements, unsigned bits);
  void appendWords(TileValue &registers, llvm::ArrayRef<llvm::Value *> words, unsigned count,
                   mlir::Type element);
  llvm::Value *asInteger(llvm::Value *value);
  llvm::Value *fromInteger(llvm::Value *value, llvm::Type *type);
  llvm::Value *join(llvm::ArrayRef<llvm::Value *> elements);
  llvm::Value *joinHalves(llvm::Value *low, llvm::Value *high);
  llvm::Value *extract(llvm::Value *word, unsigned index, unsigned bits);

  // Index.cpp: integers and pointers as base and offset.
  bool emitIndexOp(mlir::Operation *op);
  Part indexPart(const layout::Layout &layout, unsigned dim, unsigned reg);
  llvm::Value *indexAlong(const layout::Layout &layout, unsigned dim, unsigned reg);
  void emitIndex(mlir::Value result, unsigned dim, int64_t start);
  void emitAddPtr(tile::AddPtrOp op);
  void emitWiden(mlir::Operation *op);
  void emitSum(mlir::Operation *op);
  llvm::Value *arith(llvm::Instruction::BinaryOps opcode, llvm::Value *a, llvm::Value *c);
  uint64_t knownZero(llvm::Value *value);
  bool separate(const Part &part, unsigned bits);
  llvm::Value *threadPart(const layout::Layout &layout, unsigned dim);
  llvm::Value *threadBits(llvm::ArrayRef<uint32_t> bases);

  // Elementwise.cpp, Shapes.cpp
  void emitElementwise(mlir::Operation *op);
  bool emitNarrowing(mlir::Operation *op);
  bool emitWidening(mlir::Operation *op);
  llvm::Value *elementOp(mlir::Operation *op, llvm::ArrayRef<llvm::Value *> operands);
  void emitSplat(mlir::Value result, llvm::Value *value);
  bool emitShapeOp(mlir::Operation *op);
  void selectRegisters(mlir::Value source, mlir::Value result, llvm::function_ref<unsigned(unsigned)> from);
  void mergeRegisters(mlir::Value left, mlir::Value right, mlir::Value result,
                      llvm::function_ref<std::pair<bool, unsigned>(unsigned)> from);

  // Convert.cpp
  void emitMove(mlir::Value source, mlir::Value result);
  llvm::SmallVector<llvm::Value *> runSteps(const layout::Conversion &plan,
                                            llvm::SmallVector<llvm::Value *> words, unsigned pack,
                                            unsigned elementBits);
  llvm::Value *threadParity(uint32_t mask);
  static std::array<uint8_t, 4> flippedBytes(uint32_t flip, unsigned elementBits);

  // Shared.cpp
  void emitAlloc(tile::AllocOp op);
  void emitSlot(tile::SlotOp op);
  void emitSharedStore(tile::SharedStoreOp op);
  void emitSharedLoad(tile::SharedLoadOp op);
  bool loadMatrices(tile::SharedLoadOp op);
  void emitAsyncCopy(tile::AsyncCopyOp op);
  llvm::Value *sharedStart();
  llvm::Value *sharedOffset(llvm::ArrayRef<layout::SharedAccess::Term> terms, uint32_t flips);
  Part sharedPlace(const layout::SharedAccess &access, uint32_t number, const Part &buffer);
  llvm::Value *entrySum(llvm::Value *a, llvm::Value *c);
  llvm::Value *entryProduct(llvm::Value *value, int64_t factor);
  bool isByIndex(mlir::Value value, tile::SharedType type);
  std::pair<Part, llvm::Value *> placeByIndex(mlir::Value value, unsigned reg, const Part &buffer);
  void storeByIndex(tile::SharedStoreOp op);
  void loadByIndex(tile::SharedLoadOp op);

  // Reduce.cpp
  using ReducedRows =
      llvm::MapVector<std::pair<uint32_t, uint32_t>, llvm::SmallVector<std::pair<int64_t, unsigned>>>;
  llvm::SmallVector<llvm::Value *, 2> combine(mlir::Region &region, llvm::ArrayRef<llvm::Value *> left,
                                              llvm::ArrayRef<llvm::Value *> right);
  llvm::SmallVector<llvm::Value *, 2> combineWithin(mlir::Region &region, llvm::ArrayRef<llvm::Value *> left,
                                                    llvm::ArrayRef<llvm::Value *> right,
                                                    llvm::Value *isElement);
  llvm::Value *isElement(const layout::Layout &layout, unsigned axis, int64_t lowest, int64_t extent,
                         uint32_t bits = ~0u);
  void emitReduceRegisters(tile::ReduceRegistersOp op);
  void placeRows(mlir::Operation *op, ReducedRows &rows,
                 llvm::ArrayRef<llvm::SmallVector<llvm::Value *, 2>> folded);
  llvm::Value *insideTile(mlir::Value value, unsigned reg);
  void emitReduceLanes(tile::ReduceLanesOp op);
  llvm::Value *shuffleElement(llvm::Value *value, unsigned laneFlip);
  llvm::Value *throughWords(llvm::Value *value, llvm::function_ref<llvm::Value *(llvm::Value *)> each);

  // Scan.cpp
  class Scanner;
  void emitScanRuns(tile::ScanRunsOp op);
  void emitRunEnds(tile::RunEndsOp op);
  void emitScanJoin(tile::ScanJoinOp op);
  llvm::Value *laneWith(uint32_t mask, uint32_t bits);

  // Product.cpp
  void emitMma(tile::MmaOp op);
  void emitMultiplyAdds(tile::MmaOp op);

  // Global.cpp
  void emitLoad(tile::LoadOp op);
  void emitScalarLoad(tile::LoadOp op);
  void emitStore(tile::StoreOp op);
  void loadOneByOne(tile::LoadOp op, Access access, unsigned first, unsigned width, const VectorMask &mask,
                    llvm::MutableArrayRef<llvm::Value *> words);
  VectorMask vectorMask(mlir::Value mask, unsigned first, unsigned width, tile::MaskKind kind);
  void coldPath(llvm::Value *condition, llvm::MutableArrayRef<llvm::Value *> values,
                llvm::function_ref<void()> cold);
  llvm::Value *owner(const layout::Layout &layout);
  llvm::Value *both(llvm::Value *a, llvm::Value *c);

  // Atomics.cpp
  void emitAtomicRmw(tile::AtomicRmwOp op);
  void emitAtomicCas(tile::AtomicCasOp op);
  void emitAtomic(mlir::Operation *op, mlir::Value pointers, mlir::Value mask, AtomicAccess access,
                  llvm::function_ref<llvm::Value *(const AtomicAccess &, unsigned)> element);
  llvm::Value *memoryInteger(mlir::Value value, unsigned reg);

  // Gather.cpp
  llvm::Value *clampedIndex(mlir::Value indices, unsigned reg, int64_t extent);
  void emitGather(tile::GatherOp op);
  void emitSharedGather(tile::SharedGatherOp op);
  void emitSharedCount(tile::SharedCountOp op);

  // Sort.cpp
  void emitSortKeys(tile::SortKeysOp op);
  void emitSortedValues(tile::SortedValuesOp op);
  void emitSortSteps(tile::SortStepsOp op);

  // HostChannel.cpp
  void emitPrint(tile::PrintOp op);
  std::pair<std::string, llvm::Value *> printed(llvm::Value *value, mlir::Type element, bool isSigned,
                                                bool isHex);
  void emitAssert(tile::AssertOp op);
  void emitIfTrue(llvm::Value *condition, llvm::function_ref<void()> body);

  // ControlFlow.cpp
  void emitFor(mlir::scf::ForOp op);
  void emitIf(mlir::scf::IfOp op);
  void emitWhile(mlir::scf::WhileOp op);
  llvm::SmallVector<llvm::Value *> carriedValues(mlir::Value value, unsigned pack);
  void bindCarried(mlir::Value value, llvm::ArrayRef<llvm::Value *> values, unsigned pack);
  unsigned carriedPack(mlir::Value init);

  mlir::func::FuncOp kernel;
  llvm::Module &module;
  llvm::LLVMContext &context;
  const SimtTarget &target;
  Group group;
  llvm::IRBuilder<> b;
  llvm::Function *function = nullptr;
  std::optional<llvmc::LineInfo> lines;
  llvm::Value *thread = nullptr;         ///< index in the block
  llvm::Instruction *entryEnd = nullptr; ///< what is made before it dominates everything
  llvm::DenseMap<mlir::Value, llvm::Value *> scalars;
  llvm::DenseMap<mlir::Value, TileValue> tiles;
  llvm::DenseMap<llvm::Value *, uint64_t> zeros;
  llvm::SmallVector<std::pair<llvm::SmallVector<uint32_t, 12>, llvm::Value *>> threadParts;
  llvm::Value *sharedBase = nullptr;
  llvm::DenseMap<mlir::Value, Part> buffers; ///< bytes from the start of shared memory
  llvm::SmallVector<std::tuple<llvm::SmallVector<layout::SharedAccess::Term, 4>, uint32_t, llvm::Value *>>
      sharedOffsets;
  llvm::DenseMap<std::pair<llvm::Value *, llvm::Value *>, llvm::Value *> entrySums;
};

} // namespace tegula::simt
