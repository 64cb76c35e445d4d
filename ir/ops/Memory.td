//===- Memory.td - pointers, loads, stores, atomics, order ----------------===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every memory operation takes the tokens it must come after and gives a token.
// The front end leaves both out; the pass `memory-order` threads them, one chain
// an alias class. Program order is the meaning; tokens say which part of it matters.
//
//===----------------------------------------------------------------------===//

#ifndef TEGULA_IR_OPS_MEMORY
#define TEGULA_IR_OPS_MEMORY

include "ir/ops/Shape.td"

def Tile_AddPtrOp : Tile_PureOp<"addptr", [AllTypesMatch<["ptr", "result"]>]> {
  let summary = "pointer plus a signed offset in elements";
  let arguments = (ins Tile_PtrLike:$ptr, Tile_IntLike:$offset);
  let results = (outs Tile_PtrLike:$result);
  let assemblyFormat = "$ptr `,` $offset attr-dict `:` type($ptr) `,` type($offset)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Tile_IntToPtrOp : Tile_PureOp<"int_to_ptr"> {
  let summary = "an address from a 64-bit integer";
  let arguments = (ins Tile_IntLike:$src);
  let results = (outs Tile_PtrLike:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

def Tile_PtrToIntOp : Tile_PureOp<"ptr_to_int"> {
  let summary = "the 64-bit integer of an address";
  let arguments = (ins Tile_PtrLike:$src);
  let results = (outs Tile_IntLike:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

def Tile_PtrCastOp : Tile_PureOp<"ptr_cast"> {
  let summary = "the same address with another pointee type";
  let arguments = (ins Tile_PtrLike:$src);
  let results = (outs Tile_PtrLike:$result);
  let assemblyFormat = "$src attr-dict `:` type($src) `->` type($result)";
}

class Tile_MemoryOp<string opMnemonic, list<Trait> traits = []>
    : Tile_Op<opMnemonic, !listconcat([DeclareOpInterfaceMethods<MemoryEffectsOpInterface>], traits)> {
  let hasVerifier = 1;
}

def Tile_LoadOp : Tile_MemoryOp<"load", [AttrSizedOperandSegments]> {
  let summary = "read elements; where the mask is false the element is `other`, or undefined without `other`";
  let arguments = (ins Tile_PtrLike:$ptr, Optional<Tile_BoolLike>:$mask, Optional<Tile_Value>:$other,
                       Variadic<Tile_Token>:$after, UnitAttr:$is_volatile, OptionalAttr<StrAttr>:$cache, OptionalAttr<StrAttr>:$evict);
  let results = (outs Tile_Value:$result, Optional<Tile_Token>:$done);
  let assemblyFormat = [{
    $ptr (`mask` $mask^)? (`other` $other^)? (`after` `(` $after^ `)`)? attr-dict
    `:` type($ptr) `->` type($result) (`,` type($done)^)?
    (`mask` `type` type($mask)^)? (`after` `type` type($after)^)? (`other` `type` type($other)^)?
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$ptr, CArg<"::mlir::Value", "{}">:$mask, CArg<"::mlir::Value", "{}">:$other)>];
}

def Tile_StoreOp : Tile_MemoryOp<"store", [AttrSizedOperandSegments]> {
  let summary = "write elements where the mask is true; of two elements at one address the later in row-major order stays";
  let arguments = (ins Tile_PtrLike:$ptr, Tile_Value:$value, Optional<Tile_BoolLike>:$mask,
                       Variadic<Tile_Token>:$after, OptionalAttr<StrAttr>:$cache, OptionalAttr<StrAttr>:$evict);
  let results = (outs Optional<Tile_Token>:$done);
  let assemblyFormat = [{
    $ptr `,` $value (`mask` $mask^)? (`after` `(` $after^ `)`)? attr-dict
    `:` type($ptr) `,` type($value) (`->` type($done)^)?
    (`mask` `type` type($mask)^)? (`after` `type` type($after)^)?
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$ptr, "::mlir::Value":$value, CArg<"::mlir::Value", "{}">:$mask)>];
}

def Tile_AtomicRmwOp : Tile_MemoryOp<"atomic_rmw", [AttrSizedOperandSegments]> {
  let summary = "read, combine, write as one step an element, in row-major order; gives the old value (undefined where masked)";
  let arguments = (ins Tile_RmwKind:$kind, Tile_PtrLike:$ptr, Tile_Value:$value, Optional<Tile_BoolLike>:$mask,
                       Variadic<Tile_Token>:$after, Tile_MemSem:$sem, Tile_MemScope:$scope);
  let results = (outs Tile_Value:$result, Optional<Tile_Token>:$done);
  let assemblyFormat = [{
    $kind $ptr `,` $value (`mask` $mask^)? (`after` `(` $after^ `)`)? $sem $scope attr-dict
    `:` type($ptr) `,` type($value) `->` type($result) (`,` type($done)^)?
    (`mask` `type` type($mask)^)? (`after` `type` type($after)^)?
  }];
}

def Tile_AtomicCasOp : Tile_MemoryOp<"atomic_cas", [AllTypesMatch<["compare", "value"]>]> {
  let summary = "write `value` where memory holds `compare` (bit for bit); gives the old value";
  let arguments = (ins Tile_PtrLike:$ptr, Tile_Value:$compare, Tile_Value:$value,
                       Variadic<Tile_Token>:$after, Tile_MemSem:$sem, Tile_MemScope:$scope);
  let results = (outs Tile_Value:$result, Optional<Tile_Token>:$done);
  let assemblyFormat = [{
    $ptr `,` $compare `,` $value (`after` `(` $after^ `)`)? $sem $scope attr-dict
    `:` type($ptr) `,` type($value) `->` type($result) (`,` type($done)^)?
    (`after` `type` type($after)^)?
  }];
}

def Tile_EntryTokenOp : Tile_PureOp<"entry_token"> {
  let summary = "the order token of memory as the program finds it";
  let results = (outs Tile_Token:$result);
  let assemblyFormat = "attr-dict";
}

def Tile_JoinTokensOp : Tile_PureOp<"join_tokens"> {
  let summary = "after all of these";
  let arguments = (ins Variadic<Tile_Token>:$tokens);
  let results = (outs Tile_Token:$result);
  let assemblyFormat = "$tokens attr-dict `:` type($tokens)";
  let hasFolder = 1;
}

def Tile_BarrierOp : Tile_Op<"barrier", [MemoryEffects<[MemRead<GlobalMemory>, MemWrite<GlobalMemory>]>]> {
  let summary = "joins all alias classes (`debug_barrier`)";
  let arguments = (ins Variadic<Tile_Token>:$after);
  let results = (outs Optional<Tile_Token>:$done);
  let assemblyFormat = "(`after` `(` $after^ `)`)? attr-dict (`:` type($after)^)? (`->` type($done)^)?";
}

#endif
