//===- RandomWeight.cpp - Stored weights of any scheme --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/RandomWeight.h"

#include "tests/unit/ir/TestSupport.h"

#include <set>

using namespace rlx;
using namespace rlx::test;

void rlx::test::writeBits(std::vector<uint8_t> &bytes, int64_t first,
                          unsigned width, uint64_t bits) {
  for (unsigned i = 0; i < width; ++i) {
    int64_t bit = first + i;
    uint8_t mask = uint8_t(1 << (bit % 8));
    bytes[bit / 8] =
        uint8_t((bytes[bit / 8] & ~mask) | ((bits >> i & 1) ? mask : 0));
  }
}

namespace {

uint64_t readBits(llvm::ArrayRef<uint8_t> bytes, int64_t first,
                  unsigned width) {
  uint64_t bits = 0;
  for (unsigned i = 0; i < width; ++i)
    bits |= uint64_t(bytes[(first + i) / 8] >> ((first + i) % 8) & 1) << i;
  return bits;
}

/// A field with what is asked for each of its codes.
struct DrawnField {
  DrawnField(FieldAttr field, SchemeAttr scheme)
      : field(field), type(llvm::dyn_cast<mlir::FloatType>(field.getType())),
        width(field.width()), isCode(field == scheme.getCode()),
        isZero(field == scheme.getZero()) {
    if (width <= 8)
      for (uint64_t code = 0; code < uint64_t(1) << width; ++code)
        numbers.push_back(numberOf(field, code));
  }
  double number(uint64_t code) const {
    return numbers.empty() ? numberOf(field, code) : numbers[code];
  }

  FieldAttr field;
  mlir::FloatType type; ///< null for integers
  unsigned width;
  bool isCode, isZero;
  std::vector<double> numbers; ///< by code, for codes of up to 8 bits
};

class Generator {
public:
  Generator(uint32_t seed, Content content, bool subnormals)
      : engine(seed), content(content), subnormals(subnormals) {}

  /// A code for one number of `field`.
  uint64_t code(const DrawnField &field);

private:
  uint64_t random(unsigned width) {
    return (uint64_t(engine()) << 32 | engine()) &
           (~uint64_t(0) >> (64 - width));
  }
  uint64_t moderate(mlir::FloatType type);
  uint64_t codeOf(const DrawnField &field, double value);

