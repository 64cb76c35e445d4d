//===- Tile.h - the tile dialect ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/layout/SharedLayout.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/layout/SharedLayout.h"

#include "ir/ops/TileDialect.h.inc"
#include "ir/ops/TileEnums.h.inc"

namespace tegula::tile {
struct GlobalMemory : mlir::SideEffects::Resource::Base<GlobalMemory> {
  llvm::StringRef getName() final { return "tile.global_memory"; }
};
struct SharedMemory : mlir::SideEffects::Resource::Base<SharedMemory> {
  llvm::StringRef getName() final { return "tile.shared_memory"; }
};
struct AsyncCopies : mlir::SideEffects::Resource::Base<AsyncCopies> {
  llvm::StringRef getName() final { return "tile.async_copies"; }
};
struct HostChannel : mlir::SideEffects::Resource::Base<HostChannel> {
  llvm::StringRef getName() final { return "tile.host_channel"; }
};
} // namespace tegula::tile

#define GET_ATTRDEF_CLASSES
#include "ir/ops/TileAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "ir/ops/TileTypes.h.inc"

#define GET_OP_CLASSES
#include "ir/ops/TileOps.h.inc"

namespace tegula::tile {

/// The element type of a tile, or the type itself of a scalar.
inline mlir::Type elementType(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? tensor.getElementType() : type;
}
/// Empty for a scalar.
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? tensor.getShape() : llvm::ArrayRef<int64_t>();
}
inline bool isTile(mlir::Type type) { return mlir::isa<mlir::RankedTensorType>(type); }
/// `type` with another element type and the same shape and layout (a scalar stays a scalar).
mlir::Type withElement(mlir::Type type, mlir::Type element);

/// Bits of an element in memory: i1 takes a byte, a pointer 64 bits.
unsigned memoryBits(mlir::Type element);

/// The layout of a tile's type, which must have one.
const layout::Layout &layoutOf(mlir::Type type);
bool hasLayout(mlir::Type type);
mlir::RankedTensorType withLayout(mlir::Type type, const layout::Layout &layout);

/// What is known of a mask within one vector of an access: nothing; true up to some element; the same throughout.
enum class MaskKind : uint8_t { Any, Prefix, Uniform };
/// Of a load or store that is laid out; 1 and Any where nothing is said.
unsigned vectorOf(mlir::Operation *access);
MaskKind maskKindOf(mlir::Operation *access);

/// Whether the combine function of a reduction gives the same for (b, a) as for (a, b). Only one operation that is known to
/// be so is; of others nothing is proved.
bool isCommutative(mlir::Region &combine);

/// Loads every dialect that tile IR uses: tile, arith, math, scf, func.
void loadDialects(mlir::MLIRContext &context);

/// The kernel of a module; null if there is none. A module holds exactly one.
mlir::Operation *kernelOf(mlir::ModuleOp module);

} // namespace tegula::tile
