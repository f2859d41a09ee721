//===- WeightMemory.h - What a weight takes in memory -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a scheme and a shape: bits of codes, of scales, of zero points and
// offsets, and bits that nobody reads. The parts add up to the whole, of one
// weight and of a sum of many.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_WEIGHTMEMORY_H
#define RLX_IR_WEIGHTMEMORY_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

namespace rlx {

struct WeightMemory {
  int64_t elements = 0;
  int64_t codeBits = 0, scaleBits = 0;
  int64_t zeroBits = 0; ///< Of zero points and offsets.
  int64_t paddingBits = 0;

  /// For a weight of any rank whose last dimension is K; side tensors need at
  /// least two. Errors: a dimension below 1 or unknown, K that is no multiple
  /// of the block, more bits than 63 bits count.
  static llvm::Expected<WeightMemory> of(QuantScheme scheme,
                                         llvm::ArrayRef<int64_t> shape);
  /// Elements that are stored as they are, of so many bits.
  static llvm::Expected<WeightMemory> plain(int64_t elementBits,
                                            llvm::ArrayRef<int64_t> shape);

  int64_t bits() const { return codeBits + scaleBits + zeroBits + paddingBits; }
  /// Blocks and side tensors are whole bytes, all but tiny side tensors.
  int64_t bytes() const { return (bits() + 7) / 8; }
  double bitsPerElement() const { return double(bits()) / double(elements); }
  /// What as many plain floats take.
  int64_t f16Bytes() const { return 2 * elements; }
  int64_t f32Bytes() const { return 4 * elements; }

  WeightMemory &operator+=(const WeightMemory &other);
};

} // namespace rlx

#endif // RLX_IR_WEIGHTMEMORY_H
