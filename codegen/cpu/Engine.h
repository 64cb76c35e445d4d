//===- Engine.h - loop nests over tiles, written as LLVM IR ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A sink (Plan.h) becomes a *nest*: loops over its index space, innermost over lanes in chunks of `lanes` elements.
// Inside, a tile value is evaluated at a *point*: for each of its dimensions an index, which along the lanes is
// uniform, advances by a constant step, or is anything (`general`). A value whose indices are all uniform is a scalar.
//
// Every evaluated value knows the loop *level* it depends on and is written before the next inner loop of that level:
// what does not change along a row is never computed in the row. Level 0 is the code before the nest.
//
// A lane loop may be written twice: for the leading chunks where the comparisons in masks are known to be true
// (mode 1: masks and `% n` are left out, addresses become affine) and in general form for the rest (mode 0).
//
//===----------------------------------------------------------------------===//

#pragma once

#include "codegen/cpu/Isa.h"
#include "codegen/cpu/MicroKernel.h"
#include "codegen/cpu/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

#include <optional>

namespace tegula::cpu {

/// The index of one dimension.
struct Index {
  llvm::Value *value =
      nullptr;      ///< i64 at lane 0; of a general index a vector of i32. Null: not known yet (analysis)
  int64_t step = 0; ///< from lane to lane
  int level = 0;
  int origin =
      -1; ///< the dimension of the nest's space whose loop gives it; -2: the constant 0; -1: computed
  int64_t align = 1; ///< `value` is a multiple of this
  bool general = false;
  int collapsed =
      0; ///< k: the k-th (from 1) of several trailing dimensions that are the lanes together (`flatLane`)

  bool uniform() const { return step == 0 && !general; }
};
using Point = llvm::SmallVector<Index, 4>;

/// A value at a point: a scalar, or a vector of `lanes` elements if `wide`.
struct Val {
  llvm::Value *value = nullptr;
  int level = 0;
  bool wide = false;
};

/// A tile in the scratch arena, or registers' spill of it: element [i, j, ...] at offset + sum of index * stride.
struct Buffer {
  int64_t offset = 0, bytes = 0;
  llvm::SmallVector<int64_t, 4> strides; ///< in elements
  mlir::Type element;
};

/// First-fit allocation of the scratch arena while code is written.
class Arena {
public:
  int64_t allocate(int64_t bytes);
  void release(int64_t offset);
  int64_t size() const { return top; }

private:
  struct Block {
    int64_t offset, bytes;
  };
  std::vector<Block> live; ///< sorted by offset
  int64_t top = 64;        ///< the first 64 bytes take what masked-out scalar accesses touch
};

struct Loop {
  llvm::BasicBlock *body = nullptr, *guard = nullptr, *exit = nullptr;
  llvm::PHINode *iv = nullptr;
  llvm::Value *end = nullptr;
  int64_t step = 1;
  llvm::SmallVector<llvm::PHINode *, 8> phis;
  llvm::SmallVector<llvm::Value *, 8> inits;
  int pushed = 0;
};

/// One chunk of lanes: where it is, and which of its lanes are inside the tile (null: all).
struct Chunk {
  Point point;
  llvm::Value *active = nullptr;
};

/// The lanes of a nest: dimension `dim`, or `count` collapsed trailing dimensions from `dim` on.
struct LaneSpec {
  int dim = 0, count = 1, unroll = 1;
  llvm::SmallVector<mlir::Value, 4>
      roots; ///< what the nest evaluates at the chunk's point: masks are sought in them
  llvm::SmallVector<mlir::Value, 1> masks; ///< masks of the sink itself
  mlir::Value skip;                        ///< a mask: chunks from where it is false on need not run
};

using Carried = llvm::SmallVector<llvm::Value *, 8>;
using ChunkBody = llvm::function_ref<void(llvm::ArrayRef<Chunk>, Carried &)>;

class Engine {
public:
  Engine(mlir::func::FuncOp kernel, llvm::Module &module, const Target &target, const Options &options);
  /// Writes the entry function; gives the size of the scratch arena.
  int64_t emit(llvm::StringRef name);

private:
  // Kernel.cpp: function, program loop, operations in order.
  void emitProgram();
  void emitBlock(mlir::Block &block);
  void emitOp(mlir::Operation *op);
  void emitScalarOp(mlir::Operation *op);
  llvm::Value *scalar(mlir::Value value);
  [[noreturn]] void unsupported(mlir::Operation *op);

