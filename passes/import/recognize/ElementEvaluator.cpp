//===- ElementEvaluator.cpp - Tensors as formulas of others ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/ElementEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

using Result = std::optional<ElementValue>;

/// Bounds on programs, which come from users: a value that is used twice in
/// each of many operations has many formulas.
static constexpr unsigned mostSteps = 20000, deepest = 200;

std::nullopt_t ElementEvaluator::fail(Operation *op, const Twine &reason) {
  if (llvm::none_of(found,
                    [&](const Obstacle &known) { return known.op == op; }))
    found.push_back({op, reason.str()});
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Elements of tensors
//===----------------------------------------------------------------------===//

Result ElementEvaluator::leaf(Value tensor, const Index &index,
                              bool isActivation) {
  Type element = getElementTypeOrSelf(tensor.getType());
  if (!element.isIntOrFloat())
    return std::nullopt;
  Read read;
  read.tensor = tensor;
  read.index = index;
  read.bit = algebra.constant(0);
  read.width = element.getIntOrFloatBitWidth();
  read.isActivation = isActivation;
  if (isa<FloatType>(element)) {
    read.type = element;
    constexpr unsigned codeBits = 8;
    bool isCode =
        read.width <= codeBits || tensor.getDefiningOp<DequantizeOp>();
    hasSeenCodes |= isCode && arithmetic.isDense(read);
    return ElementForm::of(read);
  }
  if (isActivation) {
    read.type =
        IntegerType::get(element.getContext(), read.width, IntegerType::Signed);
    return ElementForm::of(read);
  }
  hasSeenCodes |= arithmetic.mayHaveCodes(read);
  Bits bits;
  bits.read = read;
  bits.typeWidth = read.width;
  return bits;
}

Result ElementEvaluator::element(Value tensor, const Index &index) {
  if (tensor == activations)
    return leaf(tensor, index, /*isActivation=*/true);
  if (++steps > mostSteps || depth > deepest)
    return leaf(tensor, index, false);
  ++depth;
  Result inside = lookThrough(tensor, index);
  --depth;
  return inside ? inside : leaf(tensor, index, false);
}

/// `index` into a tensor of `inner` sizes that lie in `group` as one.
static AffineExpr collapsed(const IndexAlgebra &algebra,
                            ArrayRef<AffineExpr> index, ArrayRef<int64_t> sizes,
                            ArrayRef<int64_t> group) {
  AffineExpr sum = algebra.constant(0);
  for (int64_t axis : group)
    sum = algebra.add(algebra.mul(sum, sizes[axis]), index[axis]);
  return sum;
}

Result ElementEvaluator::lookThrough(Value tensor, const Index &index) {
  Operation *op = tensor.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!op || !type)
    return std::nullopt;
  auto sizesOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::ConstantOp>([&](arith::ConstantOp constant) -> Result {
        auto values = dyn_cast<ElementsAttr>(constant.getValue());
        return values ? ofConstant(values, index) : std::nullopt;
      })
      .Case<linalg::LinalgOp>([&](linalg::LinalgOp loops) {
        return throughLoops(loops, tensor, index);
      })
      .Case<tensor::CastOp>([&](tensor::CastOp cast) -> Result {
        if (!isa<RankedTensorType>(cast.getSource().getType()))
          return std::nullopt;
        return element(cast.getSource(), index);
      })
      .Case<tensor::CollapseShapeOp>(
          [&](tensor::CollapseShapeOp reshape) -> Result {
            ArrayRef<int64_t> sizes = sizesOf(reshape.getSrc());
            if (ShapedType::isDynamicShape(sizes))
              return std::nullopt;
            Index inside(sizes.size());
            for (auto [outer, group] :
                 llvm::enumerate(reshape.getReassociationIndices())) {
              AffineExpr rest = index[outer];
              for (int64_t axis : llvm::reverse(group)) {
                bool isFirst = axis == group.front();
                inside[axis] = isFirst ? rest : algebra.mod(rest, sizes[axis]);
                rest = algebra.floorDiv(rest, sizes[axis]);
              }
            }
            return element(reshape.getSrc(), inside);
          })
      .Case<tensor::ExpandShapeOp>(
          [&](tensor::ExpandShapeOp reshape) -> Result {
            ArrayRef<int64_t> sizes = type.getShape();
            if (ShapedType::isDynamicShape(sizes))
              return std::nullopt;
            Index inside;
            for (const ReassociationIndices &group :
                 reshape.getReassociationIndices())
              inside.push_back(collapsed(algebra, index, sizes, group));
            return element(reshape.getSrc(), inside);
          })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp slice)
                                        -> Result {
        if (!slice.hasUnitStride() &&
            llvm::is_contained(slice.getStaticStrides(), ShapedType::kDynamic))
          return std::nullopt;
        llvm::SmallBitVector dropped = slice.getDroppedDims();
        Index inside;
        unsigned from = 0;
        for (auto [axis, offset] : llvm::enumerate(slice.getStaticOffsets())) {
          if (ShapedType::isDynamic(offset))
            return std::nullopt;
          AffineExpr at =
              dropped.test(axis) ? algebra.constant(0) : index[from++];
          at = algebra.mul(at, slice.getStaticStrides()[axis]);
          inside.push_back(algebra.add(at, algebra.constant(offset)));
        }
        return element(slice.getSource(), inside);
      })
      .Case<tensor::GatherOp>(
          [&](tensor::GatherOp gather) { return throughGather(gather, index); })
      .Case<tensor::ConcatOp>([&](tensor::ConcatOp concat) {
        return throughPieces(op, concat.getInputs(), concat.getDim(), index);
      })
      .Case<tensor::SplatOp>([&](tensor::SplatOp splat) {
        return scalar(splat.getInput(), nullptr);
      })
      .Default([&](Operation *other) -> Result {
        // arith and math on whole tensors.
        if (!OpTrait::hasElementwiseMappableTraits(other) ||
            other->getNumResults() != 1)
          return std::nullopt;
        return apply(other, [&](Value operand) -> Result {
          if (isa<RankedTensorType>(operand.getType()))
            return element(operand, index);
          return scalar(operand, nullptr);
        });
      });
}

