//===- PeakKernels.h - Kernels that do nothing but compute ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chains of one operation that do not wait for each other. A kernel takes a
// buffer of 0.5, which the compiler does not see, a buffer for results, and how
// many turns its loop makes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_PEAKKERNELS_H
#define RLX_TOOLS_BENCH_PEAKKERNELS_H

#include "codegen/gpu/DeviceCompiler.h"

namespace rlx {

struct PeakKernel {
  std::string text, entry;
  unsigned workgroup = 1;
  /// Of a workgroup: floats that it reads and writes, and operations of a turn.
  /// A multiplication and an addition are two.
  double floats = 1, operations = 0;
};

/// Fused multiply-adds of `lanes` f32.
PeakKernel fmaPeak(const DeviceTarget &target, unsigned lanes,
                   unsigned workgroup);
/// Sums of four products of bytes.
PeakKernel dotPeak(const DeviceTarget &target, unsigned workgroup);
/// Products of the device's matrices of f16, added in f32.
PeakKernel matrixPeak(const DeviceTarget &target, const DeviceInfo &info);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_PEAKKERNELS_H
