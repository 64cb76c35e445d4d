//===- Descriptors.cpp - block pointers and tensor descriptors ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Both are a window on a strided tensor. They exist while lowering only: an access becomes pointers and a mask.
//
//     p = tl.make_block_ptr(x, (M, N), (N, 1), (m, n), (16, 32), (1, 0))
//     tl.load(p, boundary_check=(0,), padding_option="zero")
//
//     =  rows, columns = m + arange(16), n + arange(32)
//        load(x + (m * N + n) + arange(16)[:, None] * N + arange(32)[None, :],
//             mask=((rows >= 0) & (rows < M))[:, None], other=0)
//
// An extent and an offset are i32, or i64 if they are given so; addresses are computed in i64.
//
//===----------------------------------------------------------------------===//

#include "lang/lower/builtins/Common.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace tegula::lang {
namespace {

constexpr DType i32 = {ScalarKind::I32}, i64 = {ScalarKind::I64};

/// The fields of both, read back.
struct Window {
  Tensor base;
  Values shape, strides, offsets; ///< offsets: of a block pointer only
  Shape block;
  std::string padding; ///< of a descriptor only

  explicit Window(const Value &object) {
    const Values &items = object.items();
    base = items[0].tensor();
    shape = items[1].items();
    strides = items[2].items();
    for (const Value &extent : items[3].items())
      block.push_back(static_cast<int64_t>(*extent.get<Constant::Int>()));
    if (object.isObject(blockPointerKind))
      offsets = items[4].items();
    else
      padding = *items[4].asString();
  }
  size_t rank() const { return block.size(); }
};

Value shapeTuple(llvm::ArrayRef<int64_t> shape) {
  Values items;
  for (int64_t extent : shape)
    items.push_back(Value::integer(extent));
  return Value::tuple(std::move(items));
}

/// An integer scalar as i32, or i64 if it is wider.
Tensor scalarIndex(Lowering &l, BoundArgs &args, std::string_view name, const Value &value) {
  Span span = args.span(name);
  bool isNumber = value.get<Constant::Int>() || value.get<bool>();
  if (!isNumber && !(value.isTensor() && value.tensor().isScalar() && isInteger(value.tensor().type)))
    l.fail(Diag::block_argument, span,
           {std::string(name), publicName(*args.builtin), "integers that are scalars", describe(value)});
  Tensor index = l.toTensor(value, span);
  bool isWide = bitWidth(index.type) == 64 || index.type.scalar == ScalarKind::U32;
  return l.cast(index, isWide ? i64 : i32, span);
}

/// The items of an argument that has one value a dimension; a single value stands for a tuple of one.
Values itemsOf(Lowering &l, BoundArgs &args, std::string_view name, const Value &value, size_t rank) {
  Values items = value.isTuple() ? value.items() : Values{value};
  if (items.size() != rank)
    l.fail(
        Diag::block_rank, args.span(name),
        {publicName(*args.builtin), std::to_string(rank), std::string(name), std::to_string(items.size())});
  return items;
}

Values indices(Lowering &l, BoundArgs &args, std::string_view name, const Value &value, size_t rank) {
  Values out;
  for (const Value &item : itemsOf(l, args, name, value, rank))
    out.emplace_back(scalarIndex(l, args, name, item));
  return out;
}

Tensor basePointer(Lowering &l, BoundArgs &args) {
  Tensor base = pointerArg(l, args, "base");
  if (!base.isScalar())
    l.fail(Diag::scalar_pointer, args.span("base"), {publicName(*args.builtin), "base", describe(base)});
  return base;
}

//===----------------------------------------------------------------------===//
// Windows to pointers and masks
//===----------------------------------------------------------------------===//

struct Region {
  Tensor pointers;
  std::optional<Tensor> mask;
};

/// `line` (rank 1) along dimension `dim` of a tile of `shape`.
Tensor along(Lowering &l, Tensor line, size_t dim, llvm::ArrayRef<int64_t> shape, Span span) {
  Shape thin(shape.size(), 1);
  thin[dim] = shape[dim];
  return l.broadcastTo(reshapeTo(l, line, thin, span), shape, span);
}

/// Whether 0 <= line < extent, along `dim`, joined to `mask`.
void check(Lowering &l, std::optional<Tensor> &mask, Tensor line, const Value &extent, size_t dim,
           llvm::ArrayRef<int64_t> shape, Span span) {
  DType type = bitWidth(line.type) < bitWidth(extent.tensor().type) ? extent.tensor().type : line.type;
  line = l.cast(line, type, span);
  Tensor zero = l.splat(l.intConstant(0, type, span), line.shape(), span);
  Tensor limit = l.splat(l.cast(extent, type, span), line.shape(), span);
  Tensor inside = l.arith(ArithOp::And, l.compareTensors(CompareOp::Ge, line, zero, span),
                          l.compareTensors(CompareOp::Lt, line, limit, span), span);
  inside = along(l, inside, dim, shape, span);
  mask = mask ? l.arith(ArithOp::And, *mask, inside, span) : inside;
}

Tensor range(Lowering &l, int64_t extent, Span span) {
  auto type = cast<RankedTensorType>(l.type(i32, {extent}));
  return {tile::MakeRangeOp::create(l.b(), l.loc(span), type, 0, int32_t(extent)), i32};
}

Tensor product(Lowering &l, const Tensor &index, const Value &stride, Span span) {
  Tensor step = l.cast(stride, i64, span);
  return l.arith(ArithOp::Mul, l.cast(index, i64, span), l.splat(step, index.shape(), span), span);
}

/// The elements of the block at `offsets`; the dimensions in `checked` are held to the tensor's extents. An offset
/// of rank 1 gives the index of each row itself (gather and scatter).
Region regionAt(Lowering &l, const Window &w, const Values &offsets, llvm::ArrayRef<bool> checked,
                llvm::ArrayRef<int64_t> shape, Span span) {
  Region region;
  Tensor start = w.base;
  std::vector<Tensor> lines;
  for (size_t d = 0; d < shape.size(); ++d) {
    Tensor offset = offsets[d].tensor();
    if (!offset.isScalar()) {
      lines.push_back(offset);
      continue;
    }
    start = l.addPointer(start, product(l, offset, w.strides[d], span), span);
    lines.push_back(range(l, shape[d], span));
  }
  region.pointers = l.splat(start, shape, span);
  for (size_t d = 0; d < shape.size(); ++d) {
    Tensor step = along(l, product(l, lines[d], w.strides[d], span), d, shape, span);
    region.pointers = l.addPointer(region.pointers, step, span);
    if (!checked[d])
      continue;
    Tensor offset = offsets[d].tensor(), line = lines[d];
    if (offset.isScalar())
      line =
          l.arith(ArithOp::Add, l.splat(offset, line.shape(), span), l.cast(line, offset.type, span), span);
    check(l, region.mask, line, w.shape[d], d, shape, span);
  }
  return region;
}

Tensor loadRegion(Lowering &l, const Region &region, std::string_view padding, const AccessHints &hints,
                  Span span) {
  std::optional<Tensor> other;
  if (region.mask) {
    DType type = memoryType(region.pointers);
    Value pad = padding == "nan" ? Value::floating(std::nan("")) : Value::integer(0);
    other = l.splat(l.cast(pad, type, span), region.pointers.shape(), span);
  }
  return loadTile(l, region.pointers, region.mask, other, hints, span);
}

std::string paddingArg(Lowering &l, BoundArgs &args, DType element) {
  std::string padding = optionArg(l, args, "padding_option", {"zero", "nan"});
  if (padding == "nan" && !isFloating(element))
    l.fail(Diag::block_padding, args.span("padding_option"), {describe(element, {})});
  return padding;
}

//===----------------------------------------------------------------------===//
// Block pointers
//===----------------------------------------------------------------------===//

Value blockPointer(Value base, Values shape, Values strides, Value block, Values offsets) {
  return Value::object(std::string(blockPointerKind),
                       {std::move(base), Value::tuple(std::move(shape)), Value::tuple(std::move(strides)),
                        std::move(block), Value::tuple(std::move(offsets))},
                       {"base", "shape", "strides", "block_shape", "offsets"});
}

Value lowerMakeBlockPtr(Lowering &l, BoundArgs &args, Span) {
  Tensor base = basePointer(l, args);
  Shape block = l.constexprShape(args["block_shape"], "block_shape", args.span("block_shape"));
  size_t rank = block.size();
  Values shape = indices(l, args, "shape", args["shape"], rank);
  Values strides = indices(l, args, "strides", args["strides"], rank);
  Values offsets = indices(l, args, "offsets", args["offsets"], rank);
  Shape order = l.constexprInts(args["order"], "order", args.span("order")), sorted = order, all(rank);
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all)
    l.fail(Diag::block_argument, args.span("order"),
           {"order", publicName(*args.builtin),
            "each dimension from 0 to " + std::to_string(rank - 1) + " once", shapeText(order)});
  return blockPointer(base, shape, strides, shapeTuple(block), offsets);
}