Result ElementEvaluator::throughLoops(linalg::LinalgOp op, Value tensor,
                                      const Index &index) {
  if (!op.hasPureTensorSemantics() ||
      op.getNumParallelLoops() != op.getNumLoops())
    return std::nullopt;
  unsigned number = cast<OpResult>(tensor).getResultNumber();
  AffineMap map = op.getIndexingMapMatchingResult(cast<OpResult>(tensor));
  if (!map.isPermutation())
    return std::nullopt;
  Frame frame{op, Index(op.getNumLoops())};
  for (auto [axis, expr] : llvm::enumerate(map.getResults()))
    frame.loops[cast<AffineDimExpr>(expr).getPosition()] = index[axis];
  Operation *end = op.getBlock()->getTerminator();
  return scalar(end->getOperand(number), &frame);
}

/// Whether both are the same bits but for where they begin.
static bool isSamePlace(const Bits &a, const Bits &b) {
  Bits other = b;
  other.read.bit = a.read.bit;
  return a.read.isSame(other.read) && a.typeWidth == b.typeWidth &&
         a.isSignExtended == b.isSignExtended && a.leftShift == b.leftShift &&
         a.hasMore == b.hasMore;
}

/// Pieces of the same size along `axis`: which one an index lies in is a
/// quotient. They are the same bits, at places that follow from the quotient.
Result ElementEvaluator::throughPieces(Operation *op, ValueRange pieces,
                                       unsigned axis, const Index &index) {
  int64_t size = cast<RankedTensorType>(pieces[0].getType()).getDimSize(axis);
  for (Value piece : pieces)
    if (size < 1 ||
        cast<RankedTensorType>(piece.getType()).getDimSize(axis) != size)
      return fail(op, "expected pieces of the same size");
  AffineExpr which = algebra.floorDiv(index[axis], size);
  Index inside = index;
  inside[axis] = algebra.mod(index[axis], size);
  if (auto known = dyn_cast<AffineConstantExpr>(which))
    return element(pieces[known.getValue()], inside);
  std::optional<Bits> first;
  SmallVector<int64_t> starts;
  for (Value piece : pieces) {
    Result value = element(piece, inside);
    auto *bits = value ? std::get_if<Bits>(&*value) : nullptr;
    // Where a piece begins, beside what all have in common.
    AffineExpr start = bits ? bits->read.bit : AffineExpr();
    auto constant = dyn_cast_or_null<AffineConstantExpr>(start);
    if (!constant || (first && !isSamePlace(*first, *bits)))
      return fail(op, "expected its pieces to be bits of the same elements");
    if (!first)
      first = *bits;
    starts.push_back(constant.getValue());
  }
  AffineExpr start = fitTable(starts, which);
  if (!start)
    return fail(op, "expected the bits of its pieces to follow a rule");
  first->read.bit = algebra.simplify(start);
  return *first;
}

