//===- StreamWeight.cpp - Weights some rows at a time ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/StreamWeight.h"

#include <algorithm>

using namespace rlx;

llvm::Error rlx::runInOrder(int64_t parts,
                            llvm::function_ref<llvm::Error(int64_t)> body) {
  for (int64_t part = 0; part < parts; ++part)
    if (llvm::Error error = body(part))
      return error;
  return llvm::Error::success();
}

RowSource rlx::rowsOf(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<float> values, QuantizeOptions options) {
  int64_t columns = shape.empty() ? 0 : shape.back();
  return {scheme,
          {shape.begin(), shape.end()},
          [=](int64_t begin, int64_t end, llvm::MutableArrayRef<float> to) {
            llvm::copy(values.slice(begin * columns, (end - begin) * columns),
                       to.begin());
          },
          std::move(options)};
}

void rlx::divideImportance(std::vector<float> &importance,
                           llvm::ArrayRef<double> factors) {
  for (auto [i, number] : llvm::enumerate(importance)) {
    double factor = factors[i % factors.size()];
    number = float(number / (factor * factor));
  }
}

//===----------------------------------------------------------------------===//
// Rows as they are stored
//===----------------------------------------------------------------------===//

StoredRows::StoredRows(const Quantizer &quantizer)
    : scales(quantizer.sideBytes("scales")),
      zeroPoints(quantizer.sideBytes("zero_points")),
      globalScale(quantizer.sideBytes("global_scale")), quantizer(quantizer),
      rowSize(quantizer.scheme().rowBytes(quantizer.columns())) {}

void StoredRows::start(int64_t begin, int64_t end) {
  first = begin;
  blocks.assign((end - begin) * rowSize, 0);
}

QuantizedBytes StoredRows::bytes(int64_t begin, int64_t end) {
  return {llvm::MutableArrayRef(blocks).slice((begin - first) * rowSize,
                                              (end - begin) * rowSize),
          scales, zeroPoints, globalScale};
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

/// How much is held in memory at once, about: of blocks, and of the numbers
/// that parts are made of.
static constexpr int64_t bytesAtOnce = int64_t(16) << 20,
                         elementsAtOnce = int64_t(8) << 20;

llvm::Expected<SquareSums> rlx::streamWeight(const RowSource &weight,
                                             const RowWork &work, PartLoop loop,
                                             StoredRows &rows,
                                             StoreBlocks store) {
  RowParts parts(weight.shape, work.rowsTogether, work.rowsAtOnce, work.expert);
  int64_t columns = weight.columns();
  int64_t partBytes = parts.rowsInPart() * weight.scheme.rowBytes(columns),
          partElements = parts.rowsInPart() * columns;
  int64_t atOnce = std::max<int64_t>(
      1, std::min(bytesAtOnce / partBytes, elementsAtOnce / partElements));
  SquareSums result;
  std::vector<SquareSums> sums;
  for (int64_t first = 0; first < parts.count(); first += atOnce) {
    int64_t count = std::min(atOnce, parts.count() - first);
    int64_t begin = parts.rowsOf(first).first,
            end = parts.rowsOf(first + count - 1).second;
    rows.start(begin, end);
    if (work.start)
      work.start(begin, end);
    sums.assign(count, {});
    auto runPart = [&](int64_t part) -> llvm::Error {
      auto [from, to] = parts.rowsOf(first + part);
      std::vector<float> values((to - from) * columns);
      weight.read(from, to, values);
      std::vector<float> given = values;
      if (llvm::Error error = work.quantize(values, from, to, rows))
        return error;
      std::vector<double> numbers(columns);
      for (int64_t row = from; row < to; ++row) {
        rows.decodeRow(row, numbers);
        SquareSums of = work.measure(
            row, llvm::ArrayRef(given).slice((row - from) * columns, columns),
            numbers);
        sums[part].error += of.error;
        sums[part].size += of.size;
      }
      return llvm::Error::success();
    };
    if (llvm::Error error = loop(count, runPart))
      return error;
    weight.forget(begin, end);
    // In their order, whichever thread was first.
    for (const SquareSums &of : sums) {
      result.error += of.error;
      result.size += of.size;
    }
    if (llvm::Error error = store(rows.blocks))
      return error;
  }
  return result;
}

std::vector<float> rlx::sampleOf(const RowSource &weight, int64_t expert,
                                 llvm::ArrayRef<double> factors) {
  int64_t columns = weight.columns(), count = weight.rowsPerExpert();
  RowSample sample(count, columns);
  std::vector<float> row(columns);
  int64_t releasedAtOnce = std::max<int64_t>(1, elementsAtOnce / columns);
  for (int64_t i = expert * count; i < (expert + 1) * count; ++i) {
    if (int64_t done = i - expert * count;
        done > 0 && done % releasedAtOnce == 0)
      weight.forget(i - releasedAtOnce, i);
    weight.read(i, i + 1, row);
    if (!factors.empty())
      for (int64_t k = 0; k < columns; ++k)
        row[k] = float(double(row[k]) * factors[k]);
    sample.add(row);
  }
  weight.forget(expert * count, (expert + 1) * count);
  return sample.take();
}
