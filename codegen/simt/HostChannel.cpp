//===- HostChannel.cpp - device_print and device_assert ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lines are those that the CPU prints (driver/cpu/Runtime.cpp); in which order they come is up to the GPU.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Elementwise.h"
#include "codegen/simt/Emitter.h"

#include <cmath>

using namespace mlir;

namespace tegula::simt {

/// Null: always.
void Emitter::emitIfTrue(llvm::Value *condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto *then = llvm::BasicBlock::Create(context, "then", function);
  auto *next = llvm::BasicBlock::Create(context, "next");
  b.CreateCondBr(condition, then, next);
  b.SetInsertPoint(then);
  body();
  b.CreateBr(next);
  function->insert(function->end(), next);
  b.SetInsertPoint(next);
}

/// How printf writes a value, and the value as it takes it.
std::pair<std::string, llvm::Value *> Emitter::printed(llvm::Value *value, Type element, bool isSigned,
                                                       bool isHex) {
  unsigned bits = tile::memoryBits(element);
  bool isWide = bits == 64;
  llvm::Type *type = isWide ? b.getInt64Ty() : b.getInt32Ty();
  if (isHex || isa<tile::PtrType>(element)) {
    std::string digits = isa<tile::PtrType>(element) ? "" : "0" + std::to_string(bits / 4);
    return {"0x%" + digits + (isWide ? "llx" : "x"), b.CreateZExt(asInteger(value), type)};
  }
  if (isa<FloatType>(element))
    return {"%f", cpu::emitConvertFloat(b, value, element, Float64Type::get(element.getContext()), false,
                                        target.elementTarget())};
  isSigned &= !element.isInteger(1);
  return {std::string("%") + (isWide ? "ll" : "") + (isSigned ? "d" : "u"),
          isSigned ? b.CreateSExt(value, type) : b.CreateZExt(value, type)};
}

void Emitter::emitPrint(tile::PrintOp op) {
  std::string prefix; // of a format: a per cent sign is written twice
  for (char c : op.getPrefix())
    prefix += c == '%' ? std::string("%%") : std::string(1, c);
  std::string head = "pid (%u, %u, %u)";
  SmallVector<llvm::Value *> ids;
  for (int axis : {0, 1, 2})
    ids.push_back(target.programId(b, axis));
  llvm::Value *first = b.CreateICmpEQ(thread, b.getInt32(0));
  if (op.getArgs().empty())
    return emitIfTrue(first, [&] {
      target.print(b, head + (op.getPrefix().starts_with(" ") ? "" : " ") + prefix + "\n", ids);
    });
  for (auto [i, arg] : llvm::enumerate(op.getArgs())) {
    Type element = tile::elementType(arg.getType());
    bool isSigned = i >= op.getIsSigned().size() || op.getIsSigned()[i];
    std::string tail = prefix;
    if (op.getArgs().size() > 1)
      tail += "(operand " + std::to_string(i) + ") ";
    if (!tile::isTile(arg.getType())) {
      emitIfTrue(first, [&] {
        auto [format, value] = printed(scalar(arg), element, isSigned, op.getHex());
        SmallVector<llvm::Value *> values(ids);
        values.push_back(value);
        target.print(b, head + " idx ()" + tail + format + "\n", values);
      });
      continue;
    }
    const layout::Layout &layout = layoutOf(arg);
    ArrayRef<int64_t> shape = tile::shapeOf(arg.getType());
    std::string place;
    for (auto [d, extent] : llvm::enumerate(shape)) {
      int width = int(std::ceil(std::log10(double(extent))));
      place += (d ? ", %" : "%") + (width > 1 ? std::to_string(width) : std::string()) + "u";
    }
    uint32_t copies = layout.freeBits()[layout::Input::Register];
    emitIfTrue(owner(layout), [&] {
      for (unsigned reg = 0; reg < layout.registers(); ++reg)
        if (!(reg & copies))
          emitIfTrue(insideTile(arg, reg), [&] {
            SmallVector<llvm::Value *> values(ids);
            for (unsigned d = 0; d < shape.size(); ++d)
              values.push_back(indexAlong(layout, d, reg));
            auto [format, value] = printed(this->element(arg, reg), element, isSigned, op.getHex());
            values.push_back(value);
            target.print(b, head + " idx (" + place + ")" + tail + format + "\n", values);
          });
    });
  }
}

void Emitter::emitAssert(tile::AssertOp op) {
  Value condition = op.getCondition();
  llvm::Value *fails = nullptr;
  auto add = [&](llvm::Value *holds) {
    llvm::Value *bad = b.CreateNot(holds);
    fails = fails ? b.CreateOr(fails, bad) : bad;
  };
  if (tile::isTile(condition.getType()))
    for (unsigned reg = 0; reg < registersOf(condition); ++reg)
      add(element(condition, reg));
  else
    add(scalar(condition));
  std::string file;
  int line = 0;
  op->getLoc()->walk([&](Location loc) {
    if (auto at = dyn_cast<FileLineColLoc>(loc)) {
      file = at.getFilename().str();
      line = int(at.getLine());
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  coldPath(fails, {}, [&] { target.assertFailed(b, op.getMessage(), file, line); });
}

} // namespace tegula::simt
