//===- Layout.h - where each element of a tile lives in the threads of a block ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A layout maps (register, lane, warp, block) to an index of the tile. It is linear over F2: every bit of the input has a
// *basis*, the bits of the index that it flips, and the index is the exclusive or of the bases of the bits that are set.
// A tile of 4 x 4 in 2 registers, 4 lanes and 2 warps, for example:
//
//     4x4 reg (0,1) lane (1,0) (2,2) warp (0,2)
//
//                column 0   column 1   column 2   column 3
//     row 0      w0 l0 r0   w0 l0 r1   w1 l0 r0   w1 l0 r1
//     row 1      w0 l1 r0   w0 l1 r1   w1 l1 r0   w1 l1 r1
//     row 2      w1 l2 r0   w1 l2 r1   w0 l2 r0   w0 l2 r1      lane 2 flips row bit 1 and column bit 1
//     row 3      w1 l3 r0   w1 l3 r1   w0 l3 r0   w0 l3 r1
//
// Lane 3 of warp 1 has in register 1 the element (1,0) ^ (2,2) ^ (0,2) ^ (0,1) = (3,1). A basis of zero, or one that is a
// sum of others, means that an element is held more than once. Coalesced loads, fragments of matrix instructions, slices
// and swizzles are all of this form; vector widths, conflicts, replication and conversions are computed from it.
//
// Indices are *flat*: one word, the bits of all dimensions one after another, the last dimension lowest. So a reshape
// between powers of two changes no basis.
//
// An extent that is no power of two is `reps * 2^bits` (48 = 3 * 16). The maps above are of the 2^bits, the *minor* part;
// the *major* digit, below `reps`, is counted by registers alone: register number = major * 2^(register bits) + register
// bits, with the majors of all dimensions as one row-major number. In 3*4x4 with two register bits, register 9 is
// major 2, bits 01: rows 8 to 11. Where no such factor exists the extent is padded, and the elements past the tile's own
// extent hold nothing; a layout knows padded extents only.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/F2.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/StringRef.h"

#include <string>

namespace tegula::layout {

/// The padded extent of a dimension: reps * 2^bits.
struct Dim {
  uint32_t reps : 24 = 1;
  uint32_t bits : 8 = 0;

  int64_t extent() const { return int64_t(reps) << bits; }
  friend bool operator==(const Dim &, const Dim &) = default;
};
using Dims = llvm::SmallVector<Dim, 4>;
using Index = llvm::SmallVector<int64_t, 4>;

/// `extent` as reps * 2^bits with at least `minBits` bits. 24 = 3 * 8, 80 = 5 * 16: up to 7 times 8 or more are not padded;
/// what has no such factor is padded as little as leaves up to 7 times 32 (781: 7 * 128; 100: 128). Without `minBits` all
/// tiles of a kernel agree on an extent, and slices of one fit the other.
Dim fitDim(int64_t extent, unsigned minBits = 0);
Dims fitDims(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> minBits = {});

enum class Input : uint8_t { Register, Lane, Warp, Block };
constexpr unsigned inputCount = 4;

/// Bits of each input.
struct InputBits {
  std::array<uint32_t, inputCount> mask = {};
  uint32_t &operator[](Input input) { return mask[unsigned(input)]; }
  uint32_t operator[](Input input) const { return mask[unsigned(input)]; }
  friend bool operator==(const InputBits &, const InputBits &) = default;
};

class Layout {
public:
  static constexpr unsigned maxRank = 24;

  Layout() = default; ///< of one element, in one thread

  Layout(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> registers, llvm::ArrayRef<uint32_t> lanes,
         llvm::ArrayRef<uint32_t> warps, llvm::ArrayRef<uint32_t> blocks = {});

  //===--- Constructors ----------------------------------------------------===//

  /// Tiles of perThread x threadsPerWarp x warpsPerBlock elements (powers of two, one number a dimension), counted fastest
  /// along order[0]; what is left of the tile is repeated in registers, and threads past its end hold copies.
  static Layout blocked(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> perThread,
                        llvm::ArrayRef<uint32_t> threadsPerWarp, llvm::ArrayRef<uint32_t> warpsPerBlock,
                        llvm::ArrayRef<unsigned> order);
  /// The same with lanes, then warps, laid along order[0] as far as it goes, then along order[1], ...
  static Layout distributed(llvm::ArrayRef<Dim> dims, llvm::ArrayRef<uint32_t> perThread,
                            llvm::ArrayRef<unsigned> order, unsigned laneBits, unsigned warpBits);
  /// All of the tile in the registers of every thread, the last dimension fastest.
  static Layout replicated(llvm::ArrayRef<Dim> dims, unsigned laneBits, unsigned warpBits);
  /// A tile of tiles: the inputs of `inner`, then those of `outer`, whose index counts whole inner tiles.
  static Layout product(const Layout &inner, const Layout &outer);

  //===--- What it is ------------------------------------------------------===//

  unsigned rank() const { return rankOf; }
  llvm::ArrayRef<Dim> dims() const { return {dimsOf.data(), rankOf}; }
  Index extents() const;
  unsigned flatBits() const { return flatCount; }
  /// The product of all `reps`.
  uint32_t majors() const { return majorCount; }
  /// Position of the lowest flat bit of a dimension.
  unsigned shift(unsigned dim) const;
  /// All flat bits of a dimension.
  uint32_t mask(unsigned dim) const { return lowBits(dimsOf[dim].bits) << shift(dim); }

