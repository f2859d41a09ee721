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

} // namespace rlx

#endif // RLX_TOOLS_RUN_DEVICELIST_H
