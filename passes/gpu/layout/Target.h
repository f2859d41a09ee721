//===- Target.h - The device that kernels are for ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_LAYOUT_TARGET_H
#define RLX_PASSES_GPU_LAYOUT_TARGET_H

#include "ir/Dialect.h"
#include "passes/gpu/layout/Interleaving.h"

#include "mlir/AsmParser/AsmParser.h"

namespace rlx {

/// The target that an option of a pass names.
inline mlir::FailureOr<GpuAttr> parseTarget(mlir::MLIRContext *context,
                                            llvm::StringRef text) {
  auto target =
      llvm::dyn_cast_or_null<GpuAttr>(mlir::parseAttribute(text, context));
  if (!target)
    return mlir::failure();
  return target;
}

/// The most rows of activations that kernels for few rows are for.
constexpr int64_t fewRows = 8;

/// Whether more rows than that, with activations of this type, are multiplied
/// as matrices by subgroups. Such kernels are SPIR-V 1.6.
inline bool multipliesMatrices(GpuAttr target, mlir::Type activations) {
  mlir::DenseI64ArrayAttr matrix = target.getCooperativeMatrix();
  constexpr int64_t longest = 32; // Of K.
  return activations.isF16() && matrix && matrix[2] <= longest &&
         target.getFloat16() && target.getSubgroupSize() > 1;
}

/// Rows of the weight that a work-item multiplies with few rows of activations:
/// what it loads of these is for all of them.
constexpr int64_t rowsOfItem = 2;

/// How weights lie for the kernels of `target`.
inline Interleaving interleavingFor(GpuAttr target) {
  if (target.getVectorWidth() > 1)
    return {target.getVectorWidth(), 1};
  // Work-items side by side read a line of a cache, 128 bytes, of each of their
  // rows; in a subgroup are several such groups, each with a part of K.
  constexpr int64_t mostLanes = 8, wordsTogether = 4;
  int64_t lanes = mostLanes;
  if (target.getSubgroupSize() > 1)
    lanes = std::min(mostLanes, target.getSubgroupSize() / 2);
  return {lanes * rowsOfItem, wordsTogether};
}

} // namespace rlx

#endif // RLX_PASSES_GPU_LAYOUT_TARGET_H
