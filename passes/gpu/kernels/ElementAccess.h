//===- ElementAccess.h - Elements of any type in buffers --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers hold elements that a device may not be able to address (8 and 16
// bits) or to compute with (f16, bf16, f8). They are read and written as words,
// or as integers of their size, then, and floats of 16 bits are computed as f32
// that are rounded after each operation. A kernel has one view of a buffer,
// whoever asks for it: which one follows from the element type and the target.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_ELEMENTACCESS_H
#define RLX_PASSES_GPU_KERNELS_ELEMENTACCESS_H

#include "passes/gpu/kernels/KernelBuilder.h"

namespace rlx {

/// A memref of the host whose elements a kernel reads or writes.
class ElementAccess {
public:
  /// Fails, with a message at `op`, where the target has no such elements.
  static mlir::FailureOr<ElementAccess> create(mlir::Operation *op,
                                               KernelBuilder &b,
                                               mlir::Value memref,
                                               llvm::StringRef name);
  /// The element at `indices`, of the type that it is computed as.
  mlir::Value load(KernelBuilder &b, mlir::ValueRange indices) const;
  void store(KernelBuilder &b, mlir::Value value,
             mlir::ValueRange indices) const;

private:
  BufferView view;
  mlir::Type element;
  mlir::Type addressed; ///< What the view is of; null for words.
};

/// What values of `type` are computed as: f32 for floats of 8 and 16 bits, i32
/// for integers of 8 and 16 bits that the target does not compute with. Those
/// are kept with their sign.
mlir::Type computedType(mlir::Type type, GpuAttr target);
/// `value`, an f32, rounded to what `type` can hold; or a vector of them, to
/// f16 or bf16.
mlir::Value roundTo(KernelBuilder &b, mlir::FloatType type, mlir::Value value);
/// The bits, as i32, of the float of at most 32 bits that is nearest to
/// `value`, an f32.
mlir::Value floatBits(KernelBuilder &b, mlir::FloatType type,
                      mlir::Value value);
/// A copy of `op`, an operation on scalars, with operands from `mapping`.
mlir::LogicalResult cloneComputed(KernelBuilder &b, mlir::Operation *op,
                                  mlir::IRMapping &mapping);

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_ELEMENTACCESS_H
