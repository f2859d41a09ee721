//===- Converter.cpp - Quantizes a file -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Converter.h"

#include "codegen/CompiledRows.h"
#include "codegen/StatusError.h"
#include "ir/WeightMemory.h"
#include "tools/quantize/Output.h"
#include "tools/quantize/SidedWeight.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"

#include <cmath>
#include <map>
#include <numeric>

using namespace rlx;
using namespace rlx::quantize;

double Outcome::relativeError() const {
  return squaredSize > 0 ? std::sqrt(squaredError / squaredSize) : 0;
}

static int64_t rowsOf(const WeightEntry &entry) {
  return std::accumulate(entry.shape.begin(), entry.shape.end() - 1, int64_t(1),
                         std::multiplies<>());
}

namespace {
/// One line of a terminal that says how far things are. Says nothing where
/// there is no terminal.
class Progress {
public:
  explicit Progress(size_t numSteps)
      : numSteps(numSteps),
        shown(llvm::sys::Process::StandardErrIsDisplayed()) {}
  ~Progress() {
    if (shown)
      llvm::errs() << "\r\x1b[K";
  }
  void show(size_t step, llvm::StringRef name, int64_t percent) {
    if (!shown || percent == last)
      return;
    last = percent;
    llvm::errs() << llvm::formatv("\r\x1b[K[{0}/{1}] {2} {3}%", step + 1,
                                  numSteps, name, percent);
  }

private:
  size_t numSteps;
  bool shown;
  int64_t last = -1;
};

/// Quantizes some rows of a weight on all threads.
class RowsQuantizer {
public:
  RowsQuantizer(const WeightSource &source, const WeightEntry &entry,
                const Quantizer &quantizer, ThreadPool &pool)
      : source(source), entry(entry), quantizer(quantizer), pool(pool),
        columns(entry.shape.back()),
        rowBytes(quantizer.scheme().rowBytes(columns)) {}

  /// The bytes of rows `begin` to `end`; adds to the outcome.
  llvm::Expected<llvm::ArrayRef<uint8_t>> run(int64_t begin, int64_t end,
                                              Outcome &outcome);

private:
  void runRow(int64_t row);

  const WeightSource &source;
  const WeightEntry &entry;
  const Quantizer &quantizer;
  ThreadPool &pool;
  int64_t columns, rowBytes, first = 0;
  std::vector<uint8_t> bytes;
  std::vector<Outcome> outcomes;     ///< Of each row.
  std::vector<std::string> messages; ///< Of each row; mostly empty.
};
} // namespace

void RowsQuantizer::runRow(int64_t index) {
  std::vector<float> values(columns), decoded(columns);
  int64_t row = first + index;
  source.readRows(entry, row, row + 1, values);
  llvm::MutableArrayRef<uint8_t> blocks(bytes.data() + index * rowBytes,
                                        rowBytes);
  if (llvm::Error error =
          quantizer.quantizeRows(values, row, row + 1, {blocks, {}, {}, {}})) {
    messages[index] = llvm::toString(std::move(error));
    return;
  }
  quantizer.decodeRows(blocks, decoded);
  Outcome outcome;
  for (int64_t i = 0; i < columns; ++i) {
    double value = values[i], difference = value - decoded[i];
    outcome.squaredSize += value * value;
    outcome.squaredError += difference * difference;
  }
  outcomes[index] = outcome;
}

llvm::Expected<llvm::ArrayRef<uint8_t>>
RowsQuantizer::run(int64_t begin, int64_t end, Outcome &outcome) {
  first = begin;
  int64_t count = end - begin;
  bytes.resize(count * rowBytes);
  outcomes.assign(count, {});
  messages.assign(count, "");
  pool.parallelFor(
      [](void *closure, int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i)
          static_cast<RowsQuantizer *>(closure)->runRow(i);
      },
      this, count);
  // In their order, whichever thread was first.
  for (int64_t i = 0; i < count; ++i) {
    if (!messages[i].empty())
      return llvm::createStringError(messages[i]);
    outcome.squaredError += outcomes[i].squaredError;
    outcome.squaredSize += outcomes[i].squaredSize;
  }
  return llvm::ArrayRef(bytes);
}

