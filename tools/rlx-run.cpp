//===- rlx-run.cpp - Compiles and runs a program --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thin main over the compiler API: binds weights, reads inputs, runs, writes
// outputs. What differs between the CPU and devices is behind run/Runner.h.
//
//===----------------------------------------------------------------------===//

#include "codegen/Compiler.h"
#include "codegen/Verify.h"
#include "runtime/LostPages.h"
#include "runtime/Npy.h"
#include "runtime/OutputFile.h"
#include "tools/run/CalibrateRun.h"
#include "tools/run/Runner.h"
#include "tools/run/StateFiles.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"

#include <sys/resource.h>

#include <cmath>
#include <cstring>

using namespace rlx;

static std::string firstValues(const Tensor &tensor) {
  if (tensor.type() != ElementType::f32)
    return "";
  constexpr int64_t shown = 6;
  std::string text;
  for (int64_t i = 0; i < std::min(shown, tensor.numElements()); ++i)
    text += fmt::format("{}{:.6g}", i ? " " : " = ", tensor.data<float>()[i]);
  return text + (tensor.numElements() > shown ? " ..." : "");
}

/// The most memory that this process had at a time, mapped files included.
static int64_t peakResidentBytes() {
  rusage usage = {};
  constexpr int64_t unit = 1024;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * unit : 0;
}

static llvm::Error list(const RunCommandLine &given) {
  if (!given.program.empty())
    return llvm::createStringError("expected no program with --list-devices, "
                                   "but got '" +
                                   given.program + "'");
  llvm::outs() << describeDevices(given.json);
  return llvm::Error::success();
}

/// Reads the inputs that are no states; how many there must be, running says.
static llvm::Expected<std::vector<Tensor>>
readInputs(const RunCommandLine &given, const FunctionSignature &function) {
  std::vector<Tensor> inputs;
  std::vector<TensorSignature> known;
  for (const TensorSignature &input : function.inputs)
    if (input.state.empty())
      known.push_back(input);
  for (const std::string &path : given.inputs) {
    std::optional<ElementType> expected;
    if (inputs.size() < known.size())
      expected = known[inputs.size()].element;
    Result<Tensor> tensor = readNpy(path, expected);
    if (!tensor)
      return toError(tensor.status());
    inputs.push_back(tensor.take());
    // Here, where the file's name is known.
    size_t i = inputs.size() - 1;
    if (i < known.size())
      if (auto error = known[i].check(inputs[i].view(),
                                      fmt::format("input {} ('{}')", i, path)))
        return error;
  }
  return inputs;
}

/// All of them or none.
static llvm::Error writeResults(llvm::ArrayRef<std::string> paths,
                                llvm::ArrayRef<Tensor> results) {
  std::vector<OutputFile> files;
  for (const auto &[path, result] : llvm::zip_first(paths, results)) {
    Result<OutputFile> file = beginNpy(path, result.view());
    if (!file)
      return toError(file.status());
    files.push_back(file.take());
  }
  return toError(OutputFile::commitAll(files));
}

static std::vector<TensorView> viewsOf(const std::vector<Tensor> &tensors) {
  std::vector<TensorView> views;
  for (const Tensor &tensor : tensors)
    views.push_back(tensor.view());
  return views;
}

/// A cache that cannot be written is no error of a compilation, but one of a
/// user who asks for it.
static llvm::Error createCacheDirectory(const RunCommandLine &given) {
  if (given.cacheDirectory.empty())
    return llvm::Error::success();
  if (auto error = llvm::sys::fs::create_directories(given.cacheDirectory,
                                                     /*IgnoreExisting=*/true,
                                                     llvm::sys::fs::owner_all))
    return llvm::createStringError("'" + given.cacheDirectory +
                                   "' cannot be created: " + error.message());
  if (!llvm::sys::fs::is_directory(given.cacheDirectory))
    return llvm::createStringError(
        "expected --cache-dir to be a folder, but got '" +
        given.cacheDirectory + "'");
  return llvm::Error::success();
}

/// JSON has no infinities.
static llvm::json::Value finiteValue(double number) {
  return std::isfinite(number) ? llvm::json::Value(number) : nullptr;
}

/// What the passes are told for this CPU.
static llvm::Error printTarget(const RunCommandLine &given) {
  auto options = given.compileOptions(/*triple=*/"");
  if (!options)
    return options.takeError();
  auto text = describePipeline(*options);
  if (!text)
    return text.takeError();
  return writeOutput("-", *text + "\n");
}

/// Prints the code of all functions, as it would be run.
static llvm::Error show(mlir::ModuleOp module, const RunCommandLine &given) {
  auto options = given.compileOptions(/*triple=*/"");
  if (!options)
    return options.takeError();
  CodeForm form = given.emit == ShownForm::assembly ? CodeForm::assembly
                  : given.emit == ShownForm::llvmIr ? CodeForm::llvmIr
                                                    : CodeForm::llvmDialect;
  auto emitted = emitModule(module, form, *options);
  if (!emitted)
    return emitted.takeError();
  return writeOutput("-", {emitted->code.data(), emitted->code.size()});
}

/// Remarks go where those of a compilation go.
static llvm::Error report(mlir::ModuleOp module, const RunCommandLine &given) {
  auto options = given.compileOptions(/*triple=*/"");
  if (!options)
    return options.takeError();
  return reportFusion(module, *options);
}