Value lowerAdvance(Lowering &l, BoundArgs &args, Span span) {
  const Value &object = args["base"];
  if (!object.isObject(blockPointerKind))
    l.fail(Diag::block_argument, args.span("base"),
           {"base", publicName(*args.builtin), "a block pointer", describe(object)});
  Window w(object);
  Values steps = indices(l, args, "offsets", args["offsets"], w.rank()), moved;
  for (size_t d = 0; d < w.rank(); ++d) {
    Tensor offset = w.offsets[d].tensor();
    moved.emplace_back(l.arith(ArithOp::Add, offset, l.cast(steps[d], offset.type, span), span));
  }
  return blockPointer(w.base, w.shape, w.strides, object.items()[3], std::move(moved));
}

llvm::SmallVector<bool> boundaryCheck(Lowering &l, BoundArgs &args, size_t rank) {
  llvm::SmallVector<bool> checked(rank, false);
  const Value &value = args["boundary_check"];
  if (value.isNone() || (value.asString() && value.asString()->empty()))
    return checked;
  for (const Value &dim : value.isTuple() ? value.items() : Values{value})
    checked[l.constexprAxis(dim, int(rank), args.span("boundary_check"))] = true;
  return checked;
}

/// What a block pointer says itself must not be given again.
void refuseMask(Lowering &l, BoundArgs &args, std::initializer_list<const char *> names) {
  for (const char *name : names)
    if (!args[name].isNone())
      l.fail(Diag::block_pointer_mask, args.span(name), {publicName(*args.builtin), name});
}

