//===- Tile.cpp - dialect registration, verifiers ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

#include "ir/ops/TileDialect.cpp.inc"
#include "ir/ops/TileEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "ir/ops/TileTypes.cpp.inc"

#define GET_OP_CLASSES
#include "ir/ops/TileOps.cpp.inc"

namespace tegula::tile {

void TileDialect::initialize() {
  registerTypes();
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "ir/ops/TileOps.cpp.inc"
      >();
}

void TileDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "ir/ops/TileTypes.cpp.inc"
      >();
}

int64_t SharedType::slotBytes() const {
  return llvm::alignTo(getLayout().getLayout().elements() * memoryBits(getElementType()) / 8, 16);
}

unsigned memoryBits(Type element) {
  return element.isIntOrFloat() ? std::max(8u, element.getIntOrFloatBitWidth()) : 64;
}

bool hasLayout(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa_and_nonnull<LayoutAttr>(tensor.getEncoding());
}

const layout::Layout &layoutOf(Type type) {
  return cast<LayoutAttr>(cast<RankedTensorType>(type).getEncoding()).getLayout();
}

unsigned vectorOf(Operation *access) {
  auto width = access->getAttrOfType<IntegerAttr>(TileDialect::vectorAttr);
  return width ? unsigned(width.getInt()) : 1;
}

MaskKind maskKindOf(Operation *access) {
  auto kind = access->getAttrOfType<IntegerAttr>(TileDialect::maskAttr);
  return kind ? MaskKind(kind.getInt()) : MaskKind::Any;
}

RankedTensorType withLayout(Type type, const layout::Layout &layout) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType(),
                               LayoutAttr::get(type.getContext(), layout));
}

bool isCommutative(Region &combine) {
  Block &block = combine.front();
  if (!llvm::hasNItems(block, 2) || block.getNumArguments() != 2)
    return false;
  Operation &op = block.front();
  return op.hasTrait<OpTrait::IsCommutative>() && op.getNumOperands() == 2 && op.getNumResults() == 1 &&
         llvm::is_contained(op.getOperands(), block.getArgument(0)) &&
         llvm::is_contained(op.getOperands(), block.getArgument(1)) &&
         block.getTerminator()->getOperand(0) == op.getResult(0);
}

Operation *TileDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

Type withElement(Type type, Type element) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? RankedTensorType::get(tensor.getShape(), element, tensor.getEncoding()) : element;
}

void loadDialects(MLIRContext &context) {
  context
      .loadDialect<TileDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect, scf::SCFDialect>();
}

Operation *kernelOf(ModuleOp module) {
  for (auto fn : module.getOps<func::FuncOp>())
    if (fn->hasAttr(TileDialect::kernelAttr))
      return fn;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

static LogicalResult verifyAxis(Operation *op, int32_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank)
    return success();
  return op->emitOpError() << "axis " << axis << " is outside a rank of " << rank;
}

static LogicalResult verifySameElement(Operation *op, Type a, Type b) {
  if (elementType(a) == elementType(b))
    return success();
  return op->emitOpError() << "element types differ: " << a << " and " << b;
}

static LogicalResult verifySameShape(Operation *op, Type a, Type b) {
  if (shapeOf(a) == shapeOf(b) && isTile(a) == isTile(b))
    return success();
  return op->emitOpError() << "shapes differ: " << a << " and " << b;
}

/// Equal shapes and elements: what a shape operation says of its result before layouts are chosen.
static bool sameButLayout(Type a, Type b) {
  return shapeOf(a) == shapeOf(b) && isTile(a) == isTile(b) && elementType(a) == elementType(b);
}

LogicalResult ProgramIdOp::verify() { return verifyAxis(*this, getAxis(), 3); }
LogicalResult NumProgramsOp::verify() { return verifyAxis(*this, getAxis(), 3); }

