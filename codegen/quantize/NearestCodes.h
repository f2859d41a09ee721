//===- NearestCodes.h - The nearest codes of many elements ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What exactCode (Rules.h) gives, for all elements of a group: in vectors of
// f32 where that leaves no doubt, else by it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_NEARESTCODES_H
#define RLX_CODEGEN_QUANTIZE_NEARESTCODES_H

#include "codegen/quantize/Solver.h"

namespace rlx::quantize {

class NearestCodes {
public:
  /// For codes of at most 8 bits.
  explicit NearestCodes(const FieldNumbers &code);

  /// Of finite numbers, none of a larger magnitude than `largest`.
  void choose(const Solver::Parts &parts, llvm::ArrayRef<float> x,
              float largest, uint8_t *codes) const;

private:
  const FieldNumbers &code;
  /// Codes in the order of their numbers, and the middles between these: of
  /// numbers that are no integers, where there are few.
  std::vector<float> middles;
  std::vector<uint8_t> codesByRank;
  float low, high;
  int bias, mask;
  bool isUsable = false;
};

/// A loop of NearestCodes, for one processor or another.
struct CodeVectors {
  /// t = (x - base) * inverse; codes of the integers nearest to t, with
  /// `bias` added and masked;
  /// in `doubts` whether t is within `margin` of a middle, for each element.
  /// Returns whether there is one.
  bool (*integers)(const float *x, int64_t count, float base, float inverse,
                   float low, float high, int bias, int mask, float margin,
                   uint8_t *codes, uint8_t *doubts);
  /// The same for how many middles lie below t.
  bool (*ranks)(const float *x, int64_t count, float base, float inverse,
                const float *middles, int numMiddles, float margin,
                uint8_t *codes, uint8_t *doubts);

  static llvm::ArrayRef<CodeVectors> all();
  static const CodeVectors &get() {
    static const CodeVectors &fastest = all().front();
    return fastest;
  }
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_NEARESTCODES_H
