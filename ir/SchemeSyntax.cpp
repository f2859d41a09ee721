//===- SchemeSyntax.cpp - The text of #rlx.scheme and #rlx.quant ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses and prints the description language. Whether a description makes sense
// is for SchemeVerifier.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/SchemeFile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {
/// What `key = ...` entries of a scheme have given so far.
struct SchemeParts {
  std::string name;
  StringAttr ggml;
  int64_t block = 0, bytes = 0, unused = 0;
  FieldAttr code, zero;
  SmallVector<FieldAttr> scale, offset;
  bool offsetNegative = false;
  SmallVector<StringRef> seen;
};
} // namespace

/// `at byte B` or `at (i) -> (byte, bit)`.
static ParseResult parsePosition(AsmParser &parser, AffineMap &map) {
  if (parser.parseKeyword("at"))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("byte"))) {
    int64_t byte;
    if (parser.parseInteger(byte))
      return failure();
    MLIRContext *context = parser.getContext();
    map = AffineMap::get(1, 0,
                         {getAffineConstantExpr(byte, context),
                          getAffineConstantExpr(0, context)},
                         context);
    return success();
  }
  return parser.parseAffineMap(map);
}

static ParseResult parseCodebook(AsmParser &parser,
                                 DenseF64ArrayAttr &codebook) {
  SMLoc loc = parser.getCurrentLocation();
  Attribute attribute;
  if (parser.parseAttribute(attribute))
    return failure();
  auto entries = dyn_cast<ArrayAttr>(attribute);
  if (!entries)
    return parser.emitError(loc, "expected a codebook, a list of numbers");
  SmallVector<double> values;
  for (Attribute entry : entries) {
    if (auto number = dyn_cast<FloatAttr>(entry))
      values.push_back(number.getValueAsDouble());
    else if (auto number = dyn_cast<IntegerAttr>(entry);
             number && number.getType().isSignlessInteger(64))
      values.push_back(double(number.getInt()));
    else
      return parser.emitError(loc,
                              "expected the codebook to hold numbers, but got ")
             << entry;
  }
  codebook = DenseF64ArrayAttr::get(parser.getContext(), values);
  return success();
}

/// planes, then `as TYPE` or `as [codebook]`, then `- bias`, then
/// `nan_as_zero`.
static ParseResult parseField(AsmParser &parser, FieldAttr &field) {
  MLIRContext *context = parser.getContext();
  SmallVector<PlaneAttr> planes;
  StringAttr operand;
  Type type;
  unsigned width = 0;
  do {
    if (!planes.empty() && parser.parsePlus())
      return failure();
    Type planeType;
    AffineMap position;
    SMLoc loc = parser.getCurrentLocation();
    OptionalParseResult given = parser.parseOptionalType(planeType);
    if (!given.has_value())
      return parser.emitError(
          loc, "expected a type of codes such as ui4, si8, f16 or f8E4M3FN");
    if (failed(*given))
      return failure();
    if (!planeType.isIntOrFloat())
      return parser.emitError(loc,
                              "expected an integer or float type, but got ")
             << planeType;
    std::string name;
    if (planes.empty() && succeeded(parser.parseOptionalKeyword("in"))) {
      if (parser.parseKeywordOrString(&name))
        return failure();
      operand = StringAttr::get(context, name);
    }
    if (parsePosition(parser, position))
      return failure();
    planes.push_back(PlaneAttr::get(context, planeType, position));
    width += planes.back().width();
    if (operand)
      break;
  } while (succeeded(parser.parseOptionalPlus()));

  type = planes.front().getType();
  if (planes.size() > 1)
    type = IntegerType::get(context, width, IntegerType::Unsigned);
  DenseF64ArrayAttr codebook;
  if (succeeded(parser.parseOptionalKeyword("as"))) {
    OptionalParseResult result = parser.parseOptionalType(type);
    if (result.has_value() ? failed(*result)
                           : failed(parseCodebook(parser, codebook)))
      return failure();
  }
  int64_t bias = 0;
  if (succeeded(parser.parseOptionalMinus()) && parser.parseInteger(bias))
    return failure();
  bool nanAsZero = succeeded(parser.parseOptionalKeyword("nan_as_zero"));
  field =
      FieldAttr::get(context, planes, operand, type, codebook, bias, nanAsZero);
  return success();
}

