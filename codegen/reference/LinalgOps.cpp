//===- LinalgOps.cpp - linalg's operations that have no body --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
LogicalResult runIndex(Interpreter &interpreter, linalg::IndexOp op) {
  if (op.getDim() >= interpreter.loopIndices.size())
    return op.emitOpError() << "cannot be verified: its loop is not known";
  interpreter.set(
      op.getResult(),
      Datum::index(op.getContext(), interpreter.loopIndices[op.getDim()]));
  return success();
}

//===----------------------------------------------------------------------===//
// softmax
//===----------------------------------------------------------------------===//

/// y_i = exp(x_i - max x) / sum_j exp(x_j - max x) for `count` numbers that are
/// `stride` apart. A change of x_i changes y_i by y_i (1 - y_i) times that, and
/// every other y_j by -y_i y_j times that.
void softmaxRow(const Numbers &x, Numbers &y, int64_t begin, int64_t count,
                int64_t stride) {
  Rounding rounding(y.type);
  auto at = [&](int64_t i) { return begin + i * stride; };
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < count; ++i)
    most = std::isnan(x.values[at(i)]) ? x.values[at(i)]
                                       : std::max(most, x.values[at(i)]);
  for (int64_t i = 0; i < count; ++i)
    sum += std::exp(x.values[at(i)] - most);
  double variance = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = std::exp(x.values[at(i)] - most) / sum;
    double spread = value * x.deviation(at(i));
    y.values[at(i)] = value;
    variance += spread * spread;
  }
  for (int64_t i = 0; i < count; ++i) {
    double &value = y.values[at(i)], own = x.deviation(at(i));
    double deviation =
        value * std::sqrt(variance + (1 - 2 * value) * own * own);
    double exponent = std::min(std::fabs(x.values[at(i)] - most), 200.0);
    // exp, the sum, the quotient.
    double roundings = 12 + 2 * exponent + std::sqrt(double(count));
    if (std::isnan(deviation))
      deviation = std::numeric_limits<double>::infinity();
    rounding.apply(value, deviation, roundings);
    y.allDeviations()[at(i)] = deviation;
  }
}

LogicalResult runSoftmax(Interpreter &interpreter, linalg::SoftmaxOp op) {
  if (op->getNumResults() != 1)
    return op.emitOpError() << "cannot be verified: it works on memory";
  Datum input = interpreter.get(op.getInput()),
        output = interpreter.get(op.getOutput());
  if (input.shape() != output.shape())
    return op.emitOpError()
           << "expected the output to have sizes "
           << describeShape(input.shape()) << " as the input has, but got "
           << describeShape(output.shape());
  Numbers numbers;
  numbers.reset(output.elementType(), input.size());
  int64_t dimension = op.getDimension();
  int64_t count = input.shape()[dimension],
          stride = stridesOf(input.shape())[dimension];
  for (int64_t i = 0, e = input.size(); i < e; ++i)
    if (i / stride % count == 0)
      softmaxRow(input.numbers(), numbers, i, count, stride);
  interpreter.set(op->getResult(0), Datum(op->getResult(0).getType(),
                                          input.shape(), std::move(numbers)));
  return success();
}

//===----------------------------------------------------------------------===//
// pack and unpack
//===----------------------------------------------------------------------===//

/// How an unpacked tensor lies in a packed one.
struct Packing {
  SmallVector<int64_t> permutation; ///< of the outer dimensions
  SmallVector<int64_t> dims, tiles; ///< the dimensions that have inner tiles

  /// The index in the unpacked tensor of element `packed` of the other.
  SmallVector<int64_t> unpacked(ArrayRef<int64_t> packed) const {
    size_t rank = permutation.size();
    SmallVector<int64_t> index(rank);
    for (size_t i = 0; i < rank; ++i)
      index[permutation[i]] = packed[i];
    for (auto [i, dimension] : llvm::enumerate(dims))
      index[dimension] = index[dimension] * tiles[i] + packed[rank + i];
    return index;
  }
};

template <typename OpT>
FailureOr<Packing> packingOf(Interpreter &interpreter, OpT op, int64_t rank) {
  Packing packing{SmallVector<int64_t>(op.getOuterDimsPerm()),
                  SmallVector<int64_t>(op.getInnerDimsPos()),
                  interpreter.getIndices(op.getMixedTiles())};
  if (packing.permutation.empty())
    packing.permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  for (int64_t tile : packing.tiles)
    if (tile < 1) {
      op->emitOpError() << "expected tiles of at least 1, but got " << tile;
      return failure();
    }
  return packing;
}

