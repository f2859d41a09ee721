//===- Datum.cpp - What a value of the program is -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Datum.h"

#include "ir/Reference.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace rlx;

int64_t rlx::countOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::vector<int64_t> rlx::stridesOf(ArrayRef<int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

//===----------------------------------------------------------------------===//
// Elements in memory
//===----------------------------------------------------------------------===//

static unsigned bytesOf(Type element) {
  return llvm::divideCeil(widthOf(element), 8);
}

static uint64_t loadBits(const uint8_t *data, int64_t i, unsigned bytes) {
  uint64_t bits = 0;
  std::memcpy(&bits, data + i * bytes, bytes);
  return bits;
}

/// Reads floats of one type; those of 8 bits by a table.
class Datum::FloatReader {
public:
  explicit FloatReader(FloatType type) : type(type), bytes(bytesOf(type)) {
    if (bytes == 1)
      for (unsigned code = 0; code < 256; ++code)
        table.push_back(decodeFloat(type, code));
  }
  double operator()(const uint8_t *data, int64_t i) const {
    uint64_t bits = loadBits(data, i, bytes);
    if (!table.empty())
      return table[bits];
    if (type.isF32())
      return llvm::bit_cast<float>(uint32_t(bits));
    if (type.isBF16())
      return llvm::bit_cast<float>(uint32_t(bits << 16));
    if (type.isF64())
      return llvm::bit_cast<double>(bits);
    return decodeFloat(type, bits);
  }

private:
  FloatType type;
  unsigned bytes;
  std::vector<double> table;
};

const Datum::FloatReader &Datum::reader() const {
  if (!elements->reader)
    elements->reader =
        std::make_shared<FloatReader>(cast<FloatType>(elementType()));
  return *elements->reader;
}

//===----------------------------------------------------------------------===//
// Making them
//===----------------------------------------------------------------------===//

Datum::Datum(Type type, std::vector<int64_t> shape, Numbers numbers)
    : ofType(type), sizes(std::move(shape)),
      elements(std::make_shared<Elements>()) {
  elements->numbers = std::move(numbers);
}

Datum Datum::scalar(Type type, uint64_t bits) {
  Numbers numbers;
  numbers.reset(type, 1);
  numbers.bits[0] = wrapBits(bits, widthOf(type));
  return Datum(type, {}, std::move(numbers));
}

Datum Datum::index(MLIRContext *context, int64_t value) {
  return scalar(IndexType::get(context), uint64_t(value));
}

Datum Datum::undefined(RankedTensorType type, std::vector<int64_t> shape) {
  int64_t count = countOf(shape);
  return Datum(type, std::move(shape),
               Numbers::undefined(type.getElementType(), count));
}

Datum Datum::unread(Type type, std::vector<int64_t> shape, const void *data,
                    size_t bytes, bool isSplat) {
  Datum datum;
  datum.ofType = type;
  datum.sizes = std::move(shape);
  datum.elements = std::make_shared<Elements>();
  datum.elements->areRead = false;
  datum.elements->stored = static_cast<const uint8_t *>(data);
  datum.elements->storedBytes = bytes;
  datum.elements->isSplat = isSplat;
  return datum;
}

Datum Datum::quantized(RankedTensorType type, std::vector<int64_t> shape,
                       std::vector<uint8_t> bytes,
                       std::vector<uint8_t> others) {
  Datum datum = unread(type, std::move(shape), nullptr, bytes.size(), false);
  datum.elements->computed = std::move(bytes);
  datum.elements->stored = datum.elements->computed.data();
  datum.elements->others = std::move(others);
  return datum;
}

llvm::Expected<Datum> Datum::stored(RankedTensorType type,
                                    const TensorView &tensor,
                                    llvm::StringRef what) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  std::optional<QuantScheme> scheme = QuantScheme::of(type);
  std::vector<int64_t> expected = type.getShape().vec();
  if (scheme) {
    auto storage = scheme->storageShape(type.getShape());
    expected.assign(storage.begin(), storage.end());
  }
  bool fits = tensor.shape.size() == expected.size();
  for (size_t i = 0; fits && i < expected.size(); ++i)
    fits = ShapedType::isDynamic(expected[i]) ? tensor.shape[i] >= 0
                                              : tensor.shape[i] == expected[i];
  Type element = type.getElementType();
  unsigned bytes = scheme ? 1 : isKnownType(element) ? bytesOf(element) : 0;
  if (!fits || bytes != elementBytes(tensor.type) ||
      (!tensor.data && tensor.numElements() != 0))
    return llvm::createStringError("expected " + what + " to be of " + text +
                                   ", but got " + tensor.describe());
  std::vector<int64_t> shape = tensor.shape;
  if (scheme)
    shape.back() = type.getShape().back();
  return unread(type, std::move(shape), tensor.data, tensor.numBytes(),
                /*isSplat=*/false);
}

