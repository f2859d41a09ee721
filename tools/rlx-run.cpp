//===- rlx-run.cpp - Compiles and runs a program
//---------------------------===//
//
// A thin main over the compiler API: binds weights, reads inputs, runs, writes
// outputs.
//
//===----------------------------------------------------------------------===//

#include "codegen/Compiler.h"
#include "codegen/Verify.h"
#include "runtime/Npy.h"
#include "tools/CommandLine.h"
#include "tools/Measure.h"

#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"

#include <sys/resource.h>

#include <cmath>

using namespace rlx;
namespace cl = llvm::cl;

namespace {
struct Options {
  cl::opt<std::string> program{cl::Positional, cl::Required,
                               cl::desc("<program.mlir>")};
  cl::opt<std::string> entry{"entry", cl::init("main"),
                             cl::value_desc("function"),
                             cl::desc("Function to run (main)")};
  cl::list<std::string> weights{"weights", cl::value_desc("file.gguf"),
                                cl::desc("File with weights; may repeat")};
  cl::list<std::string> inputs{"input", cl::value_desc("x.npy"),
                               cl::desc("Argument, in order; may repeat")};
  cl::list<std::string> outputs{
      "output", cl::value_desc("y.npy"),
      cl::desc("Where a result goes, in order; may repeat")};
  cl::opt<unsigned> threads{"threads", cl::init(0), cl::value_desc("N"),
                            cl::desc("Threads to run on (all processors)")};
  cl::opt<bool> verify{
      "verify", cl::desc("Compare with the reference in double precision")};
  cl::opt<bool> benchmark{"benchmark",
                          cl::desc("Run repeatedly; print median and spread")};
  cl::opt<bool> json{"json", cl::desc("Print what was done as JSON")};
  cl::opt<std::string> cacheDirectory{
      "cache-dir", cl::value_desc("folder"),
      cl::desc("Keep compiled objects and packed "
               "weights there")};
  cl::opt<std::string> targetCpu{
      "target-cpu", cl::init("native"), cl::value_desc("name"),
      cl::desc("CPU to compile for, as LLVM names it (native)")};
  cl::opt<std::string> targetFeatures{
      "target-features", cl::value_desc("+a,-b"),
      cl::desc("Features to add to or take from the CPU's")};
  cl::opt<bool> deterministic{
      "deterministic",
      cl::desc("Same bits for any number of threads and rows")};
  cl::opt<std::string> choices{
      "choices", cl::value_desc("name=value ..."),
      cl::desc("Override what is chosen, by options of rlx-opt --rlx-cpu")};
  cl::opt<bool> printChoices{
      "print-choices", cl::desc("Say which kernels were chosen, and why")};
};
} // namespace

static llvm::Error toError(const Status &status) {
  return llvm::createStringError(status.message());
}

static std::string firstValues(const Tensor &tensor) {
  if (tensor.type() != ElementType::f32)
    return "";
  constexpr int64_t shown = 6;
  std::string text;
  for (int64_t i = 0; i < std::min(shown, tensor.numElements()); ++i)
    text += fmt::format("{}{:.6g}", i ? " " : " = ", tensor.data<float>()[i]);
  return text + (tensor.numElements() > shown ? " ..." : "");
}

static std::string fromCache(const PackReport &packed) {
  if (!packed.cachedBytes)
    return "";
  return packed.cachedBytes == packed.packedBytes
             ? ", from the cache,"
             : fmt::format(", {} of them from the cache,", packed.cachedBytes);
}

/// The most memory that this process had at a time, mapped files included.
static int64_t peakResidentBytes() {
  rusage usage = {};
  constexpr int64_t unit = 1024;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * unit : 0;
}

