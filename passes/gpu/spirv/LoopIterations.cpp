//===- LoopIterations.cpp - Loops that run to their end -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/spirv/LoopIterations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace rlx;

namespace {
constexpr int64_t unknown = std::numeric_limits<int64_t>::max();

int64_t times(int64_t a, int64_t b) {
  int64_t product;
  return a == unknown || b == unknown || __builtin_mul_overflow(a, b, &product)
             ? unknown
             : product;
}

int64_t plus(int64_t a, int64_t b) {
  return a == unknown || b == unknown || a > unknown - b ? unknown : a + b;
}

/// How far `end` is at most from `begin`, an index.
int64_t distance(Value begin, Value end) {
  if (std::optional<int64_t> last = getConstantIntValue(end))
    return *last - getConstantIntValue(begin).value_or(0);
  Operation *op = end.getDefiningOp();
  if (isa_and_nonnull<arith::MinUIOp, arith::MinSIOp>(op))
    return std::min(distance(begin, op->getOperand(0)),
                    distance(begin, op->getOperand(1)));
  if (isa_and_nonnull<arith::AddIOp>(op))
    for (unsigned i : {0, 1})
      if (op->getOperand(i) == begin)
        return getConstantIntValue(op->getOperand(1 - i)).value_or(unknown);
  return unknown;
}

/// The most iterations of a loop, those of loops inside not counted.
int64_t ownIterations(scf::ForOp loop) {
  int64_t length = distance(loop.getLowerBound(), loop.getUpperBound());
  std::optional<int64_t> step = getConstantIntValue(loop.getStep());
  if (length == unknown || !step || *step <= 0)
    return unknown;
  return std::max<int64_t>(
      0, llvm::divideCeil(std::max<int64_t>(length, 0), *step));
}

int64_t iterationsOf(Block &block);

int64_t iterationsIn(Operation *op) {
  int64_t inside = 0;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      inside = plus(inside, iterationsOf(block));
  auto loop = dyn_cast<scf::ForOp>(op);
  return loop ? times(ownIterations(loop), plus(inside, 1)) : inside;
}

int64_t iterationsOf(Block &block) {
  int64_t sum = 0;
  for (Operation &op : block)
    sum = plus(sum, iterationsIn(&op));
  return sum;
}

/// Unrolls loops from the innermost one out until there are `factor` times
/// fewer iterations.
void unroll(scf::ForOp loop, int64_t factor) {
  SmallVector<scf::ForOp> inner;
  loop.getBody()->walk<WalkOrder::PreOrder>([&](scf::ForOp nested) {
    inner.push_back(nested);
    return WalkResult::skip();
  });
  int64_t most = 1;
  for (scf::ForOp nested : inner) {
    int64_t own = ownIterations(nested);
    unroll(nested, factor);
    most = std::max(most, std::min(own, factor));
  }
  // Loops inside have become shorter by the factor, or are gone.
  int64_t own = inner.empty() ? factor : llvm::divideCeil(factor, most);
  if (std::optional<APInt> trips = loop.getStaticTripCount();
      trips && trips->sle(own))
    (void)loopUnrollFull(loop);
  else if (own > 1)
    (void)loopUnrollByFactor(loop, own);
}
} // namespace

static void unrollLongLoops(gpu::GPUModuleOp kernels,
                            const llvm::StringSet<> &ordinary) {
  for (auto kernel : kernels.getOps<gpu::GPUFuncOp>()) {
    int64_t total = 0;
    for (Block &block : kernel.getBody())
      total = plus(total, iterationsOf(block));
    if (total <= mostIterations ||
        (total == unknown && !ordinary.contains(kernel.getName())))
      continue;
    int64_t factor =
        total == unknown
            ? unknownFactor
            : std::min<int64_t>(unknownFactor,
                                llvm::bit_ceil(uint64_t(llvm::divideCeil(
                                    total, mostIterations / 2))));
    SmallVector<scf::ForOp> outermost;
    kernel.getBody().walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
      outermost.push_back(loop);
      return WalkResult::skip();
    });
    for (scf::ForOp loop : outermost) {
      int64_t own = iterationsIn(loop);
      if (own == unknown || own > mostIterations / 2 || total != unknown)
        unroll(loop, factor);
    }
  }
}

/// A loop that does not run has the values that it began with. MLIR's loops of
/// SPIR-V keep their results in variables that only iterations write.
static void keepInitialValues(scf::ForOp loop) {
  std::optional<APInt> trips = loop.getStaticTripCount();
  if (trips && !trips->isZero())
    return;
  OpBuilder b(loop.getContext());
  b.setInsertionPointAfter(loop);
  Location loc = loop.getLoc();
  Value runs;
  for (auto [result, initial] :
       llvm::zip_equal(loop.getResults(), loop.getInitArgs())) {
    Type type = result.getType();
    if (result.use_empty() ||
        !(type.isIntOrIndexOrFloat() || isa<VectorType>(type)))
      continue;
    if (!runs)
      runs = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                   loop.getLowerBound(), loop.getUpperBound());
    auto select = arith::SelectOp::create(b, loc, runs, result, initial);
    result.replaceAllUsesExcept(select, select);
  }
}

void rlx::limitIterations(gpu::GPUModuleOp kernels,
                          const llvm::StringSet<> &ordinary) {
  unrollLongLoops(kernels, ordinary);
  SmallVector<scf::ForOp> loops;
  kernels.walk([&](scf::ForOp loop) { loops.push_back(loop); });
  for (scf::ForOp loop : loops)
    keepInitialValues(loop);
}
