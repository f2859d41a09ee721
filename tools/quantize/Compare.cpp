//===- Compare.cpp - What each scheme makes of a weight -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Compare.h"

#include "codegen/CompiledRows.h"
#include "ir/Reference.h"

#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

/// Of large weights, so many elements are enough.
static constexpr int64_t elementsCompared = int64_t(1) << 18;

namespace {
struct Measured {
  QuantScheme scheme;
  double bits, relativeError, nanoseconds;
};
} // namespace

static llvm::Expected<Measured> measure(QuantScheme scheme,
                                        const std::string &name,
                                        llvm::ArrayRef<float> x, int64_t rows,
                                        int64_t columns) {
  std::vector<int64_t> shape = {rows, columns};
  QuantizeOptions options;
  options.name = name;
  auto quantizer = Quantizer::create(scheme, shape, std::move(options));
  if (!quantizer)
    return quantizer.takeError();
  CompiledRows compiled;
  if (llvm::Error error = compiled.use(*quantizer))
    return error;
  std::vector<uint8_t> blocks(scheme.storageBytes(shape)),
      scales(quantizer->sideBytes("scales")),
      zeroPoints(quantizer->sideBytes("zero_points")),
      globalScale(quantizer->sideBytes("global_scale"));
  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = quantizer->quantizeRows(
          x, 0, rows, {blocks, scales, zeroPoints, globalScale}))
    return error;
  std::chrono::duration<double, std::nano> time =
      std::chrono::steady_clock::now() - start;
  auto decoder = ReferenceDecoder::create(
      scheme, shape, {blocks, scales, zeroPoints, globalScale});
  if (!decoder)
    return decoder.takeError();
  double error = 0, size = 0;
  std::vector<double> row(columns);
  for (int64_t n = 0; n < rows; ++n) {
    decoder->decodeRow(n, row.data());
    for (int64_t k = 0; k < columns; ++k) {
      double value = x[n * columns + k];
      error += (row[k] - value) * (row[k] - value);
      size += value * value;
    }
  }
  return Measured{scheme, scheme.totalBits(shape).value(),
                  size > 0 ? std::sqrt(error / size) : 0,
                  time.count() / double(x.size())};
}

/// From 1e-4 to 1 on a logarithmic scale.
static std::string barOf(double error) {
  constexpr int width = 40, decades = 4;
  double length = error > 0 ? (std::log10(error) / decades + 1) * width : 0;
  return std::string(size_t(std::clamp(length, 0.0, double(width))), '#');
}

llvm::Error quantize::compare(const WeightSource &source,
                              const WeightEntry &entry,
                              llvm::ArrayRef<QuantScheme> schemes,
                              llvm::raw_ostream &stream) {
  if (entry.shape.size() < 2 || !source.isReadable(entry) ||
      llvm::is_contained(entry.shape, 0))
    return llvm::createStringError(
        "expected weight '" + entry.name +
        "' to be a matrix of numbers that RLX can read, but got " +
        describeShape(entry.shape) + " of '" + entry.type + "'");
  int64_t columns = entry.shape.back(), all = 1;
  for (int64_t size : llvm::ArrayRef(entry.shape).drop_back())
    all *= size;
  int64_t rows = std::clamp<int64_t>(elementsCompared / columns, 1, all);
  std::vector<float> x(rows * columns);
  source.readRows(entry, 0, rows, x);

  std::vector<Measured> results;
  std::string unfit;
  for (QuantScheme scheme : schemes) {
    if (columns % scheme.block() != 0) {
      unfit += " " + scheme.displayName().str();
      continue;
    }
    auto result = measure(scheme, entry.name, x, rows, columns);
    if (!result)
      return result.takeError();
    results.push_back(*result);
  }
  llvm::stable_sort(results, [](const Measured &a, const Measured &b) {
    return std::pair(a.bits, a.relativeError) <
           std::pair(b.bits, b.relativeError);
  });
  stream << llvm::formatv("'{0}': {1} of {2} rows of {3} columns\n", entry.name,
                          rows, all, columns)
         << llvm::formatv("{0,-18} {1,9} {2,11} {3,10}  {4}\n", "scheme",
                          "bits", "rel. error", "ns/weight",
                          "error from 1e-4 to 1");
  for (const Measured &result : results)
    stream << llvm::formatv("{0,-18} {1,9} {2,11} {3,10}  {4}\n",
                            result.scheme.displayName(),
                            llvm::formatv("{0:f4}", result.bits).str(),
                            llvm::formatv("{0:e2}", result.relativeError).str(),
                            llvm::formatv("{0:f1}", result.nanoseconds).str(),
                            barOf(result.relativeError));
  if (!unfit.empty())
    stream << "left out, as " << columns
           << " columns are no multiple of their blocks:" << unfit << "\n";
  return llvm::Error::success();
}