static ParseResult parseProduct(AsmParser &parser,
                                SmallVectorImpl<FieldAttr> &fields) {
  do {
    if (parseField(parser, fields.emplace_back()))
      return failure();
  } while (succeeded(parser.parseOptionalStar()));
  return success();
}

static ParseResult parseEntry(AsmParser &parser, SchemeParts &parts) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef key;
  if (parser.parseKeyword(&key) || parser.parseEqual())
    return failure();
  if (llvm::is_contained(parts.seen, key))
    return parser.emitError(loc, "'") << key << "' is given twice";
  parts.seen.push_back(key);
  if (key == "block")
    return parser.parseInteger(parts.block);
  if (key == "bytes")
    return parser.parseInteger(parts.bytes);
  if (key == "unused")
    return parser.parseInteger(parts.unused);
  if (key == "ggml")
    return parser.parseAttribute(parts.ggml);
  if (key == "code")
    return parseField(parser, parts.code);
  if (key == "zero")
    return parseField(parser, parts.zero);
  if (key == "scale")
    return parseProduct(parser, parts.scale);
  if (key == "offset") {
    parts.offsetNegative = succeeded(parser.parseOptionalMinus());
    return parseProduct(parser, parts.offset);
  }
  return parser.emitError(loc, "unknown entry '")
         << key
         << "' of a scheme, expected block, bytes, unused, ggml, code, zero, "
            "scale or offset";
}

/// The bytes that the planes of all fields in the block reach.
static int64_t spannedBytes(const SchemeParts &parts) {
  int64_t bits = 0;
  auto add = [&](FieldAttr field) {
    if (!field || field.isSide())
      return;
    for (PlaneAttr plane : field.getPlanes())
      if (plane.getPosition().getNumDims() == 1 &&
          plane.getPosition().getNumResults() == 2 &&
          plane.getPosition().getNumSymbols() == 0)
        for (int64_t i = 0; i < parts.block; ++i)
          bits = std::max<int64_t>(
              bits, std::min(firstBit(plane, i), 8 * SchemeAttr::largestBytes) +
                        plane.width());
  };
  add(parts.code);
  add(parts.zero);
  llvm::for_each(parts.scale, add);
  llvm::for_each(parts.offset, add);
  return (bits + 7) / 8;
}

Attribute SchemeAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SchemeParts parts;
  if (parser.parseLess() || parser.parseString(&parts.name))
    return {};
  while (succeeded(parser.parseOptionalComma()))
    if (parseEntry(parser, parts))
      return {};
  if (parser.parseGreater())
    return {};
  if (!parts.code || !parts.block) {
    parser.emitError(loc, "expected a scheme to give 'block' and 'code'");
    return {};
  }
  if (!llvm::is_contained(parts.seen, "bytes") &&
      parts.block <= SchemeAttr::largestBlock)
    parts.bytes = spannedBytes(parts);
  MLIRContext *context = parser.getContext();
  auto emitError = [&] { return parser.emitError(loc); };
  return SchemeAttr::getChecked(
      llvm::function_ref<InFlightDiagnostic()>(emitError), context,
      StringAttr::get(context, parts.name), parts.ggml, parts.block,
      parts.bytes, parts.unused, parts.code, parts.zero,
      ArrayRef<FieldAttr>(parts.scale), ArrayRef<FieldAttr>(parts.offset),
      parts.offsetNegative);
}

/// The type of side tensors behind a name, as in `int8/32:f16`.
static ParseResult parseOptionalSideType(AsmParser &parser, std::string &name) {
  if (failed(parser.parseOptionalColon()))
    return success();
  StringRef type;
  if (parser.parseKeyword(&type))
    return failure();
  name += ":" + type.str();
  return success();
}

