//===- DeviceList.h - Devices by name, and what there is --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_RUN_DEVICELIST_H
#define RLX_TOOLS_RUN_DEVICELIST_H

#include "runtime/gpu/Device.h"

#include "llvm/Support/Error.h"

namespace rlx {

struct DeviceChoice {
  DeviceApi api = DeviceApi::vulkan;
  unsigned index = 0;
};

/// `vulkan` or `opencl:1`. Fails for other texts, naming the devices there are.
llvm::Expected<DeviceChoice> parseDevice(llvm::StringRef text);
/// The device that `text` names. What its cache says goes to stderr.
llvm::Expected<std::unique_ptr<Device>> openDevice(llvm::StringRef text,
                                                   Device::Options options);

} // namespace rlx

#endif // RLX_TOOLS_RUN_DEVICELIST_H