  // Regions.cpp: control flow with scalars in phis and tiles in buffers.
  void emitFor(mlir::scf::ForOp op);
  void emitIf(mlir::scf::IfOp op);
  void emitWhile(mlir::scf::WhileOp op);
  void yieldTiles(mlir::Operation *yield, unsigned firstOperand, llvm::ArrayRef<mlir::Value> targets,
                  bool carried);
  void copyBuffer(llvm::ArrayRef<int64_t> shape, const Buffer &from, const Buffer &to);

  // Interchange.cpp
  bool canInterchange(mlir::scf::ForOp op) const;
  void emitInterchanged(mlir::scf::ForOp op);
  Carried interchangedLoop(mlir::scf::ForOp op, llvm::ArrayRef<unsigned> tiles, llvm::ArrayRef<Chunk> chunks);

  // Buffers.cpp: the arena and whole tiles.
  Buffer makeBuffer(mlir::Type tile, int64_t rowPad = 0, int64_t columnPad = 0);
  void releaseAfter(mlir::Operation *op);
  llvm::Value *bufferBase(const Buffer &buffer);
  bool sameBuffer(mlir::Value a, mlir::Value b) const;
  void materialise(mlir::Value value);
  void materialiseInto(mlir::Value value, const Buffer &buffer, mlir::Operation *sink);
  void beginSides(mlir::Operation *sink);
  void writeSides(mlir::Operation *sink, const Chunk &chunk);
  void endSides(mlir::Operation *sink);
  Val readBuffer(const Buffer &buffer, const Point &point);
  void writeBuffer(const Buffer &buffer, const Point &point, Val value, llvm::Value *active);
  /// Address of the element at the point's lane 0, and the step along the lanes; no step: `general` holds the
  /// element offsets of all lanes from the buffer's base.
  struct Place {
    Val pointer;
    std::optional<int64_t> step;
    Val general;
  };
  Place placeOf(const Buffer &buffer, const Point &point);

  // Nest.cpp: loops, levels, lanes.
  int level() const { return levelBlocks.size(); }
  Loop openLoop(llvm::Value *begin, llvm::Value *end, int64_t step, llvm::ArrayRef<llvm::Value *> carried,
                bool guarded);
  void closeLoop(Loop &loop, Carried &carried);
  void beginNest();
  /// Loops over the dimensions of `shape` that are in `dims`, outermost first; sets their indices in `point`.
  void forEach(llvm::ArrayRef<int> dims, llvm::ArrayRef<int64_t> shape, Point &point,
               llvm::function_ref<void()> body);
  void laneLoops(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec, Carried &carried,
                 ChunkBody body);
  void runChunks(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec, llvm::Value *iv,
                 int64_t extent, bool partial, int64_t staticStart, Carried &carried, ChunkBody body);
  void laneLoop(const Point &row, llvm::ArrayRef<int64_t> shape, const LaneSpec &spec, llvm::Value *begin,
                llvm::Value *end, int64_t extent, bool partial, bool guarded, Carried &carried,
                ChunkBody body);
  /// A whole nest over `shape` in row-major order of its outer dimensions.
  void nest(llvm::ArrayRef<int64_t> shape, const LaneSpec &spec,
            llvm::function_ref<void(const Chunk &)> body);
  LaneSpec chooseLanes(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<mlir::Value> roots, bool rowMajor,
                       llvm::ArrayRef<int64_t> writeStrides = {});
  /// What a walk over an expression has met, and at which points (by origin and step of their indices).
  using Signature = llvm::SmallVector<std::pair<int, int64_t>, 4>;
  using Seen = llvm::DenseMap<mlir::Value, llvm::SmallVector<Signature, 1>>;
  static Signature signature(const Point &point);
  static bool visit(Seen &seen, mlir::Value value, const Point &point);
  int64_t accessCost(mlir::Value value, const Point &point, Seen &seen);

