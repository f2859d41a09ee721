//===- Interpreter.h - Evaluates a program as it was written ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes through a function operation by operation, on tensors of numbers in
// double precision. Nothing of it is shared with the passes: it takes the
// module as it was parsed. What an operation does is in the files of its
// dialect, which enter it in a table of handlers.
//
// Failures are diagnostics at the operation: what is undefined (sizes and
// indices that do not fit, a division by 0), and what cannot be evaluated.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_INTERPRETER_H
#define RLX_CODEGEN_REFERENCE_INTERPRETER_H

#include "codegen/reference/Datum.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OpDefinition.h"

namespace rlx {

class Interpreter {
public:
  using Weights = llvm::function_ref<TensorView(llvm::StringRef name)>;
  using Results = mlir::SmallVector<Datum>;

  Interpreter(mlir::ModuleOp module, Weights weights)
      : symbols(module), weights(weights) {}

  /// The results of a function for arguments that fit its types.
  mlir::FailureOr<Results> call(mlir::Operation *caller,
                                mlir::func::FuncOp function,
                                llvm::ArrayRef<Datum> arguments);

  /// Runs a region to its end: gives what its last operation, which is left in
  /// `terminator`, takes.
  mlir::FailureOr<Results> run(mlir::Region &region,
                               llvm::ArrayRef<Datum> arguments,
                               mlir::Operation **terminator = nullptr);
  /// The operations of a block but for the last.
  mlir::LogicalResult runBody(mlir::Block &block);
  mlir::LogicalResult run(mlir::Operation *op);

  const Datum &get(mlir::Value value) const;
  /// The same, or null where it has been taken.
  const Datum *find(mlir::Value value) const;
  void set(mlir::Value value, Datum datum);
  /// The value of an operand that nothing else will ask for is given away, so
  /// that it can be written in place.
  Datum take(mlir::OpOperand &operand);
  int64_t getIndex(mlir::Value value) const { return get(value).asInteger(); }
  /// A size or offset that is a constant or a value.
  int64_t getIndex(mlir::OpFoldResult value) const;
  mlir::SmallVector<int64_t>
  getIndices(llvm::ArrayRef<mlir::OpFoldResult> values) const;
  mlir::SmallVector<int64_t> getIndices(mlir::ValueRange values) const;
  mlir::SmallVector<Datum> getAll(mlir::ValueRange values) const;

  /// The weight of that name as a value of `type`.
  mlir::FailureOr<Datum> weight(mlir::Operation *op, llvm::StringRef name,
                                mlir::RankedTensorType type);
  mlir::SymbolTable &symbolTable() { return symbols; }

  /// What linalg.index gives in a body that is run point by point.
  llvm::ArrayRef<int64_t> loopIndices;

private:
  mlir::LogicalResult checkResults(mlir::Operation *op);

  mlir::SymbolTable symbols;
  Weights weights;
  /// Of the function that is being run.
  llvm::DenseMap<mlir::Value, Datum> *values = nullptr;
  llvm::DenseMap<mlir::Operation *, Datum> constants;
  unsigned depth = 0;
};

/// What an operation does, by its name.
using Handler = mlir::LogicalResult (*)(Interpreter &, mlir::Operation *);
class HandlerTable {
public:
  template <typename OpT, mlir::LogicalResult (*function)(Interpreter &, OpT)>
  void add() {
    handlers[OpT::getOperationName()] = [](Interpreter &interpreter,
                                           mlir::Operation *op) {
      return function(interpreter, llvm::cast<OpT>(op));
    };
  }
  Handler find(mlir::Operation *op) const {
    return handlers.lookup(op->getName().getStringRef());
  }

private:
  llvm::StringMap<Handler> handlers;
};
void addControlFlow(HandlerTable &table);
void addTensorOps(HandlerTable &table);
void addTensorViews(HandlerTable &table);
void addLinalgOps(HandlerTable &table);
void addTmTensorOps(HandlerTable &table);
void addCacheOps(HandlerTable &table);
void addTransformerOps(HandlerTable &table);
void addWeightOps(HandlerTable &table);

/// Loops over tensors of any operation that is one of linalg's.
mlir::LogicalResult runStructured(Interpreter &interpreter,
                                  mlir::Operation *op);
/// arith, math on scalars and whole tensors.
mlir::LogicalResult runElementwise(Interpreter &interpreter,
                                   mlir::Operation *op);

/// Fails unless `index` lies below `size`.
mlir::LogicalResult checkIndex(mlir::Operation *op, int64_t index, int64_t size,
                               llvm::StringRef what);
/// Fails unless a tensor of those sizes is one of `type`.
mlir::LogicalResult checkShape(mlir::Operation *op,
                               llvm::ArrayRef<int64_t> shape, mlir::Type type,
                               llvm::StringRef what);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_INTERPRETER_H
