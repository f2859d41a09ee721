//===- Choice.cpp - A scheme for each weight of a file --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Choice.h"

#include "codegen/weights/StoredTypes.h"
#include "runtime/Text.h"
#include "tools/quantize/Progress.h"
#include "tools/quantize/RowLoop.h"

#include "llvm/Support/FormatVariadic.h"

#include <optional>

using namespace rlx;
using namespace rlx::quantize;

/// What schemes cost a weight.
static llvm::Expected<LayerSensitivity>
measure(const Conversion &conversion, const Step &step,
        llvm::ArrayRef<QuantScheme> schemes, ThreadPool &pool,
        Progress &progress) {
  const WeightEntry &entry = *step.entry;
  std::optional<ExpertActivations> activations;
  if (conversion.activations.has(entry.name)) {
    auto read = conversion.activations.read(entry);
    if (!read)
      return read.takeError();
    activations.emplace(std::move(*read));
  }
  RowSource rows = weightRowsOf(conversion, step);
  rows.options.rule.reset();
  rows.options.allowNonFinite = false;
  rows.read = [&progress, read = std::move(rows.read)](
                  int64_t begin, int64_t end,
                  llvm::MutableArrayRef<float> values) {
    read(begin, end, values);
    progress.advance(int64_t(values.size()));
  };
  RowLoop loop(pool);
  return measureSensitivity(entry.name, rows,
                            activations ? &*activations : nullptr, schemes,
                            loop.function());
}

static llvm::Expected<std::vector<LayerSensitivity>>
measureAll(const Conversion &conversion, llvm::ArrayRef<Step *> steps,
           llvm::ArrayRef<QuantScheme> schemes) {
  auto workOf = [&](const Step &step) {
    return double(*countElements(step.entry->shape)) * double(schemes.size());
  };
  double work = 0;
  for (const Step *step : steps)
    work += workOf(*step);
  Progress progress(steps.size(), work);
  ThreadPool pool(conversion.numThreads);
  std::vector<LayerSensitivity> layers;
  for (auto [i, step] : llvm::enumerate(steps)) {
    progress.begin(i, step->entry->name, workOf(*step));
    auto layer = measure(conversion, *step, schemes, pool, progress);
    if (!layer)
      return layer.takeError();
    layers.push_back(std::move(*layer));
  }
  return layers;
}

/// A line for each weight and scheme; what was chosen has a mark.
static void printSensitivities(llvm::ArrayRef<LayerSensitivity> layers,
                               llvm::ArrayRef<size_t> chosen,
                               llvm::raw_ostream &stream) {
  size_t width = 6;
  for (const LayerSensitivity &layer : layers)
    width = std::max(width, quotedWhereOdd(layer.name).size());
  std::string format =
      "{0,-" + std::to_string(width) + "}  {1,-16} {2,7} {3,14} {4}";
  auto printLine = [&](const auto &...columns) {
    stream << llvm::StringRef(llvm::formatv(format.c_str(), columns...).str())
                  .rtrim()
           << "\n";
  };
  printLine("weight", "scheme", "bits", "squared error", "");
  for (auto [layer, index] : llvm::zip_equal(layers, chosen))
    for (auto [i, cost] : llvm::enumerate(layer.costs))
      printLine(
          quotedWhereOdd(layer.name), cost.scheme.displayName(),
          llvm::formatv("{0:f4}", double(cost.bits) / double(layer.elements))
              .str(),
          llvm::formatv("{0:e3}", cost.error).str(),
          i == index ? "chosen" : "");
  stream << "\n";
}

/// The scheme of most elements: what a file is said to be mostly of.
static QuantScheme mostUsed(llvm::ArrayRef<Step> steps, QuantScheme usual) {
  llvm::SmallVector<std::pair<QuantScheme, int64_t>> counts;
  for (const Step &step : steps) {
    if (!step.scheme)
      continue;
    int64_t count = *countElements(step.entry->shape);
    auto *known = llvm::find_if(
        counts, [&](const auto &each) { return each.first == *step.scheme; });
    if (known == counts.end())
      counts.push_back({*step.scheme, count});
    else
      known->second += count;
  }
  auto *most = llvm::max_element(counts, llvm::less_second());
  return most == counts.end() ? usual : most->first;
}

llvm::Error quantize::chooseForAll(Conversion &conversion,
                                   const ChoiceWishes &wishes) {
  std::vector<Step *> open;
  for (Step &step : conversion.steps)
    if (step.scheme && !wishes.settled.overrideFor(step.entry->name))
      open.push_back(&step);
  if (open.empty())
    return llvm::createStringError(
        "expected a weight that is quantized and has no scheme by its name, "
        "for --average-bits to choose one");
  auto layers = measureAll(conversion, open, wishes.among);
  if (!layers)
    return layers.takeError();
  auto chosen = chooseSchemes(*layers, wishes.averageBits);
  if (!chosen)
    return chosen.takeError();
  if (wishes.sensitivities)
    printSensitivities(*layers, chosen->chosen, *wishes.sensitivities);
  for (auto [step, layer, index] :
       llvm::zip_equal(open, *layers, chosen->chosen)) {
    step->scheme = layer.costs[index].scheme;
    step->rule.reset();
    step->note.clear();
  }
  if (!wishes.isUsualGiven)
    conversion.scheme = mostUsed(conversion.steps, conversion.scheme);
  return llvm::Error::success();
}

QuantConfig quantize::configOf(const Conversion &conversion,
                               const QuantMethod &usual) {
  QuantConfig config(usual);
  mlir::MLIRContext *context = conversion.scheme.attr().getContext();
  for (const Step &step : conversion.steps) {
    const WeightEntry &entry = *step.entry;
    if (entry.shape.size() < 2)
      continue;
    // What is copied stays what it is.
    std::optional<QuantScheme> scheme = step.scheme;
    if (!scheme && !conversion.source.isPlain(entry))
      scheme = schemeOf(entry, *context);
    config.addLayer(entry.name,
                    QuantMethod(scheme, step.algorithm, step.alpha));
  }
  return config;
}