  // Split.cpp: how many leading chunks need no masks.
  struct Term {
    llvm::Value *count;
    llvm::Value *uniform; ///< i1 condition, or null
    bool skips = false;   ///< false beyond `count` (a term of the skip mask)
  };
  void collectTerms(mlir::Value value, const Point &point, Seen &seen, llvm::SmallVectorImpl<Term> &terms,
                    bool address);
  void maskTerms(mlir::Value mask, const Point &point, llvm::SmallVectorImpl<Term> &terms, bool skips);
  bool compareTerm(mlir::arith::CmpIOp cmp, const Point &point, llvm::SmallVectorImpl<Term> &terms,
                   bool skips);
  bool remainderTerm(mlir::Operation *rem, const Point &point, llvm::SmallVectorImpl<Term> &terms);
  bool known(mlir::Value value, const Point &point, int depth = 0);
  void assume(mlir::Value value, const Point &point);
  bool assumed(mlir::Value value, const Point &point) const;

  // Evaluate.cpp: values at points.
  struct At { ///< writes at a level while it lives
    llvm::IRBuilderBase::InsertPointGuard guard;
    At(Engine &engine, int level) : guard(engine.b) {
      if (level < engine.level())
        engine.b.SetInsertPoint(engine.levelBlocks[level]->getTerminator());
    }
  };
  Val eval(mlir::Value value, const Point &point);
  Val evaluate(mlir::Value value, const Point &point);
  Val evalAt(mlir::Value value, const Chunk &chunk);
  Val evalRange(mlir::Operation *op, const Point &point);
  Val evalConstant(mlir::Operation *op, const Point &point);
  Val evalShape(mlir::Operation *op, mlir::Value value, const Point &point);
  /// The point of operand `operand` of a shape operation; false if two operands have to be combined (join, cat).
  bool sourcePoint(mlir::Operation *op, mlir::Value result, const Point &point, Point &source);
  Val widen(Val value);
  llvm::Value *splat(llvm::Value *value);
  llvm::Value *iota(llvm::Type *element, int64_t step);

  // Affine.cpp: indices and steps.
  Index constantIndex(int64_t value);
  Index scaled(const Index &index, int64_t factor);
  Index sum(const Index &a, const Index &b);
  Index general(const Index &index);
  std::pair<Index, Index> divided(const Index &index, int64_t divisor);
  Index linearise(llvm::ArrayRef<Index> indices, llvm::ArrayRef<int64_t> extents);
  void delinearise(Index index, llvm::ArrayRef<int64_t> extents, llvm::SmallVectorImpl<Index> &out);
  Point reshaped(const Point &point, llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);
  static bool uniform(const Point &point);
  Point laneZero(const Point &point);
  /// Constant step of an integer tile (in units) or of a pointer tile (in bytes) along the lanes; none if not affine.
  std::optional<int64_t> stepOf(mlir::Value value, const Point &point);
  std::optional<int64_t> computeStep(mlir::Value value, const Point &point);
  /// The scalar pointer at lane 0 of a pointer tile with a known step, as row base + lane index.
  Val affinePointer(mlir::Value pointers, const Point &point, int64_t step);

  // Access.cpp: global memory.
  Val evalLoad(tile::LoadOp op, const Point &point);
  void emitScalarLoad(tile::LoadOp op);
  void emitStore(tile::StoreOp op);
  LaneSpec chooseStoreLanes(tile::StoreOp op, const LaneSpec &rowMajor);
  void storeChunk(tile::StoreOp op, const Chunk &chunk);
  llvm::Value *fromMemory(llvm::Value *value, mlir::Type element);
  llvm::Value *toMemory(llvm::Value *value, mlir::Type element);
  llvm::Type *memoryType(mlir::Type element);
  Val gather(llvm::Type *type, Val pointers, llvm::Value *mask, llvm::Value *other);
  void scatter(llvm::Value *value, Val pointers, llvm::Value *mask);
  void maskedStore(llvm::Value *vector, llvm::Value *pointer, llvm::Value *mask);
  llvm::Value *both(llvm::Value *a, llvm::Value *b); ///< and of two masks, either may be null (all true)

