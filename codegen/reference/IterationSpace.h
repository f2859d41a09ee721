//===- IterationSpace.h - The points of linalg's loops ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long the loops of a structured operation are, which its operands must
// agree on, and where in each operand a point lies.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_ITERATIONSPACE_H
#define RLX_CODEGEN_REFERENCE_ITERATIONSPACE_H

#include "codegen/reference/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace rlx {

/// Positions in one operand.
class OperandAccess {
public:
  OperandAccess(mlir::AffineMap map, llvm::ArrayRef<int64_t> shape);

  /// The positions for `count` points, whose indices are columns, one for each
  /// loop.
  void positions(llvm::ArrayRef<std::vector<int64_t>> points, int64_t count,
                 mlir::SmallVectorImpl<int64_t> &result) const;
  /// Whether each point has a position of its own and all are used.
  bool isPermutation() const { return map.isPermutation(); }

  /// Fails where a loop of those lengths leaves the operand.
  mlir::LogicalResult check(mlir::Operation *op, unsigned operand,
                            llvm::ArrayRef<int64_t> lengths) const;

private:
  mlir::AffineMap map;
  std::vector<int64_t> shape, strides;
  /// For each loop, what a step of it adds; where the map is that simple.
  std::optional<std::vector<int64_t>> factors;
  int64_t constant = 0;
};

/// The lengths of the loops of `op` on operands of these sizes.
mlir::FailureOr<std::vector<int64_t>>
loopLengths(mlir::linalg::LinalgOp op, llvm::ArrayRef<Datum> operands);

/// Goes over the points of some loops, the last one fastest, in batches of at
/// most `most`. `points` has a column for each loop of the whole operation;
/// those of other loops are filled with `fixed`.
class PointBatches {
public:
  PointBatches(llvm::ArrayRef<unsigned> loops, llvm::ArrayRef<int64_t> lengths,
               int64_t most);
  /// The next batch: how many points it has, 0 at the end.
  int64_t next(std::vector<std::vector<int64_t>> &points);

private:
  mlir::SmallVector<unsigned> loops;
  std::vector<int64_t> lengths, index;
  int64_t left, most;
};

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_ITERATIONSPACE_H
