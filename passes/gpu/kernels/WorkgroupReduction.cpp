//===- WorkgroupReduction.cpp - What work-items have, combined ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/WorkgroupReduction.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;

using Kind = gpu::AllReduceOperation;

/// How a subgroup does what `combiner` does to numbers of 32 bits, which every
/// device with such operations has.
static std::optional<Kind> subgroupKind(Operation *combiner) {
  Type type = combiner->getResult(0).getType();
  if (!type.isF32() && !type.isInteger(32))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<Kind>>(combiner)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return Kind::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case<arith::MaximumFOp, arith::MaxSIOp>([](auto) { return Kind::MAXSI; })
      .Case<arith::MinimumFOp, arith::MinSIOp>([](auto) { return Kind::MINSI; })
      .Case([](arith::MaxUIOp) { return Kind::MAXUI; })
      .Case([](arith::MinUIOp) { return Kind::MINUI; })
      .Default([](Operation *) { return std::nullopt; });
}

WorkgroupReduction::WorkgroupReduction(KernelBuilder &b,
                                       ArrayRef<Operation *> combiners)
    : b(b), combiners(combiners), subgroup(1) {
  constexpr int64_t fewest = 64;
  GpuAttr target = b.target();
  bool areKnown = llvm::all_of(combiners, [&](Operation *combiner) {
    std::optional<Kind> kind = subgroupKind(combiner);
    // OpenCL's subgroups add and compare.
    return kind && (*kind != Kind::MUL || target.getApi() == GpuApi::vulkan);
  });
  if (target.getSubgroupArithmetic() && areKnown &&
      target.getSubgroupSize() <= target.getWorkgroupSize())
    subgroup = target.getSubgroupSize();
  slots = std::max<int64_t>(1, fewest / subgroup);
}

Value WorkgroupReduction::combine(size_t i, Value a, Value c) {
  IRMapping mapping;
  mapping.map(combiners[i]->getOperand(0), a);
  mapping.map(combiners[i]->getOperand(1), c);
  return b.clone(*combiners[i], mapping)->getResult(0);
}

/// Turns the order of f32 into that of i32, and back: numbers below 0 have
/// their magnitude the other way round.
static Value swapOrder(KernelBuilder &b, Value bits) {
  Value isNegative = arith::ShRSIOp::create(b, bits, b.i32(31));
  return arith::XOrIOp::create(
      b, bits, arith::AndIOp::create(b, isNegative, b.i32(0x7fffffff)));
}

Value WorkgroupReduction::acrossSubgroup(Operation *combiner, Value value) {
  Kind kind = *subgroupKind(combiner);
  auto reduce = [&](Value number) -> Value {
    // All work-items get here, which OpenCL asks for.
    bool isUniform = b.target().getApi() == GpuApi::opencl;
    return gpu::SubgroupReduceOp::create(b, number, kind, isUniform);
  };
  bool isMaximum = isa<arith::MaximumFOp>(combiner);
  if (!isMaximum && !isa<arith::MinimumFOp>(combiner))
    return reduce(value);
  // What a device makes of NaNs and of the signs of zeros is its own affair; as
  // integers they are ordered, a NaN beyond all others.
  constexpr int64_t infinity = 0x7f800000;
  Value bits = arith::BitcastOp::create(b, b.getI32Type(), value);
  Value isNan = arith::CmpIOp::create(
      b, arith::CmpIPredicate::ugt,
      arith::AndIOp::create(b, bits, b.i32(0x7fffffff)), b.i32(infinity));
  Value beyond = b.i32(isMaximum ? 0x7fffffff : -int64_t(0x80000000));
  Value best = reduce(b.choose(isNan, beyond, swapOrder(b, bits)));
  return arith::BitcastOp::create(b, b.getF32Type(), swapOrder(b, best));
}

void WorkgroupReduction::emit(ValueRange partial, Value thread) {
  values.assign(partial.begin(), partial.end());
  if (subgroup > 1)
    for (auto [combiner, value] : llvm::zip_equal(combiners, values))
      value = acrossSubgroup(combiner, value);
  if (slots == 1)
    return;
  for (Value value : values)
    shared.push_back(b.sharedMemory({slots}, value.getType()));
  auto where = [&](Value condition, llvm::function_ref<void(size_t)> body) {
    auto choice = scf::IfOp::create(b, condition, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    for (size_t i = 0; i < shared.size(); ++i)
      body(i);
  };
  if (subgroup == 1) {
    for (auto [value, memory] : llvm::zip_equal(values, shared))
      b.storeAt(value, memory, thread);
  } else {
    // Which work-items make up a subgroup is the device's choice.
    Value slot =
        gpu::SubgroupIdOp::create(b, b.getIndexType(), /*upper_bound=*/nullptr);
    Value lane =
        gpu::LaneIdOp::create(b, b.getIndexType(), /*upper_bound=*/nullptr);
    where(b.less(lane, b.index(1)),
          [&](size_t i) { b.storeAt(values[i], shared[i], slot); });
  }
  for (int64_t half = slots / 2; half > 0; half /= 2) {
    b.barrier();
    where(b.less(thread, b.index(half)), [&](size_t i) {
      b.storeAt(combine(i, b.loadAt(shared[i], thread),
                        b.loadAt(shared[i], b.add(thread, half))),
                shared[i], thread);
    });
  }
}

SmallVector<Value> WorkgroupReduction::totals() {
  if (shared.empty())
    return values;
  return llvm::map_to_vector(
      shared, [&](Value memory) { return b.loadAt(memory, b.index(0)); });
}
