//===- BlockLoops.h - Loops for the block operations ------------*- C++ -*-===//
//
// The builders behind --rlx-blocks-to-loops, one file an operation. Each takes
// an operation on memrefs and emits loops before it; the pass erases it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_BLOCKLOOPS_H
#define RLX_PASSES_BLOCKLOOPS_H

#include "passes/PassDetail.h"

namespace rlx {

/// What loops must know of the target.
struct VectorTarget {
  int64_t length = 16;    ///< f32 lanes of a register
  int64_t registers = 32; ///< vector registers
  /// Whether a row must be computed in the same order whatever the number of
  /// rows.
  bool deterministic = false;
  /// The intrinsic that adds products of pairs of bf16 to f32 lanes, or empty.
  llvm::StringRef bf16Dot;
  /// The intrinsic that adds products of pairs of i16 to i32 lanes, or empty.
  llvm::StringRef wordDot;
};

/// How a row of K elements is cut into vectors: iterations of `step` elements,
/// each of `step / run` decodes of `run` lanes; what does not fill a step is
/// cut block by block into `tailRun` lanes.
struct RowSteps {
  RowSteps(const QuantScheme &scheme, int64_t vectorLength);
  int64_t block;
  int64_t run, step;
  int64_t tailRun;
  /// The part of K elements that whole steps cover.
  int64_t mainLength(int64_t k) const { return k / step * step; }
};

/// Small words for building loops.
class LoopBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using mlir::OpBuilder::create;

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  /// Where the part that begins at `begin` ends, of `total` cut into parts of
  /// `part` from 0 on.
  mlir::Value partEnd(mlir::Value begin, int64_t part, int64_t total);
  /// The least multiple of `multiple` that is not less than `value`.
  mlir::Value roundUp(mlir::Value value, int64_t multiple);
  mlir::Value zeros(int64_t lanes);
  /// The size of a memref's dimension.
  mlir::Value size(mlir::Value memref, int64_t dimension);
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange indices,
                         int64_t lanes);
  /// The same of data that is read once, from the first byte to the last. Such
  /// loads stay in the order that they are built in (--rlx-order-streams).
  mlir::Value streamVector(mlir::Value memref, mlir::ValueRange indices,
                           int64_t lanes);
  void storeVector(mlir::Value vector, mlir::Value memref,
                   mlir::ValueRange indices);
  /// A loop without results.
  void loop(mlir::Value begin, mlir::Value end, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// A loop that carries values: `body` gives the next ones.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value begin, mlir::Value end, int64_t step,
       mlir::ValueRange initial,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  /// A loop whose iterations may run on several threads.
  void parallelLoop(mlir::Value count,
                    llvm::function_ref<void(mlir::Value)> body);
  /// `body` where `condition` holds, else `otherwise`.
  void branch(mlir::Value condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise);
};

/// The operands of a block operation that decoding reads.
struct StoredOperands {
  mlir::Value weight, scales, zeroPoints, globalScale;
  QuantAttr scheme;

  template <typename OpT> static StoredOperands of(OpT op) {
    return {op.getWeight(), op.getScales(), op.getZeroPoints(),
            op.getGlobalScale(), op.getScheme()};
  }
  /// `lanes` elements from element `first` of the block on.
  mlir::Value decode(LoopBuilder &b, mlir::ValueRange row, mlir::Value block,
                     int64_t first, int64_t lanes) const;
};

/// A parallel loop over the rows of `memref`: `body` gets the indices of all
/// its dimensions but the last.
void emitRowLoop(LoopBuilder &b, mlir::Value memref,
                 llvm::function_ref<void(mlir::ValueRange)> body);

/// Reports ids outside `0 <= id < bound` to the host. `ids` is a memref of i32.
void emitIndexCheck(LoopBuilder &b, mlir::Value ids, mlir::Value bound,
                    llvm::StringRef what);
/// The id at `indices` as an index that is safe to use: 0 where out of range.
mlir::Value emitSafeIndex(LoopBuilder &b, mlir::Value ids,
                          mlir::ValueRange indices, mlir::Value bound);

/// Emits loops that round `x` to what `activations` (bf16, i16 or i8) can hold,
/// into a buffer of f32 that the caller frees.
mlir::Value emitRoundedActivations(LoopBuilder &b, mlir::Value x,
                                   mlir::Type activations);

/// Whether `operand` of a block operation on buffers lies as loops read it: the
/// last dimension without a stride, and rows that are one list where they are
/// read as one. --rlx-copy-strided-operands sees to it.
bool isContiguousFor(mlir::OpOperand &operand);

mlir::LogicalResult emitMatmulLoops(BlockMatmulOp op,
                                    const VectorTarget &target);
mlir::LogicalResult emitDequantizeLoops(BlockDequantizeOp op,
                                        const VectorTarget &target);
mlir::LogicalResult emitQuantizeLoops(BlockQuantizeOp op,
                                      const VectorTarget &target);
mlir::LogicalResult emitPackLoops(PackWeightOp op);
mlir::LogicalResult emitPackedMatmulLoops(PackedMatmulOp op,
                                          const VectorTarget &target);

} // namespace rlx

#endif // RLX_PASSES_BLOCKLOOPS_H
