//===- RowFactors.h - A weight's rows in the range of f16 -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight's numbers may be too large or too small for f16. Each of its rows is
// multiplied by a power of two that a bound of the row gives, and the results
// by its inverse, which changes no bit of what f16 can hold.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_ROWFACTORS_H
#define RLX_PASSES_GPU_KERNELS_ROWFACTORS_H

#include "passes/gpu/kernels/MatmulKernels.h"

namespace rlx {

class RowFactors {
public:
  /// For the rows that `columns` columns of a workgroup's tile are.
  RowFactors(KernelBuilder &b, const MatmulShape &shape,
             DeviceBlockReader &reader, int64_t columns, int64_t workgroup);
  /// Words of the workgroup's memory that this takes at most.
  static int64_t words(int64_t columns, int64_t workgroup) {
    return 2 * columns + workgroup;
  }

  /// Emits what finds the factors, and barriers. `select` makes the reader read
  /// a device block of the row of a column.
  void
  emit(mlir::Value thread,
       llvm::function_ref<void(mlir::Value column, mlir::Value block)> select);
  mlir::Value factor(mlir::Value column);
  mlir::Value inverse(mlir::Value column);

private:
  mlir::Value boundOfUnit(mlir::Value number, mlir::Value bound);

  KernelBuilder &b;
  const MatmulShape &shape;
  DeviceBlockReader &reader;
  int64_t columns, workgroup;
  /// A bound of the magnitude of code - zero; 0 where there is none.
  double largest;
  mlir::Value factors;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_ROWFACTORS_H
