//===- Compute.td - products, reductions, scans, conversions, host channel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_COMPUTE
#define TEGULA_IR_OPS_COMPUTE

include "ir/ops/Memory.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Tile_FpToFpOp : Tile_PureOp<"fp_to_fp", [SameOperandsAndResultShape]> {
  let summary = "float conversion with an explicit rounding, and every conversion from or to 8 bits";
  let description = [{
    `arith.extf` and `arith.truncf` serve f16, bf16, f32, f64 to nearest even. A conversion to an
    8-bit float saturates to the largest finite value (PTX ISA, cvt.satfinite); NaN stays NaN.
  }];
  let arguments = (ins Tile_FloatLike:$src, Tile_Rounding:$rounding);
  let results = (outs Tile_FloatLike:$result);
  let assemblyFormat = "$src $rounding attr-dict `:` type($src) `->` type($result)";
}

def Tile_MulHiUOp : Tile_PureOp<"mulhi_u", [SameOperandsAndResultType]> {
  let summary = "high half of the unsigned product";
  let arguments = (ins Tile_IntLike:$lhs, Tile_IntLike:$rhs);
  let results = (outs Tile_IntLike:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Tile_DotOp : Tile_PureOp<"dot", [AllTypesMatch<["c", "result"]>]> {
  let summary = "c + a x b over the last two dimensions; a leading batch dimension may stand before them";
  let description = [{
    a: [B x] M x K, b: [B x] K x N, c and the result: [B x] M x N. Products are exact, the sum is in the
    result's type (f32 for 8- and 16-bit floats unless it is f16; i32 for i8). `input_precision` matters for f32 operands
    on matrix units; a target with full-rate f32 may always use `ieee`.
  }];
  let arguments = (ins Tile_Tensor:$a, Tile_Tensor:$b, Tile_Tensor:$c, DefaultValuedAttr<Tile_InputPrecision, "InputPrecision::TF32">:$input_precision,
                       DefaultValuedAttr<I32Attr, "0">:$max_num_imprecise_acc);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "$a `,` $b `,` $c $input_precision attr-dict `:` type($a) `,` type($b) `->` type($c)";
  let hasVerifier = 1;
}

class Tile_AlongAxisOp<string opMnemonic, list<Trait> traits = []>
    : Tile_Op<opMnemonic, !listconcat([RecursiveMemoryEffects, SingleBlock, SameVariadicOperandSize], traits)> {
  let regions = (region SizedRegion<1>:$combine);
  let results = (outs Variadic<Tile_Value>:$results);
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_AlongAxisOp<"reduce"> {
  let summary = "combine the elements along `axis` with an associative function of scalars";
  let description = [{
    The region takes 2n scalars (n of the left part, n of the right) and returns n with `tile.combine_return`.
    All operands have one shape; each result drops `axis`, a rank-1 operand gives a scalar.
  }];
  let arguments = (ins Variadic<Tile_Tensor>:$srcs, I32Attr:$axis);
  let assemblyFormat = "`(` $srcs `)` `along` $axis attr-dict `:` functional-type($srcs, $results) $combine";
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$srcs, "int32_t":$axis)>];
}

def Tile_ScanOp : Tile_AlongAxisOp<"scan"> {
  let summary = "inclusive running combination along `axis`, from the end if `reverse`";
  let arguments = (ins Variadic<Tile_Tensor>:$srcs, I32Attr:$axis, UnitAttr:$reverse);
  let assemblyFormat = "`(` $srcs `)` `along` $axis (`reverse` $reverse^)? attr-dict `:` functional-type($srcs, $results) $combine";
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$srcs, "int32_t":$axis, "bool":$reverse)>];
}

def Tile_SortOp : Tile_PureOp<"sort", [SameOperandsAndResultType]> {
  let summary = "the elements of each line of the last dimension in order";
  let description = [{
    Floats are ordered -inf ... -0, +0 ... inf, NaN; integers as signed or unsigned ones, as `is_signed` says.
  }];
  let arguments = (ins Tile_Tensor:$src, UnitAttr:$descending, UnitAttr:$is_signed);
  let results = (outs Tile_Tensor:$result);
  let assemblyFormat = "(`descending` $descending^)? (`signed` $is_signed^)? $src attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_HistogramOp : Tile_PureOp<"histogram", []> {
  let summary = "result[b] is how many elements are b (and have a true mask); elements outside of the result count nowhere";
  let arguments = (ins RankedTensorOf<[I32, I64]>:$src, Optional<RankedTensorOf<[I1]>>:$mask);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = "$src (`mask` $mask^)? attr-dict `:` type($src) (`,` type($mask)^)? `->` type($result)";
  let hasVerifier = 1;
}

def Tile_CombineReturnOp : Tile_PureOp<"combine_return", [Terminator, ReturnLike, ParentOneOf<["ReduceOp", "ScanOp", "ReduceRegistersOp", "ReduceLanesOp",
                                                                                "ScanRunsOp", "ScanJoinOp"]>]> {
  let summary = "what a combine function gives";
  let arguments = (ins Variadic<Tile_Scalar>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def Tile_PrintOp : Tile_Op<"print", [MemoryEffects<[MemWrite<HostChannel>]>]> {
  let summary = "print a prefix and values, an element a line with its program and index";
  let arguments = (ins StrAttr:$prefix, BoolAttr:$hex, Variadic<Tile_Value>:$args, DenseBoolArrayAttr:$is_signed);
  let assemblyFormat = "$prefix attr-dict (`:` $args^ `:` type($args))?";
}

def Tile_AssertOp : Tile_Op<"assert", [MemoryEffects<[MemWrite<HostChannel>]>]> {
  let summary = "stop the launch with a message if an element is false; made in debug mode only";
  let arguments = (ins Tile_BoolLike:$condition, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict `:` type($condition)";
}

def Tile_AssumeOp : Tile_Op<"assume", [MemoryEffects<[MemWrite<HostChannel>]>]> {
  let summary = "a promise that a condition holds";
  let arguments = (ins I1:$condition);
  let assemblyFormat = "$condition attr-dict";
}

#endif
