//===- DeviceBench.h - Speed and error of one matmul on a device ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights rotate through more memory than the caches hold: the program has a
// matmul for each copy of the weight, and their launches are one list of
// commands. Times are by the device's clock, for one matmul.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_DEVICEBENCH_H
#define RLX_TOOLS_BENCH_DEVICEBENCH_H

#include "runtime/gpu/Device.h"
#include "tools/bench/MatmulBench.h"

namespace rlx {

class DeviceBench {
public:
  DeviceBench(Device &device, MatmulSettings settings)
      : device(device), settings(settings), ownContext(createContext()) {}

  /// Cases that follow each other should share scheme, n and k.
  llvm::Expected<MatmulFigures> run(const MatmulCase &wanted);

  mlir::MLIRContext &context() { return *ownContext; }

private:
  llvm::Error prepareWeight(const MatmulCase &wanted);
  std::string programText(const MatmulCase &wanted, int64_t copies) const;

  Device &device;
  MatmulSettings settings;
  std::unique_ptr<mlir::MLIRContext> ownContext;
  std::optional<MatmulCase> weightCase;
  RandomWeight weight;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_DEVICEBENCH_H
