//===- LineInfo.cpp - lines of the source on LLVM instructions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "codegen/llvm/LineInfo.h"

#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tegula::llvmc {

/// The place itself, of a place in an inlined function that in the function; none: unknown.
static mlir::FileLineColLoc innermost(mlir::Location place) {
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(place))
    return innermost(call.getCallee());
  return mlir::dyn_cast<mlir::FileLineColLoc>(place);
}

/// Where the outermost call of a chain stands: in the kernel's own text.
static mlir::FileLineColLoc outermost(mlir::Location place) {
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(place))
    return outermost(call.getCaller());
  return mlir::dyn_cast<mlir::FileLineColLoc>(place);
}

LineInfo::LineInfo(Module &module, Function &function, mlir::Location place)
    : builder(module), context(module.getContext()) {
  module.addModuleFlag(Module::Warning, "Debug Info Version", DEBUG_METADATA_VERSION);
  mlir::FileLineColLoc begin = outermost(place);
  DIFile *file = fileOf(begin ? begin.getFilename().getValue() : StringRef("kernel"));
  unit = builder.createCompileUnit(DISourceLanguageName(dwarf::DW_LANG_Python), file, "tegula",
                                   /*isOptimized=*/true, "", 0, "",
                                   DICompileUnit::DebugEmissionKind::DebugDirectivesOnly);
  kernel = subprogram(function.getName(), file, begin ? begin.getLine() : 0);
  function.setSubprogram(kernel);
}

DIFile *LineInfo::fileOf(StringRef path) {
  DIFile *&file = files[path];
  if (!file)
    file = builder.createFile(sys::path::filename(path), sys::path::parent_path(path));
  return file;
}

DISubprogram *LineInfo::subprogram(StringRef name, DIFile *file, unsigned line) {
  DISubroutineType *type = builder.createSubroutineType(builder.getOrCreateTypeArray({}));
  return builder.createFunction(file, name, name, file, line, type, line, DINode::FlagZero,
                                DISubprogram::SPFlagDefinition | DISubprogram::SPFlagOptimized);
}

DILocation *LineInfo::at(mlir::Location place) {
  auto [it, isNew] = known.try_emplace(place, nullptr);
  if (isNew) {
    DILocation *found = locate(place, nullptr);
    known[place] = found;
    return found;
  }
  return it->second;
}

DILocation *LineInfo::locate(mlir::Location place, DILocation *caller) {
  if (auto call = mlir::dyn_cast<mlir::CallSiteLoc>(place)) {
    DILocation *from = locate(call.getCaller(), caller);
    return from ? locate(call.getCallee(), from) : nullptr;
  }
  mlir::FileLineColLoc point = innermost(place);
  if (!point)
    return nullptr;
  DISubprogram *scope = kernel;
  if (caller) {
    DIFile *file = fileOf(point.getFilename().getValue());
    DISubprogram *&callee = inlined[file];
    if (!callee)
      callee = subprogram(sys::path::stem(point.getFilename().getValue()), file, 1);
    scope = callee;
  }
  return DILocation::get(context, point.getLine(), point.getColumn(), scope, caller);
}

} // namespace tegula::llvmc
