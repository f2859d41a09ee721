//===- Gptq.cpp - Codes that make up for each other's errors --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Gptq.h"

#include "codegen/quantize/SharedCodes.h"
#include "codegen/quantize/methods/Grid.h"
#include "codegen/quantize/methods/InverseFactor.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rlx;
using namespace rlx::quantize;

//===----------------------------------------------------------------------===//
// The Hessian
//===----------------------------------------------------------------------===//

int64_t GptqHessian::bytesFor(int64_t rows, int64_t columns, bool ordered) {
  // Of few rows, the sums of products become the factor in place.
  int64_t triangles = ordered && rows <= columns ? 2 : 1;
  return Activations::bytesFor(rows, columns) +
         triangles * UpperTriangle::bytes(columns);
}

llvm::Expected<GptqHessian> GptqHessian::create(const Activations &activations,
                                                double damping, bool ordered) {
  if (!(damping >= 0) || std::isinf(damping))
    return llvm::createStringError(llvm::formatv(
        "expected damping to be finite and not negative, but got {0}",
        damping));
  if (!activations.hasRows())
    return llvm::createStringError(
        "expected rows of activations, but there are only statistics of "
        "channels, which do not say how channels go together");
  int64_t k = activations.columns();
  // Ordered columns come from a copy.
  std::shared_ptr<const UpperTriangle> gram;
  GptqHessian hessian;
  if (ordered)
    gram = activations.gram();
  else
    hessian.factor = activations.copyOfGram();
  const UpperTriangle &sums = ordered ? *gram : hessian.factor;
  hessian.ordered = ordered;
  hessian.dead.resize(k);
  std::vector<double> diagonal(k);
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    diagonal[i] = sums.row(i)[i];
    hessian.dead[i] = diagonal[i] == 0;
    // The factor of all sums, 2 over the number of rows, changes nothing else.
    if (hessian.dead[i])
      diagonal[i] = double(activations.rows()) / 2;
    sum += diagonal[i];
  }
  hessian.order.resize(k);
  std::iota(hessian.order.begin(), hessian.order.end(), 0);
  if (ordered)
    llvm::stable_sort(hessian.order, [&](int64_t a, int64_t b) {
      return diagonal[a] > diagonal[b];
    });
  if (ordered) {
    hessian.factor = UpperTriangle(k);
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = i; j < k; ++j)
        hessian.factor.row(i)[j] = gram->at(hessian.order[i], hessian.order[j]);
    gram.reset();
  }
  for (int64_t i = 0; i < k; ++i)
    hessian.factor.row(i)[i] =
        diagonal[hessian.order[i]] + damping * sum / double(k);
  if (!inverseFactor(hessian.factor))
    return llvm::createStringError(llvm::formatv(
        "{0} rows of activations do not determine {1} columns with damping "
        "{2}, expected more of either",
        activations.rows(), k, damping));
  return hessian;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

struct GptqQuantizer::Weight {
  std::unique_ptr<WeightPlan> plan;
  const GptqHessian *hessian;
};

namespace {
/// Some rows, column after column. Errors reach the columns of a band at once,
/// those behind it when the band is done.
class RowsByColumn {
public:
  RowsByColumn(GridRows &grid, const GptqHessian &hessian,
               llvm::ArrayRef<float> values);
  void run();

private:
  void chooseScales(int64_t position);
  int64_t endOfBand(int64_t begin) const;
  void quantizeColumn(int64_t position, int64_t endOfBand);
  void spread(int64_t begin, int64_t end);

  GridRows &grid;
  const GptqHessian &hessian;
  int64_t columns, rows;
  size_t nextPiece = 0;
  std::vector<double>
      values; ///< By row and column, the columns in their order.
  std::vector<double> errors; ///< By row and column of the band.
};
} // namespace

static constexpr int64_t bandColumns = 128;

RowsByColumn::RowsByColumn(GridRows &grid, const GptqHessian &hessian,
                           llvm::ArrayRef<float> given)
    : grid(grid), hessian(hessian), columns(hessian.columns()),
      rows(int64_t(given.size()) / columns), values(given.size()),
      errors(rows * bandColumns) {
  std::vector<double> alive(given.begin(), given.end());
  for (size_t i = 0; i < alive.size(); ++i)
    if (hessian.isDead(int64_t(i) % columns))
      alive[i] = 0;
  if (hessian.isOrdered())
    for (const GridRows::Piece &piece : grid.pieces())
      grid.chooseScales(piece, alive);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < columns; ++i)
      values[row * columns + i] =
          alive[row * columns + hessian.columnOrder()[i]];
}

