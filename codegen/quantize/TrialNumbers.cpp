//===- TrialNumbers.cpp - The numbers of a field, for trials --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/TrialNumbers.h"

using namespace rlx;
using namespace rlx::quantize;

std::vector<float> TrialNumbers::middlesOf(llvm::ArrayRef<float> numbers) {
  std::vector<float> middles;
  for (size_t i = 0; i + 1 < numbers.size(); ++i)
    middles.push_back((numbers[i] + numbers[i + 1]) / 2);
  return middles;
}

TrialNumbers::TrialNumbers(const FieldNumbers &numbers) {
  // Quotients of f32 tell so many integers apart.
  constexpr size_t few = 16, most = 256;
  if (numbers.isWide() || numbers.sorted().size() > most)
    return;
  for (double number : numbers.sorted())
    if (values.empty() || values.back() != float(number)) {
      values.push_back(float(number));
      codeByPosition.push_back(numbers.nearest(number));
    }
  count = int(values.size());
  isInteger = numbers.isInteger();
  usable = isInteger || values.size() <= few;
  middles = middlesOf(values);
  bool isSymmetric = !isInteger;
  for (size_t i = 0; i < values.size(); ++i)
    isSymmetric &= values[i] == -values[values.size() - 1 - i];
  if (isSymmetric) {
    for (float value : values)
      if (value >= 0)
        magnitudes.push_back(value);
    magnitudeMiddles = middlesOf(magnitudes);
  }
  values.resize(count + LineLanes::count, values.back());
  codeByPosition.resize(count + LineLanes::count, codeByPosition.back());
}

int TrialNumbers::positionOf(float t) const {
  if (isInteger) {
    // Adding it leaves no bits behind the point.
    constexpr float magic = 0x1.8p23f;
    float inside = std::min(std::max(t, low()), high());
    return int(((inside + magic) - magic) - low());
  }
  return int(llvm::lower_bound(middles, t) - middles.begin());
}

TriedNumbers TrialNumbers::tried(bool hasBase) const {
  // With these, errors are a hundredth of squares or more.
  constexpr int coarse = 16;
  TriedNumbers tried;
  tried.isInteger = isInteger;
  tried.low = low();
  tried.high = high();
  tried.isCoarse = count <= coarse;
  tried.isMagnitude = !hasBase && tried.isCoarse && !magnitudes.empty();
  tried.values = tried.isMagnitude ? magnitudes.data() : values.data();
  tried.middles = tried.isMagnitude ? magnitudeMiddles.data() : middles.data();
  tried.count = tried.isMagnitude ? int(magnitudes.size()) : count;
  return tried;
}
