//===- Awq.cpp - Factors of input channels by search ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Awq.h"

#include "codegen/quantize/Cells.h"
#include "codegen/quantize/methods/SmoothQuant.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

/// Channels that saw nothing are not divided by nothing.
static constexpr double leastFactor = 1e-4;
/// Rows that are clipped together, about.
static constexpr int64_t rowsAtOnce = 64;

static std::vector<double> factorsOf(llvm::ArrayRef<double> magnitudes,
                                     double power) {
  std::vector<double> factors;
  for (double magnitude : magnitudes)
    factors.push_back(std::max(std::pow(magnitude, power), leastFactor));
  auto [least, most] = std::minmax_element(factors.begin(), factors.end());
  double middle = std::sqrt(*least * *most);
  for (double &factor : factors)
    factor /= middle;
  return factors;
}

namespace {
/// One weight for given factors.
class ScaledWeight {
public:
  static llvm::Expected<ScaledWeight> create(const AwqWeight &weight,
                                             llvm::ArrayRef<double> factors,
                                             const AwqOptions &options);

  /// Of activations that are divided by the factors.
  double errorOf(const OutputError &error) const {
    return error.of(values, quantized.values());
  }
  /// Cuts extremes off where that makes the outputs' error less.
  llvm::Error clip(const OutputError &error, const AwqOptions &options);
  QuantizedWeight take() { return std::move(quantized); }

private:
  ScaledWeight(Quantizer quantizer, std::vector<float> values,
               llvm::ArrayRef<int64_t> shape)
      : quantizer(std::move(quantizer)), values(std::move(values)),
        quantized(this->quantizer, shape) {}
  llvm::Error quantize(llvm::ArrayRef<float> numbers, QuantizedWeight &into,
                       int64_t begin, int64_t end) const {
    return quantizer.quantizeRows(numbers, begin, end,
                                  into.rowBytes(begin, end));
  }
  llvm::Error clipRows(int64_t begin, int64_t end, const OutputError &error,
                       const AwqOptions &options, QuantizedWeight &scratch,
                       std::vector<float> &best) const;

  Quantizer quantizer;
  std::vector<float> values; ///< Multiplied.
  QuantizedWeight quantized;
};
} // namespace

llvm::Expected<ScaledWeight>
ScaledWeight::create(const AwqWeight &weight, llvm::ArrayRef<double> factors,
                     const AwqOptions &options) {
  QuantizeOptions wishes = options.quantize;
  for (size_t i = 0; i < wishes.importance.size(); ++i) {
    double factor = factors[i % factors.size()];
    wishes.importance[i] = float(wishes.importance[i] / (factor * factor));
  }
  auto quantizer =
      Quantizer::create(weight.scheme, weight.shape, std::move(wishes));
  if (!quantizer)
    return quantizer.takeError();
  std::vector<double> products = timesFactors(weight.values, factors);
  ScaledWeight scaled(std::move(*quantizer), {products.begin(), products.end()},
                      weight.shape);
  if (llvm::Error error = scaled.quantize(scaled.values, scaled.quantized, 0,
                                          scaled.quantized.rows()))
    return error;
  return scaled;
}

/// The squared error of outputs that a piece of some rows makes by itself.
static double errorOfPiece(const Problem &problem, int64_t columns,
                           llvm::ArrayRef<float> values,
                           llvm::ArrayRef<double> numbers,
                           const OutputError &error) {
  llvm::SmallVector<std::pair<int64_t, int64_t>> places;
  for (int64_t i : problem.elements)
    places.push_back({i / columns, i % columns});
  llvm::sort(places);
  double sum = 0;
  std::vector<int64_t> in;
  std::vector<double> differences;
  for (size_t at = 0; at < places.size(); ++at) {
    auto [row, column] = places[at];
    int64_t i = row * columns + column;
    in.push_back(column);
    differences.push_back(numbers[i] - double(values[i]));
    if (at + 1 < places.size() && places[at + 1].first == row)
      continue;
    sum += error.ofColumns(in, differences);
    in.clear();
    differences.clear();
  }
  return sum;
}

/// What is left of a piece between its extremes, which keep their signs.
static void cut(const Problem &problem, double kept,
                llvm::ArrayRef<float> values, std::vector<float> &result) {
  float least = 0, most = 0;
  for (int64_t i : problem.elements) {
    least = std::min(least, values[i]);
    most = std::max(most, values[i]);
  }
  for (int64_t i : problem.elements)
    result[i] = std::clamp(values[i], float(least * kept), float(most * kept));
}

