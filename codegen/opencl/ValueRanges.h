//===- ValueRanges.h - Between which bounds integers are --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C leaves the overflow of signed integers undefined, and unsigned operations
// take casts. Where the bounds of the operands show that neither matters, code
// can be written plainly.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_OPENCL_VALUERANGES_H
#define RLX_CODEGEN_OPENCL_VALUERANGES_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"

namespace rlx::opencl {

class ValueRanges {
public:
  /// Derives what is known of the results of an op from its operands. To be
  /// called in the order of the program.
  void infer(mlir::Operation *op);
  /// The same for the variable of a loop.
  void inferLoop(mlir::scf::ForOp loop);

  mlir::ConstantIntRanges of(mlir::Value value) const;
  bool isNonNegative(mlir::Value value) const;
  /// Whether the result of addi, subi or muli may leave the signed type. For
  /// index it does not, by contract.
  bool mayOverflow(mlir::Operation *op) const;

private:
  void set(mlir::Value value, mlir::ConstantIntRanges range);

  llvm::DenseMap<mlir::Value, mlir::ConstantIntRanges> known;
};

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_VALUERANGES_H