LogicalResult MakeRangeOp::verify() {
  int64_t extent = int64_t(int32_t(getEnd())) - int32_t(getStart());
  ArrayRef<int64_t> shape = getResult().getType().getShape();
  if (shape.size() != 1 || extent <= 0 || shape[0] != extent)
    return emitOpError() << "a range of " << extent << " elements cannot have type " << getResult().getType();
  return success();
}

LogicalResult SplatOp::verify() {
  return verifySameElement(*this, getSrc().getType(), getResult().getType());
}

LogicalResult BroadcastOp::verify() {
  auto src = getSrc().getType(), dst = getResult().getType();
  if (src.getRank() != dst.getRank())
    return emitOpError() << "ranks differ: " << src << " and " << dst;
  for (auto [from, to] : llvm::zip(src.getShape(), dst.getShape()))
    if (from != to && from != 1)
      return emitOpError() << "an extent of " << from << " cannot become " << to;
  return verifySameElement(*this, src, dst);
}

LogicalResult ExpandDimsOp::verify() {
  auto src = getSrc().getType(), dst = getResult().getType();
  if (failed(verifyAxis(*this, getAxis(), src.getRank() + 1)) || failed(verifySameElement(*this, src, dst)))
    return failure();
  SmallVector<int64_t> want(src.getShape());
  want.insert(want.begin() + getAxis(), 1);
  if (dst.getShape() != ArrayRef<int64_t>(want))
    return emitOpError() << "result type " << dst << " is not the source with an extent of 1 at "
                         << getAxis();
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto src = getSrc().getType(), dst = getResult().getType();
  if (src.getNumElements() != dst.getNumElements())
    return emitOpError() << src.getNumElements() << " elements cannot be shaped as " << dst;
  return verifySameElement(*this, src, dst);
}

LogicalResult TransOp::verify() {
  auto src = getSrc().getType(), dst = getResult().getType();
  SmallVector<int32_t> sorted(getOrder()), identity(src.getRank());
  llvm::sort(sorted);
  std::iota(identity.begin(), identity.end(), 0);
  if (sorted != identity || dst.getRank() != src.getRank())
    return emitOpError() << "order is not a permutation of " << src.getRank() << " dimensions";
  for (auto [i, from] : llvm::enumerate(getOrder()))
    if (dst.getShape()[i] != src.getShape()[from])
      return emitOpError() << "result type " << dst << " does not follow from " << src;
  return verifySameElement(*this, src, dst);
}

LogicalResult JoinOp::verify() {
  SmallVector<int64_t> want(getLhs().getType().getShape());
  want.push_back(2);
  if (getResult().getType().getShape() != ArrayRef<int64_t>(want))
    return emitOpError() << "result must have a last extent of 2, got " << getResult().getType();
  return verifySameElement(*this, getLhs().getType(), getResult().getType());
}

RankedTensorType SplitOp::halfType(RankedTensorType src) {
  return RankedTensorType::get(src.getShape().drop_back(), src.getElementType());
}

void SplitOp::build(OpBuilder &builder, OperationState &state, Value src) {
  Type half = halfType(cast<RankedTensorType>(src.getType()));
  build(builder, state, TypeRange{half, half}, src);
}

LogicalResult SplitOp::verify() {
  auto src = getSrc().getType();
  if (src.getRank() < 1 || src.getShape().back() != 2)
    return emitOpError() << "the last extent must be 2, got " << src;
  if (!sameButLayout(getFirst().getType(), halfType(src)))
    return emitOpError() << "results must have type " << halfType(src);
  return success();
}

LogicalResult GatherOp::verify() {
  auto src = getSrc().getType(), index = getIndices().getType();
  if (src.getRank() != index.getRank())
    return emitOpError() << "ranks differ: " << src << " and " << index;
  if (failed(verifyAxis(*this, getAxis(), src.getRank())))
    return failure();
  for (auto [d, extent] : llvm::enumerate(src.getShape()))
    if (d != getAxis() && extent != index.getShape()[d])
      return emitOpError() << "extents differ at dimension " << d << ": " << src << " and " << index;
  return verifySameElement(*this, src, getResult().getType());
}

