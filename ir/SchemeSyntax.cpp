//===- SchemeSyntax.cpp - The text of #rlx.scheme and #rlx.quant ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses and prints the description language; fields are for FieldSyntax.cpp.
// Whether a description makes sense is for SchemeVerifier.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/FieldSyntax.h"
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
  Type rounded;
  SmallVector<StringRef> seen;
};
} // namespace

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
  if (key == "rounded")
    return parser.parseType(parts.rounded);
  return parser.emitError(loc, "unknown entry '")
         << key
         << "' of a scheme, expected block, bytes, unused, ggml, code, zero, "
            "scale, offset or rounded";
}

/// The bytes that the planes of all fields in the block reach.
static int64_t spannedBytes(const SchemeParts &parts) {
  int64_t bits = 0;
  auto add = [&](FieldAttr field) {
    if (!field || field.isSide())
      return;
    for (PlaneAttr plane : field.getPlanes())
      if (plane.getPosition().getNumDims() == 1 &&
          plane.getPosition().getNumResults() >= 2 &&
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
  if (!parts.code || !llvm::is_contained(parts.seen, "block")) {
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
      parts.offsetNegative, parts.rounded);
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
  if (getRounded())
    printer << ", rounded = " << getRounded();
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
