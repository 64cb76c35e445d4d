//===- SharedRoom.h - layouts of shared memory for tiles on their way ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/GpuTarget.h"

namespace tegula::passes {

/// Bits of a tile's element in memory.
unsigned memoryBits(mlir::Value tile);

/// Memory that is written in one layout and read in another: made for the lanes that address matrices where the reader's
/// fragments can be loaded so, else for the reader itself. Both layouts have the same dimensions.
layout::SharedLayout roomFor(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                             const GpuTarget &target);

/// Issue cycles of a warp for that way, barriers counted in.
unsigned roomCycles(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                    const GpuTarget &target);

} // namespace tegula::passes
