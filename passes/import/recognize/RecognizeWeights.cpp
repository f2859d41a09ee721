//===- RecognizeWeights.cpp - Weights that a graph dequantizes ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write a quantized weight as the arithmetic that gives its values.
// Where these are multiplied, the arithmetic is read back as a scheme, and the
// product becomes one of rlx. What is not recognised stays as it is.
//
//===----------------------------------------------------------------------===//

#include "passes/import/recognize/GatheredRows.h"
#include "passes/import/recognize/IntegerContraction.h"
#include "passes/import/recognize/KnownChecks.h"
#include "passes/import/recognize/RecognizePasses.h"
#include "passes/import/recognize/WeightContraction.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace rlx {
#define GEN_PASS_DEF_RECOGNIZEWEIGHTSPASS
#include "passes/import/recognize/RecognizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct RecognizeWeightsPass
    : rlx::impl::RecognizeWeightsPassBase<RecognizeWeightsPass> {
  using RecognizeWeightsPassBase::RecognizeWeightsPassBase;

  void runOnOperation() override {
    checked.clear();
    SmallVector<linalg::LinalgOp> contractions;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.getNumReductionLoops() > 0)
        contractions.push_back(op);
    });
    for (linalg::LinalgOp op : contractions)
      if (auto quantized = dyn_cast<linalg::QuantizedMatmulOp>(*op))
        replaceQuantizedMatmul(quantized);
      else
        recognize(op);
    SmallVector<Operation *> gathers;
    getOperation().walk([&](Operation *op) {
      if (gathersElements(op))
        gathers.push_back(op);
    });
    // The last one is replaced first, and takes others with it.
    while (!gathers.empty()) {
      Operation *gather = gathers.pop_back_val();
      recognizeRows(gather, gathers);
    }
    eraseKnownChecks(getOperation(), checked);
  }

  /// Ids whose tensor is read as a whole: an index for each of its dimensions,
  /// of the same size. Sizes that are not known may be those of a part.
  void noteIds(const ElementEvaluator::Id &id, ArrayRef<int64_t> sizes) {
    auto type = cast<RankedTensorType>(id.read.tensor.getType());
    llvm::SmallDenseSet<AffineExpr> seen;
    for (auto [axis, expr] : llvm::enumerate(id.read.index)) {
      int64_t size = type.getDimSize(axis);
      auto dim = dyn_cast<AffineDimExpr>(expr);
      bool isWhole =
          dim && sizes[dim.getPosition()] == size && seen.insert(expr).second;
      if (size != 1 && !isWhole)
        return;
    }
    checked.push_back({id.read.tensor, id.count, id.wrap});
  }

  void recognizeRows(Operation *gather, SmallVectorImpl<Operation *> &others) {
    SmallVector<Obstacle> obstacles;
    std::optional<GatheredRows> found =
        GatheredRows::match(gather, unrounded, obstacles);
    if (!found)
      return remark(obstacles);
    Operation *last = found->last();
    OpBuilder builder(last);
    if (report) {
      InFlightDiagnostic told =
          last->emitRemark() << "rows of a table are read as they are stored";
      if (SchemeAttr scheme = found->getScheme())
        told << ": " << scheme;
    }
    found->replace(builder);
    noteIds(found->ids(), found->sizes());
    erase(last, [&](Operation *op) { llvm::erase(others, op); });
  }

  SmallVector<CheckedIds> checked;

  static void remark(ArrayRef<Obstacle> obstacles) {
    if (obstacles.empty())
      return;
    const Obstacle &first = obstacles.front();
    first.op->emitRemark() << "a quantized weight is not multiplied as it is "
                              "stored: "
                           << first.reason;
  }

  void recognize(linalg::LinalgOp op) {
    SmallVector<Obstacle> obstacles;
    // The weight is more often the second operand.
    for (OpOperand &x : op->getOpOperands().take_front(op.getNumDpsInputs()))
      if (recognizeBeside(op, x.getOperandNumber(), obstacles))
        return;
    remark(obstacles);
  }

  bool recognizeBeside(linalg::LinalgOp op, unsigned x,
                       SmallVectorImpl<Obstacle> &obstacles) {
    std::string reason;
    std::optional<WeightContraction> found =
        WeightContraction::match(op, x, unrounded, reason);
    if (!found)
      return false;
    std::optional<ElementForm> plain = found->readWeight(obstacles);
    if (!plain)
      return false;
    ElementForm form = *plain;
    if (auto known = form.code->tensor.getDefiningOp<DequantizeOp>())
      return takeOver(*found, form, known, obstacles);
    Operation *last = found->result().getDefiningOp();
    if (multiplyIntegers(*found, form)) {
      if (report)
        op->emitRemark("codes of both factors are multiplied as integers");
      erase(last);
      return true;
    }
    Type element = getElementTypeOrSelf(form.code->tensor.getType());
    if (!floatViews && isa<FloatType>(element) &&
        !matchPattern(form.code->tensor, m_Constant())) {
      obstacles.push_back({op, "devices do not see floats of 8 bits as bytes"});
      return false;
    }
    found->readEpilogue(form);
    WeightForm weight(found->algebra(), found->weightShape(), form);
    if (succeeded(weight.plan(reason)))
      return replace(*found, weight);
    found->forgetEpilogue();
    WeightForm alone(found->algebra(), found->weightShape(), *plain);
    if (succeeded(alone.plan(reason)))
      return replace(*found, alone);
    obstacles.push_back({op, reason});
    return false;
  }

  /// The values of an rlx.dequantize as they are.
  bool takeOver(WeightContraction &found, const ElementForm &form,
                DequantizeOp op, SmallVectorImpl<Obstacle> &obstacles) {
    const IndexAlgebra &algebra = found.algebra();
    WeightShape shape = found.weightShape();
    SmallVector<AffineExpr, 4> index = {algebra.dim(rowDim),
                                        algebra.dim(columnDim)};
    if (shape.experts)
      index.insert(index.begin(), algebra.dim(expertDim));
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    bool isBare = form.scale.isConstant() && form.scale.coefficient == 1 &&
                  !form.zero && form.zeroConstant == 0 && !form.offset;
    if (!isBare || form.code->index != index ||
        type.getShape() != ArrayRef(shape.shape())) {
      obstacles.push_back({found.contraction(),
                           "the weight is not multiplied along K, its last "
                           "dimension, or is changed before"});
      return false;
    }
    OpBuilder builder(found.result().getDefiningOp());
    found.replace(builder, {op.getWeight(), SideValues::of(op)});
    erase(found.result().getDefiningOp());
    return true;
  }

  bool replace(WeightContraction &found, const WeightForm &weight) {
    Operation *last = found.result().getDefiningOp();
    OpBuilder builder(last);
    if (report)
      found.contraction()->emitRemark()
          << "the weight is multiplied as it is stored: " << weight.getScheme();
    std::optional<ExpertId> id = found.expertId();
    SmallVector<int64_t> sizes(found.algebra().getSizes());
    found.replace(builder,
                  weight.build(builder, found.contraction()->getLoc()));
    if (id)
      noteIds(*id, sizes);
    erase(last);
    return true;
  }

  /// Erases `op`, which has no users, and what only it used.
  static void erase(Operation *op,
                    llvm::function_ref<void(Operation *)> forget = {}) {
    llvm::SetVector<Operation *> left;
    left.insert(op);
    while (!left.empty()) {
      Operation *next = left.pop_back_val();
      if (!isOpTriviallyDead(next))
        continue;
      SmallVector<Value> operands(next->getOperands());
      if (forget)
        forget(next);
      // Values of bodies are computed of tensors outside of them.
      next->walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (Operation *giver = operand.getDefiningOp();
              giver && !next->isAncestor(giver))
            operands.push_back(operand);
      });
      next->erase();
      for (Value operand : operands)
        if (Operation *giver = operand.getDefiningOp())
          left.insert(giver);
    }
  }
};
} // namespace
