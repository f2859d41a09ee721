//===- OpenClSubgroups.cpp - Operations across a subgroup -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All work-items of a subgroup must run such an operation together: each is a
// statement where it stands, never part of an expression further down.
//
//===----------------------------------------------------------------------===//

#include "codegen/opencl/OpenClFunction.h"
#include "passes/gpu/layout/Target.h"
#include "passes/gpu/spirv/Subgroups.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

std::string OpenClFunction::subgroupAttribute(gpu::GPUFuncOp kernel) {
  auto target =
      kernel->getParentOfType<gpu::GPUModuleOp>()->getAttrOfType<GpuAttr>(
          targetAttributeName);
  if (!target || !countsOnSubgroups(kernel))
    return "";
  return llvm::formatv("#ifdef cl_intel_required_subgroup_size\n"
                       "__attribute__((intel_reqd_sub_group_size({0})))\n"
                       "#endif\n",
                       target.getSubgroupSize());
}

void OpenClFunction::printSubgroupIndex(Operation *op,
                                        llvm::StringRef function) {
  program.helpers.useSubgroups();
  define(op, op->getResult(0), opencl::cast("int", call(function, {})));
}

void OpenClFunction::printShuffle(gpu::ShuffleOp op) {
  auto target = op->getParentOfType<gpu::GPUModuleOp>()->getAttrOfType<GpuAttr>(
      targetAttributeName);
  std::optional<int64_t> width = getConstantIntValue(op.getWidth());
  if (op.getMode() != gpu::ShuffleMode::XOR || !op.getValid().use_empty() ||
      !target || width != target.getSubgroupSize())
    return fail(op, "expected a shuffle of the mode xor across a whole "
                    "subgroup, of the subgroup_size of the module's target");
  ClType type = *ClType::of(op.getShuffleResult().getType());
  if (type.isVector() || type.bits < 32)
    return fail(op, "expected numbers of 32 or 64 bits");
  program.helpers.useShuffles();
  ClType offset = *ClType::of(op.getOffset().getType());
  declareVariable(
      op.getShuffleResult(),
      call("sub_group_shuffle_xor",
           {use(op.getValue()), toUnsigned(offset, use(op.getOffset()))}));
}

void OpenClFunction::printSubgroupReduce(gpu::SubgroupReduceOp op) {
  using Kind = gpu::AllReduceOperation;
  ClType type = *ClType::of(op.getType());
  bool isUnsigned = llvm::is_contained({Kind::MAXUI, Kind::MINUI}, op.getOp());
  llvm::StringRef function;
  bool isInteger = type.kind == ClType::integer;
  switch (op.getOp()) {
  case Kind::ADD:
    function = "sub_group_reduce_add";
    break;
  case Kind::MAXSI:
  case Kind::MAXUI:
    function = isInteger ? "sub_group_reduce_max" : "";
    break;
  case Kind::MINSI:
  case Kind::MINUI:
    function = isInteger ? "sub_group_reduce_min" : "";
    break;
  default:
    break;
  }
  if (function.empty() || op.getClusterSize() || type.isVector() ||
      type.bits < 32)
    return fail(op, "expected a sum, or a maximum or minimum of integers, of "
                    "32 or 64 bits across a whole subgroup");
  program.helpers.useSubgroups();
  Expression value = use(op.getValue());
  Expression result =
      call(function, {isUnsigned ? toUnsigned(type, value) : value});
  declareVariable(op.getResult(),
                  isUnsigned ? fromUnsigned(type, result) : result);
}
