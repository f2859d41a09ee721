//===- BufferizeBlocks.cpp - How block operations become buffers ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bufferization interface of the operations in RlxBlockOps.td: inputs are
// read, the init is written, and the result is the init.
//
//===----------------------------------------------------------------------===//

#include "passes/storage/BufferizeBlocks.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace rlx;
using namespace mlir::bufferization;

namespace {
template <typename OpT>
struct BlockOpInterface
    : DstBufferizableOpInterfaceExternalModel<BlockOpInterface<OpT>, OpT> {
  /// An init is only written: what it held before does not matter, unless
  /// only a part of it is.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &state) const {
    auto matmul = dyn_cast<InterleavedMatmulOp>(op);
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand) ||
           (matmul && matmul.getPart());
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto destination = cast<DestinationStyleOpInterface>(op);
    if (destination.hasPureBufferSemantics())
      return success();
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    SmallVector<Value> inits;
    for (OpOperand &init : destination.getDpsInitsMutable())
      inits.push_back(operands[init.getOperandNumber()]);
    rewriter.setInsertionPoint(op);
    OperationState newOp(op->getLoc(), op->getName(), operands, TypeRange(),
                         op->getAttrs());
    newOp.propertiesAttr = op->getPropertiesAsAttribute();
    for (Region &region : op->getRegions())
      newOp.addRegion()->takeBody(region);
    rewriter.create(newOp);
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};
} // namespace

void rlx::registerBlockBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RlxDialect *) {
    BlockMatmulOp::attachInterface<BlockOpInterface<BlockMatmulOp>>(*context);
    BlockDequantizeOp::attachInterface<BlockOpInterface<BlockDequantizeOp>>(
        *context);
    BlockAttentionOp::attachInterface<BlockOpInterface<BlockAttentionOp>>(
        *context);
    BlockQuantizeOp::attachInterface<BlockOpInterface<BlockQuantizeOp>>(
        *context);
    BlockFakeQuantizeOp::attachInterface<BlockOpInterface<BlockFakeQuantizeOp>>(
        *context);
    PackWeightOp::attachInterface<BlockOpInterface<PackWeightOp>>(*context);
    PackedMatmulOp::attachInterface<BlockOpInterface<PackedMatmulOp>>(*context);
    InterleaveWeightOp::attachInterface<BlockOpInterface<InterleaveWeightOp>>(
        *context);
    InterleavedMatmulOp::attachInterface<BlockOpInterface<InterleavedMatmulOp>>(
        *context);
  });
}
