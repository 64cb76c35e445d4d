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

/// The name as users write it, for messages: "tl.load".
std::string publicName(const BuiltinDef &def);

std::span<const BuiltinDef> atomicBuiltins(); ///< part of memoryBuiltins
std::span<const BuiltinDef>
unsupportedBuiltins(); ///< part of typeBuiltins: known names without a meaning yet

} // namespace tegula::lang
