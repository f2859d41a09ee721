//===- MagicNumbers.h - Sums of products that are floats --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sum of a group's products with a byte of activations is an integer that a
// float scale has to multiply: a conversion and a product for each group, row
// and vector. On targets where both take the place of dot products, sums start
// from the bits of 1.5 * 2^23 instead. Floats from 2^23 to 2^24 are integers
// whose last bit counts one, so that the bits of the start plus an integer are
// the start plus that integer as a float, and no conversion is needed:
//
//   sum over groups  s * sum (u - bias) * q
//     = sum over groups  s * float(bits(start) + sum (u - bias) * q)
//       - start * sum over groups  s
//
// The last term is the same for all rows of activations. Sums of 1.5 * 2^23
// times scales lose bits that the products would have kept; so that they stay
// some hundred times less than what rounding activations to i8 loses, codes are
// as large as bytes hold (PackedLayout::widened). That counts on groups that
// use the range of their codes, as quantizers make them: where all codes of a
// K block are a hundredth of it, as much is lost as by rounding to i8. A scale
// that is infinite gives NaN. Of i16, which are two bytes, sums of the first
// are converted: only those of the last may lose bits.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_MAGICNUMBERS_H
#define RLX_PASSES_CPU_PACKED_MAGICNUMBERS_H

#include "passes/cpu/packed/PackedFields.h"

namespace rlx {

struct MagicNumbers {
  static constexpr float start = 12582912; ///< 1.5 * 2^23
  static constexpr int32_t startBits = 0x4b400000;

  /// Whether sums of products of a group with a byte of activations fit 22
  /// bits, as those of codes do that lie about their bias.
  static bool fit(const PackedLayout &packed) {
    constexpr int64_t largestActivation = 128, limit = int64_t(1) << 22;
    return packed.sumGroup * largestActivation *
               packed.widened().codes.largest() <
           limit;
  }
  /// Whether sums of products start as floats where scales are floats; only
  /// where those fit are they asked for.
  static bool apply(const PackedFields &fields) {
    return fields.scalesAreFloats() && fields.hasGroupScale();
  }
  /// numbers - start * scales
  static mlir::Value correct(LoopBuilder &b, mlir::Value numbers,
                             mlir::Value scales);
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_MAGICNUMBERS_H
