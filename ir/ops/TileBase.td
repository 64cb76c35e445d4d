//===- TileBase.td - the tile dialect, its types and common constraints ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_TILEBASE
#define TEGULA_IR_OPS_TILEBASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::tegula::tile";
  let summary = "Operations on blocks of data, one program of a grid at a time";
  let description = [{
    A tile is a builtin ranked tensor with static extents; a scalar is a builtin
    integer or float. Element-wise arithmetic is `arith` and `math`, control flow is
    `scf`. Integers are signless; the operation carries the signedness. What those
    dialects lack (pointers, memory, shapes, reductions, products) is here.
    Within one program a block operation happens wholly before the next one.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
    /// Attribute of a kernel's `func.func`: this function is an entry point.
    static constexpr llvm::StringLiteral kernelAttr = "tile.kernel";
    /// Unit attribute of a kernel: every written pointer argument is disjoint from all others.
    static constexpr llvm::StringLiteral disjointAttr = "tile.disjoint";
    /// Argument attribute (i32): the value (an address in bytes, or an integer) is a multiple of it.
    static constexpr llvm::StringLiteral divisibilityAttr = "tile.divisibility";
    /// Argument attribute (two i64): an integer argument lies between them, both included.
    static constexpr llvm::StringLiteral rangeAttr = "tile.range";
    /// Argument attribute (string): the argument's name in the source.
    static constexpr llvm::StringLiteral nameAttr = "tile.name";
    /// Hints a user gave on a value (`tl.multiple_of`, `tl.max_contiguous`, `tl.max_constancy`):
    /// dense i32 arrays, one entry a dimension, on the op that defines the value.
    static constexpr llvm::StringLiteral multipleOfAttr = "tile.multiple_of";
    static constexpr llvm::StringLiteral maxContiguousAttr = "tile.max_contiguous";
    static constexpr llvm::StringLiteral maxConstancyAttr = "tile.max_constancy";
    /// On a load or store that is laid out (i32): elements of an access, in consecutive registers.
    static constexpr llvm::StringLiteral vectorAttr = "tile.vector";
    /// On the same (i32, a MaskKind): what is known of the mask within a vector.
    static constexpr llvm::StringLiteral maskAttr = "tile.mask";
    /// On a memory operation that is laid out (unit): no two elements have one address.
    static constexpr llvm::StringLiteral distinctAttr = "tile.distinct";
    /// On a product that is laid out (string): the matrix instruction, or "fma".
    static constexpr llvm::StringLiteral instructionAttr = "tile.instruction";
    /// On a kernel that is ready for its target (i64): bytes of shared memory that a block needs.
    static constexpr llvm::StringLiteral sharedBytesAttr = "tile.shared_bytes";
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Tile_Ptr : Tile_Type<"Ptr", "ptr"> {
  let summary = "address of an element of global memory";
  let parameters = (ins "::mlir::Type":$pointee);
  let assemblyFormat = "`<` $pointee `>`";
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$pointee), [{
    return $_get(pointee.getContext(), pointee);
  }]>];
}

def Tile_Token : Tile_Type<"Token", "token"> {
  let summary = "order of memory operations of one alias class";
}

def Tile_Int : AnyTypeOf<[I1, I8, I16, I32, I64]>;
def Tile_Float : AnyTypeOf<[F16, BF16, F32, F64, F8E4M3FN, F8E5M2]>;
def Tile_Scalar : AnyTypeOf<[Tile_Int, Tile_Float, Tile_Ptr]>;
def Tile_Tensor : RankedTensorOf<[Tile_Scalar]>;
def Tile_Value : AnyTypeOf<[Tile_Scalar, Tile_Tensor], "a scalar or a tile">;
def Tile_IntLike : AnyTypeOf<[Tile_Int, RankedTensorOf<[Tile_Int]>], "an integer or a tile of integers">;
def Tile_BoolLike : AnyTypeOf<[I1, RankedTensorOf<[I1]>], "i1 or a tile of i1">;
def Tile_FloatLike : AnyTypeOf<[Tile_Float, RankedTensorOf<[Tile_Float]>], "a float or a tile of floats">;
def Tile_PtrLike : AnyTypeOf<[Tile_Ptr, RankedTensorOf<[Tile_Ptr]>], "a pointer or a tile of pointers">;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def Tile_LayoutAttr : AttrDef<Tile_Dialect, "Layout", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "layout";
  let summary = "where each element of a tile lives in the threads of a block";
  let description = [{
    The encoding of a tile's type on a GPU, as `layout::Layout` writes it:
    `tensor<64x64xf32, #tile.layout<"64x64 reg (0,1..2) ... lane (0,4..16) (1..2,0) warp (4..8,0)">>`.
  }];
  let parameters = (ins AttrOrTypeParameter<"::tegula::layout::Layout", "the layout",
                                            "const ::tegula::layout::Layout &">:$layout);
  let hasCustomAssemblyFormat = 1;
}

