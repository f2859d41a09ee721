//===- DeviceLimits.h - What a device can do ------------------------------===//
//
// The bandwidth of copies between buffers of the device and the rates of its
// f32 FMAs and products of bytes, the latter with kernels that RLX's own back
// end emits: what stands in the way of another kernel is then the same compiler
// and the same driver.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_DEVICELIMITS_H
#define RLX_TOOLS_BENCH_DEVICELIMITS_H

#include "runtime/gpu/Device.h"
#include "tools/bench/Limits.h"

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
  llvm::Expected<double> copyGbps();
  /// A kernel of chains of operations, of which a link has so many.
  struct Chains {
    std::unique_ptr<Kernel> kernel;
    double operations;
  };
  llvm::Expected<double> gigaPerSecond(const Chains &chain);
  /// The least nanoseconds of several runs.
  llvm::Expected<double> best(CommandList &list);

  Device &device;
  double seconds;
  unsigned workgroup = 1, groups = 1;
  std::vector<Chains> rates; ///< Of f32, and of bytes where there are kernels.
  std::unique_ptr<Buffer> input, output;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_DEVICELIMITS_H
