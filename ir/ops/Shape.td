//===- Shape.td - operations that make tiles and change their shape -------===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_SHAPE
#define TEGULA_IR_OPS_SHAPE

include "ir/ops/TileBase.td"

class Tile_PureOp<string opMnemonic, list<Trait> traits = []> : Tile_Op<opMnemonic, !listconcat([Pure], traits)>;

def Tile_ProgramIdOp : Tile_PureOp<"program_id"> {
  let summary = "index of this program along an axis of the grid";
  let arguments = (ins I32Attr:$axis);
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict";
  let hasVerifier = 1;
}

def Tile_NumProgramsOp : Tile_PureOp<"num_programs"> {
  let summary = "number of programs along an axis of the grid";
  let arguments = (ins I32Attr:$axis);
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict";
  let hasVerifier = 1;
}

def Tile_MakeRangeOp : Tile_PureOp<"make_range"> {
  let summary = "start, start + 1, ..., end - 1";
  let arguments = (ins I32Attr:$start, I32Attr:$end);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = "$start `to` $end attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_SplatOp : Tile_PureOp<"splat"> {
  let summary = "a tile with the same scalar in every element";
  let arguments = (ins Tile_Scalar:$src);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_PureOp<"broadcast"> {
  let summary = "repeat along the dimensions of extent 1; the rank stays";
  let arguments = (ins Tile_Tensor:$src);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

def Tile_ExpandDimsOp : Tile_PureOp<"expand_dims"> {
  let summary = "insert a dimension of extent 1 before `axis`";
  let arguments = (ins Tile_Tensor:$src, I32Attr:$axis);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src `at` $axis attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

def Tile_ReshapeOp : Tile_PureOp<"reshape"> {
  let summary = "the same elements in row-major order under another shape";
  let arguments = (ins Tile_Tensor:$src);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

def Tile_TransOp : Tile_PureOp<"trans"> {
  let summary = "permute dimensions: result dimension i is source dimension order[i]";
  let arguments = (ins Tile_Tensor:$src, DenseI32ArrayAttr:$order);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src `by` $order attr-dict `:` type($src) `->` type($result)";
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

def Tile_JoinOp : Tile_PureOp<"join", [SameTypeOperands]> {
  let summary = "two tiles side by side in a new last dimension of extent 2";
  let arguments = (ins Tile_Tensor:$lhs, Tile_Tensor:$rhs);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_SplitOp : Tile_PureOp<"split", [AllTypesMatch<["first", "second"]>]> {
  let summary = "the two halves of the last dimension, whose extent is 2";
  let arguments = (ins Tile_Tensor:$src);
  let results = (outs Tile_Tensor:$first, Tile_Tensor:$second);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($first)";
  let builders = [OpBuilder<(ins "::mlir::Value":$src)>];
  let hasVerifier = 1;
  let extraClassDeclaration = "static ::mlir::RankedTensorType halfType(::mlir::RankedTensorType src);";
}

def Tile_GatherOp : Tile_PureOp<"gather", [AllShapesMatch<["indices", "result"]>]> {
  let summary = "result[.., i, ..] = src[.., indices[.., i, ..], ..] along `axis`; an index outside, read as unsigned, is the last one";
  let arguments = (ins Tile_Tensor:$src, RankedTensorOf<[I32, I64]>:$indices, I32Attr:$axis);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$src `[` $indices `]` `along` $axis attr-dict `:` type($src) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_CatOp : Tile_PureOp<"cat", [SameTypeOperands]> {
  let summary = "one tile after the other along dimension 0";
  let arguments = (ins Tile_Tensor:$lhs, Tile_Tensor:$rhs);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)";
  let hasVerifier = 1;
}

#endif
