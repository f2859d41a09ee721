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

/// The quantizer of a weight whose columns are multiplied by factors.
static llvm::Expected<Quantizer> quantizerOf(const RowSource &weight,
                                             llvm::ArrayRef<double> factors) {
  QuantizeOptions options = weight.options;
  divideImportance(options.importance, factors);
  return Quantizer::create(weight.scheme, weight.shape, std::move(options));
}

namespace {
/// Rows of one weight for given factors. Errors of outputs are those of
/// activations that are divided by them.
class ScaledRows {
public:
  ScaledRows(const Quantizer &quantizer, llvm::ArrayRef<double> factors,
             const ExpertActivations &activations, const AwqOptions &options,
             StoredRows &rows, StoredRows &scratch)
      : quantizer(quantizer), factors(factors), activations(activations),
        options(options), rows(rows), scratch(scratch),
        columns(quantizer.columns()) {}

  /// The work that quantizes rows of a weight; `isClipped`: cuts extremes off
  /// where that makes the outputs' error less.
  RowWork work(const RowSource &weight, bool isClipped);

private:
  void multiply(llvm::MutableArrayRef<float> values) const;
  double errorOf(llvm::ArrayRef<float> values, int64_t begin, int64_t end,
                 StoredRows &from, const OutputError &error) const;
  llvm::Error clip(llvm::ArrayRef<float> values, int64_t begin, int64_t end,
                   int64_t rowsPerExpert);
  llvm::Expected<std::vector<float>> bestClipped(llvm::ArrayRef<float> values,
                                                 int64_t begin, int64_t end,
                                                 int64_t rowsPerExpert,
                                                 const OutputError &error);

  const Quantizer &quantizer;
  llvm::ArrayRef<double> factors;
  const ExpertActivations &activations;
  const AwqOptions &options;
  StoredRows &rows, &scratch;
  int64_t columns;
};
} // namespace

