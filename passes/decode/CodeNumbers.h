//===- CodeNumbers.h - From codes to numbers on vectors ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the operations that turn the codes of a field, an i32 or a vector of
// i32, into the numbers they stand for. Where codes come from is for
// FieldExpansion.h and gpu/DeviceBlockReader.h.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_DECODE_CODENUMBERS_H
#define RLX_PASSES_DECODE_CODENUMBERS_H

#include "ir/FieldTerms.h"
#include "passes/PassDetail.h"

#include <functional>

namespace rlx {

class CodeNumbers {
public:
  /// Emits the entries of a codebook that `codes` name.
  using LookUp = std::function<mlir::Value(llvm::ArrayRef<double> codebook,
                                           mlir::Value codes)>;

  CodeNumbers(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}
  /// For devices: floats of 16 bits and less are put together from their bits,
  /// without types that a device may lack and without subnormal f32 on the way,
  /// which it may take for zero.
  CodeNumbers(mlir::OpBuilder &builder, mlir::Location loc, LookUp lookUp)
      : builder(builder), loc(loc), deviceLookUp(std::move(lookUp)) {}

  /// The numbers of `field`, as f32 lanes.
  mlir::Value convert(FieldAttr field, mlir::Value codes);
  /// The same as i32 lanes, for a field that is an integer.
  mlir::Value integers(FieldAttr field, mlir::Value codes);
  /// A constant like `lanes`, an i32 or a vector of i32.
  mlir::Value splat(int64_t value, mlir::Value lanes);
  /// `lanes` lanes of i32 that all hold `value`.
  mlir::Value splat(int64_t value, int64_t lanes);

private:
  mlir::Value decodeSmallFloat(FieldAttr field, mlir::Value codes);
  mlir::Value assembleFloat(FieldAttr field, mlir::Value codes);
  mlir::Value withSign(mlir::Value number, mlir::Value codes, int width);
  mlir::Value selectCodes(FieldAttr field, mlir::Value magnitude,
                          mlir::Value number,
                          llvm::function_ref<float(int64_t)> computed,
                          int64_t magnitudes);
  mlir::Value lookUp(llvm::ArrayRef<double> table, mlir::Value codes);
  mlir::Value linearNumbers(LinearCodebook line, unsigned width,
                            mlir::Value codes);
  /// Codes of so many bits, two's complement, as i32.
  mlir::Value signExtended(unsigned width, mlir::Value codes);
  mlir::Value number(double value, mlir::Value lanes);
  mlir::Type like(mlir::Value lanes, mlir::Type type) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
  LookUp deviceLookUp;
};

} // namespace rlx

#endif // RLX_PASSES_DECODE_CODENUMBERS_H