Datum Datum::constant(Attribute value) {
  auto scalarOf = [](Type type, auto number) {
    Numbers numbers;
    numbers.reset(type, 1);
    if constexpr (std::is_same_v<decltype(number), llvm::APFloat>)
      numbers.values[0] = decodeFloat(cast<FloatType>(type),
                                      number.bitcastToAPInt().getZExtValue());
    else
      numbers.bits[0] = number.getZExtValue();
    return Datum(type, {}, std::move(numbers));
  };
  if (auto number = dyn_cast<FloatAttr>(value))
    return scalarOf(number.getType(), number.getValue());
  if (auto number = dyn_cast<IntegerAttr>(value))
    return scalarOf(number.getType(), number.getValue());
  auto all = dyn_cast<ElementsAttr>(value);
  auto type = all ? dyn_cast<RankedTensorType>(all.getType()) : nullptr;
  if (!type || !isKnownType(type.getElementType()) || QuantScheme::of(type))
    return Datum();
  Type element = type.getElementType();
  std::vector<int64_t> shape = type.getShape().vec();
  bool isWhole = widthOf(element) == 8 * bytesOf(element);
  if (auto raw = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = raw.getRawHandle().getBlob();
    size_t bytes = size_t(countOf(shape)) * bytesOf(element);
    // A boolean is a byte there.
    if (!blob || blob->getData().size() != bytes ||
        !(isWhole || element.isInteger(1)))
      return Datum();
    return unread(type, shape, blob->getData().data(), bytes, false);
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (dense && isWhole)
    return unread(type, shape, dense.getRawData().data(),
                  dense.getRawData().size(), dense.isSplat());
  Numbers numbers;
  numbers.reset(element, countOf(shape));
  if (numbers.isFloat()) {
    auto values = all.tryGetValues<llvm::APFloat>();
    if (!values)
      return Datum();
    for (auto [to, number] : llvm::zip(numbers.values, *values))
      to = decodeFloat(cast<FloatType>(element),
                       number.bitcastToAPInt().getZExtValue());
  } else {
    auto values = all.tryGetValues<APInt>();
    if (!values)
      return Datum();
    for (auto [to, number] : llvm::zip(numbers.bits, *values))
      to = number.getZExtValue();
  }
  return Datum(type, shape, std::move(numbers));
}

std::optional<QuantScheme> Datum::scheme() const {
  return QuantScheme::of(ofType);
}

bool Datum::isQuantized() const { return scheme().has_value(); }

Datum Datum::reshaped(Type type, std::vector<int64_t> shape) const {
  Datum result = *this;
  result.ofType = type;
  result.sizes = std::move(shape);
  return result;
}

//===----------------------------------------------------------------------===//
// Reading them
//===----------------------------------------------------------------------===//

int64_t Datum::size() const { return countOf(sizes); }

const Numbers &Datum::numbers() const {
  if (!elements->areRead) {
    std::vector<int64_t> all(size());
    std::iota(all.begin(), all.end(), 0);
    Numbers numbers;
    gather(all, numbers);
    elements->numbers = std::move(numbers);
    elements->areRead = true;
  }
  return elements->numbers;
}

void Datum::gather(ArrayRef<int64_t> positions, Numbers &numbers) const {
  numbers.reset(elementType(), positions.size());
  size_t count = positions.size();
  if (elements->areRead) {
    const Numbers &all = elements->numbers;
    for (size_t i = 0; i < count; ++i)
      if (all.isFloat())
        numbers.values[i] = all.values[positions[i]];
      else
        numbers.bits[i] = all.bits[positions[i]];
    if (all.deviations.empty())
      return;
    std::vector<double> &deviations = numbers.allDeviations();
    for (size_t i = 0; i < count; ++i)
      deviations[i] = all.deviations[positions[i]];
    return;
  }
  int64_t step = elements->isSplat ? 0 : 1;
  if (numbers.isFloat()) {
    const FloatReader &read = reader();
    for (size_t i = 0; i < count; ++i)
      numbers.values[i] = read(elements->stored, positions[i] * step);
    return;
  }
  unsigned width = widthOf(numbers.type), bytes = bytesOf(numbers.type);
  for (size_t i = 0; i < count; ++i)
    numbers.bits[i] =
        wrapBits(loadBits(elements->stored, positions[i] * step, bytes), width);
}

Numbers &Datum::writable() {
  numbers();
  if (elements.use_count() > 1)
    elements = std::make_shared<Elements>(*elements);
  elements->magnitudes.clear();
  return elements->numbers;
}

bool Datum::read(int64_t begin, int64_t count, double *values,
                 double *deviations) const {
  if (!elements->areRead) {
    const FloatReader &read = reader();
    for (int64_t i = 0; i < count; ++i)
      values[i] = read(elements->stored, elements->isSplat ? 0 : begin + i);
    return false;
  }
  const Numbers &all = elements->numbers;
  std::copy_n(all.values.begin() + begin, count, values);
  if (all.deviations.empty())
    return false;
  std::copy_n(all.deviations.begin() + begin, count, deviations);
  return true;
}

int64_t Datum::asInteger() const {
  return signedBits(numbers().bits[0], widthOf(elementType()));
}

ArrayRef<uint8_t> Datum::storedBytes() const {
  return {elements->stored, elements->storedBytes};
}

std::vector<uint8_t> Datum::toBytes() const {
  const Numbers &all = numbers();
  unsigned width = widthOf(all.type);
  std::vector<uint8_t> bytes(llvm::divideCeil(size() * width, 8));
  auto store = [&](int64_t i, uint64_t bits) {
    for (unsigned bit = 0; bit < width; ++bit)
      if (bits >> bit & 1)
        bytes[(i * width + bit) / 8] |= 1 << (i * width + bit) % 8;
  };
  for (int64_t i = 0, e = size(); i < e; ++i) {
    if (!all.isFloat()) {
      store(i, all.bits[i]);
      continue;
    }
    llvm::APFloat number(all.values[i]);
    bool losesInfo;
    number.convert(cast<FloatType>(all.type).getFloatSemantics(),
                   llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    store(i, number.bitcastToAPInt().getZExtValue());
  }
  return bytes;
}

const std::vector<double> &Datum::magnitudes() const {
  return elements->magnitudes;
}

void Datum::setMagnitudes(std::vector<double> magnitudes) {
  elements->magnitudes = std::move(magnitudes);
}
