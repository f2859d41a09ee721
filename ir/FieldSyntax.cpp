//===- FieldSyntax.cpp - The text of a field of a scheme ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/FieldSyntax.h"

#include "ir/FieldTerms.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// A map, and behind it `until I else MAP` as often as there are pieces: one
/// map with the results of all, and the bounds.
static ParseResult parsePieces(AsmParser &parser, unsigned results,
                               AffineMap &map, DenseI64ArrayAttr &bounds) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> begins;
  SmallVector<AffineExpr> exprs;
  if (parser.parseAffineMap(map))
    return failure();
  llvm::append_range(exprs, map.getResults());
  while (succeeded(parser.parseOptionalKeyword("until"))) {
    AffineMap next;
    if (parser.parseInteger(begins.emplace_back()) ||
        parser.parseKeyword("else") || parser.parseAffineMap(next))
      return failure();
    for (AffineMap piece : {map, next})
      if (piece.getNumDims() != 1 || piece.getNumSymbols() != 0 ||
          piece.getNumResults() != results)
        return parser.emitError(loc, "expected the maps of pieces to be ")
               << (results == 2 ? "(i) -> (byte, bit)" : "(i) -> (component)")
               << ", but got " << AffineMapAttr::get(piece);
    llvm::append_range(exprs, next.getResults());
  }
  if (begins.empty())
    return success();
  map = AffineMap::get(1, 0, exprs, parser.getContext());
  bounds = DenseI64ArrayAttr::get(parser.getContext(), begins);
  return success();
}

/// `at byte B` or `at (i) -> (byte, bit)`.
static ParseResult parsePosition(AsmParser &parser, AffineMap &map,
                                 DenseI64ArrayAttr &bounds) {
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
  return parsePieces(parser, /*results=*/2, map, bounds);
}

/// The numbers of a codebook: a list, or, of codes of `type`, all that
/// `A * code + B` gives.
static ParseResult parseCodebook(AsmParser &parser, Type type,
                                 DenseF64ArrayAttr &codebook) {
  SMLoc loc = parser.getCurrentLocation();
  auto numberOf = [](Attribute attribute) -> std::optional<double> {
    if (auto number = dyn_cast<FloatAttr>(attribute))
      return number.getValueAsDouble();
    if (auto number = dyn_cast<IntegerAttr>(attribute);
        number && number.getType().isSignlessInteger(64))
      return double(number.getInt());
    return std::nullopt;
  };
  Attribute attribute;
  if (parser.parseAttribute(attribute))
    return failure();
  SmallVector<double> values;
  if (std::optional<double> step = numberOf(attribute)) {
    double start = 0;
    if (failed(parser.parseOptionalStar()))
      return parser.emitError(
          loc, "expected a codebook, a list of numbers, or 'A * code + B'");
    if (parser.parseKeyword("code"))
      return failure();
    bool isMinus = succeeded(parser.parseOptionalMinus());
    if (isMinus || succeeded(parser.parseOptionalPlus())) {
      OptionalParseResult given = parser.parseOptionalAttribute(attribute);
      if (given.has_value() && failed(*given))
        return failure();
      std::optional<double> number =
          given.has_value() ? numberOf(attribute) : std::nullopt;
      if (!number)
        return parser.emitError(loc, "expected 'A * code + B', two numbers");
      start = isMinus ? -*number : *number;
    }
    constexpr unsigned widestCode = 8;
    auto integer = dyn_cast<IntegerType>(type);
    if (!integer || integer.getWidth() > widestCode)
      return parser.emitError(loc, "expected integer codes of at most ")
             << widestCode << " bits for 'A * code + B', but got " << type;
    for (int64_t code = 0; code < int64_t(1) << integer.getWidth(); ++code) {
      int64_t number = integer.isSigned() && integer.getWidth()
                           ? llvm::SignExtend64(code, integer.getWidth())
                           : code;
      values.push_back(*step * double(number) + start);
    }
  } else {
    auto entries = dyn_cast<ArrayAttr>(attribute);
    if (!entries)
      return parser.emitError(
          loc, "expected a codebook, a list of numbers, or 'A * code + B'");
    for (Attribute entry : entries) {
      std::optional<double> number = numberOf(entry);
      if (!number)
        return parser.emitError(
                   loc, "expected the codebook to hold numbers, but got ")
               << entry;
      values.push_back(*number);
    }
  }
  codebook = DenseF64ArrayAttr::get(parser.getContext(), values);
  return success();
}

/// `TYPE at POSITION`, of which the type is parsed.
static ParseResult parsePlane(AsmParser &parser, Type type,
                              SmallVectorImpl<PlaneAttr> &planes) {
  AffineMap position;
  DenseI64ArrayAttr bounds;
  if (parsePosition(parser, position, bounds))
    return failure();
  planes.push_back(PlaneAttr::get(parser.getContext(), type, position, bounds));
  return success();
}

