//===- Placed.td - tiles that lie in threads, shared memory, matrix units --===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On a GPU every tile has a layout (the encoding of its type): which thread holds
// which element. `convert` changes it; it exists between layout assignment and
// `plan-lowering`, which replaces it, reductions, scans and products by what
// stands below: moves between registers and between lanes, accesses of shared
// memory, barriers, asynchronous copies, matrix instructions. Code generation
// decides nothing any more.
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_PLACED
#define TEGULA_IR_OPS_PLACED

include "ir/ops/Compute.td"

/// The memory that the threads of a block share.
def SharedMemory : Resource<"::tegula::tile::SharedMemory">;
/// Copies under way and their groups.
def AsyncCopies : Resource<"::tegula::tile::AsyncCopies">;

def Tile_Shared : Tile_Type<"Shared", "shared"> {
  let summary = "a tile in shared memory, or a ring of `slots` of them";
  let parameters = (ins "int64_t":$slots, ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "::tegula::tile::SharedLayoutAttr":$layout);
  let assemblyFormat = "`<` $slots `,` `[` $shape `]` `,` $elementType `,` $layout `>`";
  let extraClassDeclaration = [{
    /// Bytes of one slot, rounded up to 16.
    int64_t slotBytes() const;
  }];
}

def Tile_TensorOrShared : AnyTypeOf<[Tile_Tensor, Tile_Shared], "a tile in registers or in shared memory">;

//===----------------------------------------------------------------------===//
// Between layouts
//===----------------------------------------------------------------------===//

