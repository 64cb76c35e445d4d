//===- LowerKernel.cpp - one specialisation of a kernel to a module ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lang/lower/Impl.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

namespace tegula::lang {

namespace {
/// Makes the run-time arguments and the values that the body sees.
struct Arguments {
  Lowering &l;
  mlir::func::FuncOp function;
  unsigned next = 0;

  static void types(Lowering &l, const Argument &argument, std::vector<mlir::Type> &types) {
    if (argument.constant)
      return;
    for (const Argument &item : argument.tupleItems)
      Arguments::types(l, item, types);
    if (argument.tupleItems.empty() && argument.type.scalar != ScalarKind::Void)
      types.push_back(l.type(argument.type));
  }

  Value make(const Argument &argument, const std::string &name) {
    if (argument.constant)
      return Value(*argument.constant);
    if (!argument.tupleItems.empty() || argument.type.scalar == ScalarKind::Void) {
      Values items;
      std::vector<std::string> fields;
      bool named = !argument.tupleItems.empty();
      for (const Argument &item : argument.tupleItems) {
        std::string part = item.name.empty() ? std::to_string(items.size()) : item.name;
        named &= !item.name.empty() && !isdigit(static_cast<unsigned char>(item.name[0]));
        items.push_back(make(item, name + "." + part));
        fields.push_back(item.name);
      }
      if (argument.isDescriptor)
        return descriptorObject(l, std::move(items));
      return Value::tuple(std::move(items), named ? fields : std::vector<std::string>());
    }
    auto &b = l.b();
    function.setArgAttr(next, tile::TileDialect::nameAttr, b.getStringAttr(name));
    if (argument.divisibility > 1)
      function.setArgAttr(next, tile::TileDialect::divisibilityAttr,
                          b.getI32IntegerAttr(argument.divisibility));
    return Value(function.getArgument(next++), argument.type);
  }
};

void verifyModule(mlir::ModuleOp module) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return mlir::success();
  });
  if (failed(mlir::verify(module)))
    throw Error(Diag::internal_error,
                {"the lowered kernel does not verify: " + message, "the kernel's source"});
}
} // namespace

Lowered lowerKernel(mlir::MLIRContext &context, const JitFunction &function,
                    const std::vector<Argument> &arguments, const Options &options,
                    const std::function<void(const std::string &)> &print) {
  const Function &tree = function.ast();
  Lowering l(context, options, print);
  mlir::OpBuilder &b = l.b();
  mlir::Location location = l.loc(tree.span);
  Lowered result;
  result.module = mlir::ModuleOp::create(location);
  mlir::ModuleOp module = *result.module;
  module->setAttr("tile.fp_fusion", b.getBoolAttr(options.fpFusion));
  module->setAttr("tile.num_warps", b.getI32IntegerAttr(options.numWarps));
  module->setAttr("tile.num_stages", b.getI32IntegerAttr(options.numStages));

  // By name, in the order of the parameters, so that the caller need not sort them.
  std::vector<const Argument *> bound;
  for (const Param &param : tree.params) {
    const Argument *found = nullptr;
    for (const Argument &argument : arguments)
      if (argument.name == param.name)
        found = &argument;
    bound.push_back(found);
  }
  for (const Argument &argument : arguments) {
    bool known = false;
    for (const Param &param : tree.params)
      known |= param.name == argument.name;
    if (!known)
      throw Error(Diag::unknown_argument, tree.span, {tree.name, argument.name, "", tree.name});
  }
  std::vector<mlir::Type> types;
  for (const Argument *argument : bound)
    if (argument)
      Arguments::types(l, *argument, types);
  b.setInsertionPointToEnd(module.getBody());
  auto fn = mlir::func::FuncOp::create(b, location, tree.name, b.getFunctionType(types, {}));
  fn->setAttr(tile::TileDialect::kernelAttr, b.getUnitAttr());
  if (options.disjoint)
    fn->setAttr(tile::TileDialect::disjointAttr, b.getUnitAttr());
  b.setInsertionPointToEnd(fn.addEntryBlock());

  auto &impl = l.impl();
  auto frame = std::make_unique<Frame>();
  frame->function = &function;
  impl.frames.push_back(std::move(frame));
  Arguments maker{l, fn};
  for (size_t i = 0; i < tree.params.size(); ++i) {
    const Param &param = tree.params[i];
    bool hasDefault = param.defaultValue != nullptr;
    for (const auto &[name, value] : function.defaults)
      hasDefault |= name == param.name;
    if (!bound[i] && !hasDefault)
      l.fail(Diag::missing_argument, param.span, {tree.name, param.name, tree.name});
    Value value = bound[i] ? maker.make(*bound[i], param.name) : impl.defaultOf(function, param);
    impl.assign(param.name, std::move(value), param.span);
  }
  impl.walkBody(tree.span);
  mlir::func::ReturnOp::create(b, location);
  verifyModule(module);

  for (Dependency &dependency : impl.dependencies) {
    bool seen = false;
    for (const Dependency &earlier : result.dependencies)
      seen |= earlier.resolver == dependency.resolver && earlier.name == dependency.name;
    if (!seen)
      result.dependencies.push_back(std::move(dependency));
  }
  return result;
}

} // namespace tegula::lang
