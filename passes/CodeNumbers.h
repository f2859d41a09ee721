//===- CodeNumbers.h - From codes to numbers on vectors -----------*- C++
//-*-===//
//
// Emits the operations that turn the codes of a field, a vector of i32, into
// the numbers they stand for. Where codes come from is for FieldExpansion.h.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CODENUMBERS_H
#define RLX_PASSES_CODENUMBERS_H

#include "passes/PassDetail.h"

namespace rlx {

class CodeNumbers {
public:
  CodeNumbers(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  /// The numbers of `field`, as f32 lanes.
  mlir::Value convert(FieldAttr field, mlir::Value codes);
  /// The same as i32 lanes, for a field that is an integer.
  mlir::Value integers(FieldAttr field, mlir::Value codes);
  /// `lanes` lanes of i32 that all hold `value`.
  mlir::Value splat(int64_t value, int64_t lanes);

private:
  mlir::Value decodeSmallFloat(FieldAttr field, mlir::Value codes);
  mlir::Value lookUp(llvm::ArrayRef<double> table, mlir::Value codes);
  mlir::Value splat(double value, int64_t lanes);
  mlir::VectorType vectorOf(int64_t lanes, mlir::Type type) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace rlx

#endif // RLX_PASSES_CODENUMBERS_H
