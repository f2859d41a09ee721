//===- PlainVectors.h - Numbers to int8 and int4 ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For vectors that are no weights and have no scheme: groups of elements that
// follow each other share a scale, the last one may be shorter. What a code
// means is (code - zero point) * scale, for both kinds.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_PLAINVECTORS_H
#define RLX_CODEGEN_QUANTIZE_METHODS_PLAINVECTORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace rlx {

struct QuantizedTensor {
  std::vector<int64_t> shape;
  int bits = 8;      ///< 8, one code a byte; 4, two, the first in the low half.
  int64_t group = 0; ///< Elements that share a scale; 0: all.
  std::vector<uint8_t> data;
  std::vector<float> scales;       ///< Of each group.
  std::vector<uint8_t> zeroPoints; ///< Of each group; none: 0.

  int64_t elements() const;
  /// Of codes, scales and zero points.
  int64_t bytes() const;
  std::vector<float> values() const;
};

/// -127 to 127, halves away from zero, scale = largest magnitude / 127; a
/// group of zeros has the scale 1. Errors: no element, a group below 0, a
/// number that is not finite.
llvm::Expected<QuantizedTensor> quantizeInt8(llvm::ArrayRef<float> values,
                                             int64_t group = 0);
/// 0 to 15 with a zero point, so that 0 stays 0: scale = (most - least) / 15.
llvm::Expected<QuantizedTensor> quantizeInt4(llvm::ArrayRef<float> values,
                                             int64_t group = 0);

/// Two codes a byte, the first in the low half; behind an odd number of codes
/// are four bits of 0. Error: a code that is not in -8 to 7, or 0 to 15.
llvm::Expected<std::vector<uint8_t>> packInt4(llvm::ArrayRef<int8_t> codes);
llvm::Expected<std::vector<uint8_t>> packUInt4(llvm::ArrayRef<uint8_t> codes);
/// The first `count` codes. Error: other than as many bytes as they take.
llvm::Expected<std::vector<int8_t>> unpackInt4(llvm::ArrayRef<uint8_t> bytes,
                                               int64_t count);
llvm::Expected<std::vector<uint8_t>> unpackUInt4(llvm::ArrayRef<uint8_t> bytes,
                                                 int64_t count);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_PLAINVECTORS_H
