//===- CheckTensors.cpp - What tensors to buffers will not take -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"

namespace rlx {
#define GEN_PASS_DEF_CHECKTENSORSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// What `type` lacks to become a buffer, or nothing.
static StringRef lacking(Type type) {
  auto tensor = dyn_cast<TensorType>(type);
  if (!tensor)
    return "";
  auto ranked = dyn_cast<RankedTensorType>(tensor);
  if (!ranked)
    return "a rank";
  if (ranked.getEncoding())
    return "a plain layout";
  if (!BaseMemRefType::isValidElementType(ranked.getElementType()))
    return "elements that memory can hold";
  return "";
}

namespace {
struct CheckTensorsPass : rlx::impl::CheckTensorsPassBase<CheckTensorsPass> {
  void runOnOperation() override {
    if (getOperation()
            ->walk<WalkOrder::PreOrder>(
                [&](Operation *op) { return WalkResult(check(op)); })
            .wasInterrupted())
      signalPassFailure();
  }

  LogicalResult check(Operation *op) {
    bool hasTensors = false;
    auto lacks = [&](Type type) -> LogicalResult {
      hasTensors |= isa<TensorType>(type);
      StringRef what = lacking(type);
      if (what.empty())
        return success();
      return op->emitOpError()
             << "has the tensor " << type << ", expected one with " << what;
    };
    for (Type type : op->getOperandTypes())
      if (failed(lacks(type)))
        return failure();
    for (Type type : op->getResultTypes())
      if (failed(lacks(type)))
        return failure();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          if (failed(lacks(type)))
            return failure();
    if (!hasTensors || isa<bufferization::BufferizableOpInterface>(op))
      return success();
    return op->emitOpError(
        "is not supported on tensors, expected an operation of rlx, linalg, "
        "tensor, arith, math or scf that can be computed in buffers; write it "
        "as linalg.generic, or as one of those that are there");
  }
};
} // namespace
