//===- CpuRunner.cpp - Runs a program on the CPU --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Compiler.h"
#include "tools/Measure.h"
#include "tools/run/Runner.h"

using namespace rlx;

namespace {
class CpuRunner : public Runner {
public:
  CpuRunner(std::unique_ptr<Executable> executable,
            const FunctionSignature &signature, const CompileReport &compiled,
            unsigned threads)
      : executable(std::move(executable)), signature(signature),
        compiled(compiled), pool(threads) {}

  const FunctionSignature &function() const override { return signature; }
  llvm::Error bindWeights(std::shared_ptr<const WeightFile> file) override {
    return executable->bindWeights(std::move(file));
  }
  TensorView boundWeight(llvm::StringRef name) const override {
    return executable->boundWeight(name);
  }
  llvm::Expected<std::vector<Tensor>>
  run(llvm::ArrayRef<TensorView> inputs) override {
    return executable->run(signature.name, inputs, RunOptions{&pool, {}});
  }
  llvm::Error describeMemory(llvm::ArrayRef<TensorView> inputs,
                             llvm::json::Object &report,
                             llvm::raw_ostream *text) const override;
  void describe(llvm::json::Object &report,
                llvm::raw_ostream *text) const override;
  llvm::Error measureRuns(llvm::ArrayRef<TensorView> inputs,
                          llvm::ArrayRef<TensorView> outputs,
                          llvm::json::Object &report,
                          llvm::raw_ostream *text) override;

private:
  std::unique_ptr<Executable> executable;
  const FunctionSignature &signature;
  CompileReport compiled;
  ThreadPool pool;
};
} // namespace

static std::string fromCache(const PackReport &packed) {
  if (!packed.cachedBytes)
    return "";
  return packed.cachedBytes == packed.packedBytes
             ? ", from the cache,"
             : fmt::format(", {} of them from the cache,", packed.cachedBytes);
}

llvm::Error CpuRunner::describeMemory(llvm::ArrayRef<TensorView> inputs,
                                      llvm::json::Object &report,
                                      llvm::raw_ostream *text) const {
  auto bytes = executable->memoryBytes(signature.name, inputs, pool.size());
  if (!bytes)
    return bytes.takeError();
  report["threads"] = pool.size();
  report["memory_bytes"] = *bytes;
  if (text)
    *text << fmt::format("{}: {} bytes on {} threads, beside inputs, weights "
                         "and results\n",
                         signature.name, *bytes, pool.size());
  return llvm::Error::success();
}

void CpuRunner::describe(llvm::json::Object &report,
                         llvm::raw_ostream *text) const {
  report["threads"] = pool.size();
  report["kernels"] = llvm::json::Array(signature.kernels);
  report["compile_ms"] = compiled.milliseconds;
  report["from_cache"] = compiled.fromCache;
  PackReport packed = executable->packReport(signature.name);
  if (!packed.packedBytes)
    return;
  report["pack_ms"] = packed.milliseconds;
  report["packed_bytes"] = packed.packedBytes;
  report["packed_bytes_from_cache"] = packed.cachedBytes;
  report["store_ms"] = packed.storeMilliseconds;
  if (text)
    *text << fmt::format("packed {} bytes of weights into {}{} in {:.3f} ms\n",
                         packed.weightBytes, packed.packedBytes,
                         fromCache(packed), packed.milliseconds);
}

llvm::Error CpuRunner::measureRuns(llvm::ArrayRef<TensorView> inputs,
                                   llvm::ArrayRef<TensorView> outputs,
                                   llvm::json::Object &report,
                                   llvm::raw_ostream *text) {
  llvm::Error failure = llvm::Error::success();
  Measurement time = measure([&] {
    if (auto error = executable->run(signature.name, inputs, outputs,
                                     RunOptions{&pool, {}}))
      failure = llvm::joinErrors(std::move(failure), std::move(error));
  });
  if (failure)
    return failure;
  report["median_ms"] = time.median;
  report["min_ms"] = time.least;
  report["max_ms"] = time.most;
  report["runs"] = int64_t(time.runs);
  if (text)
    *text << fmt::format(
        "{}: median {:.4f} ms, {:.4f} to {:.4f} ms in {} runs, {} threads\n",
        signature.name, time.median, time.least, time.most, time.runs,
        pool.size());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Runner>>
rlx::createCpuRunner(mlir::ModuleOp module, const RunCommandLine &given) {
  auto options = given.compileOptions(/*triple=*/"");
  if (!options)
    return options.takeError();
  options->cacheDirectory = given.cacheDirectory;
  options->cacheLimitBytes = uint64_t(given.cacheLimit) << 20;
  CompileReport compiled;
  auto executable = compileModule(module, *options, &compiled);
  if (!executable)
    return executable.takeError();
  auto function = (*executable)->findFunction(given.entry);
  if (!function)
    return function.takeError();
  return std::make_unique<CpuRunner>(std::move(*executable), **function,
                                     compiled, given.threads);
}