Result ElementEvaluator::ofConstant(ElementsAttr values, const Index &index) {
  auto type = dyn_cast<RankedTensorType>(values.getType());
  if (!type)
    return std::nullopt;
  Type element = type.getElementType();
  DenseElementsAttr dense = smallTable(values);
  if (dense && dense.isSplat()) {
    if (isa<FloatType>(element))
      return ElementForm::constant(
          dense.getSplatValue<APFloat>().convertToDouble());
    if (element.isIntOrIndex())
      return algebra.constant(dense.getSplatValue<APInt>().getSExtValue());
  }
  if (!dense || !element.isIntOrIndex())
    return std::nullopt;
  // One that depends on rows may be a tensor of zero points.
  std::optional<AffineExpr> fitted = fittedTable(dense, index, /*wrap=*/0);
  if (!fitted || fitted->isFunctionOfDim(0))
    return std::nullopt;
  return *fitted;
}

/// Distances of shifts, orders of codes, and the like.
std::optional<AffineExpr>
ElementEvaluator::fittedTable(DenseElementsAttr values, const Index &index,
                              int64_t wrap) {
  constexpr int64_t mostFitted = 256;
  auto type = dyn_cast<RankedTensorType>(values.getType());
  if (!type || type.getNumElements() > mostFitted || type.getNumElements() == 0)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  for (const APInt &value : values.getValues<APInt>()) {
    int64_t number = value.getSExtValue();
    numbers.push_back(number < 0 ? number + wrap : number);
  }
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  AffineExpr at = collapsed(algebra, index, type.getShape(), all);
  AffineExpr fitted = fitTable(numbers, at);
  if (!fitted)
    return std::nullopt;
  return algebra.simplify(fitted);
}

//===----------------------------------------------------------------------===//
// Numbers in a body
//===----------------------------------------------------------------------===//

Result ElementEvaluator::scalar(Value value, const Frame *frame) {
  if (++steps > mostSteps || depth > deepest)
    return std::nullopt;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (!frame || argument.getOwner() != frame->op.getBlock())
      return std::nullopt;
    OpOperand *operand = frame->op.getMatchingOpOperand(argument);
    // What an output held before is not known.
    if (frame->op.isDpsInit(operand))
      return std::nullopt;
    if (!isa<RankedTensorType>(operand->get().getType()))
      return scalar(operand->get(), nullptr);
    AffineMap map = frame->op.getMatchingIndexingMap(operand);
    Index index;
    for (AffineExpr expr : map.getResults())
      index.push_back(
          algebra.simplify(expr.replaceDims(ArrayRef(frame->loops))));
    return element(operand->get(), index);
  }
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumResults() != 1)
    return std::nullopt;
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant))) {
    if (auto number = dyn_cast<FloatAttr>(constant))
      return ElementForm::constant(number.getValueAsDouble());
    if (auto number = dyn_cast<IntegerAttr>(constant))
      return algebra.constant(number.getValue().getSExtValue());
  }
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    if (!frame || index->getBlock() != frame->op.getBlock())
      return std::nullopt;
    return frame->loops[index.getDim()];
  }
  bool isInside = frame && op->getBlock() == frame->op.getBlock();
  const Frame *around = isInside ? frame : nullptr;
  ++depth;
  Result result =
      apply(op, [&](Value operand) { return scalar(operand, around); });
  --depth;
  return result;
}

std::optional<ElementForm> ElementEvaluator::number(Value value,
                                                    const Frame *frame) {
  Result result = scalar(value, frame);
  if (!result)
    return std::nullopt;
  auto *form = std::get_if<ElementForm>(&*result);
  if (!form)
    return std::nullopt;
  return *form;
}

static std::string notOfForm(Operation *op) {
  return "'" + op->getName().getStringRef().str() +
         "' does not leave scale * (code - zero) + offset";
}

/// Bits that are read as a float.
static Result reinterpret(const Bits &bits, FloatType type) {
  if (bits.leftShift != 0 || bits.hasMore || bits.wrap != 0 ||
      bits.read.width != type.getWidth() || bits.typeWidth != type.getWidth())
    return std::nullopt;
  Read read = bits.read;
  read.type = type;
  return ElementForm::of(read);
}