def Tile_SharedLayoutAttr : AttrDef<Tile_Dialect, "SharedLayout"> {
  let mnemonic = "shared_layout";
  let summary = "where each element of a tile lies in shared memory";
  let description = [{ As `layout::SharedLayout` writes it: `#tile.shared_layout<"4x4 offset (0,1..2) (1,2) (2,0)">`. }];
  let parameters = (ins AttrOrTypeParameter<"::tegula::layout::SharedLayout", "the layout",
                                            "const ::tegula::layout::SharedLayout &">:$layout);
  let hasCustomAssemblyFormat = 1;
}

//===----------------------------------------------------------------------===//
// Resources: what an effect is on
//===----------------------------------------------------------------------===//

def GlobalMemory : Resource<"::tegula::tile::GlobalMemory">;
/// Prints, failed assertions: seen from outside, ordered among themselves.
def HostChannel : Resource<"::tegula::tile::HostChannel">;

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

class Tile_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::tegula::tile";
}

/// max/min are of signed integers or floats (NaN operands are ignored), umax/umin of unsigned integers.
def Tile_RmwKind : Tile_Enum<"RmwKind", "what an atomic read-modify-write does", [
  I32EnumAttrCase<"And", 0, "and">, I32EnumAttrCase<"Or", 1, "or">, I32EnumAttrCase<"Xor", 2, "xor">,
  I32EnumAttrCase<"Add", 3, "add">, I32EnumAttrCase<"FAdd", 4, "fadd">,
  I32EnumAttrCase<"Max", 5, "max">, I32EnumAttrCase<"Min", 6, "min">,
  I32EnumAttrCase<"UMax", 7, "umax">, I32EnumAttrCase<"UMin", 8, "umin">,
  I32EnumAttrCase<"Xchg", 9, "xchg">]>;

def Tile_MemSem : Tile_Enum<"MemSem", "memory order of an atomic", [
  I32EnumAttrCase<"Relaxed", 0, "relaxed">, I32EnumAttrCase<"Acquire", 1, "acquire">,
  I32EnumAttrCase<"Release", 2, "release">, I32EnumAttrCase<"AcqRel", 3, "acq_rel">]>;

def Tile_MemScope : Tile_Enum<"MemScope", "who sees an atomic", [
  I32EnumAttrCase<"Cta", 0, "cta">, I32EnumAttrCase<"Gpu", 1, "gpu">, I32EnumAttrCase<"Sys", 2, "sys">]>;

def Tile_Rounding : Tile_Enum<"Rounding", "rounding of a float conversion", [
  I32EnumAttrCase<"NearestEven", 0, "rtne">, I32EnumAttrCase<"TowardZero", 1, "rtz">]>;

def Tile_InputPrecision : Tile_Enum<"InputPrecision", "how f32 operands of a product are read", [
  I32EnumAttrCase<"TF32", 0, "tf32">, I32EnumAttrCase<"TF32x3", 1, "tf32x3">,
  I32EnumAttrCase<"IEEE", 2, "ieee">, I32EnumAttrCase<"BF16x3", 3, "bf16x3">, I32EnumAttrCase<"BF16x6", 4, "bf16x6">]>;

//===----------------------------------------------------------------------===//
// Base class
//===----------------------------------------------------------------------===//

class Tile_Op<string opMnemonic, list<Trait> traits = []> : Op<Tile_Dialect, opMnemonic, traits>;

#endif
