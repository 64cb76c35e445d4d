//===- Types.cpp - types, the target, and names that have no meaning yet ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tegula::lang {
namespace {

Value lowerPointerType(Lowering &l, BoundArgs &args, Span) {
  DType element = l.constexprDType(args["element_ty"], "element_ty", args.span("element_ty"));
  if (element.isPointer)
    l.fail(Diag::pointer_to_pointer, args.span("element_ty"), {describe(element, {})});
  DType pointer = pointerTo(element.scalar);
  pointer.isConst = l.constexprBool(args["const"], "const", args.span("const"));
  return Value(pointer);
}

Value lowerBlockType(Lowering &l, BoundArgs &args, Span) {
  DType element = l.constexprDType(args["element_ty"], "element_ty", args.span("element_ty"));
  return Value(BlockType{element, l.constexprShape(args["shape"], "shape", args.span("shape"))});
}

Value lowerDType(Lowering &l, BoundArgs &args, Span) {
  if (const DType *type = args["name"].asDType())
    return Value(*type);
  std::string name = l.constexprString(args["name"], "name", args.span("name"));
  ScalarKind kind = scalarKindNamed(name);
  if (kind == ScalarKind::Void && name != "void")
    l.fail(Diag::unknown_dtype, args.span("name"), {name});
  return Value(scalarType(kind));
}

Value lowerGetIntDType(Lowering &l, BoundArgs &args, Span) {
  int64_t bits = l.constexprInt(args["bitwidth"], "bitwidth", args.span("bitwidth"));
  bool isSigned = l.constexprBool(args["signed"], "signed", args.span("signed"));
  std::string name = (bits == 1 ? "i" : isSigned ? "i" : "u") + std::to_string(bits);
  ScalarKind kind = scalarKindNamed(name);
  if (kind == ScalarKind::Void)
    l.fail(Diag::unknown_dtype, args.span("bitwidth"), {name});
  return Value(scalarType(kind));
}

/// `while tl.condition(c)`: the condition; how loops are optimised is not its business here.
Value lowerCondition(Lowering &, BoundArgs &args, Span) { return args["arg1"]; }

/// triton.next_power_of_2: of integers known when compiling only.
Value lowerNextPowerOf2(Lowering &l, BoundArgs &args, Span) {
  int64_t n = l.constexprInt(args["n"], "n", args.span("n"));
  return Value::integer(n <= 0 ? 0 : static_cast<int64_t>(llvm::PowerOf2Ceil(static_cast<uint64_t>(n))));
}

Value lowerIsCuda(Lowering &l, BoundArgs &, Span) { return Value::boolean(l.options().backend == "cuda"); }
Value lowerIsHip(Lowering &l, BoundArgs &, Span) { return Value::boolean(l.options().backend == "hip"); }
Value lowerNever(Lowering &, BoundArgs &, Span) { return Value::boolean(false); }

Value lowerUnsupported(Lowering &l, BoundArgs &args, Span span) {
  l.fail(Diag::unsupported_function, span, {publicName(*args.builtin)});
}

constexpr BuiltinDef table[] = {
    {"pointer_type", "(element_ty, address_space='global', const=False)",
     "The type of a pointer to `element_ty`.", false, lowerPointerType},
    {"block_type", "(element_ty, shape)", "The type of a tile.", false, lowerBlockType},
    {"dtype", "(name)", "The element type of that name: 'int32', 'fp16', ...", false, lowerDType},
    {"get_int_dtype", "(bitwidth, signed)", "The integer type of so many bits.", false, lowerGetIntDType},
    {"condition", "(arg1, disable_licm=False)", "The condition of a `while`.", false, lowerCondition},
    {"next_power_of_2", "(n)", "The least power of two that is at least n, known when compiling.", false,
     lowerNextPowerOf2},
    {"target_info.is_cuda", "()", "The kernel is being compiled for NVIDIA.", false, lowerIsCuda},
    {"target_info.is_hip", "()", "The kernel is being compiled for AMD.", false, lowerIsHip},
    {"target_info.is_hip_cdna3", "()", "The kernel is being compiled for CDNA3.", false, lowerNever},
    {"target_info.is_hip_cdna4", "()", "The kernel is being compiled for CDNA4.", false, lowerNever},
    {"target_info.is_hip_gfx1250", "()", "The kernel is being compiled for gfx1250.", false, lowerNever},
    {"target_info.cuda_capability_geq", "(major, minor=0)",
     "The compute capability is at least this; false on other targets.", false, lowerNever},
};

/// Known so that the error names them; a leading dot says that it is a method too.
constexpr const char *unsupported[] = {
    ".atomic_poll",
    "dot_scaled",
    "inline_asm_elementwise",
    "extern_elementwise",
    "map_elementwise",
    "tensor_descriptor",
    "tensor_descriptor_type",
    "aggregate_replace",
    "tensor",
    "const",
    "tuple_type",
    "constexpr_type",
    "slice",
    "target_info.current_target",
    "extra.cuda.globaltimer",
    "extra.cuda.smid",
    "extra.cuda.num_threads",
    "extra.cuda.num_warps",
    "extra.cuda.gdc_wait",
    "extra.cuda.gdc_launch_dependents",
    "extra.cuda.convert_custom_float8_sm70",
    "extra.cuda.convert_custom_float8_sm80",
    "extra.hip.memrealtime",
};

/// The functions of `tl.extra.libdevice` that are in no other table.
constexpr const char libdevice[] =
    "byte_perm mulhi mul24 brev rcp64h fma_rz fma_rd fma_ru div_rz div_rd div_ru rcp_rz rcp_rd "
    "rcp_ru sqrt_rz sqrt_rd sqrt_ru add_rz add_rd add_ru mul_rz mul_rd mul_ru double2float_rd "
    "double2float_ru int2float_rz int2float_rd int2float_ru uint2float_rz uint2float_rd "
    "uint2float_ru hiloint2double double2loint double2hiint ll2float_rz ll2float_rd ll2float_ru "
    "ull2float_rz ull2float_rd ull2float_ru ll2double_rz ll2double_rd ll2double_ru ull2double_rz "
    "ull2double_rd ull2double_ru fast_exp10f hadd rhadd sub_rz sub_rd sub_ru rsqrt_rn llrint "
    "sinpi cospi exp10 hypot rhypot norm3d rnorm3d norm4d rnorm4d rcbrt j0 j1 y0 y1 yn jn "
    "cyl_bessel_i0 cyl_bessel_i1 erfinv erfcx erfcinv normcdfinv normcdf lgamma ldexp scalbn "
    "remainder tgamma fdim ilogb logb";

struct Names {
  std::vector<std::string> texts;
  std::vector<BuiltinDef> rows;

  Names() {
    std::vector<bool> methods;
    for (llvm::StringRef name : unsupported) {
      methods.push_back(name.consume_front("."));
      texts.push_back(name.str());
    }
    llvm::SmallVector<llvm::StringRef> words;
    llvm::StringRef(libdevice).split(words, ' ');
    for (llvm::StringRef word : words)
      texts.push_back("extra.libdevice." + word.str());
    methods.resize(texts.size(), false);
    for (size_t i = 0; i < texts.size(); ++i)
      rows.push_back(
          {texts[i].c_str(), "(*args, **kwargs)", "Not supported yet.", methods[i], lowerUnsupported});
  }
};

} // namespace

std::span<const BuiltinDef> unsupportedBuiltins() {
  static const Names names;
  return names.rows;
}

std::span<const BuiltinDef> typeBuiltins() {
  static const std::vector<BuiltinDef> all = [] {
    std::vector<BuiltinDef> rows(std::begin(table), std::end(table));
    std::span<const BuiltinDef> more = unsupportedBuiltins();
    rows.insert(rows.end(), more.begin(), more.end());
    return rows;
  }();
  return all;
}

} // namespace tegula::lang
