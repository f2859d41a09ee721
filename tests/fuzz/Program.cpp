//===- Program.cpp - A random program with its inputs ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/fuzz/Program.h"

#include "codegen/reference/Element.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <cstring>

using namespace rlx;
using namespace rlx::fuzz;

template <typename T> static void store(void *data, int64_t i, T value) {
  std::memcpy(static_cast<char *>(data) + i * sizeof(T), &value, sizeof(T));
}

static uint16_t rounded(const llvm::fltSemantics &semantics, double number) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return uint16_t(value.bitcastToAPInt().getZExtValue());
}

double Data::get(int64_t i) const {
  return elementAsDouble({type, shape, const_cast<uint8_t *>(bytes.data())}, i);
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
