//===- PrintAxisInfo.cpp - a listing of what is known, for tests and for reading ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Before:   %p = tile.addptr %0, %1         After: the same, and on standard output
//           %x = tile.load %p mask %m
//                                           %p: tensor<64x64x!tile.ptr<f16>> along 0: 1, %2; along 1: 64, +2, %16
//                                           load %p: width 8 along 1; mask 0 + i1 < %K - 64 %k, uniform by 16 along 1
//
// A run is written as its length, the stride after + (= for equal elements), and the divisor after %. `usually` begins
// what rests on obligations. `--print-axis-info=times=N` says on standard error how long one analysis takes.
//
// Test: tests/passes/axis-info.mlir
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"
#include "passes/AxisInfo.h"
#include "passes/Passes.h"
#include "passes/axis/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace tegula::tile;

namespace tegula::passes {
namespace {

class Printer {
public:
  Printer(const AxisInfo &info, func::FuncOp kernel, raw_ostream &os) : info(info), os(os), names(kernel) {}

  void value(Value value) {
    const Facts &facts = info.of(value);
    ArrayRef<int64_t> shape = shapeOf(value.getType());
    if (isa<TokenType>(value.getType()) || (!facts.width && shape.empty()))
      return;
    name(value);
    os << ": " << value.getType();
    // A range is worth a word if it says more than the type and the divisor.
    Facts typical = Facts::unknown(value.getType());
    typical.divisor = std::max<uint64_t>(1, facts.divisor);
    typical.tighten(value.getType());
    if (facts.isInteger() && (facts.min != typical.min || facts.max != typical.max))
      os << " [" << facts.min << ", " << facts.max << "]";
    if (facts.isPointer && facts.root && facts.min != lowest(64)) {
      os << " ";
      name(facts.root);
      os << " + [" << facts.min << ", " << facts.max << "]";
    }
    if (facts.divisor != 1 && shape.empty())
      os << " %" << facts.divisor;
    runs(facts.runs, shape);
    if (!facts.usually.empty()) {
      os << " usually";
      runs(facts.usually, shape);
    }
    os << "\n";
  }

  void access(StringRef what, Value pointers, Value mask) {
    os << "  " << what << " ";
    name(pointers);
    for (unsigned d = 0; d < shapeOf(pointers.getType()).size(); ++d)
      width(pointers, d);
    if (mask)
      maskFacts(mask);
    os << "\n";
  }

private:
  void name(Value value) { value.printAsOperand(os, names); }

  void runs(ArrayRef<Run> runs, ArrayRef<int64_t> shape) {
    const char *separator = "";
    for (auto [d, run] : llvm::enumerate(runs)) {
      os << separator << " along " << d << ": " << (run.length ? int64_t(run.length) : shape[d]);
      if (run.length != 1 && run.stride != 0)
        os << ", " << (run.stride < 0 ? "" : "+") << run.stride;
      else if (run.length != 1)
        os << ", =";
      if (run.divisor != 1)
        os << ", %" << run.divisor;
      separator = ";";
    }
  }

  void polynomial(const Polynomial &polynomial) {
    if (polynomial.constant || polynomial.products.empty())
      os << polynomial.constant;
    const char *separator = polynomial.constant ? " + " : "";
    for (const Product &p : polynomial.products) {
      os << separator;
      product(p);
      separator = " + ";
    }
  }
  void product(const Product &product) {
    if (product.factor != 1)
      os << product.factor << " ";
    llvm::interleave(product.scalars, os, [&](Value scalar) { name(scalar); }, " ");
  }
  void needs(const Needs &needs) {
    const char *separator = "";
    for (const Product &p : needs.products) {
      os << separator;
      product(p);
      os << " % " << needs.modulus << " == 0";
      separator = " and ";
    }
    for (const Obligation &obligation : needs.obligations) {
      os << separator;
      separator = " and ";
      name(obligation.value());
      os << (obligation.kind == Obligation::NotNegative ? " >= 0"
             : obligation.kind == Obligation::NotZero   ? " != 0"
                                                        : " does not wrap");
    }
  }

  void width(Value pointers, unsigned d) {
    unsigned proved = info.vectorWidth(pointers, d),
             most = unsigned(std::max<int64_t>(1, 16 / pointeeBytes(elementType(pointers.getType()))));
    if (proved > 1)
      os << "; width " << proved << " along " << d;
    for (Tier tier : {Tier::Proved, Tier::Usual}) {
      auto wider = proved < most ? info.vectorNeeds(pointers, d, most, tier) : std::nullopt;
      if (!wider)
        continue;
      os << "; width " << most << " along " << d << " if ";
      needs(*wider);
      return;
    }
  }

  void inequality(const Inequality &inequality) {
    polynomial(inequality.less);
    os << " < ";
    polynomial(inequality.greater);
  }

