//===- ValueCollector.cpp - Statistics of one value over batches ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/ValueCollector.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rlx;

ValueCollector::ValueCollector(std::string name,
                               std::vector<std::string> weights,
                               double averaging)
    : averaging(averaging) {
  sums.name = std::move(name);
  sums.weights = std::move(weights);
}

/// `[3, 17]`, of element `i` of a tensor of that shape.
static std::string placeOf(size_t i, llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : llvm::reverse(shape)) {
    text = std::to_string(i % size) + (text.empty() ? "" : ", ") + text;
    i /= size;
  }
  return "[" + text + "]";
}

llvm::Error ValueCollector::add(llvm::ArrayRef<float> values,
                                llvm::ArrayRef<int64_t> shape,
                                int64_t channelDimension) {
  std::string what =
      "value '" + sums.name + "' in batch " + std::to_string(batches);
  int64_t channels = shape[channelDimension];
  int64_t inner = std::accumulate(shape.begin() + channelDimension + 1,
                                  shape.end(), int64_t(1), std::multiplies<>());
  if (values.empty())
    return llvm::createStringError("expected " + what +
                                   " to have elements, but it is empty");
  if (sums.maxima.empty()) {
    sums.maxima.resize(channels);
    sums.meanMagnitudes.resize(channels);
    sums.meanSquares.resize(channels);
  }
  if (channels != sums.channels())
    return llvm::createStringError(
        "expected " + what + " to have " + llvm::Twine(sums.channels()) +
        " channels as before, but got " + llvm::Twine(channels));
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError("element " + placeOf(i, shape) + " of " +
                                     what + " is " +
                                     (std::isnan(value) ? "nan"
                                      : value > 0       ? "inf"
                                                        : "-inf") +
                                     ", expected finite numbers");
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  batchLeast = isBatchEmpty ? *low : std::min(batchLeast, double(*low));
  batchMost = isBatchEmpty ? *high : std::max(batchMost, double(*high));
  isBatchEmpty = false;
  sums.histogram.add(values);
  sums.rows += int64_t(values.size()) / channels;
  // Runs of `inner` numbers are of one channel.
  for (size_t run = 0; run * inner < values.size(); ++run) {
    size_t channel = run % channels;
    for (float value : values.slice(run * inner, inner)) {
      double magnitude = std::fabs(double(value));
      sums.maxima[channel] = std::max(sums.maxima[channel], magnitude);
      sums.meanMagnitudes[channel] += magnitude;
      sums.meanSquares[channel] += magnitude * magnitude;
    }
  }
  return llvm::Error::success();
}

llvm::Error ValueCollector::endBatch() {
  if (isBatchEmpty)
    return llvm::createStringError("expected value '" + sums.name +
                                   "' to be computed in batch " +
                                   llvm::Twine(batches));
  auto average = [&](double before, double now) {
    return batches == 0 ? now : before + averaging * (now - before);
  };
  sums.averageLeast = average(sums.averageLeast, batchLeast);
  sums.averageMost = average(sums.averageMost, batchMost);
  sums.least = batches == 0 ? batchLeast : std::min(sums.least, batchLeast);
  sums.most = batches == 0 ? batchMost : std::max(sums.most, batchMost);
  ++batches;
  isBatchEmpty = true;
  return llvm::Error::success();
}

ValueStatistics ValueCollector::statistics() const {
  ValueStatistics result = sums;
  for (std::vector<double> *numbers :
       {&result.meanMagnitudes, &result.meanSquares})
    for (double &number : *numbers)
      number /= double(std::max<int64_t>(result.rows, 1));
  return result;
}