/// Scales of the pieces that begin in this column. Positions are columns here.
void RowsByColumn::chooseScales(int64_t position) {
  if (hessian.isOrdered())
    return;
  llvm::ArrayRef<GridRows::Piece> pieces = grid.pieces();
  for (; nextPiece < pieces.size() && pieces[nextPiece].firstColumn == position;
       ++nextPiece)
    grid.chooseScales(pieces[nextPiece], values);
}

/// A piece that begins in a band and ends behind it begins the next one: its
/// scales need all its values.
int64_t RowsByColumn::endOfBand(int64_t begin) const {
  int64_t end = std::min(columns, begin + bandColumns);
  if (hessian.isOrdered())
    return end;
  for (bool isFound = true; isFound;) {
    isFound = false;
    for (const GridRows::Piece &piece : grid.pieces().drop_front(nextPiece)) {
      if (piece.firstColumn >= end)
        break;
      if (piece.firstColumn > begin && piece.endColumn > end) {
        end = piece.firstColumn;
        isFound = true;
      }
    }
  }
  return end;
}

void RowsByColumn::quantizeColumn(int64_t position, int64_t end) {
  int64_t column = hessian.columnOrder()[position];
  const double *factors = hessian.row(position);
  for (int64_t row = 0; row < rows; ++row) {
    double *value = values.data() + row * columns;
    double error =
        (value[position] - grid.choose(row, column, value[position])) /
        factors[position];
    errors[row * bandColumns + position % bandColumns] = error;
    for (int64_t i = position + 1; i < end; ++i)
      value[i] -= error * factors[i];
  }
}

/// Takes the errors of a band to all columns behind it.
void RowsByColumn::spread(int64_t begin, int64_t end) {
  constexpr int64_t width = 256; // of columns at once, to stay in a cache
  for (int64_t first = end; first < columns; first += width) {
    int64_t count = std::min(width, columns - first);
    for (int64_t row = 0; row < rows; ++row) {
      double *value = values.data() + row * columns + first;
      for (int64_t i = begin; i < end; ++i) {
        double error = errors[row * bandColumns + i % bandColumns];
        const double *factors = hessian.row(i) + first;
#pragma omp simd
        for (int64_t j = 0; j < count; ++j)
          value[j] -= error * factors[j];
      }
    }
  }
}

void RowsByColumn::run() {
  for (int64_t begin = 0; begin < columns;) {
    int64_t end = endOfBand(begin);
    for (int64_t position = begin; position < end; ++position) {
      chooseScales(position);
      quantizeColumn(position, end);
    }
    spread(begin, end);
    begin = end;
  }
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

GptqQuantizer::GptqQuantizer(std::unique_ptr<Weight> weight)
    : weight(std::move(weight)) {}
GptqQuantizer::GptqQuantizer(GptqQuantizer &&) = default;
GptqQuantizer::~GptqQuantizer() = default;

int64_t GptqQuantizer::rowsTogether() const { return weight->plan->together; }

void GptqQuantizer::use(const GptqHessian &hessian) {
  weight->hessian = &hessian;
}

bool GptqQuantizer::canChooseShared() const {
  return quantize::canChooseShared(*weight->plan);
}

llvm::Error GptqQuantizer::chooseShared(
    llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t)> sample,
    QuantizedBytes bytes) {
  return fixShared(*weight->plan, sample, bytes);
}

llvm::Expected<GptqQuantizer>
GptqQuantizer::create(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                      const GptqHessian &hessian, QuantizeOptions options) {
  auto plan = planOfGrid(scheme, shape, std::move(options));
  if (!plan)
    return plan.takeError();
  if (shape.back() != hessian.columns())
    return llvm::createStringError("expected activations to have " +
                                   llvm::Twine(shape.back()) +
                                   " columns, as the weight has, but got " +
                                   llvm::Twine(hessian.columns()));
  return GptqQuantizer(
      std::unique_ptr<Weight>(new Weight{std::move(*plan), &hessian}));
}

