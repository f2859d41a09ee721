//===- Util.cpp - Globals of IREE's util dialect --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Util.h"
#include "ir/Inlining.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace rlx::util;

#include "ir/UtilDialect.cpp.inc"

void UtilDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/Util.cpp.inc"
      >();
  addInterfaces<InlineAll>();
}

ParseResult GlobalOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  auto &properties = result.getOrAddProperties<Properties>();
  StringRef visibility;
  if (succeeded(parser.parseOptionalKeyword(&visibility,
                                            {"public", "private", "nested"})))
    properties.sym_visibility = builder.getStringAttr(visibility);
  if (succeeded(parser.parseOptionalKeyword("mutable")))
    properties.is_mutable = builder.getUnitAttr();
  StringAttr name;
  if (parser.parseSymbolName(name) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  properties.sym_name = name;
  Type type;
  if (succeeded(parser.parseOptionalColon()) && parser.parseType(type))
    return failure();
  if (succeeded(parser.parseOptionalEqual())) {
    Attribute value;
    auto at = parser.getCurrentLocation();
    if (parser.parseAttribute(value))
      return failure();
    properties.initial_value = value;
    if (auto typed = dyn_cast<TypedAttr>(value); typed && !type)
      type = typed.getType();
    if (!type || isa<NoneType>(type))
      return parser.emitError(at, "expected the type of the value");
  }
  if (!type)
    return parser.emitError(parser.getCurrentLocation(),
                            "expected ':' and a type, or '=' and a value");
  properties.type = TypeAttr::get(type);
  return success();
}

void GlobalOp::print(OpAsmPrinter &printer) {
  if (auto visibility = getSymVisibility())
    printer << ' ' << *visibility;
  if (getIsMutable())
    printer << " mutable";
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer.printOptionalAttrDict(
      (*this)->getAttrs(),
      {"sym_visibility", "sym_name", "type", "is_mutable", "initial_value"});
  auto typed = dyn_cast_or_null<TypedAttr>(getInitialValueAttr());
  if (!typed || typed.getType() != getType())
    printer << " : " << getType();
  if (Attribute value = getInitialValueAttr())
    printer << " = " << value;
}

#define GET_OP_CLASSES
#include "ir/Util.cpp.inc"
