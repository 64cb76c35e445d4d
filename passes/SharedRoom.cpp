//===- SharedRoom.cpp - layouts of shared memory for tiles on their way ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/SharedRoom.h"

#include "ir/layout/Conversion.h"
#include "ir/layout/MatrixAccess.h"

using namespace mlir;

namespace tegula::passes {

layout::SharedLayout roomFor(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                             const GpuTarget &target) {
  if (target.matrixLoads && bits < 64)
    for (bool transposed : {false, true}) {
      std::optional<layout::Layout> view = layout::MatrixAccess::view(reader, bits, transposed);
      if (!view || view->dims() != writer.dims())
        continue;
      auto memory = layout::SharedLayout::forPair(writer, *view, bits);
      auto access = layout::MatrixAccess::match(reader, memory, bits, transposed);
      if (access && access->matrices() >= 2)
        return memory;
    }
  return layout::SharedLayout::forPair(writer, reader, bits);
}

Value makeRoom(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, Type element,
               const layout::SharedLayout &memory, int64_t slots) {
  auto layout = tile::SharedLayoutAttr::get(builder.getContext(), memory);
  auto type = tile::SharedType::get(builder.getContext(), slots, shape, element, layout);
  return tile::AllocOp::create(builder, loc, type, IntegerAttr());
}

unsigned roomCycles(const layout::Layout &writer, const layout::Layout &reader, unsigned bits,
                    const GpuTarget &target) {
  layout::SharedLayout memory = roomFor(writer, reader, bits, target);
  layout::Cost cost;
  cost.barriers = 1;
  layout::SharedAccess write(writer, memory, bits);
  cost.sharedStores = write.accesses();
  cost.storeWavefronts = write.totalWavefronts();
  cost.bytePermutes = write.bytePermutations();
  for (bool transposed : {false, true})
    if (auto read = target.matrixLoads && bits < 64
                        ? layout::MatrixAccess::match(reader, memory, bits, transposed)
                        : std::nullopt) {
      cost.sharedLoads = read->instructions();
      cost.loadWavefronts = read->instructions() * read->wavefronts();
      return cost.cycles();
    }
  layout::SharedAccess read(reader, memory, bits);
  cost.sharedLoads = read.accesses();
  cost.loadWavefronts = read.totalWavefronts();
  cost.bytePermutes += read.bytePermutations();
  return cost.cycles();
}

} // namespace tegula::passes