static llvm::Error run(const Options &given) {
  CompileOptions options;
  options.cacheDirectory = given.cacheDirectory;
  options.deterministic = given.deterministic;
  options.printChoices = given.printChoices;
  options.choices = given.choices;
  auto target = CpuTarget::create("", given.targetCpu, given.targetFeatures);
  if (!target)
    return target.takeError();
  options.target = *target;
  options.onRemark = [](llvm::StringRef text) { llvm::errs() << text << "\n"; };
  CompileReport compiled;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseFile(*context, given.program);
  if (!module)
    return module.takeError();
  auto executable = compileModule(**module, options, &compiled);
  if (!executable)
    return executable.takeError();
  auto function = (*executable)->findFunction(given.entry);
  if (!function)
    return function.takeError();
  if (given.outputs.size() > (*function)->results.size())
    return llvm::createStringError(fmt::format(
        "{} outputs are given, but '{}' has {} results", given.outputs.size(),
        std::string(given.entry), (*function)->results.size()));

  for (const std::string &path : given.weights) {
    Result<std::unique_ptr<WeightFile>> file = openWeightFile(path);
    if (!file)
      return toError(file.status());
    if (auto error = (*executable)->bindWeights(file.take()))
      return error;
  }
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (const std::string &path : given.inputs) {
    Result<Tensor> tensor = readNpy(path);
    if (!tensor)
      return toError(tensor.status());
    inputs.push_back(tensor.take());
    views.push_back(inputs.back().view());
    // Here, where the file's name is known; how many there must be, run says.
    size_t i = views.size() - 1;
    if (i < (*function)->inputs.size())
      if (auto error = (*function)->inputs[i].check(
              views[i], fmt::format("input {} ('{}')", i, path)))
        return error;
  }

  ThreadPool pool(given.threads);
  RunOptions how{&pool, {}};
  auto outputs = (*executable)->run(given.entry, views, how);
  if (!outputs)
    return outputs.takeError();

  llvm::json::Object report{
      {"entry", std::string(given.entry)},
      {"threads", pool.size()},
      {"kernels", llvm::json::Array((*function)->kernels)},
      {"compile_ms", compiled.milliseconds},
      {"from_cache", compiled.fromCache}};
  if (PackReport packed = (*executable)->packReport(given.entry);
      packed.packedBytes) {
    report["pack_ms"] = packed.milliseconds;
    report["packed_bytes"] = packed.packedBytes;
    report["packed_bytes_from_cache"] = packed.cachedBytes;
    report["store_ms"] = packed.storeMilliseconds;
    if (!given.json)
      fmt::print("packed {} bytes of weights into {}{} in {:.3f} ms\n",
                 packed.weightBytes, packed.packedBytes, fromCache(packed),
                 packed.milliseconds);
  }
  if (given.benchmark) {
    std::vector<TensorView> targets;
    for (Tensor &output : *outputs)
      targets.push_back(output.view());
    llvm::Error failure = llvm::Error::success();
    Measurement time = measure([&] {
      if (auto error = (*executable)->run(given.entry, views, targets, how))
        failure = llvm::joinErrors(std::move(failure), std::move(error));
    });
    if (failure)
      return failure;
    report["median_ms"] = time.median;
    report["min_ms"] = time.least;
    report["max_ms"] = time.most;
    report["runs"] = int64_t(time.runs);
    if (!given.json)
      fmt::print(
          "{}: median {:.4f} ms, {:.4f} to {:.4f} ms in {} runs, {} threads\n",
          std::string(given.entry), time.median, time.least, time.most,
          time.runs, pool.size());
  }
  for (size_t i = 0; i < given.outputs.size(); ++i)
    if (Status status = writeNpy(given.outputs[i], (*outputs)[i].view());
        !status)
      return toError(status);
  Verification verification;
  if (given.verify) {
    std::vector<TensorView> targets;
    for (const Tensor &output : *outputs)
      targets.push_back(output.view());
    auto verified = verify(**module, **executable, given.entry, views, targets);
    if (!verified)
      return verified.takeError();
    verification = std::move(*verified);
    report["bound"] = verification.bound;
  }
  llvm::json::Array results;
  for (size_t i = 0; i < outputs->size(); ++i) {
    const Tensor &output = (*outputs)[i];
    llvm::json::Object result{{"type", (*function)->results[i].type},
                              {"shape", llvm::json::Array(output.shape())}};
    if (!given.json && given.outputs.empty() && !given.benchmark)
      fmt::print("result {}: {}{}\n", i, output.describe(),
                 firstValues(output));
    if (given.verify) {
      const ErrorReport &error = verification.results[i];
      result["rel_err"] = std::isfinite(error.relative)
                              ? llvm::json::Value(error.relative)
                              : nullptr;
      if (!given.json)
        fmt::print("verify: result {}: {}\n", i, error.describe());
    }
    results.push_back(std::move(result));
  }
  report["results"] = std::move(results);
  report["peak_rss_bytes"] = peakResidentBytes();
  if (given.json)
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(std::move(report)));
  return given.verify ? verification.check() : llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  removeForeignOptions();
  Options options;
  cl::ParseCommandLineOptions(
      argc, argv, "Compiles a program and runs one of its functions\n");
  if (auto error = run(options))
    return reportError("rlx-run", std::move(error));
  return 0;
}
