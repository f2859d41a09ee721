//===- Choice.cpp - A scheme for each weight of a file --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Choice.h"

#include "codegen/weights/StoredTypes.h"

#include "llvm/Support/FormatVariadic.h"

#include <optional>

using namespace rlx;
using namespace rlx::quantize;

namespace {
/// Measures weights, one on each thread.
class Measurement {
public:
  Measurement(const Conversion &conversion, llvm::ArrayRef<Step *> steps,
              llvm::ArrayRef<QuantScheme> schemes)
      : conversion(conversion), steps(steps), schemes(schemes) {}
  llvm::Expected<std::vector<LayerSensitivity>> run();

private:
  void runOne(int64_t index);
  llvm::Expected<LayerSensitivity> measure(const WeightEntry &entry) const;

  const Conversion &conversion;
  llvm::ArrayRef<Step *> steps;
  llvm::ArrayRef<QuantScheme> schemes;
  std::vector<std::optional<LayerSensitivity>> layers;
  std::vector<std::string> messages; ///< Of each step; mostly empty.
};
} // namespace

llvm::Expected<LayerSensitivity>
Measurement::measure(const WeightEntry &entry) const {
  int64_t columns = entry.shape.back();
  std::vector<float> values(*countElements(entry.shape));
  int64_t rows = int64_t(values.size()) / columns;
  conversion.source.readRows(entry, 0, rows, values);
  conversion.source.release(entry, 0, rows);
  std::optional<Activations> activations;
  if (conversion.activations.has(entry.name)) {
    auto read = conversion.activations.read(entry.name, columns);
    if (!read)
      return read.takeError();
    activations = std::move(*read);
  }
  QuantizeOptions options;
  // Experts are rows here, which importance of their own would have to follow.
  if (auto found = conversion.imatrix.find(entry.name);
      found != conversion.imatrix.end() &&
      int64_t(found->second.size()) == columns)
    options.importance = found->second;
  return measureSensitivity(entry.name, {rows, columns}, values,
                            activations ? &*activations : nullptr, schemes,
                            std::move(options));
}

void Measurement::runOne(int64_t index) {
  auto layer = measure(*steps[index]->entry);
  if (layer)
    layers[index] = std::move(*layer);
  else
    messages[index] = llvm::toString(layer.takeError());
}

llvm::Expected<std::vector<LayerSensitivity>> Measurement::run() {
  layers.resize(steps.size());
  messages.resize(steps.size());
  ThreadPool pool(conversion.numThreads);
  pool.parallelFor(
      [](void *closure, int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i)
          static_cast<Measurement *>(closure)->runOne(i);
      },
      this, int64_t(steps.size()));
  std::vector<LayerSensitivity> result;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!layers[i])
      return llvm::createStringError(messages[i]);
    result.push_back(std::move(*layers[i]));
  }
  return result;
}

/// A line for each weight and scheme; what was chosen has a mark.
static void printSensitivities(llvm::ArrayRef<LayerSensitivity> layers,
                               llvm::ArrayRef<size_t> chosen,
                               llvm::raw_ostream &stream) {
  size_t width = 6;
  for (const LayerSensitivity &layer : layers)
    width = std::max(width, layer.name.size());
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
          layer.name, cost.scheme.displayName(),
          llvm::formatv("{0:f4}", double(cost.bits) / double(layer.elements))
              .str(),
          llvm::formatv("{0:e3}", cost.error).str(),
          i == index ? "chosen" : "");
  stream << "\n";
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
  auto layers = Measurement(conversion, open, wishes.among).run();
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
