//===- DequantizeLoops.cpp - Loops for rlx.block_dequantize ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Scheme.h"
#include "passes/cpu/kernels/LoopKernels.h"
#include "passes/cpu/kernels/RowAccess.h"

using namespace mlir;
using namespace rlx;

LogicalResult rlx::emitDequantizeLoops(BlockDequantizeOp op,
                                       const CpuProperties &cpu) {
  LoopBuilder b(op.getLoc(), op);
  StoredOperands stored = StoredOperands::of(op);
  QuantScheme scheme(op.getScheme().getScheme());
  RowSteps steps(scheme, cpu.lanes());
  Value init = op.getInit(), ids = op.getIds();
  auto type = cast<MemRefType>(init.getType());
  int64_t k = type.getShape().back();
  Value bound = b.size(stored.weight, 0);
  if (ids)
    emitIndexCheck(b, ids, bound, "row id of 'rlx.embedding'");

  emitRowLoop(b, init, [&](ValueRange out) {
    SmallVector<Value> in(out);
    if (ids)
      in = {emitSafeIndex(b, ids, out, bound)};
    auto copy = [&](Value first, int64_t offset, int64_t lanes) {
      Value vector =
          stored.decode(b, in, b.div(first, steps.block), offset, lanes);
      SmallVector<Value> indices(out);
      indices.push_back(b.add(first, offset));
      b.storeVector(vector, init, indices);
    };
    b.loop(b.index(0), b.index(steps.mainLength(k)), steps.step,
           [&](Value first) {
             for (int64_t offset = 0; offset < steps.step; offset += steps.run)
               copy(first, offset, steps.run);
           });
    if (steps.mainLength(k) != k)
      b.loop(b.index(steps.mainLength(k)), b.index(k), steps.block,
             [&](Value first) {
               for (int64_t offset = 0; offset < steps.block;
                    offset += steps.tailRun)
                 copy(first, offset, steps.tailRun);
             });
  });
  return success();
}
