//===- Common.h - what the groups of functions share ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "lang/lower/Lowering.h"

#include <initializer_list>

namespace tegula::lang {

/// For messages: "[16, 32]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);
/// For messages: "fp32[16, 32]".
inline std::string describe(const Tensor &t) { return describe(t.type, t.shape()); }

/// The argument as a tensor; a number becomes a scalar. Anything else is an error that names the parameter.
Tensor tensorArg(Lowering &l, BoundArgs &args, std::string_view name);
/// The same, and it must have at least one dimension.
Tensor tileArg(Lowering &l, BoundArgs &args, std::string_view name);
/// A pointer or a tile of pointers.
Tensor pointerArg(Lowering &l, BoundArgs &args, std::string_view name);
/// A mask: null when it is None or constantly true. Anything but int1 is an error.
std::optional<Tensor> maskArg(Lowering &l, BoundArgs &args, std::string_view name);
/// The items of `*name`, or those of the one tuple that was given for it: f(x, 1, 2) and f(x, (1, 2)).
Value spread(BoundArgs &args, std::string_view name);
/// One of `allowed` (empty string: not given), else an error that lists them.
std::string optionArg(Lowering &l, BoundArgs &args, std::string_view name,
                      std::initializer_list<const char *> allowed);

/// The argument in element type `to`. A number that fits becomes a constant of that type at once (a float without
/// rounding by way of fp32); others wrap, as a cast of a tensor does.
Tensor castArg(Lowering &l, BoundArgs &args, std::string_view name, DType to, std::string_view rounding = "");
Tensor reshapeTo(Lowering &l, Tensor value, llvm::ArrayRef<int64_t> shape, Span span);
Tensor permuteTo(Lowering &l, Tensor value, llvm::ArrayRef<int32_t> order, Span span);
/// The one element of a tile as a scalar.
Tensor toScalar(Lowering &l, Tensor value, Span span);

//===----------------------------------------------------------------------===//
// Memory, for all that addresses it (Memory.cpp, Atomics.cpp, Descriptors.cpp)
//===----------------------------------------------------------------------===//

struct AccessHints {
  mlir::StringAttr cache, evict;
  bool isVolatile = false;
};
/// The type of an element as it lies in memory: a bool is a byte.
DType memoryType(const Tensor &pointer);
/// Loads and stores of operands that fit already; `other` is of the type in memory.
Tensor loadTile(Lowering &l, const Tensor &pointer, const std::optional<Tensor> &mask,
                const std::optional<Tensor> &other, const AccessHints &hints, Span span);
void storeTile(Lowering &l, const Tensor &pointer, Tensor value, const std::optional<Tensor> &mask,
               const AccessHints &hints, Span span);
/// The read-modify-write `name` ("add", "max", ...) of operands that fit already; an element type that it does not
/// take is an error at the argument `at`.
Tensor atomicTile(Lowering &l, BoundArgs &args, std::string_view name, std::string_view at,
                  const Tensor &pointer, const Tensor &value, const std::optional<Tensor> &mask, Span span);

inline constexpr std::string_view blockPointerKind = "block pointer";
inline constexpr std::string_view descriptorKind = "tensor descriptor";
/// tl.load and tl.store of a block pointer.
Tensor loadBlock(Lowering &l, BoundArgs &args, const AccessHints &hints, Span span);
void storeBlock(Lowering &l, BoundArgs &args, const AccessHints &hints, Span span);

/// The name as users write it, for messages: "tl.load".
std::string publicName(const BuiltinDef &def);

std::span<const BuiltinDef> atomicBuiltins(); ///< part of memoryBuiltins
std::span<const BuiltinDef>
unsupportedBuiltins(); ///< part of typeBuiltins: known names without a meaning yet

} // namespace tegula::lang