llvm::Error GptqQuantizer::quantizeRows(llvm::ArrayRef<float> values,
                                        int64_t begin, int64_t end,
                                        QuantizedBytes bytes) const {
  if (llvm::Error error = weight->plan->checkRows(values, begin, end, bytes))
    return error;
  const WeightPlan &plan = *weight->plan;
  int64_t rowBytes = plan.scheme.rowBytes(plan.columns);
  for (int64_t at = begin; at < end;) {
    int64_t next =
        std::min(end, (at / plan.rowsPerExpert() + 1) * plan.rowsPerExpert());
    auto rows = GridRows::create(plan, at, next);
    if (!rows)
      return rows.takeError();
    RowsByColumn(
        *rows, *weight->hessian,
        values.slice((at - begin) * plan.columns, (next - at) * plan.columns))
        .run();
    QuantizedBytes own = bytes;
    own.blocks =
        bytes.blocks.slice((at - begin) * rowBytes, (next - at) * rowBytes);
    rows->write(own);
    at = next;
  }
  return llvm::Error::success();
}

llvm::Expected<QuantizedWeight>
rlx::quantizeGptq(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                  llvm::ArrayRef<float> values, const Activations &activations,
                  const GptqOptions &options, PartLoop loop) {
  if (!shape.empty())
    if (llvm::Error error = activations.checkColumns(shape.back()))
      return error;
  auto quantizer = Quantizer::create(scheme, shape, options.quantize);
  if (!quantizer)
    return quantizer.takeError();
  auto hessian =
      GptqHessian::create(activations, options.damping, options.ordered);
  if (!hessian)
    return hessian.takeError();
  auto gptq = GptqQuantizer::create(scheme, shape, *hessian, options.quantize);
  if (!gptq)
    return gptq.takeError();
  QuantizedWeight weight(*quantizer, shape);
  int64_t count = weight.rows(), columns = weight.columns();
  RowParts parts(shape, gptq->rowsTogether(), options.rowsAtOnce);
  if (int64_t(values.size()) != count * columns)
    return llvm::createStringError(
        llvm::formatv("expected {0} values for {1} rows, but got {2}",
                      count * columns, count, values.size()));
  auto quantizePart = [&](int64_t part) {
    auto [begin, end] = parts.rowsOf(part);
    return gptq->quantizeRows(
        values.slice(begin * columns, (end - begin) * columns), begin, end,
        weight.rowBytes(begin, end));
  };
  if (llvm::Error error = loop(parts.count(), quantizePart))
    return error;
  return weight;
}

llvm::Expected<SquareSums> rlx::streamGptq(
    const RowSource &weight, int64_t sets,
    llvm::function_ref<llvm::Expected<Activations>(int64_t)> activationsOf,
    const GptqOptions &options, PartLoop loop, StoredRows &rows,
    StoreBlocks store) {
  std::optional<GptqQuantizer> gptq;
  SquareSums result;
  for (int64_t set = 0; set < sets; ++set) {
    auto activations = activationsOf(set);
    if (!activations)
      return activations.takeError();
    if (llvm::Error error = activations->checkColumns(weight.columns()))
      return error;
    OutputError outputs(*activations);
    auto hessian =
        GptqHessian::create(*activations, options.damping, options.ordered);
    if (!hessian)
      return hessian.takeError();
    if (!gptq) {
      auto created = GptqQuantizer::create(weight.scheme, weight.shape,
                                           *hessian, weight.options);
      if (!created)
        return created.takeError();
      gptq.emplace(std::move(*created));
      if (llvm::Error error = chooseSharedOfLarge(*gptq, weight, rows))
        return error;
    }
    gptq->use(*hessian);
    RowWork work;
    work.rowsTogether = gptq->rowsTogether();
    work.rowsAtOnce = options.rowsAtOnce;
    if (sets > 1)
      work.expert = set;
    work.quantize = [&](llvm::MutableArrayRef<float> values, int64_t begin,
                        int64_t end, StoredRows &stored) {
      return gptq->quantizeRows(values, begin, end, stored.bytes(begin, end));
    };
    work.measure = [&](int64_t, llvm::ArrayRef<float> values,
                       llvm::ArrayRef<double> numbers) {
      return outputs.compare(values, numbers);
    };
    auto sums = streamWeight(weight, work, loop, rows, store);
    if (!sums)
      return sums.takeError();
    result.error += sums->error;
    result.size += sums->size;
  }
  return result;
}
