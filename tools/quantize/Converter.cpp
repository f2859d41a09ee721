//===- Converter.cpp - Quantizes a file -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Converter.h"

#include "codegen/CompiledRows.h"
#include "codegen/StatusError.h"
#include "ir/WeightMemory.h"
#include "runtime/Text.h"
#include "runtime/weights/GgmlTypes.h"
#include "tools/quantize/Output.h"
#include "tools/quantize/Progress.h"
#include "tools/quantize/RowLoop.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>
#include <numeric>
#include <set>

using namespace rlx;
using namespace rlx::quantize;

double Outcome::relativeError() const {
  return squaredSize > 0 ? std::sqrt(squaredError / squaredSize) : 0;
}

static int64_t rowCount(const WeightEntry &entry) {
  return std::accumulate(entry.shape.begin(), entry.shape.end() - 1, int64_t(1),
                         std::multiplies<>());
}

namespace {
/// Quantizes some rows of a weight on all threads.
class RowsQuantizer {
public:
  RowsQuantizer(const WeightSource &source, const WeightEntry &entry,
                const Quantizer &quantizer, ThreadPool &pool,
                Progress &progress)
      : source(source), entry(entry), quantizer(quantizer), pool(pool),
        progress(progress), columns(entry.shape.back()),
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
  Progress &progress;
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
  SquareSums sums;
  for (int64_t i = 0; i < columns; ++i)
    sums.add(values[i], decoded[i]);
  outcomes[index] = {sums.error, sums.size};
  progress.advance(columns);
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

/// The work of a step: how often numbers are looked at.
static double workOf(const Step &step) {
  return step.scheme
             ? double(*countElements(step.entry->shape)) * passesOf(step)
             : 0;
}

static double workOf(llvm::ArrayRef<Step> steps) {
  double work = 0;
  for (const Step &step : steps)
    work += workOf(step);
  return work;
}

namespace {
class Converter {
public:
  Converter(const Conversion &conversion, Output &output)
      : conversion(conversion), output(output), pool(conversion.numThreads),
        progress(conversion.steps.size(), workOf(conversion.steps)) {}
  llvm::Expected<std::vector<Outcome>> run();

private:
  llvm::Error copy(size_t index, const WeightEntry &entry);
  llvm::Error quantize(size_t index, const Step &step, Outcome &outcome);
  llvm::Error quantizeBlocks(size_t index, const Step &step,
                             const Quantizer &quantizer, Outcome &outcome);
  RowSource rowsOf(const Step &step);
  std::vector<const Step *> togetherWith(const Step &step) const;
  llvm::Expected<llvm::ArrayRef<double>> factorsFor(const Step &step);
  llvm::Error writeSides(size_t index, const StoredRows &rows);

