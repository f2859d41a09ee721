//===- DeviceLimits.h - What a device can do ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bandwidth of copies between buffers of the device and the rates of its
// f32 FMAs, of matrices of f16 and of products of bytes where it has them, the
// rates with kernels that RLX's own back end emits: what stands in the way of
// another kernel is then the same compiler and the same driver.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_DEVICELIMITS_H
#define RLX_TOOLS_BENCH_DEVICELIMITS_H

#include "runtime/gpu/Device.h"
#include "tools/bench/Limits.h"
#include "tools/bench/PeakKernels.h"

namespace rlx {

/// `vulkan` or `opencl`, with an index behind a colon where it is not 0.
llvm::Expected<std::unique_ptr<Device>> openDevice(llvm::StringRef label);

class DeviceLimitsBench {
public:
  /// Compiles the kernels. `seconds` are spent on each number.
  static llvm::Expected<std::unique_ptr<DeviceLimitsBench>>
  create(Device &device, double seconds);
  llvm::Expected<Limits> measure();

private:
  DeviceLimitsBench(Device &device, double seconds)
      : device(device), seconds(seconds) {}
  /// A kernel that is ready to run in `groups` workgroups.
  struct Peak {
    std::unique_ptr<Kernel> kernel;
    std::unique_ptr<Buffer> input, output;
    unsigned groups = 1;
    double operations = 0; ///< Of a turn of all workgroups.
  };
  llvm::Expected<Peak> prepare(const PeakKernel &kernel, unsigned groups);
  llvm::Expected<double> copyGbps();
  llvm::Expected<double> gigaPerSecond(const Peak &peak);
  /// The least nanoseconds of several runs.
  llvm::Expected<double> best(CommandList &list);

  Device &device;
  double seconds;
  Peak fma;
  std::optional<Peak> matrix, dot;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_DEVICELIMITS_H