  void maskFacts(Value mask) {
    os << "; mask ";
    MaskFacts facts = info.maskFacts(mask);
    const char *separator = "";
    for (const MaskTerm &term : facts.terms) {
      os << separator;
      polynomial(term.base);
      for (auto [d, coefficient] : llvm::enumerate(term.coefficients))
        if (coefficient)
          os << " + " << (coefficient == 1 ? "" : std::to_string(coefficient) + " ") << "i" << d;
      os << " < ";
      polynomial(term.bound);
      separator = " and ";
    }
    for (Value scalar : facts.scalars) {
      os << separator;
      name(scalar);
      separator = " and ";
    }
    if (!facts.isComplete)
      os << separator << "more";
    if (info.alwaysTrue(mask)) {
      os << ", always true";
      return;
    }
    for (unsigned d = 0; d < shapeOf(mask.getType()).size(); ++d) {
      if (int64_t length = info.constancy(mask, d); length > 1)
        os << ", uniform by " << length << " along " << d;
      else if (auto wider = info.uniformNeeds(mask, d, 8)) {
        os << ", uniform by 8 along " << d << " if ";
        needs(*wider);
      }
    }
    if (auto condition = info.interiorCondition(mask)) {
      os << ", whole if ";
      llvm::interleave(condition->inequalities, os, [&](const Inequality &i) { inequality(i); }, " and ");
      for (Value scalar : condition->scalars) {
        os << (condition->inequalities.empty() ? "" : " and ");
        name(scalar);
      }
    }
    Operation *op = mask.getDefiningOp();
    scf::ForOp loop = op ? op->getParentOfType<scf::ForOp>() : scf::ForOp();
    if (auto split = loop ? info.split(mask, loop) : std::nullopt) {
      os << ", in ";
      name(loop.getInductionVar());
      os << " while ";
      const char *separator = "";
      for (const LoopSplit::Bound &bound : split->bounds) {
        os << separator << bound.coefficient << " i + ";
        polynomial(bound.rest);
        os << " < 0";
        separator = " and ";
      }
      for (const Inequality &i : split->invariant.inequalities) {
        os << separator;
        inequality(i);
        separator = " and ";
      }
    }
  }

  const AxisInfo &info;
  raw_ostream &os;
  AsmState names;
};

struct PrintAxisInfo : PassWrapper<PrintAxisInfo, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintAxisInfo)
  PrintAxisInfo() = default;
  PrintAxisInfo(const PrintAxisInfo &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "print-axis-info"; }
  StringRef getDescription() const override { return "print what is known of every index, mask and address"; }

  Option<int> times{*this, "times", llvm::cl::desc("analyse this often and say how long one takes"),
                    llvm::cl::init(0)};

  void runOnOperation() override {
    getOperation().walk([&](func::FuncOp kernel) {
      if (times > 0)
        measure(kernel);
      else
        AxisInfo(kernel).print(llvm::outs());
    });
    markAllAnalysesPreserved();
  }

  void measure(func::FuncOp kernel) {
    using Clock = std::chrono::steady_clock;
    double best = 1e9, withQueries = 1e9;
    std::string text;
    for (int i = 0; i < times; ++i) {
      auto start = Clock::now();
      AxisInfo info(kernel);
      best = std::min(best, std::chrono::duration<double, std::micro>(Clock::now() - start).count());
      ask(info, kernel);
      withQueries =
          std::min(withQueries, std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    llvm::errs() << kernel.getName() << ": "
                 << llvm::format("%.1f us, with questions %.1f us\n", best, withQueries);
  }

  /// What passes ask of each access.
  static void ask(const AxisInfo &info, func::FuncOp kernel) {
    kernel.walk([&](Operation *op) {
      if (!isa<LoadOp, StoreOp>(op))
        return;
      Value pointers = op->getOperand(0),
            mask = isa<LoadOp>(op) ? cast<LoadOp>(op).getMask() : cast<StoreOp>(op).getMask();
      for (unsigned d = 0; d < shapeOf(pointers.getType()).size(); ++d)
        if (info.vectorWidth(pointers, d) < 8)
          (void)info.vectorNeeds(pointers, d, 8);
      if (!mask || info.alwaysTrue(mask))
        return;
      (void)info.vectorUniform(mask, 0, 8);
      (void)info.interiorCondition(mask);
      if (auto loop = op->getParentOfType<scf::ForOp>())
        (void)info.split(mask, loop);
    });
  }
};

} // namespace

void AxisInfo::print(raw_ostream &os) const {
  func::FuncOp kernel = analysis->function();
  Printer printer(*this, kernel, os);
  os << kernel.getName() << "\n";
  for (BlockArgument argument : kernel.getArguments())
    printer.value(argument);
  kernel.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<ReduceOp, ScanOp>(op->getParentOp()))
      return;
    for (Value result : op->getResults())
      printer.value(result);
    if (auto load = dyn_cast<LoadOp>(op))
      printer.access("load", load.getPtr(), load.getMask());
    else if (auto store = dyn_cast<StoreOp>(op))
      printer.access("store", store.getPtr(), store.getMask());
    for (Region &region : op->getRegions())
      if (!isa<ReduceOp, ScanOp>(op))
        for (Block &block : region)
          for (BlockArgument argument : block.getArguments())
            printer.value(argument);
  });
}

std::unique_ptr<Pass> createPrintAxisInfoPass() { return std::make_unique<PrintAxisInfo>(); }

} // namespace tegula::passes
