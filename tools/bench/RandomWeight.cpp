//===- RandomWeight.cpp - Weights with random codes -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/RandomWeight.h"

#include "codegen/StatusError.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace rlx;

using Random = std::mt19937_64;

namespace {
/// What a field is for.
enum class Role { code, zero, scale, offset };
} // namespace

/// Codes of `type` whose numbers lie between `low` and `high`, to draw from.
static std::vector<uint64_t> codesBetween(FloatType type, double low,
                                          double high, Random &random) {
  constexpr unsigned enumeratedBits = 8, drawn = 256;
  std::vector<uint64_t> codes;
  if (type.getWidth() > enumeratedBits) {
    std::uniform_real_distribution<double> uniform(low, high);
    while (codes.size() < drawn) {
      llvm::APFloat number(uniform(random));
      bool losesInfo;
      number.convert(type.getFloatSemantics(),
                     llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      codes.push_back(number.bitcastToAPInt().getZExtValue());
    }
    return codes;
  }
  for (uint64_t code = 0; code < uint64_t(1) << type.getWidth(); ++code) {
    double number = decodeFloat(type, code);
    if (number >= low && number <= high)
      codes.push_back(code);
  }
  return codes;
}

/// The number in the middle of what a code can be.
static double middleOf(FieldAttr code) {
  constexpr unsigned enumeratedBits = 12;
  if (isa<FloatType>(code.getType()) || code.width() > enumeratedBits)
    return 0;
  double sum = 0;
  uint64_t count = uint64_t(1) << code.width();
  for (uint64_t i = 0; i < count; ++i)
    sum += numberOf(code, i);
  return sum / double(count);
}

/// Codes for a field of a float type; none where any bits will do.
static std::vector<uint64_t> codesFor(FieldAttr field, Role role,
                                      SchemeAttr scheme, Random &random) {
  auto type = dyn_cast<FloatType>(field.getType());
  if (!type || field.getCodebook())
    return {};
  // Wide scales are small, so that they and integers beside them give weights
  // of moderate size; narrow ones take what they have around one.
  double size = type.getWidth() > 8 ? 1.0 / 64 : 1;
  double middle = std::abs(middleOf(scheme.getCode()));
  std::vector<uint64_t> codes;
  switch (role) {
  case Role::code:
    return codesBetween(type, -4, 4, random);
  case Role::scale:
    return codesBetween(type, size / 4, size, random);
  case Role::zero:
    return codesBetween(type, middleOf(scheme.getCode()) - 1,
                        middleOf(scheme.getCode()) + 1, random);
  case Role::offset:
    if (!scheme.getOffsetNegative())
      codes = codesBetween(type, -size * (middle + 1), -size * (middle + 1) / 4,
                           random);
    // Types without a sign.
    return codes.empty() ? codesBetween(type, size * (middle + 1) / 4,
                                        size * (middle + 1), random)
                         : codes;
  }
  return codes;
}

static void writeBits(uint8_t *bytes, int64_t first, unsigned width,
                      uint64_t value) {
  if (first % 8 == 0 && width % 8 == 0) {
    // Fields are little-endian, as are the machines RLX runs on.
    std::memcpy(bytes + first / 8, &value, width / 8);
    return;
  }
  for (unsigned i = 0; i < width; ++i) {
    uint8_t mask = uint8_t(1) << (first + i) % 8;
    uint8_t &byte = bytes[(first + i) / 8];
    byte = value >> i & 1 ? byte | mask : byte & ~mask;
  }
}

static void fillRandomly(std::span<std::byte> bytes, Random &random) {
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= bytes.size(); i += sizeof(uint64_t)) {
    uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, sizeof(word));
  }
  for (; i < bytes.size(); ++i)
    bytes[i] = std::byte(random());
}

/// Writes `field` of every block.
static void fillField(Tensor &blocks, QuantScheme scheme, FieldAttr field,
                      const std::vector<uint64_t> &codes, Random &random) {
  struct Piece {
    int64_t first;
    unsigned width, shift;
  };
  std::vector<std::vector<Piece>> places;
  for (int64_t i = 0; i < scheme.block(); i += scheme.groupLength(field)) {
    auto &place = places.emplace_back();
    unsigned shift = 0;
    for (PlaneAttr plane : field.getPlanes()) {
      place.push_back({firstBit(plane, i), plane.width(), shift});
      shift += plane.width();
    }
  }
  auto *end = blocks.data<uint8_t>() + blocks.numBytes();
  for (auto *block = blocks.data<uint8_t>(); block < end;
       block += scheme.blockBytes())
    for (const auto &place : places) {
      uint64_t code = codes[random() % codes.size()];
      for (const Piece &piece : place)
        writeBits(block, piece.first, piece.width, code >> piece.shift);
    }
}

