//===- TmTensor.cpp - Verifiers of the tm_tensor dialect ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/TmTensor.h"
#include "ir/Inlining.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::tm_tensor;

#include "ir/TmTensorDialect.cpp.inc"

namespace {
/// What is called in a region may be inlined into it, too.
struct Inlining : InlineAll {
  using InlineAll::InlineAll;
  using InlineAll::isLegalToInline;
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const override {
    return true;
  }
};
} // namespace

void TmTensorDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/TmTensor.cpp.inc"
      >();
  addInterfaces<Inlining>();
}

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether sizes that are known are the same.
static bool fit(int64_t size, int64_t other) {
  return ShapedType::isDynamic(size) || ShapedType::isDynamic(other) ||
         size == other;
}

static bool fit(ArrayRef<int64_t> sizes, ArrayRef<int64_t> others) {
  return sizes.size() == others.size() &&
         llvm::all_of(llvm::zip(sizes, others), [](auto pair) {
           return fit(std::get<0>(pair), std::get<1>(pair));
         });
}

static LogicalResult checkCounts(Operation *op, ValueRange inputs,
                                 ValueRange outputs, size_t least, size_t most,
                                 size_t expectedOutputs) {
  if (inputs.size() < least || inputs.size() > most)
    return op->emitOpError()
           << "T1: expected "
           << (least == most ? Twine(least)
                             : Twine(least) + " to " + Twine(most))
           << " inputs, but got " << inputs.size();
  if (outputs.size() != expectedOutputs)
    return op->emitOpError() << "T1: expected " << expectedOutputs
                             << " outputs, but got " << outputs.size();
  return success();
}

static LogicalResult checkResults(Operation *op, ValueRange outputs) {
  if (outputs.getTypes() == op->getResultTypes())
    return success();
  return op->emitOpError()
         << "T4: expected results of the outputs' types, but got "
         << op->getResultTypes();
}

static LogicalResult checkDimension(Operation *op, int64_t dimension,
                                    int64_t rank) {
  if (dimension >= 0 && dimension < rank)
    return success();
  return op->emitOpError() << "T2: expected a dimension from 0 to " << rank - 1
                           << ", but got " << dimension;
}

/// Checks that the region takes `arguments` and yields one `result`.
static LogicalResult checkRegion(Operation *op, Region &region,
                                 ArrayRef<Type> arguments, Type result) {
  Block &block = region.front();
  if (block.getArgumentTypes() != TypeRange(arguments))
    return op->emitOpError()
           << "T3: expected a region that takes " << TypeRange(arguments)
           << ", but got " << TypeRange(block.getArgumentTypes());
  auto yield = block.empty() ? nullptr : dyn_cast<YieldOp>(block.back());
  if (!yield || yield->getNumOperands() != 1 ||
      yield->getOperand(0).getType() != result)
    return op->emitOpError()
           << "T3: expected a region that ends with 'tm_tensor.yield' of one "
           << result;
  return success();
}

LogicalResult ScanOp::verify() {
  if (failed(checkCounts(*this, getInputs(), getOutputs(), 1, 1, 2)))
    return failure();
  RankedTensorType input = typeOf(getInputs()[0]),
                   total = typeOf(getOutputs()[0]),
                   last = typeOf(getOutputs()[1]);
  if (failed(checkDimension(*this, getDimension(), input.getRank())))
    return failure();
  SmallVector<int64_t> rest(input.getShape());
  rest.erase(rest.begin() + getDimension());
  Type element = input.getElementType();
  if (total.getElementType() != element || last.getElementType() != element ||
      !fit(input.getShape(), total.getShape()) || !fit(rest, last.getShape()))
    return emitOpError() << "T1: expected outputs like " << input
                         << ", and like it without dimension " << getDimension()
                         << ", but got " << total << " and " << last;
  if (failed(checkRegion(*this, getRegion(), {element, element}, element)))
    return failure();
  return checkResults(*this, getOutputs());
}

LogicalResult ScatterOp::verify() {
  if (failed(checkCounts(*this, getInputs(), getOutputs(), 2, 2, 1)))
    return failure();
  RankedTensorType updates = typeOf(getInputs()[0]),
                   indices = typeOf(getInputs()[1]),
                   whole = typeOf(getOutputs()[0]);
  ArrayRef<int64_t> named = getDimensionMap();
  int64_t depth = named.size(), rank = whole.getRank();
  if (updates.getRank() < 1 || indices.getRank() != 2 ||
      !isa<IntegerType, IndexType>(indices.getElementType()) ||
      indices.getDimSize(1) != depth ||
      !fit(updates.getDimSize(0), indices.getDimSize(0)))
    return emitOpError() << "T1: expected updates, and for each of them "
                         << depth << " integers, but got " << updates << " and "
                         << indices;
  llvm::SmallBitVector covered(rank);
  for (int64_t dimension : named) {
    if (dimension < 0 || dimension >= rank || covered.test(dimension))
      return emitOpError() << "T2: expected 'dimension_map' to list dimensions "
                              "from 0 to "
                           << rank - 1 << ", each at most once, but got ["
                           << named << "]";
    covered.set(dimension);
  }
  int64_t own = updates.getRank() - 1;
  if (own <= rank)
    covered.set(rank - own, rank);
  if (own > rank || !covered.all())
    return emitOpError() << "T5: expected each dimension of " << whole
                         << " to be named or to be one of an update, but got "
                         << updates << " and names of [" << named << "]";
  Type element = whole.getElementType();
  if (updates.getElementType() != element)
    return emitOpError() << "T1: expected updates of " << element
                         << ", but got " << updates;
  if (failed(checkRegion(*this, getRegion(), {element, element}, element)))
    return failure();
  return checkResults(*this, getOutputs());
}

