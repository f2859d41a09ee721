//===- Compare.cpp - What each scheme makes of a weight -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Compare.h"

#include "codegen/CompiledRows.h"
#include "ir/Reference.h"
#include "runtime/Text.h"
#include "tools/quantize/Progress.h"
#include "tools/quantize/RowLoop.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <cmath>
#include <mutex>

using namespace rlx;
using namespace rlx::quantize;

/// Of large weights, so many elements are enough.
static constexpr int64_t elementsCompared = int64_t(1) << 18;

namespace {
/// The rows that all schemes quantize.
struct Sample {
  std::string name;
  std::vector<float> values;
  int64_t rows, columns;

  std::vector<int64_t> shape() const { return {rows, columns}; }
};

struct Measured {
  double bits, relativeError, nanoseconds;
};

/// A plot of one number in a column of a table.
struct Bar {
  double least, most;
  bool isLogarithmic;
  int width;

  std::string of(double number) const {
    auto place = [&](double x) { return isLogarithmic ? std::log10(x) : x; };
    if (!(number > least))
      return "";
    double part = (place(number) - place(least)) / (place(most) - place(least));
    return std::string(size_t(std::min(part, 1.0) * width), '#');
  }
};
} // namespace

static constexpr Bar errorBar{1e-4, 1, true, 24}, bitsBar{0, 16, false, 16},
    timeBar{1, 1e5, true, 15};

/// How many rows a thread takes at once: those that share scales, and all where
/// neighbours may write the same byte of a side tensor.
static int64_t rowsAtOnce(const Quantizer &quantizer, int64_t rows) {
  constexpr unsigned bitsOfByte = 8;
  constexpr int64_t about = 8;
  for (const SideOperand &side : quantizer.scheme().sideOperands())
    if (side.elementType.getIntOrFloatBitWidth() < bitsOfByte)
      return rows;
  int64_t together = quantizer.rowsTogether();
  return std::max<int64_t>(about / together, 1) * together;
}

/// Quantizes on all threads; the nanoseconds of all together.
static llvm::Expected<double>
quantizeAll(const Quantizer &quantizer, const Sample &sample,
            QuantizedBytes bytes, ThreadPool &pool, Progress &progress) {
  int64_t atOnce = rowsAtOnce(quantizer, sample.rows),
          rowBytes = quantizer.scheme().rowBytes(sample.columns);
  std::mutex mutex;
  double nanoseconds = 0;
  auto quantizePart = [&](int64_t part) -> llvm::Error {
    int64_t begin = part * atOnce, end = std::min(sample.rows, begin + atOnce);
    auto values =
        llvm::ArrayRef(sample.values)
            .slice(begin * sample.columns, (end - begin) * sample.columns);
    QuantizedBytes own = bytes;
    own.blocks = bytes.blocks.slice(begin * rowBytes, (end - begin) * rowBytes);
    auto start = std::chrono::steady_clock::now();
    if (llvm::Error error = quantizer.quantizeRows(values, begin, end, own))
      return error;
    std::chrono::duration<double, std::nano> time =
        std::chrono::steady_clock::now() - start;
    progress.advance(int64_t(values.size()));
    std::lock_guard lock(mutex);
    nanoseconds += time.count();
    return llvm::Error::success();
  };
  RowLoop loop(pool);
  if (llvm::Error error =
          loop((sample.rows + atOnce - 1) / atOnce, quantizePart))
    return error;
  return nanoseconds;
}