static ParseResult parsePlaneType(AsmParser &parser, Type &type) {
  SMLoc loc = parser.getCurrentLocation();
  OptionalParseResult given = parser.parseOptionalType(type);
  if (!given.has_value())
    return parser.emitError(
        loc, "expected a type of codes such as ui4, si8, f16 or f8E4M3FN");
  if (failed(*given))
    return failure();
  if (!type.isIntOrFloat())
    return parser.emitError(loc, "expected an integer or float type, but got ")
           << type;
  return success();
}

/// A table's vectors: a list of integers, or a function of their index, which
/// is known when its planes are.
namespace {
struct Vectors {
  bool isParity = false;
  int64_t base = 0;
  SmallVector<int64_t> entries;
};
} // namespace

static ParseResult parseVectors(AsmParser &parser, Vectors &vectors) {
  SMLoc loc = parser.getCurrentLocation();
  if (succeeded(parser.parseOptionalKeyword("parity"))) {
    vectors.isParity = true;
    return success();
  }
  if (succeeded(parser.parseOptionalKeyword("digits")))
    return parser.parseInteger(vectors.base);
  if (succeeded(parser.parseOptionalLSquare()))
    return failure(failed(parser.parseCommaSeparatedList([&] {
                     return parser.parseInteger(vectors.entries.emplace_back());
                   })) ||
                   failed(parser.parseRSquare()));
  // The name of a list.
  Attribute attribute;
  if (parser.parseAttribute(attribute))
    return failure();
  auto list = dyn_cast<ArrayAttr>(attribute);
  for (Attribute entry : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto number = dyn_cast<IntegerAttr>(entry);
    if (!number || !number.getType().isSignlessInteger(64))
      list = {};
    else
      vectors.entries.push_back(number.getInt());
  }
  if (!list)
    return parser.emitError(
        loc, "expected the vectors of a table, a list of integers");
  return success();
}

/// `TYPE from TABLE by (PLANES) at (i) -> (component)`, of which the type and
/// `from` are parsed.
static ParseResult parseLookup(AsmParser &parser, SMLoc loc, Type type,
                               SmallVectorImpl<PlaneAttr> &planes,
                               LookupAttr &lookup) {
  Vectors vectors;
  auto first = int64_t(planes.size());
  if (parseVectors(parser, vectors) || parser.parseKeyword("by") ||
      parser.parseLParen())
    return failure();
  unsigned indexBits = 0;
  do {
    Type planeType;
    if (parsePlaneType(parser, planeType) ||
        parsePlane(parser, planeType, planes))
      return failure();
    indexBits += planes.back().width();
  } while (succeeded(parser.parseOptionalPlus()) &&
           succeeded(parser.parsePlus()));
  AffineMap component;
  DenseI64ArrayAttr bounds;
  if (parser.parseRParen() || parser.parseKeyword("at") ||
      parsePieces(parser, /*results=*/1, component, bounds))
    return failure();
  if (indexBits > LookupAttr::widestIndex)
    return parser.emitError(loc, "expected at most ")
           << LookupAttr::widestIndex
           << " bits to name a vector of a table, but got " << indexBits;
  unsigned width = type.getIntOrFloatBitWidth();
  if (vectors.isParity) {
    if (width != 1)
      return parser.emitError(loc, "expected bits, 'ui1', from 'parity', but "
                                   "got ")
             << type;
    vectors.entries = parityVectors(indexBits);
  } else if (vectors.base || vectors.entries.empty()) {
    if (width > LookupAttr::widestPart || vectors.base < 2 ||
        vectors.base > int64_t(1) << width)
      return parser.emitError(loc, "expected digits in a base of 2 to ")
             << (int64_t(1) << std::min(width, LookupAttr::widestPart))
             << " for " << type << ", but got " << vectors.base;
    vectors.entries = digitVectors(indexBits, vectors.base, width);
  }
  MLIRContext *context = parser.getContext();
  lookup = LookupAttr::get(context, first, int64_t(planes.size()) - first, type,
                           component, bounds,
                           DenseI64ArrayAttr::get(context, vectors.entries));
  return success();
}

