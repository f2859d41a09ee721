//===- QuantizeLoops.cpp - Loops for rlx.block_quantize --------------------===//

#include "passes/BlockLoops.h"

using namespace mlir;
using namespace rlx;

LogicalResult rlx::emitQuantizeLoops(BlockQuantizeOp op, const VectorTarget &target) {
  return op.emitOpError("cannot be computed yet");
}
