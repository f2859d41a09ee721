//===- RowSample.cpp - Some rows that stand for all -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RowSample.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

RowSample::RowSample(int64_t rows, int64_t columns)
    : rows(rows), wanted(std::clamp<int64_t>(mostElements / columns, 1, rows)) {
}

void RowSample::pickIf(bool isMore, float number, Extreme &extreme,
                       llvm::ArrayRef<float> row) {
  // The first of equals counts, as it does for rules.
  if (extreme.row >= 0 && !isMore)
    return;
  int64_t before = extreme.row;
  extreme = {number, at};
  picked[at].assign(row.begin(), row.end());
  bool isEven =
      before >= 0 && before * wanted / rows != (before - 1) * wanted / rows;
  if (before > 0 && !isEven && before != largest.row && before != least.row &&
      before != greatest.row)
    picked.erase(before);
}

void RowSample::add(llvm::ArrayRef<float> row) {
  float size = 0, low = 0, high = 0;
  bool isFirst = true;
  for (float value : row) {
    if (!std::isfinite(value))
      continue;
    size = std::max(size, std::fabs(value));
    low = isFirst ? value : std::min(low, value);
    high = isFirst ? value : std::max(high, value);
    isFirst = false;
  }
  if (at == 0 || at * wanted / rows != (at - 1) * wanted / rows)
    picked[at].assign(row.begin(), row.end());
  pickIf(size > largest.number, size, largest, row);
  pickIf(low < least.number, low, least, row);
  pickIf(high > greatest.number, high, greatest, row);
  ++at;
}

std::vector<float> RowSample::take() {
  std::vector<float> all;
  for (const auto &[row, values] : picked)
    all.insert(all.end(), values.begin(), values.end());
  return all;
}
