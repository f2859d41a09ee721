//===- ActivationType.h - What matmuls compute activations in ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types that `activations` of a matmul may name, as a table. Integers are
// codes times a scale that a group of K shares (ir/ActivationGroup.h), which
// kernels multiply byte by byte; floats are rounded one by one.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_ACTIVATIONTYPE_H
#define RLX_IR_ACTIVATIONTYPE_H

#include "mlir/IR/Types.h"

#include <string>

namespace rlx {

struct ActivationType {
  llvm::StringLiteral name; ///< as types and options are written
  int64_t bytes;            ///< of an activation
  bool isInteger;
  mlir::Type (*get)(mlir::MLIRContext *);
  /// Of an integer: the largest code, which is the one whose first byte is 127
  /// and whose others are 0, so that all bytes are signed ones.
  double largestCode = 0;
  /// Whether matmuls may multiply them with weights that are rounded to bytes
  /// once more: not where these would lose far more than activations do.
  bool mayReencode = false;
  /// Elements of K that share a scale unless a program says otherwise; 0 where
  /// there are no scales.
  int64_t usualGroup = 0;
  /// Whether fewer do where the weight has scales for fewer.
  bool followsWeight = false;
};

/// All of them: floats, then integers, which lose more and more.
llvm::ArrayRef<ActivationType> activationTypes();
/// The one that `type` is, or that is called so; null where it is none.
const ActivationType *activationTypeOf(mlir::Type type);
const ActivationType *activationTypeNamed(llvm::StringRef name);

/// Whether activations of that type, or of that name, are integers.
bool hasIntegerActivations(mlir::Type type);
bool hasIntegerActivations(llvm::StringRef name);
/// The same of those that reencoded weights are for.
bool mayReencodeWeights(llvm::StringRef name);

/// "f32, bf16, f16, i24, i16 or i8", for messages; then those that are
/// integers, and those that reencoded weights are for.
std::string activationTypeNames();
std::string integerActivationNames();
std::string reencodingActivationNames();

} // namespace rlx

#endif // RLX_IR_ACTIVATIONTYPE_H
