//===- TileAttrs.cpp - layouts as attributes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/ops/Tile.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#define GET_ATTRDEF_CLASSES
#include "ir/ops/TileAttrs.cpp.inc"

namespace tegula::tile {

namespace {
/// A layout has a name at the head of a printed module, and types refer to it.
struct LayoutNames : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &out) const override {
    if (!isa<LayoutAttr, SharedLayoutAttr>(attribute))
      return AliasResult::NoAlias;
    out << (isa<LayoutAttr>(attribute) ? "layout" : "shared");
    return AliasResult::FinalAlias;
  }
};
} // namespace

void TileDialect::registerAttributes() {
  addInterfaces<LayoutNames>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/ops/TileAttrs.cpp.inc"
      >();
}

/// `<"text">`.
template <class Attr, class Layout> static Attribute parseQuoted(AsmParser &parser, const char *what) {
  std::string text;
  SMLoc at;
  if (parser.parseLess() || (at = parser.getCurrentLocation(), parser.parseString(&text)) ||
      parser.parseGreater())
    return {};
  std::optional<Layout> layout = Layout::parse(text);
  if (!layout) {
    parser.emitError(at) << "\"" << text << "\" is no " << what;
    return {};
  }
  return Attr::get(parser.getContext(), *layout);
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  return parseQuoted<LayoutAttr, layout::Layout>(parser, "layout");
}
Attribute SharedLayoutAttr::parse(AsmParser &parser, Type) {
  return parseQuoted<SharedLayoutAttr, layout::SharedLayout>(parser, "layout of shared memory");
}
void LayoutAttr::print(AsmPrinter &printer) const { printer << "<\"" << getLayout().str() << "\">"; }
void SharedLayoutAttr::print(AsmPrinter &printer) const { printer << "<\"" << getLayout().str() << "\">"; }

LogicalResult LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  ArrayRef<layout::Dim> dims = getLayout().dims();
  if (dims.size() != shape.size())
    return emitError() << "a layout of rank " << dims.size() << " on a tile of rank " << shape.size();
  for (auto [dim, extent] : llvm::zip(dims, shape))
    if (dim.extent() < extent)
      return emitError() << "a layout of extent " << dim.extent() << " is too small for " << extent;
  if (!getLayout().covers())
    return emitError() << "the layout leaves elements out: " << getLayout().str();
  return success();
}

} // namespace tegula::tile