  // Reduce.cpp, Combine.cpp.
  void emitReduce(tile::ReduceOp op);
  void emitScan(tile::ScanOp op);
  struct Combine {
    mlir::Block *block = nullptr;
    bool vector = false;      ///< every operation is element-wise
    bool commutative = false; ///< and recognised, with these identities
    llvm::SmallVector<llvm::Constant *, 2> identities;
  };
  Combine classify(mlir::Region &region);
  llvm::SmallVector<llvm::Value *, 2> combine(const Combine &how, llvm::ArrayRef<llvm::Value *> left,
                                              llvm::ArrayRef<llvm::Value *> right, unsigned width);
  void reduceAlongLanes(tile::ReduceOp op, const Combine &how, llvm::ArrayRef<Buffer> outs, Carried &scalars);
  void reduceAcrossLanes(tile::ReduceOp op, const Combine &how, llvm::ArrayRef<Buffer> outs, int laneDim,
                         Carried &scalars);

  // Move.cpp: elements by index, in order, counted.
  void emitGather(tile::GatherOp op);
  void emitSort(tile::SortOp op);
  void emitHistogram(tile::HistogramOp op);

  // Dot.cpp, Atomics.cpp, HostCalls.cpp.
  void emitDot(tile::DotOp op);
  void pack(mlir::Value value, llvm::ArrayRef<int64_t> writeStrides,
            llvm::function_ref<void(const Chunk &, Val, int laneDim)> write);
  void multiply(ElementKind kind, const Buffer &a, const Buffer &panels, const Buffer &c, int64_t batch,
                int64_t rows, int64_t columns, int64_t k);
  void emitAtomicRmw(tile::AtomicRmwOp op);
  void emitAtomicCas(tile::AtomicCasOp op);
  llvm::Value *atomicElement(tile::AtomicRmwOp op, llvm::Value *pointer, llvm::Value *value);
  void atomicNest(mlir::Operation *op, mlir::Value pointers, mlir::Value mask, mlir::Value result,
                  llvm::function_ref<llvm::Value *(llvm::Value *, const Point &)> element);
  void emitPrint(tile::PrintOp op);
  void emitAssert(tile::AssertOp op);

  mlir::func::FuncOp kernel;
  llvm::Module &module;
  llvm::LLVMContext &context;
  const Target &target;
  const Options &options;
  const Isa &isaFacts;
  Plan plan;
  llvm::IRBuilder<> b;
  unsigned lanes;
  llvm::Function *function = nullptr;
  llvm::Value *launch = nullptr, *scratch = nullptr, *program = nullptr;
  llvm::Value *programIds[3] = {}, *gridSizes[3] = {};

  llvm::DenseMap<mlir::Value, llvm::Value *> scalars;
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  Arena arena;
  llvm::SmallVector<std::pair<mlir::Value, Buffer>, 2> pendingSides; ///< of the nest being written

  // Of a loop inside a nest: scalars that are computed in it, and the carried tiles' elements at the current chunk.
  llvm::DenseMap<mlir::Value, int> scalarLevels;
  llvm::DenseMap<mlir::Value, Val> overrides;

  // The nest being written.
  struct Memo {
    Point point;
    int mode;
    Val val;
  };
  std::vector<llvm::BasicBlock *> levelBlocks;
  std::vector<llvm::DenseMap<mlir::Value, llvm::SmallVector<Memo, 1>>> memo;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<std::pair<Point, std::optional<int64_t>>, 1>> steps;
  Seen assumptions;
  /// Of a nest with collapsed lanes: their common index and extents, per chunk.
  struct FlatLane {
    llvm::SmallVector<llvm::Value *, 4> parts; ///< the values of the dimensions' indices
    llvm::SmallVector<int64_t, 4> extents;
    Index index;
  };
  llvm::SmallVector<FlatLane, 4> flatLanes;
  /// If indices[from...] are a chunk's collapsed dimensions, all of them, with these extents: the chunk.
  const FlatLane *flatLaneAt(llvm::ArrayRef<Index> indices, llvm::ArrayRef<int64_t> extents) const;
  int mode = 0;
  int loadFloor = 0; ///< loads of mode 1 stand inside the guard of their loop
  llvm::Value *active = nullptr;
};

} // namespace tegula::cpu
