//===- RemoveRedundantQdq.cpp - Codes that are known already --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/quantize/CodeMoves.h"
#include "passes/quantize/QuantizePasses.h"

namespace rlx {
#define GEN_PASS_DEF_REMOVEREDUNDANTQDQPASS
#include "passes/quantize/QuantizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct RemoveRedundantQdqPass
    : rlx::impl::RemoveRedundantQdqPassBase<RemoveRedundantQdqPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> loops;
    getOperation().walk([&](linalg::GenericOp op) { loops.push_back(op); });
    for (linalg::GenericOp op : loops)
      remove(op);
  }

  void remove(linalg::GenericOp op) {
    std::optional<StaticQuantize> quantize = matchQuantize(op);
    if (!quantize)
      return;
    std::optional<StaticDequantize> before =
        matchDequantize(quantize->input.getDefiningOp());
    if (!before)
      return;
    auto remark = [&](const Twine &reason) {
      op.emitRemark() << "numbers that codes gave are quantized again: "
                      << reason;
    };
    if (std::string reason = before->grid.difference(quantize->grid);
        !reason.empty())
      return remark(reason);
    CodeRange codes = codesOf(before->codes, before->grid.isSigned);
    if (!quantize->range.holds(codes))
      return remark("codes are " + Twine(codes.least) + " to " +
                    Twine(codes.most) + ", but at most " +
                    Twine(quantize->range.least) + " to " +
                    Twine(quantize->range.most) + " are kept");
    Value replacement = before->codes;
    OpBuilder builder(op);
    if (replacement.getType() != op.getResult(0).getType())
      replacement = tensor::CastOp::create(
          builder, op.getLoc(), op.getResult(0).getType(), replacement);
    op.getResult(0).replaceAllUsesWith(replacement);
    op.erase();
    if (before->op->use_empty())
      before->op.erase();
  }
};
} // namespace
