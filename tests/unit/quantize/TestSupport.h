//===- TestSupport.h - Errors and codes of quantized weights --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the quantizer measure with is the reference decoder, which
// shares nothing with it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_QUANTIZE_TESTSUPPORT_H
#define RLX_TESTS_UNIT_QUANTIZE_TESTSUPPORT_H

#include "codegen/quantize/Quantizer.h"
#include "tests/unit/ir/TestSupport.h"

namespace rlx::test {

inline std::string messageOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// Whether codes of `scheme` can be chosen one after the other.
inline bool hasOwnCodes(QuantScheme scheme) {
  return !llvm::errorToBool(checkOwnCodes(scheme));
}

/// Of each row of a weight [N, K], by importance where it is given.
inline std::vector<double>
squaredErrors(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
              const StoredWeight &stored, llvm::ArrayRef<float> source,
              llvm::ArrayRef<float> importance = {}) {
  llvm::Expected<ReferenceDecoder> decoder =
      ReferenceDecoder::create(scheme, shape, stored);
  if (!decoder) {
    ADD_FAILURE() << llvm::toString(decoder.takeError());
    return {};
  }
  std::vector<double> errors, row(decoder->columns());
  for (int64_t n = 0; n < decoder->rows(); ++n) {
    decoder->decodeRow(n, row.data());
    double error = 0;
    for (int64_t k = 0; k < decoder->columns(); ++k) {
      double difference = row[k] - source[n * decoder->columns() + k];
      error += difference * difference *
               (importance.empty() ? 1.0 : double(importance[k]));
    }
    errors.push_back(error);
  }
  return errors;
}
inline std::vector<double>
squaredErrors(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
              const std::vector<uint8_t> &blocks, llvm::ArrayRef<float> source,
              llvm::ArrayRef<float> importance = {}) {
  return squaredErrors(scheme, shape, StoredWeight{blocks, {}, {}, {}}, source,
                       importance);
}

/// The bytes of a weight and its side tensors.
struct Bytes {
  std::vector<uint8_t> blocks, scales, zeroPoints, globalScale;

  Bytes(const Quantizer &quantizer, llvm::ArrayRef<int64_t> shape)
      : blocks(quantizer.scheme().storageBytes(shape)),
        scales(quantizer.sideBytes("scales")),
        zeroPoints(quantizer.sideBytes("zero_points")),
        globalScale(quantizer.sideBytes("global_scale")) {}

  /// To write the rows from `begin` to `end`.
  QuantizedBytes rows(int64_t begin, int64_t end, int64_t rowBytes) {
    return {llvm::MutableArrayRef(blocks).slice(begin * rowBytes,
                                                (end - begin) * rowBytes),
            scales, zeroPoints, globalScale};
  }
  StoredWeight stored() const {
    return {blocks, scales, zeroPoints, globalScale};
  }
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_QUANTIZE_TESTSUPPORT_H