Result
ElementEvaluator::apply(Operation *op,
                        llvm::function_ref<Result(Value operand)> operandOf) {
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    Index index;
    for (Value value : extract.getIndices()) {
      Result at = operandOf(value);
      if (!at)
        return std::nullopt;
      if (std::optional<AffineExpr> expr = indexOf(*at)) {
        index.push_back(*expr);
        continue;
      }
      if (auto *bits = std::get_if<Bits>(&*at)) {
        int64_t axis = int64_t(index.size());
        if (std::optional<AffineExpr> id =
                idOf(*bits, extract.getTensor(), axis)) {
          index.push_back(*id);
          continue;
        }
        constexpr unsigned idBits = 32;
        if (extract.getIndices().size() != 1 ||
            (foundId && bits->read.width >= idBits))
          return fail(op,
                      "it is indexed by another number than tensors before");
        return lookUp(op, extract.getTensor(), *bits);
      }
      return std::nullopt;
    }
    return element(extract.getTensor(), index);
  }
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return chosen(select, operandOf);
  SmallVector<ElementValue, 2> operands;
  for (Value operand : op->getOperands()) {
    Result value = operandOf(operand);
    if (!value)
      return std::nullopt;
    operands.push_back(std::move(*value));
  }
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (type.isIntOrIndex()) {
    // A distance may depend on rows, where words hold codes of several.
    if (isa<arith::ShRUIOp, arith::ShRSIOp>(op))
      if (std::optional<AffineExpr> distance = indexOf(operands[1]))
        operands[1] = *distance;
    bool areIntegers = llvm::all_of(op->getOperands(), [](Value operand) {
      return getElementTypeOrSelf(operand.getType()).isIntOrIndex();
    });
    Result result = areIntegers
                        ? integerResult(op, operands, algebra, arithmetic)
                        : std::nullopt;
    return result ? result : fail(op, notOfForm(op));
  }
  bool isProduct = llvm::any_of(operands, [](const ElementValue &value) {
    auto *factor = std::get_if<ElementForm>(&value);
    return factor && llvm::any_of(factor->scale.reads, [](const Read &read) {
             return read.isActivation;
           });
  });
  bool isRounded = !isUnrounded && !(mayRoundProducts && isProduct) &&
                   roundsNumbers(op, operands);
  auto rounded = [&](const Result &exact) -> Result {
    if (!isRounded || !exact)
      return exact;
    auto *value = std::get_if<ElementForm>(&*exact);
    if (std::optional<ElementForm> once =
            value && !isProduct ? arithmetic.round(*value, type) : std::nullopt)
      return *once;
    std::string name;
    llvm::raw_string_ostream(name) << type;
    return fail(op, "'" + op->getName().getStringRef().str() + "' rounds to " +
                        name +
                        ", which a kernel would not do; with 'unrounded' it "
                        "need not");
  };
  return rounded(computed(op, operands));
}

Result ElementEvaluator::computed(Operation *op,
                                  ArrayRef<ElementValue> operands) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  auto form = [&](unsigned i) {
    return std::get_if<ElementForm>(&operands[i]);
  };
  auto wrapped = [&](std::optional<ElementForm> result) -> Result {
    if (!result)
      return fail(op, notOfForm(op));
    return *result;
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::SIToFPOp, arith::UIToFPOp>([&](Operation *) -> Result {
        bool isSigned = isa<arith::SIToFPOp>(op);
        // Formulas of integers are signed numbers.
        if (form(0) && !isSigned)
          return fail(op, notOfForm(op));
        return wrapped(numberOf(operands[0], isSigned, op->getContext()));
      })
      .Case<arith::BitcastOp>([&](arith::BitcastOp) -> Result {
        auto *bits = std::get_if<Bits>(&operands[0]);
        Result result = bits && isa<FloatType>(type)
                            ? reinterpret(*bits, cast<FloatType>(type))
                            : std::nullopt;
        return result ? result : fail(op, notOfForm(op));
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](Operation *) -> Result {
        // A number that is rounded to 16 bits may stay what it was; one that
        // becomes a code may not.
        constexpr unsigned leastBits = 16;
        if (isa<arith::TruncFOp>(op) &&
            type.getIntOrFloatBitWidth() < leastBits)
          return fail(op, "numbers are rounded to codes here");
        return operands[0];
      })
      .Case<arith::MulFOp>([&](arith::MulFOp) -> Result {
        return form(0) && form(1)
                   ? wrapped(arithmetic.multiply(*form(0), *form(1)))
                   : std::nullopt;
      })
      .Case<arith::DivFOp>([&](arith::DivFOp) -> Result {
        if (!form(0) || !form(1) || !form(1)->isConstant() || form(1)->isZero())
          return fail(op, notOfForm(op));
        return wrapped(arithmetic.multiply(
            *form(0), ElementForm::constant(1 / form(1)->scale.coefficient)));
      })
      .Case<arith::AddFOp, arith::SubFOp>([&](Operation *) -> Result {
        int sign = isa<arith::SubFOp>(op) ? -1 : 1;
        return form(0) && form(1)
                   ? wrapped(arithmetic.add(*form(0), *form(1), sign))
                   : std::nullopt;
      })
      .Case<arith::NegFOp>([&](arith::NegFOp) -> Result {
        return form(0) ? wrapped(arithmetic.multiply(*form(0),
                                                     ElementForm::constant(-1)))
                       : std::nullopt;
      })
      .Default([&](Operation *) -> Result { return fail(op, notOfForm(op)); });
}