//===----------------------------------------------------------------------===//
// Tensor descriptors
//===----------------------------------------------------------------------===//

Value lowerMakeTensorDescriptor(Lowering &l, BoundArgs &args, Span) {
  Tensor base = basePointer(l, args);
  Shape block = l.constexprShape(args["block_shape"], "block_shape", args.span("block_shape"));
  size_t rank = block.size();
  Values shape = indices(l, args, "shape", args["shape"], rank);
  Values given = itemsOf(l, args, "strides", args["strides"], rank);
  if (const Constant::Int *last = given.back().get<Constant::Int>(); last && *last != 1)
    l.fail(Diag::block_last_stride, args.span("strides"), {repr(given.back())});
  Values strides = indices(l, args, "strides", args["strides"], rank);
  std::string padding = paddingArg(l, args, pointee(base.type));
  return Value::object(std::string(descriptorKind),
                       {base, Value::tuple(shape), Value::tuple(strides), shapeTuple(block),
                        Value::string(padding.empty() ? "zero" : padding)},
                       {"base", "shape", "strides", "block_shape", "padding"});
}

const Value &descriptorArg(Lowering &l, BoundArgs &args, std::string_view name) {
  const Value &object = args[name];
  if (!object.isObject(descriptorKind))
    l.fail(Diag::block_argument, args.span(name),
           {std::string(name), publicName(*args.builtin), "a tensor descriptor", describe(object)});
  return object;
}

Region descriptorRegion(Lowering &l, BoundArgs &args, const Window &w, Span span) {
  Values offsets = indices(l, args, "offsets", args["offsets"], w.rank());
  return regionAt(l, w, offsets, llvm::SmallVector<bool>(w.rank(), true), w.block, span);
}

/// The value of a store or an atomic in the descriptor's element type.
Tensor blockValue(Lowering &l, BoundArgs &args, const Tensor &pointers) {
  Tensor value = tensorArg(l, args, "value");
  if (value.shape() != pointers.shape())
    l.fail(Diag::block_value_shape, args.span("value"),
           {publicName(*args.builtin), shapeText(pointers.shape()), describe(value)});
  return castArg(l, args, "value", pointee(pointers.type));
}

