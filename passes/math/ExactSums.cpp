//===- ExactSums.cpp - Sums of f32 whose rounding is known ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/math/ExactSums.h"

#include "llvm/ADT/SmallVector.h"

using namespace mlir;
using namespace rlx::mathx;

namespace {
/// A result and what rounding took from it.
struct Exact {
  Num rounded, rest;
};
} // namespace

/// a + b (Knuth).
static Exact twoSum(Num a, Num b) {
  Num sum = a + b, ofB = sum - a;
  return {sum, (a - (sum - ofB)) + (b - ofB)};
}

/// x * y (Dekker): halves of 12 bits have exact products.
static Exact twoProduct(Num x, Num y) {
  constexpr int64_t upperBits = int64_t(0xfffff000);
  Num xUpper = fromBits(x.bits() & upperBits), xLower = x - xUpper,
      yUpper = fromBits(y.bits() & upperBits), yLower = y - yUpper;
  Num product = x * y;
  Num rest = xUpper * yUpper - product;
  rest = rest + xUpper * yLower + xLower * yUpper;
  return {product, rest + xLower * yLower};
}

/// a + b, rounded to the neighbour whose last bit is set where it is not exact.
static Num sumToOdd(Num a, Num b) {
  Exact sum = twoSum(a, b);
  Int bits = sum.rounded.bits();
  Truth isExact = sum.rest == 0, isOdd = (bits & 1) != 0;
  Truth isAway = ((bits ^ sum.rest.bits()) & int64_t(0x80000000)) == 0;
  Num odd = fromBits(choose(isAway, bits + 1, bits - 1));
  return choose(isExact | isOdd, sum.rounded, odd);
}

Num rlx::mathx::signOfSum(llvm::ArrayRef<Num> terms) {
  llvm::SmallVector<Num> parts; // From the least on.
  for (Num term : terms) {
    for (Num &part : parts) {
      Exact sum = twoSum(term, part);
      part = sum.rest;
      term = sum.rounded;
    }
    parts.push_back(term);
  }
  Num sign = parts.front();
  for (Num part : llvm::ArrayRef(parts).drop_front())
    sign = choose(part == 0, sign, part);
  return sign;
}

Num rlx::mathx::fusedMultiplyAdd(Num x, Num y, Num z) {
  Exact product = twoProduct(x, y), small = twoSum(z, product.rest),
        large = twoSum(product.rounded, small.rounded);
  return large.rounded + sumToOdd(small.rest, large.rest);
}
