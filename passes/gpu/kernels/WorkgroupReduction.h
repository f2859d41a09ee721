//===- WorkgroupReduction.h - What work-items have, combined ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Combines a value of every work-item of a workgroup: across each subgroup by
// the device's own operation where the target has one, across subgroups, or all
// work-items where it has not, in memory of the workgroup. The order is the
// same each time.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_WORKGROUPREDUCTION_H
#define RLX_PASSES_GPU_KERNELS_WORKGROUPREDUCTION_H

#include "passes/gpu/kernels/KernelBuilder.h"

namespace rlx {

class WorkgroupReduction {
public:
  /// `combiners` are operations on two values each, whose order does not
  /// matter.
  WorkgroupReduction(KernelBuilder &b,
                     llvm::ArrayRef<mlir::Operation *> combiners);

  /// Work-items of a workgroup.
  int64_t workgroup() const { return subgroup * slots; }
  /// Combines `partial` of all work-items, all of which get here.
  void emit(mlir::ValueRange partial, mlir::Value thread);
  /// What came of it, for work-item 0.
  llvm::SmallVector<mlir::Value> totals();
  /// `a` and `c` by combiner `i`.
  mlir::Value combine(size_t i, mlir::Value a, mlir::Value c);

private:
  mlir::Value acrossSubgroup(mlir::Operation *combiner, mlir::Value value);

  KernelBuilder &b;
  llvm::ArrayRef<mlir::Operation *> combiners;
  int64_t subgroup; ///< Work-items that are combined without memory.
  int64_t slots;    ///< Of memory.
  llvm::SmallVector<mlir::Value> values, shared; ///< `shared` where it is used.
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_WORKGROUPREDUCTION_H
