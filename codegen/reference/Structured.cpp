//===- Structured.cpp - linalg's loops over tensors -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any operation that has linalg's interface: indexing maps, iterators, a body.
// Where a body ends with a sum (or another fold) into its output, all before it
// is evaluated on columns of points, and the folds follow one by one. Otherwise
// columns are of points of the parallel loops, and reductions go step by step.
//
//===----------------------------------------------------------------------===//

#include "codegen/reference/BodyColumns.h"
#include "codegen/reference/IterationSpace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// A result while it is computed.
struct Output {
  Datum datum;
  Numbers *numbers;
  OpOperand *operand;
  BlockArgument argument;
  bool isRead; ///< by the body
  /// What the body folds into it, last, and the value that it folds.
  Operation *fold = nullptr;
  Value folded = nullptr;
};

class StructuredLoops {
public:
  StructuredLoops(Interpreter &interpreter, linalg::LinalgOp op)
      : interpreter(interpreter), op(op) {}
  LogicalResult run();

private:
  LogicalResult prepare();
  void findFold(Output &output);
  LogicalResult runFolds(ArrayRef<unsigned> loops);
  LogicalResult runSteps(ArrayRef<unsigned> parallel,
                         ArrayRef<unsigned> reductions);
  LogicalResult runBatch(BodyColumns &body, int64_t count);
  void fold(Output &output, ColumnView column, int64_t count,
            ArrayRef<int64_t> positions);
  void foldSums(Output &output, ColumnView column, int64_t count,
                ArrayRef<int64_t> positions);
  struct SumTerms;
  void finishSums(Numbers &sums, SumTerms &known);

  Interpreter &interpreter;
  linalg::LinalgOp op;
  SmallVector<Datum> operands;
  SmallVector<OperandAccess> accesses;
  SmallVector<Output> outputs;
  std::vector<int64_t> lengths;
  std::vector<std::vector<int64_t>> points;
  /// What is known of sums beside the sums.
  struct SumTerms {
    std::vector<double> squares; ///< of the terms
    std::vector<double> sizes;   ///< the sums of the terms' absolute values
    /// Sums in f32, or in what is shorter, one term after another.
    std::vector<float> rounded;
  };
  llvm::DenseMap<Operation *, SumTerms> terms;
};
} // namespace

/// Whether `op` folds floats in a way that `fold` knows.
static bool isFloatFold(Operation *op) {
  return isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::MaxNumFOp, arith::MinNumFOp>(op);
}

void StructuredLoops::findFold(Output &output) {
  Value yielded = op.getMatchingYieldValue(output.operand)->get();
  Operation *last = yielded.getDefiningOp();
  if (!last || last->getBlock() != op.getBlock() || !yielded.hasOneUse() ||
      !output.argument.hasOneUse() || *output.argument.user_begin() != last ||
      last->getNumOperands() != 2 ||
      !(isFloatFold(last) ||
        isa<arith::AddIOp, arith::MulIOp, arith::AndIOp, arith::OrIOp,
            arith::XOrIOp, arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp,
            arith::MinUIOp>(last)))
    return;
  bool isFirst = last->getOperand(0) == output.argument;
  output.fold = last;
  output.folded = last->getOperand(isFirst ? 1 : 0);
}

LogicalResult StructuredLoops::prepare() {
  if (!op.hasPureTensorSemantics())
    return op->emitOpError() << "cannot be verified: it works on memory";
  for (OpOperand &operand : op->getOpOperands()) {
    bool isInit = op.isDpsInit(&operand);
    operands.push_back(isInit ? interpreter.take(operand)
                              : interpreter.get(operand.get()));
    if (operands.back().isQuantized())
      return op->emitOpError() << "cannot be verified: operand "
                               << operand.getOperandNumber() << " is quantized";
  }
  // Extra operands of an operation belong to no map.
  if (op.getIndexingMapsArray().size() != operands.size())
    return op->emitOpError()
           << "cannot be verified: the reference has no such operation";
  FailureOr<std::vector<int64_t>> found = loopLengths(op, operands);
  if (failed(found))
    return failure();
  lengths = std::move(*found);
  bool hasPoints = !llvm::is_contained(lengths, 0);
  for (auto [i, map] : llvm::enumerate(op.getIndexingMapsArray())) {
    accesses.push_back(OperandAccess(map, operands[i].shape()));
    if (hasPoints && failed(accesses.back().check(op, i, lengths)))
      return failure();
  }
  for (OpOperand &init : op.getDpsInitsMutable()) {
    Output output{std::move(operands[init.getOperandNumber()]), nullptr, &init,
                  op.getMatchingBlockArgument(&init),
                  op.payloadUsesValueFromOperand(&init)};
    // Nothing is copied of what is overwritten.
    bool isOverwritten = !output.isRead && hasPoints &&
                         accesses[init.getOperandNumber()].isPermutation();
    if (isOverwritten) {
      Numbers numbers;
      numbers.reset(output.datum.elementType(), output.datum.size());
      output.datum =
          Datum(output.datum.type(), output.datum.shape(), std::move(numbers));
    }
    output.numbers = &output.datum.writable();
    outputs.push_back(std::move(output));
  }
  points.resize(lengths.size());
  return success();
}

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

