//===- MixedPrecision.cpp - A scheme for each layer by its error ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/MixedPrecision.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>

using namespace rlx;

//===----------------------------------------------------------------------===//
// What schemes cost
//===----------------------------------------------------------------------===//

/// As if channels were independent.
static double weighedError(llvm::ArrayRef<float> values,
                           llvm::ArrayRef<double> numbers,
                           llvm::ArrayRef<float> importance) {
  double error = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double difference = numbers[i] - double(values[i]);
    error += difference * difference * (importance.empty() ? 1 : importance[i]);
  }
  return error;
}

/// The importance of the columns of a row; none where all count alike.
static llvm::ArrayRef<float> importanceOf(const RowSource &weight,
                                          int64_t row) {
  llvm::ArrayRef<float> all = weight.options.importance;
  int64_t columns = weight.columns();
  return int64_t(all.size()) <= columns
             ? all
             : all.slice(row / weight.rowsPerExpert() * columns, columns);
}

/// The error of a weight in its scheme.
static llvm::Expected<SchemeCost> costOf(const RowSource &weight,
                                         const ExpertActivations *activations,
                                         PartLoop loop) {
  auto quantizer =
      Quantizer::create(weight.scheme, weight.shape, weight.options);
  if (!quantizer)
    return quantizer.takeError();
  StoredRows rows(*quantizer);
  if (llvm::Error error = chooseSharedOfLarge(*quantizer, weight, rows))
    return error;
  RowWork work;
  work.rowsTogether = quantizer->rowsTogether();
  work.quantize = [&](llvm::MutableArrayRef<float> values, int64_t begin,
                      int64_t end, StoredRows &stored) {
    return quantizer->quantizeRows(values, begin, end,
                                   stored.bytes(begin, end));
  };
  work.measure = [&](int64_t row, llvm::ArrayRef<float> values,
                     llvm::ArrayRef<double> numbers) -> SquareSums {
    if (!activations)
      return {weighedError(values, numbers, importanceOf(weight, row)), 0};
    int64_t expert = row / weight.rowsPerExpert();
    SquareSums sums = activations->errorOf(expert).compare(values, numbers);
    sums.error /= double(activations->rowsOf(expert));
    return sums;
  };
  auto sums =
      streamWeight(weight, work, loop, rows, [](llvm::ArrayRef<uint8_t>) {
        return llvm::Error::success();
      });
  if (!sums)
    return sums.takeError();
  int64_t bits = weight.scheme.storageBytes(weight.shape) * 8;
  for (const auto *side : {&rows.scales, &rows.zeroPoints, &rows.globalScale})
    bits += int64_t(side->size()) * 8;
  return SchemeCost{weight.scheme, bits, sums->error};
}

llvm::Expected<LayerSensitivity>
rlx::measureSensitivity(llvm::StringRef name, const RowSource &weight,
                        const ExpertActivations *activations,
                        llvm::ArrayRef<QuantScheme> schemes, PartLoop loop) {
  if (weight.shape.size() < 2 || weight.shape.size() > 3)
    return llvm::createStringError(
        "expected a weight of [N, K] or [E, N, K], but got '" + name + "' of " +
        llvm::Twine(weight.shape.size()) + " dimensions");
  if (activations)
    if (llvm::Error error = activations->checkShape(weight.shape))
      return error;
  LayerSensitivity layer{name.str(), weight.rows() * weight.columns(), {}};
  for (const QuantScheme &scheme : schemes) {
    if (weight.columns() % scheme.block() != 0)
      continue;
    RowSource other = weight;
    other.scheme = scheme;
    other.options.name = name.str();
    auto cost = costOf(other, activations, loop);
    if (!cost)
      return cost.takeError();
    layer.costs.push_back(*cost);
  }
  if (layer.costs.empty())
    return llvm::createStringError(
        "expected a scheme whose block divides the " +
        llvm::Twine(weight.columns()) + " columns of '" + name + "'");
  return layer;
}