/// How the elements of a side tensor are passed to a program.
static ElementType passedAs(Type type) {
  if (type.isF32())
    return ElementType::f32;
  if (type.isF16())
    return ElementType::f16;
  if (type.isBF16())
    return ElementType::bf16;
  if (type.getIntOrFloatBitWidth() == 32)
    return type.isUnsignedInteger() ? ElementType::u32 : ElementType::i32;
  if (type.getIntOrFloatBitWidth() == 16)
    return type.isUnsignedInteger() ? ElementType::u16 : ElementType::i16;
  return ElementType::u8;
}

StoredWeight RandomWeight::stored() const {
  auto bytesOf = [](const Tensor &tensor) {
    return ArrayRef<uint8_t>(tensor.data<uint8_t>(), tensor.numBytes());
  };
  StoredWeight stored{bytesOf(blocks), {}, {}, {}};
  for (const Side &side : sides)
    (side.name == "scales"        ? stored.scales
     : side.name == "zero_points" ? stored.zeroPoints
                                  : stored.globalScale) = bytesOf(side.tensor);
  return stored;
}

int64_t RandomWeight::numBytes() const {
  int64_t bytes = blocks.numBytes();
  for (const Side &side : sides)
    bytes += side.tensor.numBytes();
  return bytes;
}

llvm::Expected<RandomWeight> rlx::makeRandomWeight(QuantScheme scheme,
                                                   ArrayRef<int64_t> shape,
                                                   uint64_t seed) {
  if (shape.back() % scheme.block() != 0)
    return llvm::createStringError(
        "expected K to be a multiple of the block size " +
        Twine(scheme.block()) + " of '" + scheme.displayName() + "', but got " +
        Twine(shape.back()));
  Random random(seed);
  RandomWeight weight;
  MLIRContext *context = scheme.attr().getContext();
  Type f32 = Float32Type::get(context);
  weight.type =
      RankedTensorType::get(shape, f32, QuantAttr::get(context, scheme.attr()));
  SmallVector<int64_t> stored = scheme.storageShape(shape);
  Result<Tensor> blocks = Tensor::allocate(
      ElementType::u8, std::vector<int64_t>(stored.begin(), stored.end()));
  if (!blocks)
    return toError(blocks.status());
  weight.blocks = blocks.take();
  fillRandomly(weight.blocks.bytes(), random);

  SchemeAttr attribute = scheme.attr();
  auto fill = [&](FieldAttr field, Role role) -> llvm::Error {
    std::vector<uint64_t> codes = codesFor(field, role, attribute, random);
    if (!field.isSide()) {
      if (!codes.empty())
        fillField(weight.blocks, scheme, field, codes, random);
      return llvm::Error::success();
    }
    StringRef name = field.getOperand().getValue();
    if (llvm::any_of(weight.sides, [&](const RandomWeight::Side &side) {
          return side.name == name;
        }))
      return llvm::Error::success();
    SideOperand operand = *scheme.findSide(name);
    SmallVector<int64_t> sizes = operand.shape(shape);
    Result<Tensor> tensor =
        Tensor::allocate(passedAs(operand.elementType),
                         std::vector<int64_t>(sizes.begin(), sizes.end()));
    if (!tensor)
      return toError(tensor.status());
    fillRandomly(tensor->bytes(), random);
    unsigned width = operand.elementType.getIntOrFloatBitWidth();
    for (int64_t i = 0; !codes.empty() && i < tensor->numElements(); ++i)
      writeBits(tensor->data<uint8_t>(), i * width, width,
                codes[random() % codes.size()]);
    weight.sides.push_back({name.str(), tensor.take(),
                            RankedTensorType::get(sizes, operand.elementType)});
    return llvm::Error::success();
  };
  llvm::Error error = fill(attribute.getCode(), Role::code);
  auto fillNext = [&](FieldAttr field, Role role) {
    if (!error && field)
      error = fill(field, role);
  };
  fillNext(attribute.getZero(), Role::zero);
  for (FieldAttr field : attribute.getScale())
    fillNext(field, Role::scale);
  for (FieldAttr field : attribute.getOffset())
    fillNext(field, Role::offset);
  if (error)
    return error;
  // In the order of the operands.
  llvm::StringMap<size_t> order;
  for (const SideOperand &operand : scheme.sideOperands())
    order.try_emplace(operand.name, order.size());
  llvm::sort(weight.sides,
             [&](const RandomWeight::Side &a, const RandomWeight::Side &b) {
               return order[a.name] < order[b.name];
             });
  return weight;
}