void requireWritable(Lowering &l, BoundArgs &args, const Tensor &base, std::string_view name) {
  if (base.type.isConst)
    l.fail(Diag::const_pointer, args.span(name), {publicName(*args.builtin), describe(base)});
}

Value lowerDescriptorLoad(Lowering &l, BoundArgs &args, Span span) {
  Window w(descriptorArg(l, args, "desc"));
  return loadRegion(l, descriptorRegion(l, args, w, span), w.padding, {}, span);
}

Value lowerDescriptorStore(Lowering &l, BoundArgs &args, Span span) {
  Window w(descriptorArg(l, args, "desc"));
  requireWritable(l, args, w.base, "desc");
  Region region = descriptorRegion(l, args, w, span);
  storeTile(l, region.pointers, blockValue(l, args, region.pointers), region.mask, {}, span);
  return Value::none();
}

Value lowerDescriptorAtomic(Lowering &l, BoundArgs &args, Span span) {
  Window w(descriptorArg(l, args, "desc"));
  requireWritable(l, args, w.base, "desc");
  Region region = descriptorRegion(l, args, w, span);
  std::string_view name = args.builtin->name;
  name.remove_prefix(name.rfind('_') + 1);
  atomicTile(l, args, name, "desc", region.pointers, blockValue(l, args, region.pointers), region.mask, span);
  return Value::none();
}

/// Rows `x_offsets` of the tensor, from column `y_offset` on.
Region rowsRegion(Lowering &l, BoundArgs &args, const Window &w, Span span) {
  if (w.rank() != 2 || w.block[0] != 1)
    l.fail(Diag::block_one_row, args.span("desc"), {publicName(*args.builtin), shapeText(w.block)});
  Tensor rows = tileArg(l, args, "x_offsets");
  if (rows.rank() != 1 || !isInteger(rows.type) || isBool(rows.type))
    l.fail(Diag::block_argument, args.span("x_offsets"),
           {"x_offsets", publicName(*args.builtin), "a tile of integers of rank 1", describe(rows)});
  rows = l.cast(rows, bitWidth(rows.type) == 64 ? i64 : i32, span);
  Values offsets{rows, scalarIndex(l, args, "y_offset", args["y_offset"])};
  return regionAt(l, w, offsets, {true, true}, {rows.shape()[0], w.block[1]}, span);
}

Value lowerDescriptorGather(Lowering &l, BoundArgs &args, Span span) {
  Window w(descriptorArg(l, args, "desc"));
  return loadRegion(l, rowsRegion(l, args, w, span), w.padding, {}, span);
}

Value lowerDescriptorScatter(Lowering &l, BoundArgs &args, Span span) {
  Window w(descriptorArg(l, args, "desc"));
  requireWritable(l, args, w.base, "desc");
  Region region = rowsRegion(l, args, w, span);
  storeTile(l, region.pointers, blockValue(l, args, region.pointers), region.mask, {}, span);
  return Value::none();
}

#define TEGULA_DESC_ATOMIC(op, what)                                                                         \
  {"tensor_descriptor.atomic_" op, "(desc, offsets, value)", what, false, lowerDescriptorAtomic}
