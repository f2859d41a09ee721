//===- CopiesToLinalg.cpp - Copies of strided buffers become linalg -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"

namespace rlx {
#define GEN_PASS_DEF_COPIESTOLINALGPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct CopiesToLinalgPass
    : rlx::impl::CopiesToLinalgPassBase<CopiesToLinalgPass> {
  void runOnOperation() override {
    auto isPlain = [](Value value) {
      auto type = dyn_cast<MemRefType>(value.getType());
      return type && type.getLayout().isIdentity();
    };
    auto isRanked = [](Value value) {
      return isa<MemRefType>(value.getType());
    };
    getOperation().walk([&](memref::CopyOp copy) {
      if (isPlain(copy.getSource()) && isPlain(copy.getTarget()))
        return;
      // Loops need to know how many there are.
      if (!isRanked(copy.getSource()) || !isRanked(copy.getTarget()))
        return;
      OpBuilder builder(copy);
      linalg::makeMemRefCopyOp(builder, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      copy.erase();
    });
  }
};
} // namespace