/// A name as in `gguf_q4k`, `int8/32`, `int8/tensor` or `fp8e4m3/128x128:f16`;
/// no attribute of a scheme begins like one. `f32` is the scheme, not the type.
static OptionalParseResult parseOptionalSchemeName(AsmParser &parser,
                                                   std::string &name) {
  if (failed(parser.parseOptionalKeywordOrString(&name)))
    return std::nullopt;
  if (failed(parser.parseOptionalSlash()))
    return success();
  name += "/";
  StringRef suffix;
  if (succeeded(parser.parseOptionalKeyword(&suffix))) {
    name += suffix;
    return parseOptionalSideType(parser, name);
  }
  SmallVector<int64_t> dims;
  if (parser.parseDimensionList(dims, /*allowDynamic=*/false,
                                /*withTrailingX=*/false))
    return failure();
  llvm::raw_string_ostream stream(name);
  llvm::interleave(dims, stream, "x");
  return parseOptionalSideType(parser, name);
}

Attribute QuantAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  SMLoc loc = parser.getCurrentLocation();
  SchemeAttr scheme;
  std::string name;
  OptionalParseResult named = parseOptionalSchemeName(parser, name);
  if (!named.has_value()) {
    Attribute attribute;
    if (parser.parseAttribute(attribute))
      return {};
    scheme = dyn_cast<SchemeAttr>(attribute);
    if (!scheme) {
      parser.emitError(
          loc,
          "expected the name of a scheme or a #rlx.scheme attribute, but got ")
          << attribute;
      return {};
    }
  } else {
    if (failed(*named))
      return {};
    std::optional<QuantScheme> known = findScheme(parser.getContext(), name);
    if (!known) {
      parser.emitError(loc) << QuantScheme::unknownSchemeMessage(name);
      return {};
    }
    scheme = known->attr();
  }
  if (parser.parseGreater())
    return {};
  return QuantAttr::get(parser.getContext(), scheme);
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static void printPlane(AsmPrinter &printer, PlaneAttr plane,
                       StringAttr operand) {
  printer << plane.getType();
  if (operand)
    printer << " in " << operand.getValue();
  printer << " at ";
  AffineMap map = plane.getPosition();
  if (!operand && map.isConstant() && map.getConstantResults().back() == 0)
    printer << "byte " << map.getConstantResults().front();
  else
    map.print(printer.getStream());
}

static void printField(AsmPrinter &printer, FieldAttr field) {
  llvm::interleave(
      field.getPlanes(),
      [&](PlaneAttr p) { printPlane(printer, p, field.getOperand()); },
      [&] { printer << " ++ "; });
  Type planesType = field.getPlanes().front().getType();
  if (field.getPlanes().size() > 1)
    planesType = IntegerType::get(field.getContext(), field.width(),
                                  IntegerType::Unsigned);
  if (DenseF64ArrayAttr codebook = field.getCodebook()) {
    Builder builder(field.getContext());
    printer << " as " << builder.getF64ArrayAttr(codebook.asArrayRef());
  } else if (field.getType() != planesType) {
    printer << " as " << field.getType();
  }
  if (field.getBias())
    printer << " - " << field.getBias();
  if (field.getNanAsZero())
    printer << " nan_as_zero";
}

static void printProduct(AsmPrinter &printer, ArrayRef<FieldAttr> fields) {
  llvm::interleave(
      fields, [&](FieldAttr field) { printField(printer, field); },
      [&] { printer << " * "; });
}

void SchemeAttr::print(AsmPrinter &printer) const {
  printer << "<" << getName();
  if (getGgml())
    printer << ", ggml = " << getGgml();
  printer << ", block = " << getBlock() << ", bytes = " << getBytes();
  if (getUnused())
    printer << ", unused = " << getUnused();
  printer << ", code = ";
  printField(printer, getCode());
  if (getZero()) {
    printer << ", zero = ";
    printField(printer, getZero());
  }
  if (!getScale().empty()) {
    printer << ", scale = ";
    printProduct(printer, getScale());
  }
  if (!getOffset().empty()) {
    printer << ", offset = " << (getOffsetNegative() ? "- " : "");
    printProduct(printer, getOffset());
  }
  printer << ">";
}

void QuantAttr::print(AsmPrinter &printer) const {
  printer << "<";
  if (QuantScheme scheme(getScheme()); scheme.isBuiltin())
    printer << scheme.displayName();
  else
    printer << getScheme();
  printer << ">";
}