constexpr BuiltinDef table[] = {
    {"make_block_ptr", "(base, shape, strides, offsets, block_shape, order)",
     "A pointer to the block of `block_shape` at `offsets` in a tensor of `shape` and `strides`.", false,
     lowerMakeBlockPtr},
    {"advance", "(base, offsets)", "The block pointer moved by `offsets`; the given one stays as it is.",
     true, lowerAdvance},
    {"make_tensor_descriptor", "(base, shape, strides, block_shape, padding_option='zero')",
     "A descriptor of a tensor of `shape` and `strides`, read and written in blocks of `block_shape`.", false,
     lowerMakeTensorDescriptor},
    {"load_tensor_descriptor", "(desc, offsets)",
     "The block at `offsets`; elements outside of the tensor are zero (or NaN, if the descriptor says so).",
     false, lowerDescriptorLoad},
    {"store_tensor_descriptor", "(desc, offsets, value)",
     "Write the block at `offsets`; elements outside of the tensor are left out.", false,
     lowerDescriptorStore},
    {"tensor_descriptor.load", "(desc, offsets)", "The same as `load_tensor_descriptor`.", false,
     lowerDescriptorLoad},
    {"tensor_descriptor.store", "(desc, offsets, value)", "The same as `store_tensor_descriptor`.", false,
     lowerDescriptorStore},
    {"tensor_descriptor.gather", "(desc, x_offsets, y_offset)",
     "The rows `x_offsets`, from column `y_offset` on.", false, lowerDescriptorGather},
    {"tensor_descriptor.scatter", "(desc, value, x_offsets, y_offset)",
     "Write the rows `x_offsets`, from column `y_offset` on.", false, lowerDescriptorScatter},
    TEGULA_DESC_ATOMIC("add", "Add to the block in memory."),
    TEGULA_DESC_ATOMIC("min", "Write the smaller of memory and value."),
    TEGULA_DESC_ATOMIC("max", "Write the larger of memory and value."),
    TEGULA_DESC_ATOMIC("and", "Bitwise and with the block in memory."),
    TEGULA_DESC_ATOMIC("or", "Bitwise or with the block in memory."),
    TEGULA_DESC_ATOMIC("xor", "Bitwise exclusive or with the block in memory."),
};
#undef TEGULA_DESC_ATOMIC

} // namespace

Tensor loadBlock(Lowering &l, BoundArgs &args, const AccessHints &hints, Span span) {
  Window w(args["pointer"]);
  refuseMask(l, args, {"mask", "other"});
  std::string padding = paddingArg(l, args, pointee(w.base.type));
  Region region = regionAt(l, w, w.offsets, boundaryCheck(l, args, w.rank()), w.block, span);
  return loadRegion(l, region, padding, hints, span);
}

void storeBlock(Lowering &l, BoundArgs &args, const AccessHints &hints, Span span) {
  Window w(args["pointer"]);
  refuseMask(l, args, {"mask"});
  requireWritable(l, args, w.base, "pointer");
  Region region = regionAt(l, w, w.offsets, boundaryCheck(l, args, w.rank()), w.block, span);
  Tensor value = castArg(l, args, "value", pointee(w.base.type)), widest = region.pointers;
  if (value.rank() > region.pointers.rank())
    l.fail(Diag::block_value_shape, args.span("value"),
           {publicName(*args.builtin), shapeText(w.block), describe(value)});
  l.broadcast(widest, value, span);
  if (widest.shape() != region.pointers.shape())
    l.fail(Diag::block_value_shape, args.span("value"),
           {publicName(*args.builtin), shapeText(w.block), describe(value)});
  storeTile(l, region.pointers, value, region.mask, hints, span);
}

std::optional<Value> descriptorAttribute(const Value &object, const std::string &name) {
  bool isDescriptor = object.isObject(descriptorKind);
  DType pointer = object.items()[0].tensor().type;
  if (name == "dtype")
    return Value(isDescriptor ? pointee(pointer) : pointer);
  if (name == "type" && !isDescriptor)
    return Value(pointer);
  if (isDescriptor && (name == "block_type" || name == "type"))
    return Value(BlockType{pointee(pointer), Window(object).block});
  std::string method = isDescriptor ? "tensor_descriptor." + name : name == "advance" ? name : "";
  if (!method.empty() && findBuiltin(method))
    return Value(BoundMethod{object, method});
  return std::nullopt;
}

Value descriptorObject(Lowering &l, Values items) {
  for (Value &field : llvm::MutableArrayRef<Value>(items).slice(1, 2)) {
    Values numbers;
    for (const Value &number : field.items()) { // one that is 1 is known when compiling
      Tensor index = l.toTensor(number, {});
      numbers.emplace_back(l.cast(index, bitWidth(index.type) == 64 ? i64 : i32, {}));
    }
    field = Value::tuple(std::move(numbers));
  }
  return Value::object(std::string(descriptorKind), std::move(items),
                       {"base", "shape", "strides", "block_shape", "padding"});
}

std::span<const BuiltinDef> descriptorBuiltins() { return table; }

} // namespace tegula::lang
