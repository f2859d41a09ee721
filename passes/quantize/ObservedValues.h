//===- ObservedValues.h - What weights are multiplied with ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The values that calibration looks at, and the names by which programs,
// records and configurations know them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_QUANTIZE_OBSERVEDVALUES_H
#define RLX_PASSES_QUANTIZE_OBSERVEDVALUES_H

#include "passes/PassDetail.h"

namespace rlx {

/// The attribute by which a program names a value: of an operation with one
/// result, or of an argument.
constexpr llvm::StringLiteral observeAttribute = "rlx.observe";

/// An operand that is multiplied with a weight.
struct WeightUse {
  mlir::OpOperand *activations;
  mlir::OpOperand *weight;
  llvm::StringRef name; ///< The weight's.
  int64_t channels;     ///< The dimension of `activations` that is K.
};

/// The products of activations and weights in a function, in its order:
/// rlx.matmul, rlx.gather_matmul, and contractions of linalg over one dimension
/// one of whose operands is a weight, perhaps dequantized, transposed or
/// converted.
llvm::SmallVector<WeightUse> findWeightUses(mlir::func::FuncOp function);

struct ObservedPlace {
  mlir::Value value;
  int64_t channels; ///< Which dimension counts channels.
};

struct ObservedValue {
  std::string name;
  std::vector<std::string> weights; ///< In their order.
  llvm::SmallVector<ObservedPlace> places;
  llvm::SmallVector<WeightUse> uses;
  bool isNamed = false; ///< By the program.
};

/// The values of all functions, in the order of the program. Those that share a
/// name or a weight are one, which has several places.
llvm::SmallVector<ObservedValue> findObservedValues(mlir::ModuleOp module);

/// Why nothing can be said about a place; empty where something can: it is a
/// tensor of floats that is not quantized.
std::string whyNotObserved(const ObservedPlace &place);

} // namespace rlx

#endif // RLX_PASSES_QUANTIZE_OBSERVEDVALUES_H