  const Conversion &conversion;
  Output &output;
  ThreadPool pool;
  Progress progress;
  CompiledRows compiled;
  /// Of the columns of weights, whose turn may come later.
  std::map<const Step *, std::vector<double>> factors;
};
} // namespace

/// How much is held in memory at once, about.
static constexpr int64_t bytesAtOnce = int64_t(16) << 20;

static llvm::Error checkCopied(const WeightEntry &entry) {
  if (entry.problem.empty())
    return llvm::Error::success();
  return llvm::createStringError("weight " + quoted(entry.name) + " " +
                                 entry.problem);
}

llvm::Error Converter::copy(size_t index, const WeightEntry &entry) {
  if (llvm::Error error = checkCopied(entry))
    return error;
  for (size_t at = 0; at < entry.bytes.size(); at += bytesAtOnce) {
    size_t size = std::min<size_t>(bytesAtOnce, entry.bytes.size() - at);
    if (llvm::Error error = output.append(index, OutputPart::weight,
                                          entry.bytes.subspan(at, size)))
      return error;
    conversion.source.releaseBytes(entry, at, size);
  }
  return llvm::Error::success();
}

template <typename T>
static std::span<const std::byte> asBytes(const std::vector<T> &numbers) {
  return std::as_bytes(std::span(numbers.data(), numbers.size()));
}

llvm::Error Converter::writeSides(size_t index, const StoredRows &rows) {
  std::pair<OutputPart, const std::vector<uint8_t> *> parts[] = {
      {OutputPart::scales, &rows.scales},
      {OutputPart::zeroPoints, &rows.zeroPoints},
      {OutputPart::globalScale, &rows.globalScale}};
  for (auto [part, bytes] : parts)
    if (!bytes->empty())
      if (llvm::Error error = output.append(index, part, asBytes(*bytes)))
        return error;
  return llvm::Error::success();
}

RowSource Converter::rowsOf(const Step &step) {
  RowSource rows = weightRowsOf(conversion, step);
  rows.read =
      [this, read = std::move(rows.read)](int64_t begin, int64_t end,
                                          llvm::MutableArrayRef<float> values) {
        read(begin, end, values);
        progress.advance(int64_t(values.size()));
      };
  return rows;
}

/// The weights that have to have the factors of `step`: they are multiplied
/// with the same value.
std::vector<const Step *> Converter::togetherWith(const Step &step) const {
  std::vector<const Step *> steps;
  std::string value = conversion.activations.valueOf(step.entry->name);
  for (const Step &other : conversion.steps) {
    bool isSame = other.scheme && other.algorithm == step.algorithm &&
                  other.alpha == step.alpha &&
                  conversion.activations.valueOf(other.entry->name) == value;
    if (&other == &step || isSame)
      steps.push_back(&other);
  }
  return steps;
}

/// Those that share factors get them all at once.
llvm::Expected<llvm::ArrayRef<double>> Converter::factorsFor(const Step &step) {
  if (!hasFactors(step.algorithm))
    return llvm::ArrayRef<double>();
  if (auto found = factors.find(&step); found != factors.end())
    return found->second;
  std::vector<CalibratedInput> inputs;
  for (const Step *other : togetherWith(step))
    inputs.push_back({other, rowsOf(*other)});
  RowLoop loop(pool);
  auto found = findFactors(inputs, conversion.activations, loop.function());
  if (!found)
    return found.takeError();
  for (const CalibratedInput &input : inputs)
    factors[input.step] = *found;
  return factors[&step];
}

/// Of a scheme without side tensors, by its rule or a search.
llvm::Error Converter::quantizeBlocks(size_t index, const Step &step,
                                      const Quantizer &quantizer,
                                      Outcome &outcome) {
  const WeightEntry &entry = *step.entry;
  RowsQuantizer rows(conversion.source, entry, quantizer, pool, progress);
  int64_t count = rowCount(entry);
  int64_t atOnce = std::max<int64_t>(
      pool.size(), bytesAtOnce / step.scheme->rowBytes(entry.shape.back()));
  for (int64_t begin = 0; begin < count; begin += atOnce) {
    int64_t end = std::min(count, begin + atOnce);
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

llvm::Error Converter::quantize(size_t index, const Step &step,
                                Outcome &outcome) {
  const WeightEntry &entry = *step.entry;
  progress.begin(index, entry.name, workOf(step));
  RowSource weight = rowsOf(step);
  auto quantizer = Quantizer::create(*step.scheme, entry.shape, weight.options);
  if (!quantizer)
    return quantizer.takeError();
  if (!isCalibrated(step.algorithm) && step.scheme->sideOperands().empty()) {
    if (llvm::Error error = compiled.use(*quantizer))
      return error;
    return quantizeBlocks(index, step, *quantizer, outcome);
  }
  auto ownFactors = factorsFor(step);
  if (!ownFactors)
    return ownFactors.takeError();
  StoredRows rows(*quantizer);
  auto store = [&](llvm::ArrayRef<uint8_t> blocks) {
    return output.append(
        index, OutputPart::weight,
        std::as_bytes(std::span(blocks.data(), blocks.size())));
  };
  RowLoop loop(pool);
  auto sums =
      isCalibrated(step.algorithm)
          ? streamCalibrated({&step, weight}, *ownFactors,
                             conversion.activations, conversion.gptq,
                             loop.function(), rows, store)
          : streamNearest(weight, *quantizer, loop.function(), rows, store);
  if (!sums)
    return sums.takeError();
  outcome = {sums->error, sums->size};
  if (llvm::Error error = writeSides(index, rows))
    return error;
  if (ownFactors->empty())
    return llvm::Error::success();
  return output.append(
      index, OutputPart::factors,
      asBytes(std::vector<float>(ownFactors->begin(), ownFactors->end())));
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

llvm::Error quantize::checkOutput(const Conversion &conversion,
                                  const std::string &output) {
  for (const Step &step : conversion.steps)
    if (!step.scheme)
      if (llvm::Error error = checkCopied(*step.entry))
        return error;
  return Output::check(output, conversion);
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

/// Types of GGUF that not all programs read.
static void printForeignTypes(const Conversion &conversion,
                              llvm::raw_ostream &stream) {
  if (conversion.output != WeightContainer::gguf)
    return;
  std::set<std::string> foreign;
  for (const Step &step : conversion.steps)
    if (const GgmlType *type =
            findGgmlType(std::string_view(step.scheme ? step.type() : ""));
        type && !isOfLlamaCpp(*type))
      foreign.insert(std::string(type->name) + " (" + std::to_string(type->id) +
                     ")");
  if (!foreign.empty())
    stream << "llama.cpp has no weights of type " << llvm::join(foreign, ", ")
           << ": the file is for RLX\n";
}

void quantize::printSummary(const Conversion &conversion,
                            llvm::ArrayRef<Outcome> outcomes,
                            llvm::raw_ostream &stream) {
  size_t name = 6, from = 8, to = 8;
  for (const Step &step : conversion.steps) {
    name = std::max(name, quotedWhereOdd(step.entry->name).size());
    from = std::max(from, step.entry->type.size());
    to = std::max(to, step.shownType().size());
  }
  auto column = [](const char *index, size_t width) {
    return std::string("{") + index + ",-" + std::to_string(width) + "}";
  };
  std::string format = column("0", name) + "  {1,-16} " + column("2", from) +
                       " " + column("3", to) + " {4,7} {5,10}  {6}";
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
    printLine(quotedWhereOdd(entry.name), describeShape(entry.shape),
              entry.type, step.shownType(), bits, error, step.note);
  }
  stream << llvm::formatv(
      "{0} bytes became {1}; {2:f4} bits for each of {3} quantized weights\n",
      before, after, elements > 0 ? quantizedBits / elements : 0,
      uint64_t(elements));
  printForeignTypes(conversion, stream);
}
