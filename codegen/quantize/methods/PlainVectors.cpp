//===- PlainVectors.cpp - Numbers to int8 and int4 ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/PlainVectors.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

int64_t QuantizedTensor::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

int64_t QuantizedTensor::bytes() const {
  return int64_t(data.size() + scales.size() * sizeof(float) +
                 zeroPoints.size());
}

std::vector<float> QuantizedTensor::values() const {
  std::vector<float> result(elements());
  int64_t length = group ? group : int64_t(result.size());
  for (int64_t i = 0; i < int64_t(result.size()); ++i) {
    int code = bits == 4 ? data[i / 2] >> (i % 2 * 4) & 15 : int8_t(data[i]);
    int64_t g = i / length;
    int zero = zeroPoints.empty() ? 0 : zeroPoints[g];
    result[i] = float(double(code - zero) * scales[g]);
  }
  return result;
}

/// The group's length; errors of both kinds.
static llvm::Expected<int64_t> checkVector(llvm::ArrayRef<float> values,
                                           int64_t group) {
  if (values.empty())
    return llvm::createStringError("expected at least one element to quantize");
  if (group < 0)
    return llvm::createStringError(
        "expected a group of at least one element, or 0 for all, but got " +
        llvm::Twine(group));
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError("element " + llvm::Twine(i) + " is " +
                                     (std::isnan(value) ? "nan"
                                      : value > 0       ? "inf"
                                                        : "-inf") +
                                     ", expected finite numbers");
  return group ? group : int64_t(values.size());
}

/// Too small a scale for a float would divide by 0.
static float storedScale(double scale) {
  auto stored = float(scale);
  return stored > 0 ? stored : 1;
}

llvm::Expected<QuantizedTensor> rlx::quantizeInt8(llvm::ArrayRef<float> values,
                                                  int64_t group) {
  llvm::Expected<int64_t> length = checkVector(values, group);
  if (!length)
    return length.takeError();
  constexpr double reach = 127;
  QuantizedTensor result{{int64_t(values.size())}, 8, group, {}, {}, {}};
  for (llvm::ArrayRef<float> rest = values; !rest.empty();
       rest = rest.drop_front(std::min<size_t>(*length, rest.size()))) {
    llvm::ArrayRef<float> part = rest.take_front(*length);
    double most = 0;
    for (float value : part)
      most = std::max(most, double(std::fabs(value)));
    float scale = storedScale(most / reach);
    for (float value : part)
      result.data.push_back(uint8_t(int8_t(
          std::clamp(std::round(double(value) / scale), -reach, reach))));
    result.scales.push_back(scale);
  }
  return result;
}

llvm::Expected<QuantizedTensor> rlx::quantizeInt4(llvm::ArrayRef<float> values,
                                                  int64_t group) {
  llvm::Expected<int64_t> length = checkVector(values, group);
  if (!length)
    return length.takeError();
  constexpr double highest = 15;
  QuantizedTensor result{{int64_t(values.size())}, 4, group, {}, {}, {}};
  std::vector<uint8_t> codes;
  for (llvm::ArrayRef<float> rest = values; !rest.empty();
       rest = rest.drop_front(std::min<size_t>(*length, rest.size()))) {
    llvm::ArrayRef<float> part = rest.take_front(*length);
    double least = 0, most = 0;
    for (float value : part) {
      least = std::min(least, double(value));
      most = std::max(most, double(value));
    }
    float scale = storedScale((most - least) / highest);
    double zero = std::clamp(std::round(-least / scale), 0.0, highest);
    for (float value : part)
      codes.push_back(uint8_t(
          std::clamp(std::round(double(value) / scale) + zero, 0.0, highest)));
    result.scales.push_back(scale);
    result.zeroPoints.push_back(uint8_t(zero));
  }
  result.data = llvm::cantFail(packUInt4(codes)); // They are in range.
  return result;
}

//===----------------------------------------------------------------------===//
// Halves of bytes
//===----------------------------------------------------------------------===//

template <typename T>
static llvm::Expected<std::vector<uint8_t>> pack(llvm::ArrayRef<T> codes,
                                                 int low, int high) {
  std::vector<uint8_t> bytes((codes.size() + 1) / 2);
  for (auto [i, code] : llvm::enumerate(codes)) {
    if (code < low || code > high)
      return llvm::createStringError(
          "expected codes of " + llvm::Twine(low) + " to " + llvm::Twine(high) +
          ", but code " + llvm::Twine(i) + " is " + llvm::Twine(int(code)));
    bytes[i / 2] |= uint8_t((code & 15) << (i % 2 * 4));
  }
  return bytes;
}

llvm::Expected<std::vector<uint8_t>>
rlx::packInt4(llvm::ArrayRef<int8_t> codes) {
  return pack(codes, -8, 7);
}
llvm::Expected<std::vector<uint8_t>>
rlx::packUInt4(llvm::ArrayRef<uint8_t> codes) {
  return pack(codes, 0, 15);
}

llvm::Expected<std::vector<uint8_t>>
rlx::unpackUInt4(llvm::ArrayRef<uint8_t> bytes, int64_t count) {
  if (count < 0 ||
      uint64_t(bytes.size()) != llvm::divideCeil(uint64_t(count), 2))
    return llvm::createStringError("expected two codes a byte, but got " +
                                   llvm::Twine(bytes.size()) + " bytes for " +
                                   llvm::Twine(count) + " codes");
  std::vector<uint8_t> codes(count);
  for (int64_t i = 0; i < count; ++i)
    codes[i] = bytes[i / 2] >> (i % 2 * 4) & 15;
  return codes;
}

llvm::Expected<std::vector<int8_t>>
rlx::unpackInt4(llvm::ArrayRef<uint8_t> bytes, int64_t count) {
  auto codes = unpackUInt4(bytes, count);
  if (!codes)
    return codes.takeError();
  std::vector<int8_t> result;
  for (uint8_t code : *codes)
    result.push_back(int8_t(code < 8 ? code : code - 16));
  return result;
}