llvm::Error ScaledWeight::clipRows(int64_t begin, int64_t end,
                                   const OutputError &error,
                                   const AwqOptions &options,
                                   QuantizedWeight &scratch,
                                   std::vector<float> &best) const {
  int64_t columns = quantized.columns(), rows = end - begin;
  auto problems = problemsOf(quantized.scheme, {begin, rows, columns});
  if (!problems)
    return problems.takeError();
  auto decoder = llvm::cantFail(ReferenceDecoder::create(
      scratch.scheme, scratch.shape, scratch.stored()));
  llvm::ArrayRef<float> own =
      llvm::ArrayRef(values).slice(begin * columns, rows * columns);
  std::vector<double> errors(problems->size(),
                             std::numeric_limits<double>::infinity());
  std::vector<float> trial(own.begin(), own.end());
  std::vector<double> numbers(trial.size());
  for (int step = 0; step <= options.clips; ++step) {
    double kept = 1 - options.mostClipped * step / std::max(options.clips, 1);
    for (const Problem &problem : *problems)
      cut(problem, kept, own, trial);
    if (llvm::Error failed = quantize(trial, scratch, begin, end))
      return failed;
    for (int64_t row = 0; row < rows; ++row)
      decoder.decodeRow(begin + row, numbers.data() + row * columns);
    for (auto [p, problem] : llvm::enumerate(*problems)) {
      double found = errorOfPiece(problem, columns, own, numbers, error);
      if (found >= errors[p])
        continue;
      errors[p] = found;
      for (int64_t i : problem.elements)
        best[begin * columns + i] = trial[i];
    }
  }
  return llvm::Error::success();
}

llvm::Error ScaledWeight::clip(const OutputError &error,
                               const AwqOptions &options) {
  QuantizedWeight scratch(quantizer, quantized.shape);
  std::vector<float> best = values;
  int64_t together = quantizer.rowsTogether(), count = quantized.rows();
  int64_t atOnce = llvm::divideCeil(rowsAtOnce, together) * together;
  for (int64_t begin = 0; begin < count; begin += atOnce)
    if (llvm::Error failed = clipRows(begin, std::min(count, begin + atOnce),
                                      error, options, scratch, best))
      return failed;
  if (llvm::Error failed = quantize(best, scratch, 0, count))
    return failed;
  // Pieces of a row were judged one by one; together they may be worse.
  if (error.of(values, scratch.values()) < errorOf(error))
    quantized = std::move(scratch);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

static llvm::Error checkWeights(llvm::ArrayRef<AwqWeight> weights,
                                const Activations &activations) {
  if (weights.empty())
    return llvm::createStringError("expected at least one weight");
  for (const AwqWeight &weight : weights) {
    if (weight.shape.size() != 2)
      return llvm::createStringError(
          "expected a weight of [N, K], but got one of " +
          llvm::Twine(weight.shape.size()) + " dimensions");
    if (llvm::Error error = activations.checkColumns(weight.shape.back()))
      return error;
  }
  return llvm::Error::success();
}

static llvm::Expected<std::vector<ScaledWeight>>
scaleAll(llvm::ArrayRef<AwqWeight> weights, llvm::ArrayRef<double> factors,
         const AwqOptions &options) {
  std::vector<ScaledWeight> scaled;
  for (const AwqWeight &weight : weights) {
    auto one = ScaledWeight::create(weight, factors, options);
    if (!one)
      return one.takeError();
    scaled.push_back(std::move(*one));
  }
  return scaled;
}

static double sumOfErrors(llvm::ArrayRef<ScaledWeight> weights,
                          const OutputError &error) {
  double sum = 0;
  for (const ScaledWeight &weight : weights)
    sum += weight.errorOf(error);
  return sum;
}

llvm::Expected<AwqResult> rlx::quantizeAwq(llvm::ArrayRef<AwqWeight> weights,
                                           const Activations &activations,
                                           const AwqOptions &options) {
  if (llvm::Error error = checkWeights(weights, activations))
    return error;
  std::vector<double> magnitudes = activations.meanMagnitudes();
  AwqResult result;
  for (int step = 0; step < std::max(options.powers, 1); ++step) {
    double power = double(step) / std::max(options.powers, 1);
    std::vector<double> factors = factorsOf(magnitudes, power);
    auto scaled = scaleAll(weights, factors, options);
    if (!scaled)
      return scaled.takeError();
    double sum =
        sumOfErrors(*scaled, OutputError(activations.dividedBy(factors)));
    if (step == 0)
      result.nearestError = sum;
    // The first one stands in any case, whatever overflows.
    if (step > 0 && !(sum < result.error))
      continue;
    result.error = sum;
    result.power = power;
    result.factors = std::move(factors);
  }
  auto scaled = scaleAll(weights, result.factors, options);
  if (!scaled)
    return scaled.takeError();
  OutputError error(activations.dividedBy(result.factors));
  if (options.clips > 0)
    for (ScaledWeight &weight : *scaled)
      if (llvm::Error failed = weight.clip(error, options))
        return failed;
  result.error = sumOfErrors(*scaled, error);
  for (ScaledWeight &weight : *scaled)
    result.weights.push_back(weight.take());
  return result;
}
