//===- OpenClArithmetic.h - Pure ops as expressions -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_OPENCL_OPENCLARITHMETIC_H
#define RLX_CODEGEN_OPENCL_OPENCLARITHMETIC_H

#include "codegen/opencl/OpenClExpression.h"
#include "codegen/opencl/OpenClHelpers.h"
#include "codegen/opencl/ValueRanges.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace rlx::opencl {

/// Expressions with the values, bit for bit, of the ops of `arith`, `math` and
/// `vector` that have one result and no effect.
class OpenClArithmetic {
public:
  OpenClArithmetic(OpenClHelpers &helpers, const ValueRanges &ranges)
      : helpers(helpers), ranges(ranges) {}

  /// None where the op, or its form with these types, has no expression. All
  /// types must have a ClType.
  std::optional<Expression> print(mlir::Operation *op,
                                  llvm::ArrayRef<Expression> operands);
  /// Whether print repeats an operand, which should then be an atom.
  static bool repeatsOperands(mlir::Operation *op);

  std::optional<Expression> constant(mlir::TypedAttr value);

  /// The parts of the ops with two results.
  Expression carryOf(ClType type, const Expression &sum,
                     const Expression &operand);
  Expression wrapping(ClType type, const Expression &left, llvm::StringRef oper,
                      const Expression &right);
  Expression highProduct(ClType type, const Expression &left,
                         const Expression &right, bool isUnsigned);

  /// Between scalar i1, as bool, and an element of a vector of i1, an int.
  static Expression toElement(ClType vector, const Expression &scalar);
  static Expression fromElement(ClType vector, const Expression &element);

private:
  std::optional<Expression> printInteger(mlir::Operation *op,
                                         llvm::ArrayRef<Expression> x);
  std::optional<Expression> printBoolean(mlir::Operation *op,
                                         llvm::ArrayRef<Expression> x);
  std::optional<Expression> printFloat(mlir::Operation *op,
                                       llvm::ArrayRef<Expression> x);
  std::optional<Expression> printComparison(mlir::Operation *op,
                                            llvm::ArrayRef<Expression> x);
  std::optional<Expression> printConversion(mlir::Operation *op,
                                            const Expression &x);
  std::optional<Expression> printMath(mlir::Operation *op,
                                      llvm::ArrayRef<Expression> x);
  std::optional<Expression> printVector(mlir::Operation *op,
                                        llvm::ArrayRef<Expression> x);
  std::optional<Expression> printReduction(mlir::vector::ReductionOp op,
                                           llvm::ArrayRef<Expression> x);
  std::optional<Expression> extend(ClType from, ClType to, const Expression &x,
                                   bool isUnsigned, bool isNonNegative);
  Expression truncate(ClType from, ClType to, const Expression &x);

  bool areNonNegative(mlir::Operation *op) const;

  OpenClHelpers &helpers;
  const ValueRanges &ranges;
};

/// A conversion as a cast or a call of convert_.
Expression convert(ClType to, const Expression &x);
/// The result of a comparison of vectors of `compared`, as all are held.
Expression canonicalMask(ClType compared, const Expression &comparison);

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_OPENCLARITHMETIC_H