namespace {
class Converter {
public:
  Converter(const Conversion &conversion, Output &output)
      : conversion(conversion), output(output), pool(conversion.numThreads),
        progress(conversion.steps.size()) {}
  llvm::Expected<std::vector<Outcome>> run();

private:
  llvm::Error copy(size_t index, const WeightEntry &entry);
  llvm::Error quantize(size_t index, const Step &step, Outcome &outcome);
  QuantizeOptions optionsFor(const Step &step) const;
  std::vector<const Step *> togetherWith(const Step &step) const;
  llvm::Error calibrateAll(const Step &step);
  llvm::Error calibrate(size_t index, const Step &step, Outcome &outcome);
  llvm::Error write(size_t index, const QuantizedWeight &weight);

  const Conversion &conversion;
  Output &output;
  ThreadPool pool;
  Progress progress;
  CompiledRows compiled;
  /// Quantized, and not written yet.
  std::map<const Step *, CalibratedWeight> calibrated;
};
} // namespace

/// How much is held in memory at once, about.
static constexpr int64_t bytesAtOnce = int64_t(16) << 20;

llvm::Error Converter::copy(size_t index, const WeightEntry &entry) {
  if (!entry.problem.empty())
    return llvm::createStringError("weight '" + entry.name + "' " +
                                   entry.problem);
  for (size_t at = 0; at < entry.bytes.size(); at += bytesAtOnce)
    if (llvm::Error error = output.append(
            index, OutputPart::weight,
            entry.bytes.subspan(
                at, std::min<size_t>(bytesAtOnce, entry.bytes.size() - at))))
      return error;
  return llvm::Error::success();
}

template <typename T>
static std::span<const std::byte> asBytes(const std::vector<T> &numbers) {
  return std::as_bytes(std::span(numbers.data(), numbers.size()));
}

llvm::Error Converter::write(size_t index, const QuantizedWeight &weight) {
  std::pair<OutputPart, const std::vector<uint8_t> *> parts[] = {
      {OutputPart::weight, &weight.blocks},
      {OutputPart::scales, &weight.scales},
      {OutputPart::zeroPoints, &weight.zeroPoints},
      {OutputPart::globalScale, &weight.globalScale}};
  for (auto [part, bytes] : parts)
    if (!bytes->empty())
      if (llvm::Error error = output.append(index, part, asBytes(*bytes)))
        return error;
  return llvm::Error::success();
}

QuantizeOptions Converter::optionsFor(const Step &step) const {
  QuantizeOptions options;
  options.name = step.entry->name;
  options.rule = step.rule;
  if (auto found = conversion.imatrix.find(step.entry->name);
      found != conversion.imatrix.end())
    options.importance = found->second;
  return options;
}

/// The weights that have to have the factors of `step`: they are multiplied
/// with the same value.
std::vector<const Step *> Converter::togetherWith(const Step &step) const {
  std::vector<const Step *> steps;
  std::string value = conversion.activations.valueOf(step.entry->name);
  for (const Step &other : conversion.steps) {
    bool isSame = hasFactors(step.algorithm) && other.scheme &&
                  other.algorithm == step.algorithm &&
                  other.alpha == step.alpha &&
                  conversion.activations.valueOf(other.entry->name) == value;
    if (&other == &step || isSame)
      steps.push_back(&other);
  }
  return steps;
}

/// Whole weights, which their algorithms need.
llvm::Error Converter::calibrateAll(const Step &step) {
  std::vector<CalibratedInput> inputs;
  for (const Step *other : togetherWith(step)) {
    const WeightEntry &entry = *other->entry;
    std::vector<float> values(*countElements(entry.shape));
    conversion.source.readRows(entry, 0, rowsOf(entry), values);
    conversion.source.release(entry, 0, rowsOf(entry));
    inputs.push_back({other, std::move(values)});
  }
  auto activations =
      conversion.activations.read(step.entry->name, step.entry->shape.back());
  if (!activations)
    return activations.takeError();
  GptqOptions gptq = conversion.gptq;
  gptq.quantize = optionsFor(step);
  auto weights = quantizeCalibrated(inputs, *activations, gptq, pool);
  if (!weights)
    return weights.takeError();
  for (auto [input, weight] : llvm::zip_equal(inputs, *weights))
    calibrated.emplace(input.step, std::move(weight));
  return llvm::Error::success();
}

llvm::Error Converter::calibrate(size_t index, const Step &step,
                                 Outcome &outcome) {
  // Those that share factors come all at once, and wait for their turn.
  if (!calibrated.count(&step))
    if (llvm::Error error = calibrateAll(step))
      return error;
  auto node = calibrated.extract(&step);
  const CalibratedWeight &result = node.mapped();
  outcome.squaredError = result.squaredError;
  outcome.squaredSize = result.squaredSize;
  if (llvm::Error error = write(index, result.weight))
    return error;
  if (result.factors.empty())
    return llvm::Error::success();
  return output.append(index, OutputPart::factors, asBytes(result.factors));
}