static llvm::Error run(const RunCommandLine &given) {
  if (given.listDevices)
    return list(given);
  if (auto error = checkDeviceOptions(given))
    return error;
  if (given.printTarget)
    return printTarget(given);
  if (given.program.empty())
    return llvm::createStringError(
        "expected a program, --list-devices or --print-target");
  if (auto error = createCacheDirectory(given))
    return error;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  if (auto error = readSchemeFiles(*context, given.schemes))
    return error;
  auto module = parseFile(*context, given.program, given.bytecode);
  if (!module)
    return module.takeError();
  if (given.fusionReport)
    return report(**module, given);
  if (given.emit != ShownForm::none)
    return show(**module, given);
  if (!given.calibrate.empty())
    return calibrate(**module, given);
  auto runner = given.device == "cpu" ? createCpuRunner(**module, given)
                                      : createDeviceRunner(**module, given);
  if (!runner)
    return runner.takeError();
  const FunctionSignature &function = (*runner)->function();
  if (given.outputs.size() > function.results.size())
    return llvm::createStringError(fmt::format(
        "{} outputs are given, but '{}' has {} results", given.outputs.size(),
        function.name, function.results.size()));
  llvm::StringSet<> files;
  for (const std::string &path : given.outputs)
    if (!files.insert(path).second)
      return llvm::createStringError(
          "expected a file of its own for each result, but '--output " + path +
          "' is given twice");
  for (const std::string &path : given.weights) {
    Result<std::unique_ptr<WeightFile>> file = openWeightFile(path);
    if (!file)
      return toError(file.status());
    if (auto error = (*runner)->bindWeights(file.take()))
      return error;
  }
  auto inputs = readInputs(given, function);
  if (!inputs)
    return inputs.takeError();
  auto states = readStates(given, function);
  if (!states)
    return states.takeError();
  bool hasStates = !function.states.empty();
  if (hasStates && given.verify && given.benchmark)
    return llvm::createStringError(
        "'" + function.name +
        "' changes states with each run, expected one of --verify and "
        "--benchmark");
  std::vector<TensorView> views = viewsOf(*inputs);
  if (hasStates) {
    auto all = states->inputs(views);
    if (!all)
      return all.takeError();
    views = std::move(*all);
  }
  if (given.memory) {
    llvm::json::Object report{{"entry", function.name}};
    if (auto error = (*runner)->describeMemory(
            views, report, given.json ? nullptr : &llvm::outs()))
      return error;
    if (given.json)
      llvm::outs() << llvm::formatv("{0:2}\n",
                                    llvm::json::Value(std::move(report)));
    return llvm::Error::success();
  }
  std::vector<Tensor> before; // What the reference begins with.
  std::vector<TensorView> reference = views;
  for (const StateSignature &state : function.states) {
    if (!given.verify)
      break;
    const TensorView &view = views[state.input];
    Result<Tensor> copy = Tensor::allocate(view.type, view.shape);
    if (!copy)
      return toError(copy.status());
    std::memcpy(copy->data<void>(), view.data, view.numBytes());
    reference[state.input] = copy->view();
    before.push_back(copy.take());
  }
  auto outputs = (*runner)->run(views);
  if (!outputs)
    return outputs.takeError();

  llvm::raw_ostream *text = given.json ? nullptr : &llvm::outs();
  llvm::json::Object report{{"entry", function.name}};
  (*runner)->describe(report, text);
  if (given.benchmark)
    if (auto error =
            (*runner)->measureRuns(views, viewsOf(*outputs), report, text))
      return error;
  if (auto error = writeResults(given.outputs, *outputs))
    return error;
  if (auto error = writeStates(given, *states))
    return error;
  Verification verification;
  if (given.verify) {
    auto verified = verify(**module, **runner, function.name, reference,
                           states->results(viewsOf(*outputs)));
    if (!verified)
      return verified.takeError();
    verification = std::move(*verified);
    report["bound"] = finiteValue(verification.bound);
  }
  llvm::json::Array results;
  std::vector<size_t> numbers = states->resultNumbers();
  for (size_t i = 0; i < outputs->size(); ++i) {
    const Tensor &output = (*outputs)[i];
    llvm::json::Object result{{"type", function.results[i].type},
                              {"shape", llvm::json::Array(output.shape())}};
    if (text && given.outputs.empty() && !given.benchmark)
      *text << fmt::format("result {}: {}{}\n", i, output.describe(),
                           firstValues(output));
    if (given.verify) {
      const ErrorReport &error = verification.results[numbers[i]];
      result["rel_err"] = finiteValue(error.relative);
      result["bound"] = finiteValue(error.bound);
      if (text)
        *text << fmt::format("verify: result {}: {}\n", i, error.describe());
    }
    results.push_back(std::move(result));
  }
  for (const StateSignature &state : function.states)
    if (text && given.verify)
      *text << fmt::format("verify: state '{}': {}\n",
                           function.inputs[state.input].state,
                           verification.results[state.result].describe());
  report["results"] = std::move(results);
  report["peak_rss_bytes"] = peakResidentBytes();
  if (given.json)
    llvm::outs() << llvm::formatv("{0:2}\n",
                                  llvm::json::Value(std::move(report)));
  return given.verify ? verification.check() : llvm::Error::success();
}

int main(int argc, char **argv) {
  beginTool("rlx-run",
            "  rlx-run q4.mlir --weights ggml-types.gguf --input x.npy "
            "--verify\n"
            "  rlx-run q4.mlir --emit assembly\n"
            "  rlx-opt q4.mlir \"--rlx-cpu=$(rlx-run --print-target)\"\n");
  removeTemporariesOnSignals(); // LLVM has handlers, too
  ToolProcess process(argc, argv);
  rlx::exitOnLostPages("rlx-run");
  removeForeignOptions();
  RunCommandLine options;
  cl::ParseCommandLineOptions(
      argc, argv, "Compiles a program and runs one of its functions\n");
  return finishTool("rlx-run", run(options));
}
