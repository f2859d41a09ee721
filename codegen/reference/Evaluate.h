//===- Evaluate.h - What a program computes, exactly ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The results of a function in double precision, by an interpreter that shares
// nothing with the passes, each with what the program's rounding may do to it.
// This is what runs are compared with (codegen/Verify.h).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_EVALUATE_H
#define RLX_CODEGEN_REFERENCE_EVALUATE_H

#include "codegen/reference/Numbers.h"
#include "runtime/Tensor.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace rlx {

struct ReferenceTensor {
  std::vector<int64_t> shape;
  /// Floats have values and deviations (none: they are exact), integers bits.
  Numbers numbers;
  /// How large each would be if none of its terms cancelled, where it is the
  /// result of a matmul: the root of the sum of their squares. Else empty.
  std::vector<double> magnitudes;
};

/// Gives the bytes that a weight is bound to.
using WeightLookUp = llvm::function_ref<TensorView(llvm::StringRef name)>;

/// Evaluates `function` of `module`, which is as it was parsed, on inputs as a
/// run takes them. Fails, naming the operation and its place, where the program
/// is undefined for these inputs or has no form in double precision.
llvm::Expected<std::vector<ReferenceTensor>>
evaluate(mlir::ModuleOp module, WeightLookUp weights, llvm::StringRef function,
         llvm::ArrayRef<TensorView> inputs);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_EVALUATE_H
