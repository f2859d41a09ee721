//===- NearestCodes.cpp - The nearest codes of many elements --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/NearestCodes.h"

#include "codegen/quantize/Rules.h"

#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

NearestCodes::NearestCodes(const FieldNumbers &code)
    : code(code), low(float(code.lowest())), high(float(code.highest())),
      bias(int(code.attr().getBias())),
      mask(int((uint64_t(1) << code.attr().width()) - 1)) {
  constexpr size_t few = 32;
  if (code.isWide() || code.attr().width() > 8)
    return;
  isUsable = code.isInteger() || code.sorted().size() <= few;
  if (!isUsable || code.isInteger())
    return;
  // Zeros of both signs are two numbers; between them lies 0.
  llvm::ArrayRef<double> numbers = code.sorted();
  for (size_t i = 0; i + 1 < numbers.size(); ++i)
    middles.push_back(float((numbers[i] + numbers[i + 1]) / 2));
  for (double number : numbers)
    codesByRank.push_back(uint8_t(code.nearest(number)));
}

void NearestCodes::choose(const Solver::Parts &parts, llvm::ArrayRef<float> x,
                          float largest, uint8_t *codes) const {
  auto exactly = [&](size_t i) {
    codes[i] = uint8_t(exactCode(code, parts, x[i]));
  };
  auto inverse = float(1 / parts.scale), base = float(parts.base());
  // How far the quotient of f32 may lie from that of real numbers: a few
  // roundings of the numbers that it is made from.
  constexpr float rounding = 0x1p-21f;
  float margin = rounding * ((largest + std::fabs(base)) * std::fabs(inverse) +
                             std::max(std::fabs(low), std::fabs(high)));
  constexpr float coarse = 0.01f;
  bool isSmall = std::fabs(inverse) >= std::numeric_limits<float>::min() &&
                 std::fabs(inverse) <= 0x1p120f;
  if (!isUsable || !isSmall || !(margin < coarse)) {
    for (size_t i = 0; i < x.size(); ++i)
      exactly(i);
    return;
  }
  constexpr size_t most = 1024;
  uint8_t doubts[most];
  const CodeVectors &vectors = CodeVectors::get();
  for (size_t first = 0; first < x.size(); first += most) {
    int64_t count = int64_t(std::min(most, x.size() - first));
    const float *from = x.data() + first;
    bool isDoubtful =
        code.isInteger()
            ? vectors.integers(from, count, base, inverse, low, high, bias,
                               mask, margin, codes + first, doubts)
            : vectors.ranks(from, count, base, inverse, middles.data(),
                            int(middles.size()), margin, codes + first, doubts);
    if (!code.isInteger())
      for (int64_t i = 0; i < count; ++i)
        codes[first + i] = codesByRank[codes[first + i]];
    for (int64_t i = 0; isDoubtful && i < count; ++i)
      if (doubts[i])
        exactly(first + i);
  }
}
