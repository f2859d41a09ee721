//===- LinalgToLoops.cpp - Operations of linalg become loops --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/LoopNest.h"
#include "passes/cpu/linalg/RowGroups.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

namespace rlx {
#define GEN_PASS_DEF_LINALGTOLOOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct LinalgToLoopsPass : rlx::impl::LinalgToLoopsPassBase<LinalgToLoopsPass> {
  using LinalgToLoopsPassBase::LinalgToLoopsPassBase;

  void runOnOperation() override {
    const CpuProperties cpu = CpuAttr::of(getOperation());
    for (const RowGroup &group : findRowGroups(getOperation())) {
      if (printChoices)
        group.nests.back().op->emitRemark() << describe(group);
      emitRowLoops(group, cpu);
    }
    SmallVector<linalg::LinalgOp> all;
    getOperation().walk([&](linalg::LinalgOp op) { all.push_back(op); });
    for (linalg::LinalgOp op : all) {
      auto report = [&](const std::string &what) {
        if (printChoices)
          op->emitRemark() << what;
      };
      if (emitLinalgLoops(op, cpu, report))
        op->erase();
    }
  }
};
} // namespace
