//===- BodyColumns.h - The body of a loop at many points at once *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates what a loop does to its elements at some hundred points at a time,
// as columns, where all its operations can be; and point by point where one
// cannot.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_BODYCOLUMNS_H
#define RLX_CODEGEN_REFERENCE_BODYCOLUMNS_H

#include "codegen/reference/Elementwise.h"
#include "codegen/reference/Interpreter.h"

#include <deque>

namespace rlx {

class BodyColumns {
public:
  /// Points of a batch.
  static constexpr int64_t most = 512;

  /// `left` are operations at the end that the caller does himself.
  BodyColumns(Interpreter &interpreter, mlir::Block &body,
              llvm::ArrayRef<mlir::Operation *> left);

  /// The column of an argument, to be filled before `run`.
  Numbers &argument(unsigned i) { return *columns.lookup(body.getArgument(i)); }
  /// The indices of loop `i`, one for each point; only where they are asked
  /// for.
  bool usesIndices() const { return hasIndices; }
  std::vector<int64_t> &indices(unsigned i) {
    if (indexColumns.size() <= i)
      indexColumns.resize(i + 1);
    return indexColumns[i];
  }

  mlir::LogicalResult run(int64_t count);
  /// What a value of the body is at `count` points.
  ColumnView value(mlir::Value value, int64_t count) const;

private:
  /// An operation with the columns it reads and writes.
  struct Step {
    mlir::Operation *op;
    ElementwiseFunction function = nullptr; ///< null: by its own kind
    mlir::SmallVector<const Numbers *> operands;
    mlir::SmallVector<Numbers *> results;
  };
  bool prepare(mlir::Operation &op);
  mlir::LogicalResult prepareUniform();
  mlir::LogicalResult runStep(const Step &step, int64_t count);
  mlir::LogicalResult extract(const Step &step, int64_t count);
  mlir::LogicalResult runPoints(int64_t count);
  const Numbers *columnOf(mlir::Value value) const;
  Numbers *addColumn(mlir::Value value);

  Interpreter &interpreter;
  mlir::Block &body;
  mlir::SmallVector<mlir::Operation *> left;
  std::deque<Numbers> storage;
  llvm::DenseMap<mlir::Value, Numbers *> columns;
  llvm::SmallVector<Step> steps;
  /// What is the same at all points: run once, before the first.
  llvm::SmallVector<mlir::Operation *> uniform;
  bool isPrepared = false, isColumnar = true, hasIndices = false;
  std::vector<std::vector<int64_t>> indexColumns;
};

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_BODYCOLUMNS_H
