//===- SharedRoom.h - layouts of shared memory for tiles on their way ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/GpuTarget.h"

namespace tegula::passes {

/// Memory that is written in one layout and read in another: made for the lanes that address matrices where the reader's
/// fragments can be loaded so, else for the reader itself. Both layouts have the same dimensions.
layout::SharedLayout roomFor(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                             const GpuTarget &target);

/// A buffer of such tiles, or a ring of `slots` of them.
mlir::Value makeRoom(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int64_t> shape,
                     mlir::Type element, const layout::SharedLayout &memory, int64_t slots = 1);

/// Issue cycles of a warp for that way, barriers counted in.
unsigned roomCycles(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                    const GpuTarget &target);

} // namespace tegula::passes
