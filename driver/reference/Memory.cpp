//===- Memory.cpp - loads, stores, atomics, the host channel ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/reference/Interpreter.h"
#include "ir/diag/Diagnostic.h"
#include "ir/ops/Tile.h"

#include "mlir/IR/Location.h"

#include <cstring>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::reference {

void Interpreter::runAddPtr(Operation *op) {
  auto add = cast<AddPtrOp>(op);
  const Block &ptr = get(add.getPtr()), &offset = get(add.getOffset());
  Block out(add.getResult().getType());
  Type pointee = cast<PtrType>(elementType(add.getPtr().getType())).getPointee();
  int64_t size = byteSize(kindOf(pointee));
  for (int64_t i = 0; i < out.size(); ++i) {
    out.cells[i].bits =
        ptr.cells[i].bits + uint64_t(signExtend(offset.cells[i].bits, offset.kind)) * uint64_t(size);
    out.cells[i].shadow.undecided = ptr.cells[i].shadow.undecided || offset.cells[i].shadow.undecided;
  }
  values[add.getResult()] = std::move(out);
}

Cell Interpreter::loadCell(uint64_t address, Kind kind) {
  uint64_t bits = 0;
  std::memcpy(&bits, reinterpret_cast<const void *>(address), size_t(byteSize(kind)));
  Cell cell = exactCell(kind == Kind::I1 ? bits & 1 : bits, kind);
  if (shadowMemory)
    if (auto known = shadowMemory->find(address); known != shadowMemory->end())
      cell.shadow = known->second;
  return cell;
}

void Interpreter::storeCell(uint64_t address, Kind kind, const Cell &cell) {
  std::memcpy(reinterpret_cast<void *>(address), &cell.bits, size_t(byteSize(kind)));
  if (shadowMemory)
    (*shadowMemory)[address] = isFloat(kind) ? cell.shadow : Shadow{0, 0, cell.shadow.undecided};
}

static bool isOn(const Block *mask, int64_t i) { return !mask || (mask->cells[i].bits & 1); }

void Interpreter::runLoad(Operation *op) {
  auto load = cast<LoadOp>(op);
  const Block &ptr = get(load.getPtr());
  const Block *mask = load.getMask() ? &get(load.getMask()) : nullptr;
  const Block *other = load.getOther() ? &get(load.getOther()) : nullptr;
  Block out(load.getResult().getType());
  for (int64_t i = 0; i < out.size(); ++i) {
    if (isOn(mask, i))
      out.cells[i] = loadCell(ptr.cells[i].bits, out.kind);
    else
      out.cells[i] = other ? other->cells[i] : exactCell(0, out.kind);
    out.cells[i].shadow.undecided |=
        ptr.cells[i].shadow.undecided || (mask && mask->cells[i].shadow.undecided);
  }
  values[load.getResult()] = std::move(out);
}

void Interpreter::runStore(Operation *op) {
  auto store = cast<StoreOp>(op);
  const Block &ptr = get(store.getPtr()), &value = get(store.getValue());
  const Block *mask = store.getMask() ? &get(store.getMask()) : nullptr;
  for (int64_t i = 0; i < value.size(); ++i)
    if (isOn(mask, i))
      storeCell(ptr.cells[i].bits, value.kind, value.cells[i]);
}

/// What an atomic writes, from the old value and the operand.
static Cell applied(RmwKind kind, const Cell &old, const Cell &value, Kind element) {
  int64_t a = signExtend(old.bits, element), b = signExtend(value.bits, element);
  auto integer = [&](uint64_t bits) { return Cell{truncate(bits, element), {}}; };
  auto number = [&](double computed, double exact) {
    Cell out{encode(computed, element), {}};
    out.shadow.value = exact;
    out.shadow.error = old.shadow.error + value.shadow.error + unitRoundoff(element) * std::abs(exact);
    out.shadow.undecided = old.shadow.undecided || value.shadow.undecided;
    settle(out, element);
    return out;
  };
  bool isF = isFloat(element);
  double x = isF ? decode(old.bits, element) : 0, y = isF ? decode(value.bits, element) : 0;
  switch (kind) {
  case RmwKind::And: return integer(old.bits & value.bits);
  case RmwKind::Or: return integer(old.bits | value.bits);
  case RmwKind::Xor: return integer(old.bits ^ value.bits);
  case RmwKind::Add: return integer(old.bits + value.bits);
  case RmwKind::FAdd: return number(x + y, old.shadow.value + value.shadow.value);
  case RmwKind::Max: return isF ? (y > x || x != x ? value : old) : (b > a ? value : old);
  case RmwKind::Min: return isF ? (y < x || x != x ? value : old) : (b < a ? value : old);
  case RmwKind::UMax: return value.bits > old.bits ? value : old;
  case RmwKind::UMin: return value.bits < old.bits ? value : old;
  case RmwKind::Xchg: return value;
  }
  return old;
}