/// Checks that a packed tensor has the tiles, and as many as `shape` needs.
LogicalResult checkPacked(Operation *op, const Packing &packing,
                          ArrayRef<int64_t> shape, ArrayRef<int64_t> packed) {
  SmallVector<int64_t> outer(shape);
  for (auto [dimension, tile] : llvm::zip(packing.dims, packing.tiles))
    outer[dimension] = llvm::divideCeil(outer[dimension], tile);
  std::vector<int64_t> expected;
  for (int64_t i : packing.permutation)
    expected.push_back(outer[i]);
  llvm::append_range(expected, packing.tiles);
  if (packed == ArrayRef<int64_t>(expected))
    return success();
  return op->emitOpError() << "expected the packed tensor to have sizes "
                           << describeShape(expected) << ", but got "
                           << describeShape(std::vector<int64_t>(packed));
}

/// Calls `visit` with each position of the packed tensor and that in the other,
/// -1 beyond its end.
void forEachPair(const Packing &packing, ArrayRef<int64_t> packed,
                 ArrayRef<int64_t> shape,
                 llvm::function_ref<void(int64_t, int64_t)> visit) {
  std::vector<int64_t> strides = stridesOf(packed);
  SmallVector<int64_t> index(packed.size());
  for (int64_t i = 0, e = countOf(packed); i < e; ++i) {
    for (size_t k = 0; k < index.size(); ++k)
      index[k] = i / strides[k] % packed[k];
    int64_t position = 0;
    for (auto [at, size] : llvm::zip(packing.unpacked(index), shape))
      position = at < size && position >= 0 ? position * size + at : -1;
    visit(i, position);
  }
}

LogicalResult runPack(Interpreter &interpreter, linalg::PackOp op) {
  Datum source = interpreter.get(op.getSource());
  std::vector<int64_t> packed = interpreter.get(op.getDest()).shape();
  FailureOr<Packing> packing = packingOf(interpreter, op, source.rank());
  if (failed(packing) ||
      failed(checkPacked(op, *packing, source.shape(), packed)))
    return failure();
  Numbers numbers;
  numbers.reset(source.elementType(), countOf(packed));
  std::optional<Datum> padding;
  if (op.getPaddingValue())
    padding = interpreter.get(op.getPaddingValue());
  bool isPadded = false;
  forEachPair(*packing, packed, source.shape(), [&](int64_t to, int64_t from) {
    if (from >= 0)
      numbers.copy(to, source.numbers(), from);
    else if (padding)
      numbers.copy(to, padding->numbers(), 0);
    else
      isPadded = true;
  });
  if (isPadded)
    return op.emitOpError() << "expected sizes that are multiples of the "
                               "tiles, or a padding value, but got "
                            << describeShape(source.shape());
  interpreter.set(
      op->getResult(0),
      Datum(op->getResult(0).getType(), std::move(packed), std::move(numbers)));
  return success();
}

LogicalResult runUnPack(Interpreter &interpreter, linalg::UnPackOp op) {
  Datum source = interpreter.get(op.getSource());
  std::vector<int64_t> shape = interpreter.get(op.getDest()).shape();
  FailureOr<Packing> packing =
      packingOf(interpreter, op, int64_t(shape.size()));
  if (failed(packing) ||
      failed(checkPacked(op, *packing, shape, source.shape())))
    return failure();
  Numbers numbers;
  numbers.reset(source.elementType(), countOf(shape));
  forEachPair(*packing, source.shape(), shape, [&](int64_t from, int64_t to) {
    if (to >= 0)
      numbers.copy(to, source.numbers(), from);
  });
  interpreter.set(
      op->getResult(0),
      Datum(op->getResult(0).getType(), std::move(shape), std::move(numbers)));
  return success();
}
} // namespace

void rlx::addLinalgOps(HandlerTable &table) {
  table.add<linalg::IndexOp, runIndex>();
  table.add<linalg::SoftmaxOp, runSoftmax>();
  table.add<linalg::PackOp, runPack>();
  table.add<linalg::UnPackOp, runUnPack>();
}