LogicalResult SortOp::verify() {
  auto type = getResult().getType();
  if (type.getRank() == 0 || isa<PtrType>(type.getElementType()))
    return emitOpError() << "sorts lines of numbers, got " << type;
  return success();
}

LogicalResult HistogramOp::verify() {
  auto src = getSrc().getType();
  if (src.getRank() != 1 || getResult().getType().getRank() != 1)
    return emitOpError() << "counts a rank of 1 into a rank of 1, got " << src;
  return getMask() ? verifySameShape(*this, src, getMask().getType()) : success();
}

LogicalResult CatOp::verify() {
  auto src = getLhs().getType(), dst = getResult().getType();
  if (src.getRank() < 1 || src.getRank() != dst.getRank() || dst.getShape()[0] != 2 * src.getShape()[0] ||
      dst.getShape().drop_front() != src.getShape().drop_front())
    return emitOpError() << "result type " << dst << " is not two of " << src << " along dimension 0";
  return verifySameElement(*this, src, dst);
}

LogicalResult AddPtrOp::verify() {
  if (getResult().getType() != getPtr().getType())
    return emitOpError() << "result type must be the pointer's";
  return verifySameShape(*this, getPtr().getType(), getOffset().getType());
}

/// What loads, stores and atomics share: the value has the pointee's type and the pointer's shape, so has the mask.
static LogicalResult verifyAccess(Operation *op, Type ptr, Type value, Value mask) {
  Type pointee = cast<PtrType>(elementType(ptr)).getPointee();
  if (elementType(value) != pointee)
    return op->emitOpError() << "value " << value << " does not fit a pointer to " << pointee;
  if (failed(verifySameShape(op, ptr, value)))
    return failure();
  return mask ? verifySameShape(op, ptr, mask.getType()) : success();
}

LogicalResult LoadOp::verify() {
  if (getOther() && (!getMask() || getOther().getType() != getResult().getType()))
    return emitOpError() << "`other` needs a mask and the result's type";
  return verifyAccess(*this, getPtr().getType(), getResult().getType(), getMask());
}
LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getPtr().getType(), getValue().getType(), getMask());
}
LogicalResult AtomicRmwOp::verify() {
  if (getResult().getType() != getValue().getType())
    return emitOpError() << "the result must have the value's type";
  return verifyAccess(*this, getPtr().getType(), getValue().getType(), getMask());
}
LogicalResult AtomicCasOp::verify() {
  if (getResult().getType() != getValue().getType() || getCompare().getType() != getValue().getType())
    return emitOpError() << "compare, value and result must have one type";
  return verifyAccess(*this, getPtr().getType(), getValue().getType(), {});
}

LogicalResult DotOp::verify() {
  auto a = getA().getType(), b = getB().getType(), c = getC().getType();
  int64_t rank = a.getRank();
  if ((rank != 2 && rank != 3) || b.getRank() != rank || c.getRank() != rank || getResult().getType() != c)
    return emitOpError()
           << "operands must have rank 2, or 3 with a batch, and the result the accumulator's type";
  auto at = [&](RankedTensorType t, int fromEnd) { return t.getShape()[rank - fromEnd]; };
  bool sameBatch = rank == 2 || (at(a, 3) == at(b, 3) && at(a, 3) == at(c, 3));
  if (!sameBatch || at(a, 1) != at(b, 2) || at(a, 2) != at(c, 2) || at(b, 1) != at(c, 1))
    return emitOpError() << "shapes do not fit: " << a << " x " << b << " + " << c;
  return success();
}

