//===- LinalgLoops.h - Loops for operations of linalg -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CPU_LINALG_LINALGLOOPS_H
#define RLX_PASSES_CPU_LINALG_LINALGLOOPS_H

#include "passes/cpu/linalg/LoopNest.h"

namespace rlx {

/// What is worth another thread: some 50 us, in reads of a number.
constexpr int64_t leastWork = 400000;

/// Emits the loops of one nest, whole or inside of loops that others share.
class LinalgLoops {
public:
  LinalgLoops(const LoopNest &nest, const CpuProperties &cpu)
      : nest(nest), op(nest.op), b(op.getLoc(), op),
        mayReorder(!cpu.deterministic), ivs(op.getNumLoops()) {}

  void emit();
  llvm::ArrayRef<mlir::Value> outerSizes(unsigned depth) const {
    return llvm::ArrayRef(sizes).take_front(depth);
  }
  /// Makes sizes known where `at` is.
  void prepare(LoopBuilder &at);
  /// What one iteration of the first `depth` loops costs, in reads of a number.
  mlir::Value costInside(LoopBuilder &at, unsigned depth);
  /// Loops inside of the first ones, which are at `outer`. `rows` has what
  /// takes the place of buffers, without their leading dimensions.
  void emitInside(LoopBuilder &at, llvm::ArrayRef<mlir::Value> outer,
                  const llvm::DenseMap<mlir::Value, mlir::Value> &rows);

private:
  void emitFrom(size_t depth);
  void emitReductions(size_t depth);
  void emitSquares();
  bool emitTransposed(mlir::Value rowBegin, mlir::Value rowEnd,
                      mlir::Value columnBegin, mlir::Value columnEnd);
  void emitParallel();
  llvm::SmallVector<mlir::Value> emitBody(mlir::ValueRange results);
  llvm::SmallVector<mlir::Value> indicesOf(mlir::OpOperand &operand);
  std::pair<mlir::Value, llvm::SmallVector<mlir::Value>>
  place(mlir::OpOperand &operand);
  mlir::Value load(mlir::OpOperand &operand);
  void storeResults(mlir::ValueRange values);
  mlir::Value size(unsigned loop) { return sizes[loop]; }
  int64_t squareSide();

  const LoopNest &nest;
  mlir::linalg::LinalgOp op;
  LoopBuilder b;
  bool mayReorder;
  /// By loop: where it is, how long it is, and which part of it is gone
  /// through.
  llvm::SmallVector<mlir::Value> ivs, sizes, begins, ends;
  /// Buffers of a row, and how many leading dimensions they lack.
  llvm::DenseMap<mlir::Value, mlir::Value> rowBuffers;
  size_t rowDepth = 0;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_LINALGLOOPS_H
