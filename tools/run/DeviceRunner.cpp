//===- DeviceRunner.cpp - Runs a program on a device ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceExecutable.h"
#include "tools/Measure.h"
#include "tools/run/DeviceList.h"
#include "tools/run/Runner.h"

#include "llvm/Support/Process.h"

using namespace rlx;

using Clock = std::chrono::steady_clock;

static double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

/// Tells on a terminal, and only there, how far the upload of weights is.
static TransferProgress uploadProgress() {
  if (!llvm::sys::Process::StandardErrIsDisplayed())
    return {};
  constexpr double redrawMilliseconds = 100;
  return [last = Clock::time_point()](uint64_t done, uint64_t total) mutable {
    if (done < total && millisecondsSince(last) < redrawMilliseconds)
      return;
    last = Clock::now();
    constexpr double mebibyte = 1 << 20;
    llvm::errs() << fmt::format("\rweights: {:.1f} of {:.1f} MiB",
                                done / mebibyte, total / mebibyte);
    if (done == total)
      llvm::errs() << "\r\x1b[K"; // The line is cleared.
  };
}

namespace {
class DeviceRunner : public Runner {
public:
  DeviceRunner(std::unique_ptr<Device> device,
               std::unique_ptr<DeviceExecutable> executable,
               const FunctionSignature &signature,
               const CompileReport &compiled)
      : device(std::move(device)), executable(std::move(executable)),
        signature(signature), compiled(compiled) {}

  const FunctionSignature &function() const override { return signature; }
  llvm::Error bindWeights(std::shared_ptr<const WeightFile> file) override {
    return executable->bindWeights(std::move(file));
  }
  TensorView boundWeight(llvm::StringRef name) const override {
    return executable->boundWeight(name);
  }
  llvm::Expected<std::vector<Tensor>>
  run(llvm::ArrayRef<TensorView> inputs) override;
  llvm::Error describeMemory(llvm::ArrayRef<TensorView>, llvm::json::Object &,
                             llvm::raw_ostream *) const override {
    return llvm::createStringError("--memory is for the CPU");
  }
  void describe(llvm::json::Object &report,
                llvm::raw_ostream *text) const override;
  llvm::Error measureRuns(llvm::ArrayRef<TensorView> inputs,
                          llvm::ArrayRef<TensorView> outputs,
                          llvm::json::Object &report,
                          llvm::raw_ostream *text) override;

private:
  std::unique_ptr<Device> device; ///< Outlives the executable.
  std::unique_ptr<DeviceExecutable> executable;
  const FunctionSignature &signature;
  CompileReport compiled;
  double prepareMilliseconds = 0;
};
} // namespace

llvm::Expected<std::vector<Tensor>>
DeviceRunner::run(llvm::ArrayRef<TensorView> inputs) {
  Clock::time_point start = Clock::now();
  if (auto error = executable->prepare(signature.name, uploadProgress()))
    return error;
  prepareMilliseconds = millisecondsSince(start);
  return executable->run(signature.name, inputs);
}

void DeviceRunner::describe(llvm::json::Object &report,
                            llvm::raw_ostream *text) const {
  report["device"] = device->info().label();
  report["device_name"] = device->info().name;
  report["compile_ms"] = compiled.milliseconds;
  report["prepare_ms"] = prepareMilliseconds;
  report["peak_device_bytes"] = executable->peakBytes(signature.name);
}

llvm::Error DeviceRunner::measureRuns(llvm::ArrayRef<TensorView> inputs,
                                      llvm::ArrayRef<TensorView> outputs,
                                      llvm::json::Object &report,
                                      llvm::raw_ostream *text) {
  llvm::Error failure = llvm::Error::success();
  std::vector<double> deviceTimes;
  Measurement wall = measure([&] {
    auto nanoseconds = executable->run(signature.name, inputs, outputs);
    if (nanoseconds)
      deviceTimes.push_back(*nanoseconds / 1e6);
    else
      failure = llvm::joinErrors(std::move(failure), nanoseconds.takeError());
  });
  if (failure)
    return failure;
  // The first run is not counted, as for the wall's clock.
  deviceTimes.erase(deviceTimes.begin());
  Measurement time = summarize(std::move(deviceTimes));
  report["device_median_ms"] = time.median;
  report["device_min_ms"] = time.least;
  report["device_max_ms"] = time.most;
  report["median_ms"] = wall.median;
  report["min_ms"] = wall.least;
  report["max_ms"] = wall.most;
  report["runs"] = int64_t(wall.runs);
  if (text)
    *text << fmt::format(
        "{}: median {:.4f} ms by the device's clock, {:.4f} to {:.4f} ms; with "
        "transfers {:.4f} ms, {:.4f} to {:.4f} ms; in {} runs on {} ({})\n",
        signature.name, time.median, time.least, time.most, wall.median,
        wall.least, wall.most, wall.runs, device->info().label(),
        device->info().name);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Runner>>
rlx::createDeviceRunner(mlir::ModuleOp module, const RunCommandLine &given) {
  Device::Options how;
  how.cacheDirectory = given.cacheDirectory;
  how.cache.limitBytes = uint64_t(given.cacheLimit) << 20;
  auto opened = openDevice(given.device, how);
  if (!opened)
    return opened.takeError();
  std::unique_ptr<Device> device = std::move(*opened);
  CompileOptions options;
  options.trustProgram = given.trusted;
  options.onRemark = [](llvm::StringRef text) { llvm::errs() << text << "\n"; };
  CompileReport compiled;
  auto executable =
      DeviceExecutable::compile(module, *device, options, &compiled);
  if (!executable)
    return executable.takeError();
  auto function = (*executable)->findFunction(given.entry);
  if (!function)
    return function.takeError();
  return std::make_unique<DeviceRunner>(
      std::move(device), std::move(*executable), **function, compiled);
}