static llvm::Expected<Measured> measure(QuantScheme scheme,
                                        const Sample &sample, ThreadPool &pool,
                                        Progress &progress) {
  QuantizeOptions options;
  options.name = sample.name;
  auto quantizer =
      Quantizer::create(scheme, sample.shape(), std::move(options));
  if (!quantizer)
    return quantizer.takeError();
  CompiledRows compiled;
  if (llvm::Error error = compiled.use(*quantizer))
    return error;
  std::vector<uint8_t> blocks(scheme.storageBytes(sample.shape())),
      scales(quantizer->sideBytes("scales")),
      zeroPoints(quantizer->sideBytes("zero_points")),
      globalScale(quantizer->sideBytes("global_scale"));
  auto time =
      quantizeAll(*quantizer, sample, {blocks, scales, zeroPoints, globalScale},
                  pool, progress);
  if (!time)
    return time.takeError();
  auto decoder = ReferenceDecoder::create(
      scheme, sample.shape(), {blocks, scales, zeroPoints, globalScale});
  if (!decoder)
    return decoder.takeError();
  double error = 0, size = 0;
  std::vector<double> row(sample.columns);
  for (int64_t n = 0; n < sample.rows; ++n) {
    decoder->decodeRow(n, row.data());
    for (int64_t k = 0; k < sample.columns; ++k) {
      double value = sample.values[n * sample.columns + k];
      error += (row[k] - value) * (row[k] - value);
      size += value * value;
    }
  }
  return Measured{scheme.totalBits(sample.shape()).value(),
                  size > 0 ? std::sqrt(error / size) : 0,
                  *time / double(sample.values.size())};
}

static void printLine(llvm::raw_ostream &stream, llvm::StringRef scheme,
                      llvm::ArrayRef<std::string> columns) {
  std::string line = llvm::formatv(
      "{0,-18} {1,9} {2,11} {3,10}  {4,-24}  {5,-16}  {6}", scheme, columns[0],
      columns[1], columns[2], columns[3], columns[4], columns[5]);
  stream << llvm::StringRef(line).rtrim() << "\n";
  // The next one may take a minute.
  stream.flush();
}

llvm::Error quantize::compare(const WeightSource &source,
                              const WeightEntry &entry,
                              llvm::ArrayRef<QuantScheme> schemes,
                              unsigned numThreads, llvm::raw_ostream &stream) {
  if (schemes.empty())
    return llvm::createStringError(
        "expected --schemes to name at least one scheme");
  if (entry.shape.size() < 2 || !source.isReadable(entry) ||
      llvm::is_contained(entry.shape, 0))
    return llvm::createStringError(
        "expected weight " + quoted(entry.name) +
        " to be a matrix of numbers that RLX can read, but got " +
        describeShape(entry.shape) + " of '" + entry.type + "'");
  int64_t columns = entry.shape.back(), all = 1;
  for (int64_t size : llvm::ArrayRef(entry.shape).drop_back())
    all *= size;
  Sample sample{entry.name, {}, 0, columns};
  sample.rows = std::clamp<int64_t>(elementsCompared / columns, 1, all);
  sample.values.resize(sample.rows * columns);
  source.readRows(entry, 0, sample.rows, sample.values);

  // Sorted before they are measured, so that each line can be printed at once.
  std::string unfit;
  std::vector<QuantScheme> fit;
  for (QuantScheme scheme : schemes) {
    if (columns % scheme.block() == 0)
      fit.push_back(scheme);
    else
      unfit += " " + scheme.displayName().str();
  }
  llvm::stable_sort(fit, [&](QuantScheme a, QuantScheme b) {
    return a.totalBits(sample.shape()).value() <
           b.totalBits(sample.shape()).value();
  });
  stream << llvm::formatv("{0}: {1} of {2} rows of {3} columns\n",
                          quoted(entry.name), sample.rows, all, columns);
  printLine(stream, "scheme",
            {"bits", "rel. error", "ns/weight", "error from 1e-4 to 1",
             "bits to 16", "ns from 1 to 1e5"});
  ThreadPool pool(numThreads);
  double work = double(sample.values.size());
  Progress progress(fit.size(), work * double(fit.size()));
  for (auto [index, scheme] : llvm::enumerate(fit)) {
    progress.begin(index, scheme.displayName(), work);
    auto result = measure(scheme, sample, pool, progress);
    if (!result)
      return result.takeError();
    progress.clear();
    printLine(stream, scheme.displayName(),
              {llvm::formatv("{0:f4}", result->bits).str(),
               llvm::formatv("{0:e2}", result->relativeError).str(),
               llvm::formatv("{0:f1}", result->nanoseconds).str(),
               errorBar.of(result->relativeError), bitsBar.of(result->bits),
               timeBar.of(result->nanoseconds)});
  }
  if (!unfit.empty())
    stream << "left out, as " << columns
           << " columns are no multiple of their blocks:" << unfit << "\n";
  return llvm::Error::success();
}