/// The squared error of outputs that a piece of some rows makes by itself.
static double errorOfPiece(const Problem &problem, int64_t columns,
                           llvm::ArrayRef<float> values,
                           llvm::ArrayRef<double> numbers,
                           llvm::ArrayRef<double> factors,
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
    differences.push_back((numbers[i] - double(values[i])) / factors[column]);
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

void ScaledRows::multiply(llvm::MutableArrayRef<float> values) const {
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(double(values[i]) * factors[i % columns]);
}

/// Of rows that are stored, for what they should be.
double ScaledRows::errorOf(llvm::ArrayRef<float> values, int64_t begin,
                           int64_t end, StoredRows &from,
                           const OutputError &error) const {
  double sum = 0;
  std::vector<double> numbers(columns);
  for (int64_t row = begin; row < end; ++row) {
    from.decodeRow(row, numbers);
    const float *own = values.data() + (row - begin) * columns;
    for (int64_t k = 0; k < columns; ++k)
      numbers[k] = (numbers[k] - double(own[k])) / factors[k];
    sum += error.ofRow(numbers);
  }
  return sum;
}

/// For each piece the values that give the least error, in some rows of one
/// expert.
llvm::Expected<std::vector<float>>
ScaledRows::bestClipped(llvm::ArrayRef<float> values, int64_t begin,
                        int64_t end, int64_t rowsPerExpert,
                        const OutputError &error) {
  auto problems = problemsOf(quantizer.scheme(),
                             {begin % rowsPerExpert, end - begin, columns});
  if (!problems)
    return problems.takeError();
  std::vector<double> errors(problems->size(),
                             std::numeric_limits<double>::infinity());
  std::vector<float> trial(values.begin(), values.end()), best = trial;
  std::vector<double> numbers(trial.size());
  for (int step = 0; step <= options.clips; ++step) {
    double kept = 1 - options.mostClipped * step / std::max(options.clips, 1);
    for (const Problem &problem : *problems)
      cut(problem, kept, values, trial);
    if (llvm::Error failed = quantizer.quantizeRows(trial, begin, end,
                                                    scratch.bytes(begin, end)))
      return failed;
    for (int64_t row = begin; row < end; ++row)
      scratch.decodeRow(row, llvm::MutableArrayRef(numbers).slice(
                                 (row - begin) * columns, columns));
    for (auto [p, problem] : llvm::enumerate(*problems)) {
      double found =
          errorOfPiece(problem, columns, values, numbers, factors, error);
      if (found >= errors[p])
        continue;
      errors[p] = found;
      for (int64_t i : problem.elements)
        best[i] = trial[i];
    }
  }
  return best;
}

llvm::Error ScaledRows::clip(llvm::ArrayRef<float> values, int64_t begin,
                             int64_t end, int64_t rowsPerExpert) {
  const OutputError &error = activations.errorOf(begin / rowsPerExpert);
  auto best = bestClipped(values, begin, end, rowsPerExpert, error);
  if (!best)
    return best.takeError();
  if (llvm::Error failed =
          quantizer.quantizeRows(*best, begin, end, scratch.bytes(begin, end)))
    return failed;
  // Pieces of a row were judged one by one; together they may be worse.
  if (errorOf(values, begin, end, scratch, error) <
      errorOf(values, begin, end, rows, error))
    return quantizer.quantizeRows(*best, begin, end, rows.bytes(begin, end));
  return llvm::Error::success();
}

RowWork ScaledRows::work(const RowSource &weight, bool isClipped) {
  RowWork work;
  int64_t rowsPerExpert = weight.rowsPerExpert();
  work.rowsTogether = quantizer.rowsTogether();
  work.rowsAtOnce = rowsAtOnce;
  if (isClipped)
    work.start = [this](int64_t begin, int64_t end) {
      scratch.start(begin, end);
    };
  work.quantize = [=, this](llvm::MutableArrayRef<float> values, int64_t begin,
                            int64_t end, StoredRows &) -> llvm::Error {
    multiply(values);
    if (llvm::Error error =
            quantizer.quantizeRows(values, begin, end, rows.bytes(begin, end)))
      return error;
    return isClipped ? clip(values, begin, end, rowsPerExpert)
                     : llvm::Error::success();
  };
  work.measure = [=, this](int64_t row, llvm::ArrayRef<float> values,
                           llvm::ArrayRef<double> numbers) {
    return activations.errorOf(row / rowsPerExpert)
        .compare(values, numbers, factors);
  };
  return work;
}

//===----------------------------------------------------------------------===//
// The search
//===----------------------------------------------------------------------===//

/// Quantizes a weight for given factors.
static llvm::Expected<SquareSums>
streamScaled(const RowSource &weight, llvm::ArrayRef<double> factors,
             const ExpertActivations &activations, const AwqOptions &options,
             bool isClipped, PartLoop loop, StoredRows &rows,
             StoreBlocks store) {
  auto quantizer = quantizerOf(weight, factors);
  if (!quantizer)
    return quantizer.takeError();
  if (llvm::Error error =
          chooseSharedOfLarge(*quantizer, weight, rows, factors))
    return error;
  StoredRows scratch(*quantizer);
  scratch.globalScale = rows.globalScale;
  scratch.scales = rows.scales;
  scratch.zeroPoints = rows.zeroPoints;
  ScaledRows scaled(*quantizer, factors, activations, options, rows, scratch);
  return streamWeight(weight, scaled.work(weight, isClipped), loop, rows,
                      store);
}

llvm::Expected<SquareSums>
rlx::streamAwq(const RowSource &weight, llvm::ArrayRef<double> factors,
               const ExpertActivations &activations, const AwqOptions &options,
               PartLoop loop, StoredRows &rows, StoreBlocks store) {
  return streamScaled(weight, factors, activations, options, options.clips > 0,
                      loop, rows, store);
}

llvm::Expected<AwqFactors>
rlx::findAwqFactors(llvm::ArrayRef<RowSource> weights,
                    const ExpertActivations &activations,
                    const AwqOptions &options, PartLoop loop) {
  if (weights.empty())
    return llvm::createStringError("expected at least one weight");
  // Of numbers as they are stored, whatever they are multiplied with.
  std::vector<Quantizer> decoders;
  for (const RowSource &weight : weights) {
    auto decoder = Quantizer::create(weight.scheme, weight.shape);
    if (!decoder)
      return decoder.takeError();
    if (llvm::Error error = activations.checkShape(weight.shape))
      return error;
    decoders.push_back(std::move(*decoder));
  }
  std::vector<double> magnitudes = activations.meanMagnitudes();
  AwqFactors result;
  for (int step = 0; step < std::max(options.powers, 1); ++step) {
    double power = double(step) / std::max(options.powers, 1);
    std::vector<double> factors = factorsOf(magnitudes, power);
    double sum = 0;
    for (auto [weight, decoder] : llvm::zip_equal(weights, decoders)) {
      StoredRows rows(decoder);
      auto sums = streamScaled(
          weight, factors, activations, options, /*isClipped=*/false, loop,
          rows, [](llvm::ArrayRef<uint8_t>) { return llvm::Error::success(); });
      if (!sums)
        return sums.takeError();
      sum += sums->error;
    }
    if (step == 0)
      result.nearestError = sum;
    // The first one stands in any case, whatever overflows.
    if (step > 0 && !(sum < result.error))
      continue;
    result.error = sum;
    result.power = power;
    result.factors = std::move(factors);
  }
  return result;
}

llvm::Expected<AwqResult> rlx::quantizeAwq(llvm::ArrayRef<AwqWeight> weights,
                                           const Activations &activations,
                                           const AwqOptions &options) {
  std::vector<RowSource> given;
  for (const AwqWeight &weight : weights)
    given.push_back(
        rowsOf(weight.scheme, weight.shape, weight.values, options.quantize));
  ExpertActivations of({activations});
  auto found = findAwqFactors(given, of, options);
  if (!found)
    return found.takeError();
  AwqResult result{
      found->power, std::move(found->factors), {}, 0, found->nearestError};
  for (const RowSource &weight : given) {
    auto quantizer = quantizerOf(weight, result.factors);
    if (!quantizer)
      return quantizer.takeError();
    StoredRows rows(*quantizer);
    QuantizedWeight &quantized =
        result.weights.emplace_back(*quantizer, weight.shape);
    quantized.blocks.clear();
    auto sums = streamAwq(weight, result.factors, of, options, runInOrder, rows,
                          [&](llvm::ArrayRef<uint8_t> blocks) {
                            llvm::append_range(quantized.blocks, blocks);
                            return llvm::Error::success();
                          });
    if (!sums)
      return sums.takeError();
    result.error += sums->error;
    quantized.scales = std::move(rows.scales);
    quantized.zeroPoints = std::move(rows.zeroPoints);
    quantized.globalScale = std::move(rows.globalScale);
  }
  return result;
}
