//===- ElementAccess.h - Elements of any type in words ------------*- C++
//-*-===//
//
// Buffers hold elements that a device may not be able to address (8 and 16
// bits) or to compute with (f16, bf16). They are read and written as words
// then, and floats of 16 bits are computed as f32 that are rounded after each
// operation.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_ELEMENTACCESS_H
#define RLX_PASSES_GPU_ELEMENTACCESS_H

#include "passes/gpu/KernelBuilder.h"

namespace rlx {

/// A memref of the host whose elements a kernel reads or writes.
class ElementAccess {
public:
  /// Fails, with a message at `op`, where the target has no such elements.
  static mlir::FailureOr<ElementAccess> create(mlir::Operation *op,
                                               KernelBuilder &b,
                                               mlir::Value memref,
                                               llvm::StringRef name);
  /// The element at `indices`; f32 for floats of 16 bits.
  mlir::Value load(KernelBuilder &b, mlir::ValueRange indices) const;
  void store(KernelBuilder &b, mlir::Value value,
             mlir::ValueRange indices) const;

private:
  BufferView view; ///< Of words where elements are narrower.
  mlir::Type element;
  bool inWords = false;
};

/// What values of `type` are computed as: f32 for floats of 16 bits.
mlir::Type computedType(mlir::Type type);
/// `value`, an f32, rounded to what `type` can hold.
mlir::Value roundTo(KernelBuilder &b, mlir::FloatType type, mlir::Value value);
/// A copy of `op`, an operation on scalars, with operands from `mapping`.
mlir::LogicalResult cloneComputed(KernelBuilder &b, mlir::Operation *op,
                                  mlir::IRMapping &mapping);

} // namespace rlx

#endif // RLX_PASSES_GPU_ELEMENTACCESS_H
