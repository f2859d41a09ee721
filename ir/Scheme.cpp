//===- Scheme.cpp - What follows from a scheme's description --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Scheme.h"

#include "ir/FieldTerms.h"
#include "ir/IndexSteps.h"
#include "ir/NearNames.h"
#include "ir/QuantRule.h"
#include "ir/SideTypes.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

int64_t rlx::evaluate(AffineExpr expr, ArrayRef<int64_t> dims) {
  // Evaluated for each element of a block: a kind is asked for once.
  AffineExprKind kind = expr.getKind();
  if (kind == AffineExprKind::Constant)
    return cast<AffineConstantExpr>(expr).getValue();
  if (kind == AffineExprKind::DimId)
    return dims[cast<AffineDimExpr>(expr).getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  return IndexSteps::apply(kind, evaluate(binary.getLHS(), dims),
                           evaluate(binary.getRHS(), dims));
}

unsigned rlx::pieceOf(DenseI64ArrayAttr bounds, int64_t element) {
  if (!bounds)
    return 0;
  return unsigned(llvm::count_if(
      bounds.asArrayRef(), [&](int64_t begin) { return begin <= element; }));
}

int64_t rlx::firstBit(PlaneAttr plane, int64_t element) {
  AffineMap map = plane.getPosition();
  unsigned piece = pieceOf(plane.getBounds(), element);
  int64_t bit;
  llvm::MulOverflow<int64_t>(8, evaluate(map.getResult(2 * piece), element),
                             bit);
  llvm::AddOverflow(bit, evaluate(map.getResult(2 * piece + 1), element), bit);
  return bit;
}

unsigned FieldAttr::width() const {
  unsigned width = 0;
  if (!hasLookups()) {
    for (PlaneAttr plane : getPlanes())
      width += plane.width();
    return width;
  }
  for (const FieldTerm &term : termsOf(*this))
    width += term.width();
  return width;
}

bool FieldAttr::isInteger() const {
  return !getCodebook() && isa<IntegerType>(getType());
}

SmallVector<int64_t> SideOperand::shape(ArrayRef<int64_t> weightShape) const {
  SmallVector<int64_t> shape(weightShape.drop_back(2));
  int64_t last[] = {weightShape[weightShape.size() - 2] - 1,
                    weightShape.back() - 1};
  // Maps of side tensors grow with n and k, so the last element has the last
  // index.
  for (AffineExpr expr : index.getResults())
    shape.push_back(evaluate(expr, last) + 1);
  return shape;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Matches `name` against `pattern`, in which `$x` stands for one or more
/// digits, and collects what the parameters stand for.
static bool
matchPattern(StringRef name, StringRef pattern,
             SmallVectorImpl<std::pair<char, StringRef>> &parameters) {
  while (!pattern.empty()) {
    if (pattern.front() == '$') {
      StringRef digits =
          name.take_while([](char c) { return llvm::isDigit(c); });
      if (digits.empty() || digits.size() > 6 || digits.front() == '0')
        return false;
      parameters.push_back({pattern[1], digits});
      name = name.drop_front(digits.size());
      pattern = pattern.drop_front(2);
      continue;
    }
    if (name.empty() || name.front() != pattern.front())
      return false;
    name = name.drop_front();
    pattern = pattern.drop_front();
  }
  return name.empty();
}

/// Whether a built-in without parameters is stored like the ggml type `name`.
static bool isGgmlSpelling(const BuiltinScheme &scheme, StringRef name) {
  auto [before, after] = scheme.body.split("ggml = \"");
  return !after.empty() && after.take_until([](char c) { return c == '"'; })
                               .equals_insensitive(name);
}

std::optional<size_t> rlx::findBuiltinScheme(StringRef name) {
  name = name.split(':').first;
  for (auto [index, scheme] : llvm::enumerate(builtinSchemes())) {
    SmallVector<std::pair<char, StringRef>> parameters;
    if (isGgmlSpelling(scheme, name) ||
        matchPattern(name, scheme.pattern, parameters))
      return index;
  }
  return std::nullopt;
}

/// `int4/32:f16`: the scheme `int4/32` with sides of f16.
static std::optional<QuantScheme> parseWithSideType(MLIRContext *context,
                                                    StringRef name) {
  auto [base, typeName] = name.rsplit(':');
  Type type;
  if (typeName == "f16")
    type = Float16Type::get(context);
  else if (typeName == "bf16")
    type = BFloat16Type::get(context);
  std::optional<QuantScheme> scheme;
  if (type)
    scheme = QuantScheme::parse(context, base);
  if (!scheme)
    return std::nullopt;
  QuantScheme converted = withSideType(*scheme, type, base);
  if (converted == *scheme) // there is nothing to convert
    return std::nullopt;
  return withSideType(*scheme, type, name);
}

std::optional<QuantScheme> QuantScheme::parse(MLIRContext *context,
                                              StringRef name) {
  auto *dialect = context->getOrLoadDialect<RlxDialect>();
  if (SchemeAttr known = dialect->findScheme(name))
    return QuantScheme(known);
  if (name.contains(':'))
    return parseWithSideType(context, name);
  for (const BuiltinScheme &scheme : builtinSchemes()) {
    SmallVector<std::pair<char, StringRef>> parameters;
    bool spelled = isGgmlSpelling(scheme, name);
    if (!spelled && !matchPattern(name, scheme.pattern, parameters))
      continue;
    std::string text = "#rlx.scheme<\"";
    text += spelled ? scheme.pattern : name;
    text += "\", ";
    for (size_t i = 0; i < scheme.body.size(); ++i) {
      if (scheme.body[i] != '$') {
        text += scheme.body[i];
        continue;
      }
      char parameter = scheme.body[++i];
      for (auto [symbol, digits] : parameters)
        if (symbol == parameter)
          text += digits;
    }
    text += ">";
    // A parameter may not fit the pattern's body, as in an odd number of 4-bit
    // codes; such a name is then simply unknown.
    ScopedDiagnosticHandler silence(context,
                                    [](Diagnostic &) { return success(); });
    auto attribute =
        dyn_cast_or_null<SchemeAttr>(parseAttribute(text, context));
    if (!attribute)
      return std::nullopt;
    dialect->addScheme(name, attribute);
    return QuantScheme(attribute);
  }
  return std::nullopt;
}

std::string QuantScheme::unknownSchemeMessage(StringRef name) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  stream << "unknown scheme '" << name
         << "', expected a built-in name such as ";
  llvm::interleaveComma(nearestNames(name, builtinSchemeNames()), stream,
                        [&](StringRef n) { stream << "'" << n << "'"; });
  stream << " or a #rlx.scheme attribute";
  return message;
}

SmallVector<std::string> rlx::builtinSchemeNames() {
  SmallVector<std::string> names;
  for (const BuiltinScheme &scheme : builtinSchemes()) {
    if (scheme.samples.empty()) {
      names.push_back(scheme.pattern.str());
      continue;
    }
    SmallVector<StringRef> samples;
    scheme.samples.split(samples, ' ');
    for (StringRef sample : samples)
      names.push_back(sample.str());
  }
  return names;
}

std::optional<QuantScheme> QuantScheme::of(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    if (auto quant = dyn_cast_or_null<QuantAttr>(tensor.getEncoding()))
      return QuantScheme(quant.getScheme());
  return std::nullopt;
}

bool QuantScheme::isBuiltin() const {
  std::optional<QuantScheme> builtin =
      parse(attribute.getContext(), displayName());
  return builtin && builtin->attribute == attribute;
}

StringRef QuantScheme::ggmlName() const {
  return attribute.getGgml() ? attribute.getGgml().getValue() : StringRef();
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Ratio::Ratio(int64_t n, int64_t d) {
  int64_t divisor = std::gcd(n, d);
  numerator = n / divisor;
  denominator = d / divisor;
}

SmallVector<int64_t> QuantScheme::storageShape(ArrayRef<int64_t> shape) const {
  SmallVector<int64_t> result(shape);
  result.back() = rowBytes(shape.back());
  return result;
}

int64_t QuantScheme::storageBytes(ArrayRef<int64_t> shape) const {
  int64_t bytes = 1;
  for (int64_t size : storageShape(shape))
    bytes *= size;
  return bytes;
}

Ratio QuantScheme::totalBits(ArrayRef<int64_t> shape) const {
  int64_t bits = storageBytes(shape) * 8;
  for (const SideOperand &side : sideOperands()) {
    int64_t elements = 1;
    for (int64_t size : side.shape(shape))
      elements *= size;
    bits += elements * side.elementType.getIntOrFloatBitWidth();
  }
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return Ratio(bits, elements);
}

int64_t QuantScheme::bitsPerElementX10() const {
  return (blockBytes() * 160 + block()) / (2 * block());
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

SmallVector<FieldAttr> QuantScheme::fields() const {
  SmallVector<FieldAttr> fields = {attribute.getCode()};
  if (attribute.getZero())
    fields.push_back(attribute.getZero());
  llvm::append_range(fields, attribute.getScale());
  llvm::append_range(fields, attribute.getOffset());
  return fields;
}

SmallVector<SideOperand> QuantScheme::sideOperands() const {
  SmallVector<SideOperand> sides;
  for (StringRef name : {"scales", "zero_points", "global_scale"})
    for (FieldAttr field : fields())
      if (field.isSide() && field.getOperand() == name &&
          (sides.empty() || sides.back().name != name))
        sides.push_back({field.getOperand().getValue(),
                         field.getPlanes().front().getType(),
                         field.getPlanes().front().getPosition()});
  return sides;
}

std::optional<SideOperand> QuantScheme::findSide(StringRef name) const {
  for (const SideOperand &side : sideOperands())
    if (side.name == name)
      return side;
  return std::nullopt;
}

bool QuantScheme::scaleIsFp8() const {
  std::optional<SideOperand> scales = findSide("scales");
  return scales && isa<Float8E4M3FNType, Float8E5M2Type>(scales->elementType);
}

int64_t QuantScheme::nvfp4GroupSize() const {
  bool smallFloat = isa<Float4E2M1FNType>(attribute.getCode().getType());
  return smallFloat && scaleIsFp8() && block() == 16 ? block() : 0;
}

int64_t QuantScheme::groupLength(FieldAttr field) const {
  // Where the bits of element i lie.
  auto placesAt = [&](int64_t i) {
    if (!field.isSide())
      return placesOf(field, i);
    llvm::SmallVector<int64_t> places;
    for (AffineExpr expr : field.getPlanes().front().getPosition().getResults())
      places.push_back(evaluate(expr, {0, i}));
    return places;
  };
  // A new place begins only where a group does.
  int64_t group = block();
  llvm::SmallVector<int64_t> last = placesAt(0);
  for (int64_t i = 1; i < block() && group > 1; ++i) {
    llvm::SmallVector<int64_t> places = placesAt(i);
    if (places != last)
      group = std::gcd(group, i);
    last = std::move(places);
  }
  return group;
}