/// Planes and lookups, then `as TYPE` or `as [codebook]`, then `- bias`, then
/// `nan_as_zero`.
ParseResult rlx::parseField(AsmParser &parser, FieldAttr &field) {
  MLIRContext *context = parser.getContext();
  SmallVector<PlaneAttr> planes;
  SmallVector<LookupAttr> lookups;
  StringAttr operand;
  Type type;
  unsigned width = 0;
  do {
    if (!planes.empty() && parser.parsePlus())
      return failure();
    Type planeType;
    SMLoc loc = parser.getCurrentLocation();
    if (parsePlaneType(parser, planeType))
      return failure();
    if (succeeded(parser.parseOptionalKeyword("from"))) {
      if (parseLookup(parser, loc, planeType, planes, lookups.emplace_back()))
        return failure();
      width += lookups.back().width();
      continue;
    }
    std::string name;
    if (planes.empty() && succeeded(parser.parseOptionalKeyword("in"))) {
      if (parser.parseKeywordOrString(&name))
        return failure();
      operand = StringAttr::get(context, name);
    }
    if (parsePlane(parser, planeType, planes))
      return failure();
    width += planes.back().width();
    if (operand)
      break;
  } while (succeeded(parser.parseOptionalPlus()));

  type = planes.front().getType();
  if (planes.size() > 1 || !lookups.empty())
    type = IntegerType::get(context, width, IntegerType::Unsigned);
  DenseF64ArrayAttr codebook;
  if (succeeded(parser.parseOptionalKeyword("as"))) {
    Type given;
    OptionalParseResult result = parser.parseOptionalType(given);
    if (result.has_value() ? failed(*result)
                           : failed(parseCodebook(parser, type, codebook)))
      return failure();
    if (given)
      type = given;
  }
  int64_t bias = 0;
  if (succeeded(parser.parseOptionalMinus()) && parser.parseInteger(bias))
    return failure();
  bool nanAsZero = succeeded(parser.parseOptionalKeyword("nan_as_zero"));
  field = FieldAttr::get(context, planes, operand, type, codebook, bias,
                         nanAsZero, lookups);
  return success();
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

/// A map of pieces of `results` each.
static void printPieces(AsmPrinter &printer, AffineMap map, unsigned results,
                        DenseI64ArrayAttr bounds) {
  ArrayRef<AffineExpr> exprs = map.getResults();
  unsigned pieces = bounds ? unsigned(bounds.size()) + 1 : 1;
  if (pieces == 1)
    return map.print(printer.getStream());
  for (unsigned i = 0; i < pieces; ++i) {
    if (i)
      printer << " until " << bounds[i - 1] << " else ";
    AffineMap::get(1, 0, exprs.slice(i * results, results), map.getContext())
        .print(printer.getStream());
  }
}

static void printPlane(AsmPrinter &printer, PlaneAttr plane,
                       StringAttr operand) {
  printer << plane.getType();
  if (operand)
    printer << " in " << operand.getValue();
  printer << " at ";
  AffineMap map = plane.getPosition();
  if (!operand && !plane.getBounds() && map.isConstant() &&
      map.getConstantResults().back() == 0)
    printer << "byte " << map.getConstantResults().front();
  else
    printPieces(printer, map, /*results=*/2, plane.getBounds());
}

static void printTerm(AsmPrinter &printer, const FieldTerm &term,
                      StringAttr operand) {
  LookupAttr lookup = term.lookup;
  if (!lookup)
    return printPlane(printer, term.planes.front(), operand);
  printer << lookup.getType() << " from ";
  ArrayRef<int64_t> entries = lookup.getEntries();
  if (lookup.width() == 1 &&
      entries == ArrayRef<int64_t>(parityVectors(indexBits(lookup)))) {
    printer << "parity";
  } else if (std::optional<int64_t> base = baseOfDigits(lookup)) {
    printer << "digits " << *base;
  } else {
    printer << "[";
    llvm::interleaveComma(entries, printer.getStream());
    printer << "]";
  }
  printer << " by (";
  llvm::interleave(
      term.planes,
      [&](PlaneAttr plane) { printPlane(printer, plane, StringAttr()); },
      [&] { printer << " ++ "; });
  printer << ") at ";
  printPieces(printer, lookup.getComponent(), /*results=*/1,
              lookup.getBounds());
}

void rlx::printField(AsmPrinter &printer, FieldAttr field) {
  llvm::interleave(
      termsOf(field),
      [&](const FieldTerm &term) {
        printTerm(printer, term, field.getOperand());
      },
      [&] { printer << " ++ "; });
  Type planesType = field.getPlanes().front().getType();
  if (field.getPlanes().size() > 1 || field.hasLookups())
    planesType = IntegerType::get(field.getContext(), field.width(),
                                  IntegerType::Unsigned);
  if (DenseF64ArrayAttr codebook = field.getCodebook()) {
    Builder builder(field.getContext());
    auto line = linearCodebook(codebook);
    if (line && line->isSigned == planesType.isSignedInteger()) {
      printer << " as ";
      printer.printFloat(llvm::APFloat(line->step));
      printer << " * code + ";
      printer.printFloat(llvm::APFloat(line->start));
    } else {
      printer << " as " << builder.getF64ArrayAttr(codebook.asArrayRef());
    }
  } else if (field.getType() != planesType) {
    printer << " as " << field.getType();
  }
  if (field.getBias())
    printer << " - " << field.getBias();
  if (field.getNanAsZero())
    printer << " nan_as_zero";
}
