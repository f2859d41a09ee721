//===- TileSteps.h - Tiles of both sides, step by step ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A workgroup that computes a tile of a matmul goes along K in steps: what a
// step needs of both sides is brought into its memory, then multiplied. What
// the next step needs is loaded before this one is multiplied, waits in
// registers, and is stored behind the products, into the other one of two
// buffers where there is memory for two.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_TILESTEPS_H
#define RLX_PASSES_GPU_KERNELS_TILESTEPS_H

#include "passes/gpu/kernels/KernelBuilder.h"

namespace rlx {

/// Memory of the workgroup in which each step has `count` elements.
struct StepMemory {
  mlir::Value memory;
  int64_t count = 0;
};

class TileSteps {
public:
  /// `buffers` is 1 or 2.
  TileSteps(KernelBuilder &b, int64_t buffers) : b(b), buffers(buffers) {}

  StepMemory allocate(int64_t count, mlir::Type element);
  /// The first element of a step.
  mlir::Value first(const StepMemory &memory, mlir::Value step);
  /// Keeps `value` until it can be stored at `position` of a step; where
  /// `isThere` is given, and false, it is not.
  void stage(mlir::Value value, const StepMemory &memory, mlir::Value position,
             mlir::Value isThere = {}) {
    staged.push_back({value, memory, position, isThere});
  }

  /// Emits the loop. `load` stages what a step needs; `multiply` gives the sums
  /// after it.
  llvm::SmallVector<mlir::Value>
  emit(int64_t steps, mlir::ValueRange initial,
       llvm::function_ref<void(mlir::Value step)> load,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value step,
                                                         mlir::ValueRange sums)>
           multiply);

private:
  struct Staged {
    mlir::Value value;
    StepMemory memory;
    mlir::Value position, isThere;
  };
  void store(mlir::Value step);

  KernelBuilder &b;
  int64_t buffers;
  llvm::SmallVector<Staged, 0> staged;
};

/// Emits `body` for this work-item's part of `count` items; `isThere` is null
/// where it always has one.
void forItems(
    KernelBuilder &b, mlir::Value thread, int64_t count, int64_t workgroup,
    llvm::function_ref<void(mlir::Value item, mlir::Value isThere)> body);

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_TILESTEPS_H
