//===- CheckTensors.cpp - What tensors to buffers will not take -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "llvm/Support/MathExtras.h"

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

/// Code holds each element of a constant, also where all are the same.
static LogicalResult checkBytes(arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type || !type.hasStaticShape() ||
      !type.getElementType().isIntOrIndexOrFloat())
    return success();
  constexpr uint64_t most = uint64_t(1) << 30, byte = 8;
  uint64_t bits = type.getElementType().isIndex()
                      ? IndexType::kInternalStorageBitWidth
                      : type.getElementTypeBitWidth();
  for (int64_t size : type.getShape())
    bits = llvm::SaturatingMultiply(bits, uint64_t(size));
  if (bits <= most * byte)
    return success();
  return op.emitOpError() << "is " << type
                          << ", expected a constant of at most " << most
                          << " bytes; linalg.fill makes a tensor of one "
                             "number, an argument holds others";
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
    auto constant = dyn_cast<arith::ConstantOp>(op);
    if (constant && failed(checkBytes(constant)))
      return failure();
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
