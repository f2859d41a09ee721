//===- DecomposeTransformer.cpp - What transformers need, as linalg -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes through a function and replaces each operation by what
// Decompositions.h builds for it.
//
//===----------------------------------------------------------------------===//

#include "passes/transformer/Decompositions.h"
#include "passes/transformer/TransformerPasses.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_DECOMPOSETRANSFORMERPASS
#include "passes/transformer/TransformerPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// What has the results of `op`; none where it stays.
static SmallVector<Value> partsOf(OpBuilder &builder, Operation *op,
                                  bool keepsAttention) {
  using Parts = SmallVector<Value>;
  return llvm::TypeSwitch<Operation *, Parts>(op)
      .Case<RmsNormOp, LayerNormOp, RopeTableOp, RopeOp, AppendOp>(
          [&](auto known) { return Parts{decompose(builder, known)}; })
      .Case([&](rlx::AttentionOp attention) {
        return keepsAttention ? Parts() : Parts{decompose(builder, attention)};
      })
      .Case([&](rlx::TopkOp topk) { return decompose(builder, topk); })
      .Default([](Operation *) { return Parts(); });
}

namespace {
struct DecomposeTransformerPass
    : rlx::impl::DecomposeTransformerPassBase<DecomposeTransformerPass> {
  using DecomposeTransformerPassBase::DecomposeTransformerPassBase;

  void runOnOperation() override {
    SmallVector<Operation *> all;
    getOperation()->walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : all) {
      OpBuilder builder(op);
      SmallVector<Value> parts = partsOf(builder, op, keepAttention);
      if (parts.empty())
        continue;
      op->replaceAllUsesWith(parts);
      op->erase();
    }
  }
};
} // namespace