/// Shared by reduce and scan: operand shapes, region arguments, results.
static LogicalResult verifyAlongAxis(Operation *op, ValueRange srcs, int32_t axis, Region &combine,
                                     function_ref<Type(RankedTensorType)> resultType) {
  if (srcs.empty())
    return op->emitOpError() << "needs an operand";
  if (failed(verifyAxis(op, axis, cast<RankedTensorType>(srcs[0].getType()).getRank())))
    return failure();
  Block &block = combine.front();
  auto ret = dyn_cast<CombineReturnOp>(block.getTerminator());
  if (!ret || block.getNumArguments() != 2 * srcs.size() || ret.getValues().size() != srcs.size())
    return op->emitOpError() << "the combine region must take 2 x " << srcs.size() << " scalars and return "
                             << srcs.size();
  for (auto [i, src] : llvm::enumerate(srcs)) {
    auto type = cast<RankedTensorType>(src.getType());
    if (failed(verifySameShape(op, type, srcs[0].getType())))
      return failure();
    Type element = type.getElementType();
    if (block.getArgument(i).getType() != element ||
        block.getArgument(i + srcs.size()).getType() != element || ret.getValues()[i].getType() != element ||
        !sameButLayout(op->getResult(i).getType(), resultType(type)))
      return op->emitOpError() << "types of operand " << i << ", combine region and result do not agree";
  }
  return success();
}

static Type reducedType(RankedTensorType type, int32_t axis) {
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + axis);
  return shape.empty() ? type.getElementType() : Type(RankedTensorType::get(shape, type.getElementType()));
}

void ReduceOp::build(OpBuilder &builder, OperationState &state, ValueRange srcs, int32_t axis) {
  state.addOperands(srcs);
  state.getOrAddProperties<Properties>().axis = builder.getI32IntegerAttr(axis);
  for (Value src : srcs)
    state.addTypes(reducedType(cast<RankedTensorType>(src.getType()), axis));
  state.addRegion();
}

LogicalResult ReduceOp::verify() {
  return verifyAlongAxis(*this, getSrcs(), getAxis(), getCombine(),
                         [&](RankedTensorType type) { return reducedType(type, getAxis()); });
}

void ScanOp::build(OpBuilder &builder, OperationState &state, ValueRange srcs, int32_t axis, bool reverse) {
  state.addOperands(srcs);
  state.getOrAddProperties<Properties>().axis = builder.getI32IntegerAttr(axis);
  if (reverse)
    state.getOrAddProperties<Properties>().reverse = builder.getUnitAttr();
  for (Value src : srcs)
    state.addTypes(src.getType());
  state.addRegion();
}

LogicalResult ScanOp::verify() {
  return verifyAlongAxis(*this, getSrcs(), getAxis(), getCombine(),
                         [](RankedTensorType type) -> Type { return type; });
}

LogicalResult ReduceRegistersOp::verify() { return success(); }
LogicalResult ReduceLanesOp::verify() { return success(); }
LogicalResult ScanRunsOp::verify() { return success(); }
LogicalResult ScanJoinOp::verify() { return success(); }

//===----------------------------------------------------------------------===//
// Builders and effects of memory operations
//===----------------------------------------------------------------------===//

void LoadOp::build(OpBuilder &builder, OperationState &state, Value ptr, Value mask, Value other) {
  Type result = withElement(ptr.getType(), cast<PtrType>(elementType(ptr.getType())).getPointee());
  build(builder, state, result, Type(), ptr, mask, other, ValueRange(), UnitAttr(), StringAttr(),
        StringAttr());
}

void StoreOp::build(OpBuilder &builder, OperationState &state, Value ptr, Value value, Value mask) {
  build(builder, state, Type(), ptr, value, mask, ValueRange(), StringAttr(), StringAttr());
}

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

void LoadOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), GlobalMemory::get());
  if (getIsVolatile())
    effects.emplace_back(MemoryEffects::Write::get(), GlobalMemory::get());
}
void StoreOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), GlobalMemory::get());
}
void AtomicRmwOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), GlobalMemory::get());
  effects.emplace_back(MemoryEffects::Write::get(), GlobalMemory::get());
}
void MmaOp::getEffects(Effects &effects) {
  if (!isTile(getA().getType()) || !isTile(getB().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), SharedMemory::get());
}
void AtomicCasOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), GlobalMemory::get());
  effects.emplace_back(MemoryEffects::Write::get(), GlobalMemory::get());
}

} // namespace tegula::tile
