//===- WeightRows.h - Rows of a weight as numbers ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight is quantized, and decoded row by row by the reference (see
// ir/Reference.h), or a tensor of floats.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_WEIGHTROWS_H
#define RLX_CODEGEN_REFERENCE_WEIGHTROWS_H

#include "codegen/reference/Interpreter.h"
#include "ir/Reference.h"

namespace rlx {

/// A row of K numbers.
struct WeightRow {
  std::vector<double> values;
  /// What is summed to give a value, by magnitude: what rounding to f32 may
  /// cost is relative to that.
  std::vector<double> magnitudes;
  std::vector<double> deviations;
  bool hasDeviations = false;
  bool isDecoded = false; ///< which rounds; else the numbers are as they lie
};

class WeightRows {
public:
  /// The weight `operand` of `op`, with what lies beside it.
  static mlir::FailureOr<WeightRows>
  create(Interpreter &interpreter, mlir::Operation *op, mlir::Value weight,
         mlir::Value scales, mlir::Value zeroPoints, mlir::Value globalScale);

  /// Rows of all experts, one after another.
  void read(int64_t row, WeightRow &result) const;
  llvm::ArrayRef<int64_t> shape() const { return weight.shape(); }
  int64_t columns() const { return weight.shape().back(); }
  int64_t rows() const;

private:
  Datum weight;
  std::vector<uint8_t> sides[3];
  /// The largest relative deviation of a number beside the weight.
  double relativeDeviation = 0;
  std::shared_ptr<const ReferenceDecoder> decoder;
  /// Of the codes that rounding may have led to, where codes are computed.
  std::shared_ptr<const ReferenceDecoder> otherDecoder;
};

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_WEIGHTROWS_H