llvm::Error Converter::quantize(size_t index, const Step &step,
                                Outcome &outcome) {
  const WeightEntry &entry = *step.entry;
  if (isCalibrated(step.algorithm)) {
    progress.show(index, entry.name, 0);
    return calibrate(index, step, outcome);
  }
  auto quantizer =
      Quantizer::create(*step.scheme, entry.shape, optionsFor(step));
  if (!quantizer)
    return quantizer.takeError();
  if (!step.scheme->sideOperands().empty()) {
    progress.show(index, entry.name, 0);
    auto weight =
        quantizeSided(conversion.source, entry, *quantizer, pool, outcome);
    return weight ? write(index, *weight) : weight.takeError();
  }
  if (llvm::Error error = compiled.use(*quantizer))
    return error;
  RowsQuantizer rows(conversion.source, entry, *quantizer, pool);
  int64_t count = rowsOf(entry);
  int64_t atOnce = std::max<int64_t>(
      pool.size(), bytesAtOnce / step.scheme->rowBytes(entry.shape.back()));
  for (int64_t begin = 0; begin < count; begin += atOnce) {
    int64_t end = std::min(count, begin + atOnce);
    progress.show(index, entry.name, 100 * begin / count);
    auto bytes = rows.run(begin, end, outcome);
    if (!bytes)
      return bytes.takeError();
    if (llvm::Error error = output.append(
            index, OutputPart::weight,
            std::as_bytes(std::span(bytes->data(), bytes->size()))))
      return error;
    conversion.source.release(entry, begin, end);
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Outcome>> Converter::run() {
  std::vector<Outcome> outcomes(conversion.steps.size());
  for (auto [index, step] : llvm::enumerate(conversion.steps)) {
    if (llvm::Error error = step.scheme ? quantize(index, step, outcomes[index])
                                        : copy(index, *step.entry))
      return error;
  }
  return outcomes;
}

llvm::Expected<std::vector<Outcome>>
quantize::convert(const Conversion &conversion, const std::string &output) {
  auto file = Output::create(output, conversion);
  if (!file)
    return file.takeError();
  auto outcomes = Converter(conversion, *file).run();
  if (!outcomes)
    return outcomes.takeError();
  if (llvm::Error error = file->commit())
    return error;
  return outcomes;
}

/// What a weight takes in the output, with its side tensors.
static uint64_t bytesOf(const Step &step) {
  if (!step.scheme)
    return step.entry->bytes.size();
  auto memory = WeightMemory::of(*step.scheme, step.entry->shape);
  if (memory)
    return uint64_t(memory->bytes());
  llvm::consumeError(memory.takeError());
  return 0;
}

void quantize::printSummary(const Conversion &conversion,
                            llvm::ArrayRef<Outcome> outcomes,
                            llvm::raw_ostream &stream) {
  size_t width = 6;
  for (const Step &step : conversion.steps)
    width = std::max(width, step.entry->name.size());
  std::string format = "{0,-" + std::to_string(width) +
                       "}  {1,-16} {2,-8} {3,-8} {4,7} {5,10}  {6}";
  auto printLine = [&](const auto &...columns) {
    stream << llvm::StringRef(llvm::formatv(format.c_str(), columns...).str())
                  .rtrim()
           << "\n";
  };
  printLine("weight", "shape", "from", "to", "bits", "rel. error", "");
  uint64_t before = 0, after = 0;
  double quantizedBits = 0, elements = 0;
  for (auto [index, step] : llvm::enumerate(conversion.steps)) {
    const WeightEntry &entry = *step.entry;
    uint64_t size = bytesOf(step);
    before += entry.bytes.size();
    after += size;
    double count = double(*countElements(entry.shape));
    if (step.scheme) {
      quantizedBits += 8.0 * double(size);
      elements += count;
    }
    std::string error =
        step.scheme && index < outcomes.size()
            ? llvm::formatv("{0:e2}", outcomes[index].relativeError()).str()
            : "";
    std::string bits =
        count > 0 ? llvm::formatv("{0:f4}", 8.0 * double(size) / count).str()
                  : "";
    printLine(entry.name, describeShape(entry.shape), entry.type,
              step.shownType(), bits, error, step.note);
  }
  stream << llvm::formatv(
      "{0} bytes became {1}; {2:f4} bits for each of {3} quantized weights\n",
      before, after, elements > 0 ? quantizedBits / elements : 0,
      uint64_t(elements));
}
