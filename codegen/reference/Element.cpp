//===- Element.cpp - An element of a tensor as a double -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Element.h"

#include "ir/Reference.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;
using namespace rlx;

template <typename T> static double load(const void *data, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + i * sizeof(T),
              sizeof(T));
  return double(value);
}

static double loadFloat(const llvm::fltSemantics &semantics, const void *data,
                        int64_t i) {
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char *>(data) + i * sizeof(bits),
              sizeof(bits));
  llvm::APFloat number(semantics, llvm::APInt(16, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

double rlx::elementAsDouble(const TensorView &tensor, int64_t i, Type type) {
  // Floats of 8 bits are passed as bytes.
  if (type && elementBytes(tensor.type) == 1)
    return decodeFloat(cast<FloatType>(type), load<uint8_t>(tensor.data, i));
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
    return load<int64_t>(tensor.data, i);
  case ElementType::i32:
    return load<int32_t>(tensor.data, i);
  case ElementType::i16:
    return load<int16_t>(tensor.data, i);
  case ElementType::i8:
    return load<int8_t>(tensor.data, i);
  case ElementType::u64:
    return load<uint64_t>(tensor.data, i);
  case ElementType::u32:
    return load<uint32_t>(tensor.data, i);
  case ElementType::u16:
    return load<uint16_t>(tensor.data, i);
  case ElementType::u8:
  case ElementType::boolean:
    return load<uint8_t>(tensor.data, i);
  }
  llvm_unreachable("unknown element type");
}