  unsigned inBits() const { return begin[inputCount]; }
  unsigned inBits(Input input) const { return begin[unsigned(input) + 1] - begin[unsigned(input)]; }
  llvm::ArrayRef<uint32_t> bases() const { return {values.data(), inBits()}; }
  llvm::ArrayRef<uint32_t> bases(Input input) const {
    return {values.data() + begin[unsigned(input)], inBits(input)};
  }
  /// Registers of a thread, majors counted in.
  uint32_t registers() const { return majorCount << inBits(Input::Register); }

  /// The minor index. Of `reg` the register bits count, of a major nothing does.
  uint32_t flat(uint32_t reg, uint32_t lane, uint32_t warp, uint32_t block = 0) const;
  Index index(uint32_t reg, uint32_t lane, uint32_t warp, uint32_t block = 0) const;
  /// The index in the padded tile that a minor index and a row-major number of majors stand for.
  Index indexOf(uint32_t flat, uint32_t major) const;

  std::string str() const;
  /// Reads what str() writes; none if it is no layout.
  static std::optional<Layout> parse(llvm::StringRef text);

  friend bool operator==(const Layout &a, const Layout &b) = default;
  friend llvm::hash_code hash_value(const Layout &layout);

  //===--- Algebra ---------------------------------------------------------===//

  /// From all inputs, registers lowest, to flat bits.
  BitMatrix matrix() const { return BitMatrix(bases()); }
  /// Whether every element is held somewhere. A layout of registers must.
  bool covers() const { return matrix().rank() == flatCount; }
  /// Every index sent through `map`, from this layout's flat bits to those of `dims` (of the same majors).
  Layout mapped(const BitMatrix &map, llvm::ArrayRef<Dim> dims) const;
  /// What `product` put around `inner`; none if this is no such product.
  std::optional<Layout> dividedBy(const Layout &inner) const;

  //===--- Copies ----------------------------------------------------------===//

  /// Bits that name a copy and not another element: each lies in the span of the bits before it (registers first), so that
  /// every element has exactly one holder whose free bits are all zero, its *owner*.
  InputBits freeBits() const;
  /// How many registers of the whole grid of threads hold an element.
  uint32_t copies() const { return 1u << (inBits() - matrix().rank()); }

  //===--- Registers -------------------------------------------------------===//

  /// How many consecutive elements along `dim` lie in consecutive registers, from register 0 on, whichever thread: the
  /// width of a vector access.
  uint32_t contiguousRegisters(unsigned dim) const;
  /// The same where registers may be taken in any order.
  uint32_t contiguousInThread(unsigned dim) const;

  //===--- Shape operations: the layout of the result ----------------------===//
  //
  // Unless something else is said register r of the result is register r of the source, in every thread.

  /// Result dimension i is source dimension order[i]. Registers: transposedRegister.
  Layout transposed(llvm::ArrayRef<unsigned> order) const;
  uint32_t transposedRegister(llvm::ArrayRef<unsigned> order, uint32_t reg) const;
  Layout expanded(unsigned axis) const;
  /// Without a dimension: where the result of a reduction along it is, and, read backwards, a row of what expand_dims and
  /// broadcast make of it. Registers that differ along `axis` only hold the same element. Registers: collapsedRegister.
  Layout sliced(unsigned axis) const;
  /// With an extent of 1 in the dimensions of `axes`: the source of a broadcast along them.
  Layout collapsed(uint32_t axes) const;
  /// The register of collapsed(axes) that holds what register `reg` of this layout asks for.
  uint32_t collapsedRegister(uint32_t axes, uint32_t reg) const;
  /// The layout of the source of a broadcast from `shape`, whose extents of 1 grew.
  Layout broadcastSource(llvm::ArrayRef<int64_t> shape) const;
  /// With dimensions of extent 1 grown to those of `dims`, in registers.
  Layout broadcastTo(llvm::ArrayRef<Dim> dims) const;
  /// The register of this layout that register `reg` of broadcastTo(dims) repeats.
  uint32_t broadcastRegister(llvm::ArrayRef<Dim> dims, uint32_t reg) const;
  /// From another row-major split of the same padded elements; none if a border falls into a digit.
  std::optional<Layout> reshaped(llvm::ArrayRef<Dim> dims) const;
  /// For a tile of shape `from`. A padded dimension can get or lose neighbours of extent 1 only.
  std::optional<Layout> reshaped(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) const;
  /// Two such tiles along a new last dimension of 2: register 2 r + s is register r of tile s.
  Layout joined() const;
  /// One half along a last dimension of 2; none unless a thread has both. Registers: splitRegister.
  std::optional<Layout> splitLast() const;
  uint32_t splitRegister(unsigned side, uint32_t reg) const;
  /// Two such tiles one after the other along dimension 0. Registers: catRegister.
  Layout cat() const;
  /// The register of cat() that holds register `reg` of tile `side`.
  uint32_t catRegister(unsigned side, uint32_t reg) const;

  struct Compact;
  /// Without registers that repeat an element of the same thread.
  Compact removeZeroRegisters() const;

private:
  void setDims(llvm::ArrayRef<Dim> dims);
  /// The same inputs, every basis sent through `map`.
  template <class Map> Layout rebased(llvm::ArrayRef<Dim> dims, Map map) const {
    Layout out;
    out.setDims(dims);
    out.begin = begin;
    for (unsigned i = 0; i < inBits(); i++)
      out.values[i] = map(values[i]);
    return out;
  }

  std::array<uint8_t, inputCount + 1> begin = {};
  uint8_t rankOf = 0;
  uint8_t flatCount = 0;
  uint8_t unused = 0;
  uint32_t majorCount = 1;
  std::array<Dim, maxRank> dimsOf = {};
  std::array<uint32_t, maxBits> values = {};
};

struct Layout::Compact {
  Layout layout;
  BitMatrix toNew; ///< register bits of the old layout to those of the new one that hold the same element
  BitMatrix toOld;
};

} // namespace tegula::layout