  std::mt19937 engine;
  Content content;
  bool subnormals;
};

/// A float of 16 or 32 bits between 2^-6 and 4, zero or subnormal.
uint64_t Generator::moderate(mlir::FloatType type) {
  unsigned mantissaBits =
      llvm::APFloat::semanticsPrecision(type.getFloatSemantics()) - 1;
  unsigned exponentBits = type.getWidth() - 1 - mantissaBits;
  uint64_t mantissa = random(mantissaBits), sign = random(1)
                                                   << (type.getWidth() - 1);
  switch (engine() % 16) {
  case 0:
    return sign;
  case 1:
    return sign | (subnormals || type.isF16() ? mantissa : 0);
  default:
    uint64_t bias = (uint64_t(1) << (exponentBits - 1)) - 1;
    return sign | (bias - 6 + engine() % 8) << mantissaBits | mantissa;
  }
}

/// The code that means `value`.
uint64_t Generator::codeOf(const DrawnField &field, double value) {
  if (field.width > 8) {
    llvm::APFloat number(value);
    bool losesInfo;
    number.convert(field.type.getFloatSemantics(),
                   llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return number.bitcastToAPInt().getZExtValue();
  }
  auto found = llvm::find(field.numbers, value);
  return found == field.numbers.end() ? 0 : found - field.numbers.begin();
}

uint64_t Generator::code(const DrawnField &field) {
  mlir::FloatType type = field.type;
  unsigned width = field.width;
  auto isNan = [&](uint64_t code) { return std::isnan(field.number(code)); };
  auto isFinite = [&](uint64_t code) {
    return std::isfinite(field.number(code));
  };
  switch (content) {
  case Content::zeroBytes:
    return 0;
  case Content::smallIntegers: {
    if (!field.isCode && !field.isZero)
      return type ? codeOf(field, 1) : random(width);
    if (type && width > 8)
      return codeOf(field, int(engine() % 17) - 8);
    for (;;) {
      uint64_t code = random(width);
      double number = field.number(code);
      if (!type ||
          (number == std::round(2 * number) / 2 && std::fabs(number) <= 16))
        return code;
    }
  }
  case Content::largestCodes:
    if (field.isCode) {
      uint64_t code = ~uint64_t(0) >> (64 - width);
      if (type && width > 8)
        return moderate(type);
      while (!isFinite(code))
        --code;
      return code;
    }
    break;
  case Content::withNans:
    if (type && !field.field.getNanAsZero() && engine() % 16 == 0)
      for (uint64_t code = ~uint64_t(0) >> (64 - width); code; --code)
        if (isNan(code))
          return code;
    break;
  case Content::random:
    break;
  }
  if (type && width > 8)
    return moderate(type);
  if (llvm::isa_and_nonnull<mlir::Float8E8M0FNUType>(type))
    return engine() % 16 || !subnormals ? 119 + engine() % 12 : 0;
  for (;;) {
    uint64_t code = random(width);
    if (isFinite(code))
      return code;
  }
}

} // namespace

RandomWeight::RandomWeight(QuantScheme scheme, std::vector<int64_t> shape,
                           uint32_t seed, Content content, bool subnormals)
    : scheme(scheme), shape(shape) {
  Generator generator(seed, content, subnormals);
  blocks = content == Content::zeroBytes
               ? std::vector<uint8_t>(scheme.storageBytes(shape))
               : Random(seed).bytes(scheme.storageBytes(shape));
  for (FieldAttr field : scheme.fields()) {
    // Any bits name a vector of a table.
    if (field.isSide() || field.hasLookups())
      continue;
    DrawnField drawn(field, scheme.attr());
    llvm::ArrayRef<PlaneAttr> planes = field.getPlanes();
    // The first bits of all planes, of the first of the elements that share a
    // code.
    std::vector<llvm::SmallVector<int64_t>> places;
    std::set<int64_t> known;
    for (int64_t i = 0; i < scheme.block(); ++i) {
      if (!known.insert(firstBit(planes.front(), i)).second)
        continue;
      auto &place = places.emplace_back();
      for (PlaneAttr plane : planes)
        place.push_back(firstBit(plane, i));
    }
    for (size_t block = 0; block < blocks.size(); block += scheme.blockBytes())
      for (const auto &place : places) {
        uint64_t code = generator.code(drawn);
        for (auto [plane, first] : llvm::zip_equal(planes, place)) {
          writeBits(blocks, 8 * block + first, plane.width(), code);
          code >>= plane.width();
        }
      }
  }
  for (const SideOperand &operand : scheme.sideOperands()) {
    llvm::SmallVector<int64_t> sizes = operand.shape(shape);
    Side side{operand.name.str(),
              operand.elementType,
              {sizes.begin(), sizes.end()},
              {}};
    FieldAttr field;
    for (FieldAttr candidate : scheme.fields())
      if (candidate.isSide() &&
          candidate.getOperand().getValue() == operand.name)
        field = candidate;
    int64_t count = 1;
    for (int64_t size : sizes)
      count *= size;
    DrawnField drawn(field, scheme.attr());
    drawn.isCode = false;
    side.bytes.resize(llvm::divideCeil(count * drawn.width, 8));
    for (int64_t i = 0; i < count; ++i)
      writeBits(side.bytes, i * drawn.width, drawn.width,
                generator.code(drawn));
    sides.push_back(std::move(side));
  }
}

static ElementType elementOf(mlir::Type type) {
  if (type.isF32() || type.isF16())
    return type.isF32() ? ElementType::f32 : ElementType::f16;
  return type.isSignedInteger() ? ElementType::i8 : ElementType::u8;
}

std::vector<TensorView> RandomWeight::views() const {
  llvm::SmallVector<int64_t> stored = scheme.storageShape(shape);
  std::vector<TensorView> views = {{ElementType::u8,
                                    {stored.begin(), stored.end()},
                                    const_cast<uint8_t *>(blocks.data())}};
  for (const Side &side : sides)
    views.push_back({elementOf(side.type), side.shape,
                     const_cast<uint8_t *>(side.bytes.data())});
  return views;
}

static std::string tensorType(llvm::ArrayRef<int64_t> shape,
                              const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::vector<std::string> RandomWeight::types() const {
  std::string encoding =
      printed(QuantAttr::get(scheme.attr().getContext(), scheme.attr()));
  std::vector<std::string> types = {tensorType(shape, "f32, " + encoding)};
  for (const Side &side : sides) {
    std::string element;
    llvm::raw_string_ostream(element) << side.type;
    types.push_back(tensorType(side.shape, element));
  }
  return types;
}

std::string RandomWeight::operands(const std::string &name) const {
  std::string text;
  for (const Side &side : sides)
    text += " " + side.name + "(%" + name + "." + side.name + ")";
  return text;
}

std::string RandomWeight::definitions(const std::string &name) const {
  std::string text;
  std::vector<std::string> all = types();
  for (size_t i = 0; i < all.size(); ++i) {
    std::string part = i ? name + "." + sides[i - 1].name : name;
    text += "  %" + part + " = rlx.weight \"" + part + "\" : " + all[i] + "\n";
  }
  return text;
}

std::string RandomWeight::arguments(const std::string &name) const {
  std::string text;
  std::vector<std::string> all = types();
  for (size_t i = 0; i < all.size(); ++i)
    text += (i ? ", %" : "%") + (i ? name + "." + sides[i - 1].name : name) +
            ": " + all[i];
  return text;
}

std::vector<double> RandomWeight::values() const {
  StoredWeight stored{blocks, {}, {}, {}};
  for (const Side &side : sides)
    (side.name == "scales"        ? stored.scales
     : side.name == "zero_points" ? stored.zeroPoints
                                  : stored.globalScale) = side.bytes;
  auto decoder = ReferenceDecoder::create(scheme, shape, stored);
  if (!decoder) {
    ADD_FAILURE() << llvm::toString(decoder.takeError());
    return {};
  }
  std::vector<double> values(decoder->rows() * decoder->columns());
  for (int64_t row = 0; row < decoder->rows(); ++row)
    decoder->decodeRow(row, values.data() + row * decoder->columns());
  return values;
}

uint64_t RandomWeight::code(FieldAttr field, int64_t n, int64_t k) const {
  return readCode(
      field, k % scheme.block(), [&](PlaneAttr plane, int64_t element) {
        if (!field.isSide()) {
          int64_t block = (n * shape.back() + k) / scheme.block();
          return readBits(blocks,
                          8 * block * scheme.blockBytes() +
                              firstBit(plane, element),
                          plane.width());
        }
        const Side &side = *llvm::find_if(sides, [&](const Side &candidate) {
          return candidate.name == field.getOperand().getValue();
        });
        int64_t index = 0;
        for (auto [position, size] :
             llvm::zip_equal(plane.getPosition().compose({n, k}), side.shape))
          index = index * size + position;
        return readBits(side.bytes, index * plane.width(), plane.width());
      });
}