class Tile_LayoutOp<string opMnemonic> : Tile_PureOp<opMnemonic, [SameOperandsAndResultShape, SameOperandsAndResultElementType]> {
  let arguments = (ins Tile_Tensor:$src);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

def Tile_ConvertOp : Tile_LayoutOp<"convert"> {
  let summary = "the same tile in another layout, by whatever way is cheapest";
  let hasFolder = 1;
}

def Tile_PermuteOp : Tile_LayoutOp<"permute"> {
  let summary = "a change of layout in which every thread finds its elements in its own registers";
}

def Tile_ShuffleOp : Tile_LayoutOp<"shuffle"> {
  let summary = "a change of layout in which every warp finds its elements in its own lanes";
}

def Tile_IndexOp : Tile_PureOp<"index"> {
  let summary = "the index of each element along `dim`, in the pads past the end of the tile too";
  let arguments = (ins I32Attr:$dim);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = "$dim attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

def Tile_AllocOp : Tile_Op<"alloc", []> {
  let summary = "room in shared memory; `offset` in bytes is set by allocate-shared";
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs Res<Tile_Shared, "", [MemAlloc<SharedMemory>]>:$result);
  let assemblyFormat = "(`at` $offset^)? attr-dict `:` type($result)";
}

def Tile_SlotOp : Tile_PureOp<"slot"> {
  let summary = "one tile of a ring, by its number";
  let description = [{
    `distance`: in the loop that turns the ring this is the slot that the current iteration's own slot will be after
    `distance` iterations. Two slots of a ring whose distances differ modulo `slots` are different memory; without a
    distance nothing is known.
  }];
  let arguments = (ins Tile_Shared:$ring, I32:$index, OptionalAttr<I32Attr>:$distance);
  let results = (outs Tile_Shared:$result);
  let assemblyFormat = "$ring `[` $index `]` (`distance` $distance^)? attr-dict `:` type($ring) `->` type($result)";
}

def Tile_SharedStoreOp : Tile_Op<"shared_store", [MemoryEffects<[MemWrite<SharedMemory>]>]> {
  let summary = "write a tile to shared memory; of several threads that hold an element one writes it";
  let description = [{
    `first`: the element of a row-major memory at which a tile of another shape begins.
  }];
  let arguments = (ins Tile_Value:$value, Tile_Shared:$to, OptionalAttr<I64Attr>:$first);
  let builders = [OpBuilder<(ins "::mlir::Value":$value, "::mlir::Value":$to),
                            [{ build($_builder, $_state, value, to, ::mlir::IntegerAttr()); }]>];
  let assemblyFormat = "$value `,` $to (`from` $first^)? attr-dict `:` type($value) `,` type($to)";
}

def Tile_SharedLoadOp : Tile_Op<"shared_load", [MemoryEffects<[MemRead<SharedMemory>]>]> {
  let summary = "read a tile from shared memory into a layout (a scalar: its only element, in every thread)";
  let arguments = (ins Tile_Shared:$from);
  let results = (outs Tile_Value:$result);
  let assemblyFormat = "$from attr-dict `:` type($from) `->` type($result)";
}

def Tile_SyncOp : Tile_Op<"sync", [MemoryEffects<[MemRead<SharedMemory>, MemWrite<SharedMemory>, MemRead<GlobalMemory>, MemWrite<GlobalMemory>]>]> {
  let summary = "every thread of the block arrives before one goes on, and sees what the others wrote";
  let assemblyFormat = "attr-dict";
}

def Tile_AsyncCopyOp : Tile_Op<"async_copy", [MemoryEffects<[MemRead<GlobalMemory>, MemWrite<SharedMemory>, MemWrite<AsyncCopies>]>]> {
  let summary = "begin to copy elements from global to shared memory, zeros where the mask is false";
  let description = [{ The layout of the pointers says which thread copies what, `vector` elements at a time. }];
  let arguments = (ins Tile_Tensor:$ptr, Tile_Shared:$to, Optional<Tile_BoolLike>:$mask, I32Attr:$vector, OptionalAttr<StrAttr>:$cache, OptionalAttr<StrAttr>:$evict);
  let assemblyFormat = "$ptr `,` $to (`mask` $mask^)? `by` $vector attr-dict `:` type($ptr) `,` type($to) (`mask` `type` type($mask)^)?";
}

def Tile_AsyncCommitOp : Tile_Op<"async_commit", [MemoryEffects<[MemWrite<AsyncCopies>]>]> {
  let summary = "the copies begun since the last commit are one group";
  let assemblyFormat = "attr-dict";
}

def Tile_AsyncWaitOp : Tile_Op<"async_wait", [MemoryEffects<[MemWrite<AsyncCopies>, MemWrite<SharedMemory>]>]> {
  let summary = "until at most `pending` groups of this thread are under way";
  let arguments = (ins I32Attr:$pending, Variadic<Tile_Shared>:$landed);
  let assemblyFormat = "$pending (`landing` $landed^)? attr-dict (`:` type($landed)^)?";
}

//===----------------------------------------------------------------------===//
// Matrix units
//===----------------------------------------------------------------------===//

def Tile_MmaOp : Tile_Op<"mma", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, AllTypesMatch<["c", "result"]>]> {
  let summary = "a product by the matrix instruction of this name; operands in fragment layouts or in shared memory";
  let arguments = (ins Tile_TensorOrShared:$a, Tile_TensorOrShared:$b, Tile_Tensor:$c, StrAttr:$instruction);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$instruction $a `,` $b `,` $c attr-dict `:` type($a) `,` type($b) `->` type($c)";
}

//===----------------------------------------------------------------------===//
// Parts of reductions and scans
//===----------------------------------------------------------------------===//

class Tile_PartOp<string opMnemonic> : Tile_AlongAxisOp<opMnemonic, [RecursiveMemoryEffects]> {
  let arguments = (ins Variadic<Tile_Tensor>:$srcs, I32Attr:$axis);
  let assemblyFormat = "`(` $srcs `)` `along` $axis attr-dict `:` functional-type($srcs, $results) $combine";
}

def Tile_ReduceRegistersOp : Tile_PartOp<"reduce_registers"> {
  let summary = "combine the elements of `axis` that a thread holds; the result's layout has none of them in registers";
}

def Tile_ReduceLanesOp : Tile_PartOp<"reduce_lanes"> {
  let summary = "combine the elements of `axis` that the lanes of a warp hold; every lane has the result";
}

//===----------------------------------------------------------------------===//
// Parts of scans: along `axis` in aligned runs of `run` elements, a power of two, or all of the padded extent
//===----------------------------------------------------------------------===//