/// Whether a fold adds products of two numbers.
static bool addsProducts(linalg::LinalgOp op, const Output &output) {
  return isa_and_nonnull<arith::AddFOp>(output.fold) &&
         op.getNumDpsInputs() == 2 &&
         output.folded.getDefiningOp<arith::MulFOp>();
}

/// Whether instructions for pairs of bf16 may compute that.
static bool multipliesPairs(linalg::LinalgOp op, const Output &output) {
  return addsProducts(op, output) &&
         llvm::all_of(op.getDpsInputs(), [](Value input) {
           return getElementTypeOrSelf(input.getType()).isBF16();
         });
}

/// Deviations are summed as squares, and each sum rounds. Products of floats
/// shorter than f32 may be rounded or not, and each sum or the last one.
void StructuredLoops::foldSums(Output &output, ColumnView column, int64_t count,
                               ArrayRef<int64_t> positions) {
  Type type = output.numbers->type;
  bool isShort = !type.isF32() && !type.isF64();
  Rounding rounding(type);
  double unit = rounding.unit();
  SumTerms &known = terms[output.fold];
  bool isOfPairs = multipliesPairs(op, output);
  std::vector<double> &variances = output.numbers->allDeviations();
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = positions[i];
    double term = column.value(i), deviation = column.deviation(i);
    double &sum = output.numbers->values[at];
    // A product that is not rounded may be a number.
    if (isShort && !std::isfinite(term)) {
      variances[at] = std::numeric_limits<double>::infinity();
      continue;
    }
    sum += term;
    double rounded = std::isfinite(sum) ? unit * sum : 0;
    if (isShort && std::isfinite(sum))
      rounded = std::max(std::fabs(rounded), rounding.spacing(sum) / 2);
    variances[at] += deviation * deviation + rounded * rounded;
    known.squares[at] += term * term;
    known.sizes[at] += std::fabs(term);
    // Left out where it may be a zero: all such errors have its sign.
    bool mayBeZero = isOfPairs && deviation >= std::fabs(term);
    known.rounded[at] += mayBeZero ? 0 : float(term);
    if (isShort) {
      double ofTerm =
          std::max(unit * std::fabs(term), rounding.spacing(term) / 2);
      variances[at] += ofTerm * ofTerm;
      known.rounded[at] = float(rounding.nearest(known.rounded[at]));
    }
  }
}

void StructuredLoops::fold(Output &output, ColumnView column, int64_t count,
                           ArrayRef<int64_t> positions) {
  Numbers &into = *output.numbers;
  IntegerFunction function = findIntegerFunction(output.fold);
  if (function && column.isExact() && into.deviations.empty()) {
    unsigned width = widthOf(into.type);
    for (int64_t i = 0; i < count; ++i) {
      uint64_t &bits = into.bits[positions[i]];
      bits = wrapBits(function(bits, column.bits(i), width), width);
    }
    return;
  }
  if (terms.contains(output.fold))
    return foldSums(output, column, count, positions);
  ElementwiseFunction foldColumns = findElementwise(output.fold);
  Numbers all[2], result[1];
  for (Numbers &numbers : all)
    numbers.reset(into.type, 1);
  for (int64_t i = 0; i < count; ++i) {
    all[0].deviations.clear();
    all[0].copy(0, into, positions[i]);
    all[1].deviations.clear();
    all[1].copy(0, *column.numbers, i * column.step);
    result[0].reset(into.type, 1);
    // Such folds do not fail.
    (void)foldColumns({output.fold,
                       {ColumnView(all[0], 1), ColumnView(all[1], 1)},
                       1,
                       result});
    into.copy(positions[i], result[0], 0);
  }
}

/// From squares to their roots. Terms that are the same are rounded the same
/// way, again and again: what that gives is one and a half deviations.
void StructuredLoops::finishSums(Numbers &sums, SumTerms &known) {
  Rounding rounding(sums.type);
  std::vector<double> &deviations = sums.allDeviations();
  for (size_t i = 0; i < deviations.size(); ++i) {
    double error = std::fabs(known.rounded[i] - sums.values[i]) / 1.5;
    deviations[i] = std::sqrt(deviations[i]);
    if (!sums.type.isF64() && std::isfinite(error))
      deviations[i] = std::max(deviations[i], error);
    if (std::isnan(deviations[i]))
      deviations[i] = std::numeric_limits<double>::infinity();
    rounding.boundSum(sums.values[i], deviations[i], known.sizes[i]);
    sums.values[i] = rounding.bounded(sums.values[i]);
    known.squares[i] = std::sqrt(known.squares[i]);
  }
}

