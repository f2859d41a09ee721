//===- Elementwise.h - Operations of arith and math on columns --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an operation does to one number, done to a column of them. The same
// serves scalars, tensors and the bodies of loops.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_ELEMENTWISE_H
#define RLX_CODEGEN_REFERENCE_ELEMENTWISE_H

#include "codegen/reference/Numbers.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"

namespace rlx {

/// A column that is read, or one number that stands for as many as there are.
struct ColumnView {
  ColumnView(const Numbers &numbers, int64_t count)
      : numbers(&numbers), step(numbers.size() == 1 && count != 1 ? 0 : 1) {}

  double value(int64_t i) const { return numbers->values[i * step]; }
  double deviation(int64_t i) const {
    return numbers->deviations.empty() ? 0 : numbers->deviations[i * step];
  }
  uint64_t bits(int64_t i) const { return numbers->bits[i * step]; }
  int64_t signedValue(int64_t i) const {
    return signedBits(bits(i), widthOf(numbers->type));
  }
  bool isExact() const { return numbers->deviations.empty(); }

  const Numbers *numbers;
  int64_t step;
};

/// One operation on `count` points. `results` have their types and room.
struct ElementwiseCall {
  mlir::Operation *op;
  llvm::ArrayRef<ColumnView> operands;
  int64_t count;
  llvm::MutableArrayRef<Numbers> results;

  Numbers &result() const { return results.front(); }
  /// Whether both operands of a binary operation are one value.
  bool isSquare() const {
    return op->getNumOperands() == 2 && op->getOperand(0) == op->getOperand(1);
  }
};

using ElementwiseFunction = mlir::LogicalResult (*)(const ElementwiseCall &);

/// Evaluates an operation by name, or null where it is not elementwise.
ElementwiseFunction findElementwise(mlir::Operation *op);

/// What the files of this folder know, by the operations' names.
using ElementwiseTable = llvm::StringMap<ElementwiseFunction>;
void addFloatArithmetic(ElementwiseTable &table);
void addFloatFunctions(ElementwiseTable &table);
void addIntegerArithmetic(ElementwiseTable &table);
void addConversions(ElementwiseTable &table);

/// What folds two integers of that many bits into one.
using IntegerFunction = uint64_t (*)(uint64_t a, uint64_t b, unsigned width);
/// That of an operation, or null where it has none that is always defined.
IntegerFunction findIntegerFunction(mlir::Operation *op);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_ELEMENTWISE_H
