//===- IntegerCodes.cpp - Codes as integers of 8 bits ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/decode/IntegerCodes.h"

#include "ir/FieldTerms.h"
#include "ir/Reference.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

std::optional<IntegerCodes> IntegerCodes::of(FieldAttr code,
                                             std::string &reason) {
  unsigned width = code.width();
  if (width > 8) {
    reason = "codes have more than 8 bits";
    return std::nullopt;
  }
  IntegerCodes codes;
  codes.width = width;
  codes.bias = code.getBias();
  codes.below = int64_t(1) << width;
  if (code.isInteger()) {
    if (code.getType().isSignedInteger()) {
      codes.flip = int64_t(1) << (width - 1);
      codes.bias += codes.flip;
    }
    return codes;
  }
  constexpr unsigned tableBits = 4;
  if (width > tableBits && code.getCodebook())
    if (auto line = linearCodebook(code.getCodebook());
        line && line->start == 0 && code.getBias() == 0) {
      codes.unit = line->step;
      if (line->isSigned)
        codes.bias = codes.flip = int64_t(1) << (width - 1);
      return codes;
    }
  if (width > tableBits) {
    reason = "codes are looked up in a table of more than 16 entries";
    return std::nullopt;
  }
  SmallVector<double> numbers;
  for (uint64_t c = 0; c < uint64_t(1) << width; ++c)
    numbers.push_back(numberOf(code, c));
  // The numbers times a power of two should be integers, as e2m1 times two is.
  for (double factor = 1; factor <= 8; factor *= 2) {
    double least = 0, most = 0;
    bool integers = true;
    for (double number : numbers) {
      integers &= number * factor == std::round(number * factor);
      least = std::min(least, number * factor);
      most = std::max(most, number * factor);
    }
    if (!integers || most - least > 255)
      continue;
    codes.unit = 1 / factor;
    codes.bias = int64_t(-least);
    codes.below = int64_t(most - least) + 1;
    for (size_t i = 0; i < size_t(1) << tableBits; ++i)
      codes.table.push_back(
          int8_t(int64_t(numbers[i % numbers.size()] * factor - least)));
    return codes;
  }
  reason = "the codebook's entries are no integers";
  return std::nullopt;
}
