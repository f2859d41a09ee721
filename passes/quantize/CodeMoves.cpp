//===- CodeMoves.cpp - Which codes a tensor of codes may hold -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/quantize/CodeMoves.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

TypedAttr rlx::splatOf(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.value();
  TypedAttr number;
  if (!matchPattern(value, m_Constant(&number)))
    return nullptr;
  if (auto dense = dyn_cast<SplatElementsAttr>(number))
    return cast<TypedAttr>(dense.getSplatValue<Attribute>());
  return isa<FloatAttr, IntegerAttr>(number) ? number : TypedAttr();
}

/// The operand of a maximum of `element` and a constant.
static TypedAttr boundOf(Operation *op, Value element) {
  if (isa<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp, arith::MaxUIOp>(
          op))
    for (unsigned i : {0, 1})
      if (op->getOperand(i) == element)
        return splatOf(op->getOperand(1 - i));
  // x > 0 ? x : 0, as relu is written.
  auto select = dyn_cast<arith::SelectOp>(op);
  auto compare =
      select ? select.getCondition().getDefiningOp<arith::CmpFOp>() : nullptr;
  if (!compare || compare.getLhs() != element ||
      select.getTrueValue() != element)
    return nullptr;
  switch (compare.getPredicate()) {
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::UGT:
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::UGE:
    break;
  default:
    return nullptr;
  }
  TypedAttr bound = splatOf(select.getFalseValue());
  return bound && bound == splatOf(compare.getRhs()) ? bound : TypedAttr();
}

std::optional<MaximumWith> rlx::matchMaximum(Operation *op) {
  if (op->getNumResults() != 1 ||
      !isa<RankedTensorType>(op->getResult(0).getType()))
    return std::nullopt;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic) {
    for (Value operand : op->getOperands())
      if (TypedAttr bound = boundOf(op, operand))
        return MaximumWith{operand, bound};
    return std::nullopt;
  }
  if (!generic.hasPureTensorSemantics() || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops() ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return std::nullopt;
  Operation *last =
      generic.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  TypedAttr bound =
      last ? boundOf(last, generic.getBlock()->getArgument(0)) : TypedAttr();
  if (!bound)
    return std::nullopt;
  return MaximumWith{generic.getDpsInputOperand(0)->get(), bound};
}

bool rlx::isMaxPooling(Operation *op) {
  return isa<linalg::PoolingNhwcMaxOp, linalg::PoolingNchwMaxOp,
             linalg::PoolingNwcMaxOp, linalg::PoolingNcwMaxOp,
             linalg::PoolingNdhwcMaxOp>(op);
}

Value rlx::movedBy(Operation *op) {
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
          tensor::ExtractSliceOp, tensor::CastOp, linalg::TransposeOp>(op))
    return op->getOperand(0);
  return nullptr;
}

CodeRange rlx::codesOf(Value codes, bool isSigned) {
  CodeRange all = rangeOf(
      cast<IntegerType>(getElementTypeOrSelf(codes.getType())), isSigned);
  Operation *op = codes.getDefiningOp();
  if (!op)
    return all;
  if (std::optional<StaticQuantize> quantize = matchQuantize(op))
    return quantize->grid.isSigned == isSigned ? quantize->range : all;
  if (Value source = movedBy(op))
    return codesOf(source, isSigned);
  if (isMaxPooling(op)) {
    // Each window has an element, and none is below what pooling begins with.
    CodeRange range = codesOf(op->getOperand(0), isSigned);
    auto init = dyn_cast_or_null<IntegerAttr>(
        splatOf(cast<DestinationStyleOpInterface>(op).getDpsInits()[0]));
    return init && init.getInt() <= range.least ? range : all;
  }
  if (std::optional<MaximumWith> maximum = matchMaximum(op)) {
    auto bound = dyn_cast<IntegerAttr>(maximum->bound);
    if (!bound)
      return all;
    CodeRange range = codesOf(maximum->input, isSigned);
    APInt number = bound.getValue();
    int64_t least =
        isSigned ? number.getSExtValue() : int64_t(number.getZExtValue());
    return {std::max(range.least, least), std::max(range.most, least)};
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    std::optional<CodeRange> range;
    for (Value input : concat.getInputs()) {
      CodeRange part = codesOf(input, isSigned);
      range = range ? CodeRange{std::min(range->least, part.least),
                                std::max(range->most, part.most)}
                    : part;
    }
    return range.value_or(all);
  }
  return all;
}