llvm::Expected<LayerSensitivity> rlx::measureSensitivity(
    llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
    llvm::ArrayRef<float> values, const Activations *activations,
    llvm::ArrayRef<QuantScheme> schemes, QuantizeOptions options) {
  std::optional<ExpertActivations> all;
  if (activations)
    all.emplace(std::vector<Activations>{*activations});
  if (schemes.empty())
    return llvm::createStringError("expected at least one scheme");
  return measureSensitivity(
      name, rowsOf(schemes.front(), shape, values, std::move(options)),
      all ? &*all : nullptr, schemes);
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

namespace {
/// A choice for all layers so far.
struct Partial {
  int64_t bits = 0;
  double error = 0;
  uint32_t before = 0, cost = 0; ///< Of the layers before, and of the last one.
};
} // namespace

/// More are put together.
static constexpr size_t mostPartials = 8192;

/// Leaves those that no other beats in both bits and error, by rising bits.
static std::vector<Partial> undominated(std::vector<Partial> all) {
  llvm::stable_sort(all, [](const Partial &a, const Partial &b) {
    return std::pair(a.bits, a.error) < std::pair(b.bits, b.error);
  });
  std::vector<Partial> best;
  for (const Partial &partial : all)
    if (best.empty() || partial.error < best.back().error)
      best.push_back(partial);
  if (best.size() <= mostPartials)
    return best;
  // The last of each stretch of bits has the least error.
  std::vector<Partial> few = {best.front()};
  double stretch =
      double(best.back().bits - best.front().bits) / (mostPartials - 2);
  auto at = [&](const Partial &partial) {
    return int64_t(double(partial.bits - best.front().bits) / stretch);
  };
  for (size_t i = 1; i < best.size(); ++i)
    if (i + 1 == best.size() || at(best[i]) != at(best[i + 1]))
      few.push_back(best[i]);
  return few;
}

static int64_t leastBits(const LayerSensitivity &layer) {
  return llvm::min_element(layer.costs,
                           [](const SchemeCost &a, const SchemeCost &b) {
                             return a.bits < b.bits;
                           })
      ->bits;
}

static MixedPrecision resultOf(llvm::ArrayRef<LayerSensitivity> layers,
                               std::vector<size_t> chosen) {
  MixedPrecision result;
  int64_t elements = 0, bits = 0;
  for (auto [layer, index] : llvm::zip(layers, chosen)) {
    const SchemeCost &cost = layer.costs[index];
    bits += cost.bits;
    elements += layer.elements;
    result.error += cost.error;
    result.config.addLayer(layer.name, QuantMethod(cost.scheme));
  }
  result.averageBits = double(bits) / double(elements);
  result.chosen = std::move(chosen);
  return result;
}

llvm::Expected<MixedPrecision>
rlx::chooseSchemes(llvm::ArrayRef<LayerSensitivity> layers,
                   double averageBits) {
  if (layers.empty())
    return llvm::createStringError("expected at least one layer");
  int64_t elements = 0, least = 0;
  for (const LayerSensitivity &layer : layers) {
    elements += layer.elements;
    least += leastBits(layer);
  }
  if (!(double(least) <= averageBits * double(elements)))
    return llvm::createStringError(llvm::formatv(
        "expected an average of at least {0:f4} bits, which the smallest "
        "schemes have, but got {1:f4}",
        double(least) / double(elements), averageBits));
  std::vector<std::vector<Partial>> steps = {{Partial{}}};
  for (const LayerSensitivity &layer : layers) {
    least -= leastBits(layer);
    std::vector<Partial> all;
    for (auto [i, partial] : llvm::enumerate(steps.back()))
      for (auto [j, cost] : llvm::enumerate(layer.costs)) {
        int64_t bits = partial.bits + cost.bits;
        if (double(bits + least) <= averageBits * double(elements))
          all.push_back(
              {bits, partial.error + cost.error, uint32_t(i), uint32_t(j)});
      }
    steps.push_back(undominated(std::move(all)));
  }
  // By rising bits, errors fall: the last one is the best.
  std::vector<size_t> chosen(layers.size());
  size_t at = steps.back().size() - 1;
  for (size_t i = layers.size(); i > 0; --i) {
    chosen[i - 1] = steps[i][at].cost;
    at = steps[i][at].before;
  }
  return resultOf(layers, std::move(chosen));
}
