//===- CodeMoves.h - Which codes a tensor of codes may hold -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_QUANTIZE_CODEMOVES_H
#define RLX_PASSES_QUANTIZE_CODEMOVES_H

#include "passes/quantize/StaticGrid.h"

namespace rlx {

/// max(x, bound) of each element, where `op` computes that: arith on tensors or
/// a loop of linalg.
struct MaximumWith {
  mlir::Value input;
  mlir::TypedAttr bound; ///< Of one element.
};
std::optional<MaximumWith> matchMaximum(mlir::Operation *op);

/// The number that all of `value` is, where it is a constant or filled.
mlir::TypedAttr splatOf(mlir::Value value);

/// Whether `op` is max-pooling of linalg, its input the first operand.
bool isMaxPooling(mlir::Operation *op);

/// The tensor that `op` moves the elements of, or null: reshapes, casts,
/// transposes, slices. Concatenation has several and is none of them.
mlir::Value movedBy(mlir::Operation *op);

/// The codes that `codes` may hold: those of the quantizations that they come
/// from, else all that its type has.
CodeRange codesOf(mlir::Value codes, bool isSigned);

} // namespace rlx

#endif // RLX_PASSES_QUANTIZE_CODEMOVES_H
