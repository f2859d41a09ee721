//===- QuantizedWeight.cpp - A weight as it is stored ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/QuantizedWeight.h"

#include "ir/SideIndex.h"

#include <numeric>

using namespace rlx;

QuantizedWeight::QuantizedWeight(const Quantizer &quantizer,
                                 llvm::ArrayRef<int64_t> shape)
    : scheme(quantizer.scheme()), shape(shape.begin(), shape.end()),
      blocks(scheme.storageBytes(shape)), scales(quantizer.sideBytes("scales")),
      zeroPoints(quantizer.sideBytes("zero_points")),
      globalScale(quantizer.sideBytes("global_scale")) {}

int64_t QuantizedWeight::rows() const {
  return std::accumulate(shape.begin(), shape.end() - 1, int64_t(1),
                         std::multiplies<>());
}

int64_t QuantizedWeight::group() const {
  int64_t length = columns();
  for (FieldAttr field : scheme.attr().getScale())
    length = std::gcd(length, groupLength(scheme, field, columns()));
  return length == columns() ? 0 : length;
}

int64_t QuantizedWeight::bytes() const {
  return int64_t(blocks.size() + scales.size() + zeroPoints.size() +
                 globalScale.size());
}

QuantizedBytes QuantizedWeight::rowBytes(int64_t begin, int64_t end) {
  int64_t size = scheme.rowBytes(columns());
  return {
      llvm::MutableArrayRef(blocks).slice(begin * size, (end - begin) * size),
      scales, zeroPoints, globalScale};
}

std::vector<double> QuantizedWeight::values() const {
  // Sizes are those of the scheme since this was made.
  ReferenceDecoder decoder =
      llvm::cantFail(ReferenceDecoder::create(scheme, shape, stored()));
  std::vector<double> numbers(decoder.rows() * decoder.columns());
  for (int64_t row = 0; row < decoder.rows(); ++row)
    decoder.decodeRow(row, numbers.data() + row * decoder.columns());
  return numbers;
}

llvm::Expected<QuantizedWeight>
rlx::quantizeWeight(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<float> values, QuantizeOptions options) {
  llvm::Expected<Quantizer> quantizer =
      Quantizer::create(scheme, shape, std::move(options));
  if (!quantizer)
    return quantizer.takeError();
  QuantizedWeight weight(*quantizer, shape);
  if (llvm::Error error = quantizer->quantizeRows(
          values, 0, weight.rows(), weight.rowBytes(0, weight.rows())))
    return error;
  return weight;
}
