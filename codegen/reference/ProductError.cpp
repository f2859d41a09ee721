//===- ProductError.cpp - What rounding does to sums of products ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/ProductError.h"

#include "ir/ActivationType.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

/// Elements of K that share a scale of reencoded weights, at most.
static constexpr int64_t reencodedGroup = 256;
/// The largest code of reencoded weights.
static constexpr double largestReencoded = 126;
/// The variance of numbers that are rounded to a multiple of 1.
static constexpr double ofStep = 1.0 / 12;
static constexpr double unitF32 = 0x1p-24;
/// Instructions for pairs of bf16 take smaller numbers for zeros, and give
/// zeros for smaller sums.
static constexpr double leastOfPairs = 0x1p-126;

ProductError::ProductError(MLIRContext *context, Type activations,
                           int64_t activationGroup, bool isReencoded)
    : activations(activations), activationGroup(activationGroup),
      isReencoded(isReencoded), sums(Float32Type::get(context)) {
  if (activations && activations.isF32())
    this->activations = Type();
}

/// Rounds each group to multiples of its largest number over `codes`: adds
/// `factor` times the variance of that, and what it adds itself.
static void addSteps(ArrayRef<double> values, MutableArrayRef<double> variances,
                     MutableArrayRef<double> errors, int64_t group,
                     double codes, double factor) {
  for (size_t begin = 0; begin < values.size(); begin += group) {
    size_t end = std::min(values.size(), begin + size_t(group));
    double largest = 0;
    for (size_t i = begin; i < end; ++i)
      largest = std::isnan(values[i]) ? values[i]
                                      : std::max(largest, std::fabs(values[i]));
    double step = largest / codes, variance = factor * ofStep * step * step;
    for (size_t i = begin; i < end; ++i) {
      variances[i] += variance;
      if (step > 0 && std::isfinite(step))
        errors[i] += std::nearbyint(values[i] / step) * step - values[i];
    }
  }
}

/// The same for floats, which have a step of their own; infinite where a number
/// is beyond the type's range.
static void addRoundings(ArrayRef<double> values,
                         MutableArrayRef<double> variances,
                         MutableArrayRef<double> errors, Type type) {
  Rounding rounding(type);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0 || !std::isfinite(values[i]))
      continue;
    double step = rounding.spacing(values[i]),
           rounded = rounding.nearest(values[i]);
    variances[i] += ofStep * step * step;
    bool isZero = type.isBF16() && std::fabs(values[i]) < leastOfPairs;
    if (isZero)
      variances[i] += values[i] * values[i];
    if (std::isfinite(rounded))
      errors[i] += (isZero ? 0 : rounded) - values[i];
    else
      variances[i] = std::numeric_limits<double>::infinity();
  }
}

void ProductError::readRow(const Datum &x, int64_t begin, int64_t k,
                           ActivationRow &row) const {
  row.values.resize(k);
  row.squares.resize(k);
  row.variances.assign(k, 0);
  row.errors.assign(k, 0);
  if (x.read(begin, k, row.values.data(), row.variances.data()))
    for (double &deviation : row.variances)
      deviation *= deviation;
  for (int64_t i = 0; i < k; ++i)
    row.squares[i] = row.values[i] * row.values[i];
  if (!activations)
    return;
  if (const ActivationType *type = activationTypeOf(activations);
      type && type->isInteger) {
    // Kernels for many rows round scales too, and sums of i16's lower bytes,
    // by less than that.
    addSteps(row.values, row.variances, row.errors, activationGroup,
             type->largestCode, /*factor=*/1.2);
    return;
  }
  addRoundings(row.values, row.variances, row.errors, activations);
}

void ProductError::prepare(const WeightRow &weight, FactorRow &row) const {
  size_t k = weight.values.size();
  row.values = weight.values;
  row.squares.resize(k);
  row.variances.assign(k, 0);
  row.errors.assign(k, 0);
  if (weight.hasDeviations)
    for (size_t i = 0; i < k; ++i)
      row.variances[i] = weight.deviations[i] * weight.deviations[i];
  if (activations && isa<FloatType>(activations))
    addRoundings(row.values, row.variances, row.errors, activations);
  // Codes are rounded, and the scale that they are multiplied with before.
  if (isReencoded)
    addSteps(row.values, row.variances, row.errors, reencodedGroup,
             largestReencoded, /*factor=*/2);
  // Decoding rounds, and so do products and their sum: its parts are, in any
  // order, a third of the whole on average.
  double own = unitF32 * unitF32 * (4 + double(k) / 6);
  for (size_t i = 0; i < k; ++i) {
    row.variances[i] += own * weight.magnitudes[i] * weight.magnitudes[i];
    row.squares[i] = row.values[i] * row.values[i];
  }
}

ProductSum ProductError::multiply(const ActivationRow &x,
                                  const FactorRow &w) const {
  double value = 0, size = 0, squares = 0, fromX = 0, fromW = 0, ofX = 0,
         ofW = 0;
  float rounded = 0;
  size_t k = w.values.size();
  for (size_t i = 0; i < k; ++i) {
    double product = x.values[i] * w.values[i];
    value += product;
    size += std::fabs(product);
    rounded += float(product);
    squares += x.squares[i] * w.squares[i];
    fromX += x.variances[i] * w.squares[i];
    fromW += x.squares[i] * w.variances[i];
    ofX += x.errors[i] * w.values[i];
    ofW += x.values[i] * w.errors[i];
  }
  double ofSum = unitF32 * unitF32 * (1 + double(k) / 3) * value * value;
  double variance = fromX + fromW + (std::isfinite(value) ? ofSum : 0);
  double deviation = std::sqrt(variance);
  if (activations && activations.isBF16())
    deviation += double(k) * leastOfPairs;
  // One and a half deviations, if it is that or more.
  double error = std::fabs(ofX) + std::fabs(ofW) + std::fabs(rounded - value);
  if (std::isfinite(error))
    deviation = std::max(deviation, error / 1.5);
  if (std::isnan(deviation))
    deviation = std::numeric_limits<double>::infinity();
  sums.boundSum(value, deviation, size);
  return {value, deviation, std::sqrt(squares)};
}