def Tile_ScanRunsOp : Tile_AlongAxisOp<"scan_runs"> {
  let summary = "running combination within each run, which every warp has in its registers and lanes";
  let description = [{ If `exclusive`, without the element itself; the first of a run is undefined then. }];
  let arguments = (ins Variadic<Tile_Tensor>:$srcs, I32Attr:$axis, I32Attr:$run, UnitAttr:$reverse, UnitAttr:$exclusive);
  let assemblyFormat = [{
    `(` $srcs `)` `along` $axis `by` $run (`reverse` $reverse^)? (`exclusive` $exclusive^)? attr-dict
    `:` functional-type($srcs, $results) $combine
  }];
}

def Tile_RunEndsOp : Tile_PureOp<"run_ends"> {
  let summary = "the last element of each run (the first if `reverse`), in every lane that has a part of the run";
  let arguments = (ins Tile_Tensor:$src, I32Attr:$axis, I32Attr:$run, UnitAttr:$reverse);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src `along` $axis `by` $run (`reverse` $reverse^)? attr-dict `:` type($src) `->` type($result)";
}

def Tile_ScanJoinOp : Tile_AlongAxisOp<"scan_join"> {
  let summary = "elements of each run but the first, combined with what stands before the run: one element of `before` a run";
  let arguments = (ins Variadic<Tile_Tensor>:$before, Variadic<Tile_Tensor>:$srcs, I32Attr:$axis, I32Attr:$run, UnitAttr:$reverse);
  let assemblyFormat = [{
    `(` $before `)` `before` `(` $srcs `)` `along` $axis `by` $run (`reverse` $reverse^)? attr-dict
    `:` type($before) `and` functional-type($srcs, $results) $combine
  }];
}

//===----------------------------------------------------------------------===//
// Parts of gathers, histograms, sorts
//===----------------------------------------------------------------------===//

def Tile_SharedGatherOp : Tile_Op<"shared_gather", [MemoryEffects<[MemRead<SharedMemory>]>]> {
  let summary = "a gather whose source lies in shared memory, row-major";
  let arguments = (ins Tile_Shared:$from, Tile_Tensor:$indices, I32Attr:$axis);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$from `[` $indices `]` `along` $axis attr-dict `:` type($from) `,` type($indices) `->` type($result)";
}

def Tile_SharedCountOp : Tile_Op<"shared_count", [MemoryEffects<[MemRead<SharedMemory>, MemWrite<SharedMemory>]>]> {
  let summary = "add one to the element of shared memory that each element names, if there is such a one and the mask is true";
  let arguments = (ins Tile_Tensor:$src, Tile_Shared:$to, Optional<Tile_Tensor>:$mask);
  let assemblyFormat = "$src `,` $to (`mask` $mask^)? attr-dict `:` type($src) `,` type($to) (`mask` `type` type($mask)^)?";
}

def Tile_SortKeysOp : Tile_PureOp<"sort_keys", [SameOperandsAndResultShape]> {
  let summary = "unsigned integers in the order that `sort` wants; pads along the last dimension are the greatest";
  let arguments = (ins Tile_Tensor:$src, UnitAttr:$descending, UnitAttr:$is_signed);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "(`descending` $descending^)? (`signed` $is_signed^)? $src attr-dict `:` type($src) `->` type($result)";
}

def Tile_SortedValuesOp : Tile_PureOp<"sorted_values", [SameOperandsAndResultShape]> {
  let summary = "what sort_keys made its keys of";
  let arguments = (ins Tile_Tensor:$src, UnitAttr:$descending, UnitAttr:$is_signed);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "(`descending` $descending^)? (`signed` $is_signed^)? $src attr-dict `:` type($src) `->` type($result)";
}

def Tile_SortStepsOp : Tile_PureOp<"sort_steps", [SameOperandsAndResultType]> {
  let summary = "exchanges of a bitonic network along the last dimension, within warps";
  let description = [{
    Two numbers a step, s and k: of the elements i and i + 2^k the lesser one goes to i where bit s + 1 of i is 0, to
    i + 2^k where it is 1.
  }];
  let arguments = (ins Tile_Tensor:$src, DenseI32ArrayAttr:$steps);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src `by` $steps attr-dict `:` type($result)";
}

#endif
