//===- LinalgReductions.cpp - Loops whose results are carried -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A work-item runs all iterations that give its elements, one after the other,
// or a workgroup shares one long loop whose order does not matter.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/LinalgBody.h"

#include "passes/gpu/kernels/WorkgroupReduction.h"
#include "passes/gpu/spirv/LoopIterations.h"
#include "passes/support/SourceText.h"

#include "mlir/Analysis/SliceAnalysis.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Reductions of a work-item
//===----------------------------------------------------------------------===//

/// Whether loops of unknown length lie inside of others. Where iterations are
/// counted (LoopIterations.h) one loop over all of them can be unrolled, while
/// short loops inside of a long one would not become fewer.
bool LinalgKernel::hasInnerUnknown() {
  return b.target().getApi() == GpuApi::vulkan && reductions.size() > 1 &&
         llvm::any_of(ArrayRef(reductions).drop_front(), [&](unsigned loop) {
           return !getConstantIntValue(hostLoopSize(loop));
         });
}

/// All reductions as one loop, in the same order.
FailureOr<SmallVector<Value>>
LinalgKernel::emitFlatReduction(ValueRange outputs) {
  SmallVector<Value> sizes;
  Value count = b.index(1);
  for (unsigned loop : reductions) {
    sizes.push_back(
        b.scalar(hostLoopSize(loop), "size" + std::to_string(loop)));
    count = b.createOrFold<arith::MulIOp>(count, sizes.back());
  }
  bool hasFailed = false;
  SmallVector<Value> results = b.loop(
      b.index(0), count, 1, outputs, [&](Value rest, ValueRange carried) {
        for (unsigned i = reductions.size(); i-- > 1;) {
          indices[reductions[i]] =
              b.createOrFold<arith::RemUIOp>(rest, sizes[i]);
          rest = b.createOrFold<arith::DivUIOp>(rest, sizes[i]);
        }
        indices[reductions.front()] = rest;
        FailureOr<SmallVector<Value>> inner = emitBody(carried);
        hasFailed = failed(inner);
        return hasFailed ? SmallVector<Value>(carried) : *inner;
      });
  if (hasFailed)
    return failure();
  return results;
}

/// Refuses more iterations of a work-item than a device is sure to run.
LogicalResult LinalgKernel::checkIterations() {
  if (b.target().getApi() != GpuApi::vulkan || reductions.empty())
    return success();
  OpFoldResult total = b.getIndexAttr(1);
  for (unsigned loop : reductions)
    total = b.hostMul(total, hostLoopSize(loop));
  std::string text = "expected at most " +
                     std::to_string(mostUnknownIterations) +
                     " elements to be reduced to one on a device of Vulkan, "
                     "but got ";
  if (std::optional<int64_t> known = getConstantIntValue(total)) {
    if (*known > mostUnknownIterations)
      return op->emitOpError() << text << *known
                               << "; run the program on the "
                                  "CPU";
    return success();
  }
  OpBuilder host(op);
  Location loc = op.getLoc();
  Value count = getValueOrCreateConstantIndexOp(host, loc, total);
  Value most = arith::ConstantIndexOp::create(host, loc, mostUnknownIterations);
  Value fits =
      arith::CmpIOp::create(host, loc, arith::CmpIPredicate::ule, count, most);
  CheckOp::create(host, loc, fits,
                  host.getStringAttr(sourceText(op) + text +
                                     "{}; run the program on the CPU"),
                  count);
  return success();
}

/// Loops over the reductions from `next` on, carrying the outputs.
FailureOr<SmallVector<Value>> LinalgKernel::emitReductions(unsigned next,
                                                           ValueRange outputs) {
  if (next == 0 && hasInnerUnknown())
    return emitFlatReduction(outputs);
  if (next == reductions.size())
    return emitBody(outputs);
  unsigned loop = reductions[next];
  Value size = b.scalar(hostLoopSize(loop), "size" + std::to_string(loop));
  bool hasFailed = false;
  SmallVector<Value> results = b.loop(
      b.index(0), size, 1, outputs, [&](Value index, ValueRange carried) {
        indices[loop] = index;
        FailureOr<SmallVector<Value>> inner = emitReductions(next + 1, carried);
        hasFailed = failed(inner);
        return hasFailed ? SmallVector<Value>(carried) : *inner;
      });
  if (hasFailed)
    return failure();
  return results;
}

//===----------------------------------------------------------------------===//
// Reductions that a workgroup shares
//===----------------------------------------------------------------------===//

/// Whether there is one long reduction whose outputs are combined by one
/// operation each, so that its order does not matter to the program.
bool LinalgKernel::matchSharedReduction() {
  constexpr int64_t longEnough = 128;
  if (reductions.size() != 1)
    return false;
  std::optional<int64_t> size =
      getConstantIntValue(hostLoopSize(reductions.front()));
  if (!size || *size < longEnough)
    return false;
  SmallVector<BlockArgument> outputs(op.getRegionOutputArgs());
  for (unsigned i = 0; i < outputs.size(); ++i) {
    SmallVector<Operation *> chain;
    if (!matchReduction(outputs, i, chain) || chain.size() != 1 ||
        !arith::getNeutralElement(chain.front()) ||
        computedType(outputs[i].getType(), b.target()) != outputs[i].getType())
      return false;
    combiners.push_back(chain.front());
  }
  return true;
}

LogicalResult LinalgKernel::emitShared() {
  constexpr int64_t widest = 32768;
  WorkgroupReduction reduction(b, combiners);
  Value group = b.add(b.mul(b.groupId(gpu::Dimension::y), widest),
                      b.groupId(gpu::Dimension::x));
  Value thread = b.threadId(gpu::Dimension::x);
  // Groups beyond the last point repeat it.
  Value last = b.sub(b.scalar(points, "points"), b.index(1));
  setParallelIndices(b.min(group, last));
  SmallVector<Value> neutral;
  for (Operation *combiner : combiners)
    neutral.push_back(arith::ConstantOp::create(
        b, cast<TypedAttr>(*arith::getNeutralElement(combiner))));
  unsigned loop = reductions.front();
  bool hasFailed = false;
  SmallVector<Value> partial = b.loop(
      thread, b.scalar(hostLoopSize(loop), "size"), reduction.workgroup(),
      neutral, [&](Value index, ValueRange carried) {
        indices[loop] = index;
        FailureOr<SmallVector<Value>> next = emitBody(carried);
        hasFailed = failed(next);
        return hasFailed ? SmallVector<Value>(carried) : *next;
      });
  if (hasFailed)
    return failure();
  reduction.emit(partial, thread);
  Value isFirst = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                                thread, b.index(0));
  isFirst = b.both(isFirst, b.less(group, b.scalar(points, "points")));
  auto isWriter = scf::IfOp::create(b, isFirst, /*withElse=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(isWriter.thenBlock());
    SmallVector<Value> outputs = loadOutputs(), totals = reduction.totals();
    for (size_t i = 0; i < totals.size(); ++i)
      if (outputs[i])
        totals[i] = reduction.combine(i, outputs[i], totals[i]);
    storeOutputs(totals);
  }
  b.finish({b.hostMin(points, widest), b.hostCeilDiv(points, widest),
            b.getIndexAttr(1)},
           reduction.workgroup());
  return success();
}