void Interpreter::runAtomicRmw(Operation *op) {
  auto rmw = cast<AtomicRmwOp>(op);
  const Block &ptr = get(rmw.getPtr()), &value = get(rmw.getValue());
  const Block *mask = rmw.getMask() ? &get(rmw.getMask()) : nullptr;
  Block out(rmw.getResult().getType());
  for (int64_t i = 0; i < out.size(); ++i) {
    if (!isOn(mask, i))
      continue;
    Cell old = loadCell(ptr.cells[i].bits, out.kind);
    storeCell(ptr.cells[i].bits, out.kind, applied(rmw.getKind(), old, value.cells[i], out.kind));
    out.cells[i] = old;
  }
  values[rmw.getResult()] = std::move(out);
}

void Interpreter::runAtomicCas(Operation *op) {
  auto cas = cast<AtomicCasOp>(op);
  const Block &ptr = get(cas.getPtr()), &compare = get(cas.getCompare()), &value = get(cas.getValue());
  Block out(cas.getResult().getType());
  for (int64_t i = 0; i < out.size(); ++i) {
    Cell old = loadCell(ptr.cells[i].bits, out.kind);
    if (old.bits == compare.cells[i].bits)
      storeCell(ptr.cells[i].bits, out.kind, value.cells[i]);
    out.cells[i] = old;
  }
  values[cas.getResult()] = std::move(out);
}

//===----------------------------------------------------------------------===//
// The host channel
//===----------------------------------------------------------------------===//

static std::string spelled(const Cell &cell, Kind kind, bool isSigned, bool hex) {
  char text[64];
  if (kind == Kind::Pointer || hex)
    snprintf(text, sizeof text, "0x%0*llx", byteSize(kind) * 2, (unsigned long long)cell.bits);
  else if (isFloat(kind))
    snprintf(text, sizeof text, "%f", decode(cell.bits, kind));
  else if (isSigned && kind != Kind::I1)
    snprintf(text, sizeof text, "%lld", (long long)signExtend(cell.bits, kind));
  else
    snprintf(text, sizeof text, "%llu", (unsigned long long)cell.bits);
  return text;
}

/// "(2, 17)" for element `flat` of `shape`.
static std::string spelledIndex(ArrayRef<int64_t> shape, int64_t flat) {
  SmallVector<int64_t, 4> index(shape.size());
  for (int d = int(shape.size()) - 1; d >= 0; --d) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  std::string text = "(";
  for (size_t d = 0; d < index.size(); ++d)
    text += (d ? ", " : "") + std::to_string(index[d]);
  return text + ")";
}

void Interpreter::runPrint(Operation *op) {
  auto print = cast<PrintOp>(op);
  std::string start =
      "pid (" + std::to_string(id[0]) + ", " + std::to_string(id[1]) + ", " + std::to_string(id[2]) + ") ";
  auto emit = [&](const std::string &line) {
    if (hooks.print)
      hooks.print(line);
  };
  if (print.getArgs().empty())
    emit(start + print.getPrefix().str());
  for (auto [k, argument] : llvm::enumerate(print.getArgs())) {
    const Block &block = get(argument);
    std::string operand = print.getArgs().size() > 1 ? " (operand " + std::to_string(k) + ")" : "";
    bool isSigned = k < print.getIsSigned().size() && print.getIsSigned()[k];
    for (int64_t i = 0; i < block.size(); ++i)
      emit(start + "idx " + spelledIndex(block.shape, i) + print.getPrefix().str() + operand + " " +
           spelled(block.cells[i], block.kind, isSigned, print.getHex()));
  }
}

void Interpreter::runAssert(Operation *op) {
  auto check = cast<AssertOp>(op);
  const Block &condition = get(check.getCondition());
  for (int64_t i = 0; i < condition.size(); ++i) {
    if (condition.cells[i].bits & 1)
      continue;
    std::string file = "unknown file", line = "0";
    Location loc = op->getLoc();
    if (auto call = dyn_cast<CallSiteLoc>(loc))
      loc = call.getCallee();
    if (auto place = dyn_cast<FileLineColLoc>(loc)) {
      file = place.getFilename().str();
      line = std::to_string(place.getLine());
    }
    throw Error(Diag::device_assert_failed,
                {file, line, std::to_string(id[0]), std::to_string(id[1]), std::to_string(id[2]),
                 std::to_string(i), check.getMessage().str()});
  }
}

} // namespace tegula::reference