LogicalResult SortOp::verify() {
  if (!getInputs().empty() || getOutputs().empty())
    return emitOpError() << "T1: expected outputs and no inputs, but got "
                         << getOutputs().size() << " and "
                         << getInputs().size();
  RankedTensorType first = typeOf(getOutputs()[0]);
  if (failed(checkDimension(*this, getDimension(), first.getRank())))
    return failure();
  SmallVector<Type> pairs;
  for (Value output : getOutputs()) {
    if (!fit(first.getShape(), typeOf(output).getShape()))
      return emitOpError() << "T1: expected outputs of the same sizes, but got "
                           << first << " and " << output.getType();
    pairs.append(2, typeOf(output).getElementType());
  }
  if (failed(checkRegion(*this, getRegion(), pairs,
                         IntegerType::get(getContext(), 1))))
    return failure();
  return checkResults(*this, getOutputs());
}

LogicalResult TopkOp::verify() {
  if (failed(checkCounts(*this, getInputs(), getOutputs(), 1, 2, 2)))
    return failure();
  RankedTensorType input = typeOf(getInputs()[0]),
                   values = typeOf(getOutputs()[0]),
                   indices = typeOf(getOutputs()[1]);
  if (failed(checkDimension(*this, getDimension(), input.getRank())))
    return failure();
  Type element = input.getElementType(), index = indices.getElementType();
  SmallVector<int64_t> expected(input.getShape());
  expected[getDimension()] = ShapedType::kDynamic;
  bool fits = values.getElementType() == element && index.isSignlessInteger() &&
              fit(expected, values.getShape()) &&
              fit(values.getShape(), indices.getShape());
  if (getInputs().size() == 2) {
    RankedTensorType given = typeOf(getInputs()[1]);
    fits = fits && given.getElementType() == index &&
           fit(input.getShape(), given.getShape());
  }
  if (!fits)
    return emitOpError() << "T1: expected values and integers of the input's "
                            "sizes but along dimension "
                         << getDimension() << ", but got "
                         << getOperation()->getOperandTypes();
  if (failed(checkRegion(*this, getRegion(), {element, element},
                         IntegerType::get(getContext(), 1))))
    return failure();
  return checkResults(*this, getOutputs());
}

LogicalResult AttentionOp::verify() {
  if (failed(checkCounts(*this, getInputs(), getOutputs(), 3, 4, 1)))
    return failure();
  auto q = typeOf(getInputs()[0]), k = typeOf(getInputs()[1]),
       v = typeOf(getInputs()[2]), out = typeOf(getOutputs()[0]);
  int64_t rank = q.getRank();
  Type element = q.getElementType();
  auto isLike = [&](RankedTensorType type, int64_t rows, int64_t columns) {
    return type.getRank() == rank &&
           fit(type.getShape().drop_back(2), q.getShape().drop_back(2)) &&
           fit(type.getDimSize(rank - 2), rows) &&
           fit(type.getDimSize(rank - 1), columns);
  };
  auto fits = [&] {
    if (rank < 2 || !isa<FloatType>(element))
      return false;
    for (RankedTensorType type : {k, v, out})
      if (type.getRank() != rank || type.getElementType() != element)
        return false;
    int64_t m = q.getDimSize(rank - 2), d = q.getDimSize(rank - 1),
            l = k.getDimSize(rank - 2), e = v.getDimSize(rank - 1);
    if (!isLike(k, l, d) || !isLike(v, l, e) || !isLike(out, m, e))
      return false;
    if (getInputs().size() == 3)
      return true;
    auto mask = typeOf(getInputs()[3]);
    return isLike(mask, m, l) && (isa<FloatType>(mask.getElementType()) ||
                                  mask.getElementType().isInteger(1));
  };
  if (!fits())
    return emitOpError()
           << "T1: expected [..., M, D], [..., L, D], [..., L, E], "
              "perhaps [..., M, L], and [..., M, E] of one float "
              "type, but got "
           << getOperation()->getOperandTypes();
  return checkResults(*this, getOutputs());
}

#define GET_OP_CLASSES
#include "ir/TmTensor.cpp.inc"
