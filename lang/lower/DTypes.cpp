//===- DTypes.cpp - element types: names, widths, MLIR types ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "lang/lower/Value.h"

#include "mlir/IR/BuiltinTypes.h"

namespace tegula::lang {

namespace {
enum class Class : uint8_t { None, Signed, Unsigned, Float };
struct KindRow {
  ScalarKind kind;
  const char *shortName;
  const char *longName;
  int bits;
  Class klass;
};
constexpr KindRow kinds[] = {
    {ScalarKind::Void, "void", "void", 0, Class::None},
    {ScalarKind::I1, "i1", "int1", 1, Class::Unsigned},
    {ScalarKind::I8, "i8", "int8", 8, Class::Signed},
    {ScalarKind::I16, "i16", "int16", 16, Class::Signed},
    {ScalarKind::I32, "i32", "int32", 32, Class::Signed},
    {ScalarKind::I64, "i64", "int64", 64, Class::Signed},
    {ScalarKind::U8, "u8", "uint8", 8, Class::Unsigned},
    {ScalarKind::U16, "u16", "uint16", 16, Class::Unsigned},
    {ScalarKind::U32, "u32", "uint32", 32, Class::Unsigned},
    {ScalarKind::U64, "u64", "uint64", 64, Class::Unsigned},
    {ScalarKind::F8E4M3, "fp8e4nv", "float8e4nv", 8, Class::Float},
    {ScalarKind::F8E5M2, "fp8e5", "float8e5", 8, Class::Float},
    {ScalarKind::F16, "fp16", "float16", 16, Class::Float},
    {ScalarKind::BF16, "bf16", "bfloat16", 16, Class::Float},
    {ScalarKind::F32, "fp32", "float32", 32, Class::Float},
    {ScalarKind::F64, "fp64", "float64", 64, Class::Float},
};
const KindRow &rowOf(ScalarKind kind) { return kinds[static_cast<size_t>(kind)]; }
} // namespace

const char *shortName(ScalarKind kind) { return rowOf(kind).shortName; }
const char *longName(ScalarKind kind) { return rowOf(kind).longName; }

ScalarKind scalarKindNamed(std::string_view name) {
  for (const KindRow &row : kinds)
    if (name == row.shortName || name == row.longName)
      return row.kind;
  return ScalarKind::Void;
}

DType parseDType(std::string_view text) {
  DType type;
  std::string_view rest = text;
  if (!rest.empty() && rest[0] == '*') {
    type.isPointer = true;
    rest.remove_prefix(1);
    if (!rest.empty() && rest[0] == 'k') {
      type.isConst = true;
      rest.remove_prefix(1);
    }
  }
  type.scalar = scalarKindNamed(rest);
  if (type.scalar == ScalarKind::Void && rest != "void")
    throw Error(Diag::unknown_dtype, {std::string(text)});
  return type;
}

std::string toString(DType type) {
  std::string name = shortName(type.scalar);
  if (!type.isPointer)
    return name;
  return (type.isConst ? "*k" : "*") + name;
}

bool isFloating(DType type) { return !type.isPointer && rowOf(type.scalar).klass == Class::Float; }
bool isUnsigned(DType type) { return !type.isPointer && rowOf(type.scalar).klass == Class::Unsigned; }
bool isSignedInt(DType type) { return !type.isPointer && rowOf(type.scalar).klass == Class::Signed; }
bool isInteger(DType type) { return isUnsigned(type) || isSignedInt(type); }
bool isFp8(DType type) { return isFloating(type) && rowOf(type.scalar).bits == 8; }
int bitWidth(DType type) { return type.isPointer ? 64 : rowOf(type.scalar).bits; }

mlir::Type mlirType(mlir::MLIRContext *context, DType type) {
  auto scalar = [&](ScalarKind kind) -> mlir::Type {
    switch (kind) {
    case ScalarKind::Void: return mlir::NoneType::get(context);
    case ScalarKind::F8E4M3: return mlir::Float8E4M3FNType::get(context);
    case ScalarKind::F8E5M2: return mlir::Float8E5M2Type::get(context);
    case ScalarKind::F16: return mlir::Float16Type::get(context);
    case ScalarKind::BF16: return mlir::BFloat16Type::get(context);
    case ScalarKind::F32: return mlir::Float32Type::get(context);
    case ScalarKind::F64: return mlir::Float64Type::get(context);
    default: return mlir::IntegerType::get(context, rowOf(kind).bits);
    }
  };
  if (!type.isPointer)
    return scalar(type.scalar);
  // A bool takes a byte in memory, and so does what `void *` points to.
  bool byte = type.scalar == ScalarKind::I1 || type.scalar == ScalarKind::Void;
  return tile::PtrType::get(byte ? scalar(ScalarKind::I8) : scalar(type.scalar));
}

mlir::Type mlirType(mlir::MLIRContext *context, DType type, llvm::ArrayRef<int64_t> shape) {
  mlir::Type element = mlirType(context, type);
  return shape.empty() ? element : mlir::RankedTensorType::get(shape, element);
}

} // namespace tegula::lang
