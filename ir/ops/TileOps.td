//===- TileOps.td - all groups of the tile dialect -------------------------===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_TILEOPS
#define TEGULA_IR_OPS_TILEOPS

include "ir/ops/Placed.td"

#endif
