//===- Program.cpp - A random program with its inputs ---------------------===//

#include "tests/fuzz/Program.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <cstring>

using namespace rlx;
using namespace rlx::fuzz;

template <typename T> static double load(const void *data, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + i * sizeof(T),
              sizeof(T));
  return double(value);
}

template <typename T> static void store(void *data, int64_t i, T value) {
  std::memcpy(static_cast<char *>(data) + i * sizeof(T), &value, sizeof(T));
}

static double loadFloat(const llvm::fltSemantics &semantics, const void *data,
                        int64_t i) {
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char *>(data) + i * 2, 2);
  llvm::APFloat number(semantics, llvm::APInt(16, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

static uint16_t rounded(const llvm::fltSemantics &semantics, double number) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return uint16_t(value.bitcastToAPInt().getZExtValue());
}

double rlx::fuzz::elementOf(const TensorView &tensor, int64_t i) {
  switch (tensor.type) {
  case ElementType::f64:
    return load<double>(tensor.data, i);
  case ElementType::f32:
    return load<float>(tensor.data, i);
  case ElementType::f16:
    return loadFloat(llvm::APFloat::IEEEhalf(), tensor.data, i);
  case ElementType::bf16:
    return loadFloat(llvm::APFloat::BFloat(), tensor.data, i);
  case ElementType::i64:
  case ElementType::u64:
    return load<int64_t>(tensor.data, i);
  case ElementType::i32:
  case ElementType::u32:
    return load<int32_t>(tensor.data, i);
  case ElementType::i16:
  case ElementType::u16:
    return load<int16_t>(tensor.data, i);
  case ElementType::i8:
    return load<int8_t>(tensor.data, i);
  case ElementType::u8:
  case ElementType::boolean:
    return load<uint8_t>(tensor.data, i);
  }
  llvm_unreachable("unknown element type");
}

double Data::get(int64_t i) const {
  return elementOf({type, shape, const_cast<uint8_t *>(bytes.data())}, i);
}

void Data::set(int64_t i, double number) {
  switch (type) {
  case ElementType::f64:
    return store<double>(bytes.data(), i, number);
  case ElementType::f32:
    return store<float>(bytes.data(), i, float(number));
  case ElementType::f16:
    return store(bytes.data(), i, rounded(llvm::APFloat::IEEEhalf(), number));
  case ElementType::bf16:
    return store(bytes.data(), i, rounded(llvm::APFloat::BFloat(), number));
  case ElementType::i64:
  case ElementType::u64:
    return store<int64_t>(bytes.data(), i, int64_t(number));
  case ElementType::i32:
  case ElementType::u32:
    return store<int32_t>(bytes.data(), i, int32_t(number));
  case ElementType::i16:
  case ElementType::u16:
    return store<int16_t>(bytes.data(), i, int16_t(number));
  case ElementType::i8:
  case ElementType::u8:
    return store<int8_t>(bytes.data(), i, int8_t(number));
  case ElementType::boolean:
    return store<uint8_t>(bytes.data(), i, number != 0);
  }
}

void Data::copy(int64_t i, const Data &other, int64_t from) {
  unsigned size = elementBytes(type);
  std::memcpy(bytes.data() + i * size, other.bytes.data() + from * size, size);
}

double Data::largest() const {
  double largest = 0;
  for (int64_t i = 0, e = count(); i < e; ++i)
    largest = std::max(largest, std::fabs(get(i)));
  return largest;
}
