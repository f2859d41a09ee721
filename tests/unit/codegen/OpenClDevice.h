//===- OpenClDevice.h - Runs OpenCL C for tests ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The least that runs a kernel: the first device of the first platform, found
// through the loader at run time, buffers made for each run.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_OPENCLDEVICE_H
#define RLX_TESTS_UNIT_CODEGEN_OPENCLDEVICE_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rlx::test {

class OpenClDevice {
public:
  /// Null where there is none; `reason` says why.
  static OpenClDevice *get(std::string &reason);

  /// A buffer, which comes back changed, or a scalar i32.
  struct Argument {
    void *data = nullptr;
    size_t bytes = 0;
    int32_t number = 0;
  };
  /// Builds the program and runs one of its kernels. What went wrong, or
  /// nothing.
  std::string run(const std::string &source, const char *kernel,
                  std::vector<Argument> arguments, size_t workItems,
                  size_t groupSize);

  const std::string &name() const { return deviceName; }

private:
  std::string open();

  void *platform = nullptr, *device = nullptr;
  void *context = nullptr, *queue = nullptr;
  std::string deviceName, options;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_OPENCLDEVICE_H