LogicalResult StructuredLoops::runFolds(ArrayRef<unsigned> loops) {
  SmallVector<Operation *> folds;
  for (Output &output : outputs)
    if (output.fold)
      folds.push_back(output.fold);
  for (Output &output : outputs) {
    Type type = output.numbers->type;
    if (!isa_and_nonnull<arith::AddFOp>(output.fold) ||
        !(type.isF32() || type.isF64() || addsProducts(op, output)))
      continue;
    SumTerms &known = terms[output.fold];
    for (double value : output.numbers->values) {
      known.squares.push_back(value * value);
      known.sizes.push_back(std::fabs(value));
      known.rounded.push_back(float(value));
    }
    for (double &deviation : output.numbers->allDeviations())
      deviation *= deviation;
  }
  BodyColumns body(interpreter, *op.getBlock(), folds);
  PointBatches batches(loops, lengths, BodyColumns::most);
  while (int64_t count = batches.next(points))
    if (failed(runBatch(body, count)))
      return failure();
  for (Output &output : outputs) {
    auto known = terms.find(output.fold);
    if (!output.fold || known == terms.end())
      continue;
    finishSums(*output.numbers, known->second);
    output.datum.setMagnitudes(std::move(known->second.squares));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

/// Products of pairs of bf16 take subnormal numbers for zeros, where the target
/// has instructions for them (docs/numerics.md).
static void allowZeros(Numbers &numbers) {
  constexpr double leastNormal = 0x1p-126;
  for (size_t i = 0, e = numbers.values.size(); i < e; ++i)
    if (double size = std::fabs(numbers.values[i]);
        size > 0 && size < leastNormal)
      numbers.allDeviations()[i] = std::fmax(numbers.deviation(i), size);
}

/// Evaluates the body at `count` points and writes what it gives.
LogicalResult StructuredLoops::runBatch(BodyColumns &body, int64_t count) {
  if (body.usesIndices())
    for (unsigned i = 0; i < points.size(); ++i)
      body.indices(i) = points[i];
  SmallVector<int64_t> positions;
  for (OpOperand *input : op.getDpsInputOperands()) {
    unsigned i = input->getOperandNumber();
    BlockArgument argument = op.getMatchingBlockArgument(input);
    if (argument.use_empty())
      continue;
    Numbers &column = body.argument(argument.getArgNumber());
    if (!operands[i].isTensor()) {
      column = operands[i].numbers();
      continue;
    }
    accesses[i].positions(points, count, positions);
    operands[i].gather(positions, column);
    if (llvm::any_of(outputs, [&](Output &output) {
          return multipliesPairs(op, output);
        }))
      allowZeros(column);
  }
  SmallVector<SmallVector<int64_t>> written(outputs.size());
  for (auto [output, at] : llvm::zip(outputs, written)) {
    accesses[output.operand->getOperandNumber()].positions(points, count, at);
    if (output.isRead && !output.fold) {
      Numbers &column = body.argument(output.argument.getArgNumber());
      column.reset(output.numbers->type, count);
      for (int64_t i = 0; i < count; ++i)
        column.copy(i, *output.numbers, at[i]);
    }
  }
  if (failed(body.run(count)))
    return failure();
  for (auto [output, at] : llvm::zip(outputs, written)) {
    if (output.fold) {
      fold(output, body.value(output.folded, count), count, at);
      continue;
    }
    ColumnView column =
        body.value(op.getMatchingYieldValue(output.operand)->get(), count);
    for (int64_t i = 0; i < count; ++i)
      output.numbers->copy(at[i], *column.numbers, i * column.step);
  }
  return success();
}

LogicalResult StructuredLoops::runSteps(ArrayRef<unsigned> parallel,
                                        ArrayRef<unsigned> reductions) {
  BodyColumns body(interpreter, *op.getBlock(), {});
  PointBatches batches(parallel, lengths, BodyColumns::most);
  while (int64_t count = batches.next(points)) {
    std::vector<std::vector<int64_t>> step(points.size());
    PointBatches steps(reductions, lengths, 1);
    while (steps.next(step)) {
      for (unsigned loop : reductions)
        points[loop].assign(BodyColumns::most, step[loop].front());
      if (failed(runBatch(body, count)))
        return failure();
    }
  }
  return success();
}

LogicalResult StructuredLoops::run() {
  if (failed(prepare()))
    return failure();
  SmallVector<unsigned> parallel, reductions, all;
  for (auto [i, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    all.push_back(i);
    (type == utils::IteratorType::parallel ? parallel : reductions)
        .push_back(i);
  }
  if (!reductions.empty())
    for (Output &output : outputs)
      findFold(output);
  bool areFolds =
      !reductions.empty() && llvm::all_of(outputs, [](const Output &output) {
        return output.fold || !output.isRead;
      });
  if (!areFolds)
    for (Output &output : outputs)
      output.fold = nullptr;
  if (failed(areFolds ? runFolds(all) : runSteps(parallel, reductions)))
    return failure();
  for (auto [result, output] : llvm::zip(op->getResults(), outputs)) {
    if (failed(checkShape(op, output.datum.shape(), result.getType(),
                          "the result")))
      return failure();
    interpreter.set(
        result, output.datum.reshaped(result.getType(), output.datum.shape()));
  }
  return success();
}

LogicalResult rlx::runStructured(Interpreter &interpreter, Operation *op) {
  return StructuredLoops(interpreter, cast<linalg::LinalgOp>(op)).run();
}
