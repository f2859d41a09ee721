//===- ProgramRunner.cpp - A program on every target ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/fuzz/ProgramRunner.h"

#include "codegen/Compiler.h"
#include "codegen/Verify.h"
#include "codegen/gpu/DeviceExecutable.h"
#include "codegen/reference/Element.h"
#include "runtime/gpu/Device.h"
#include "tests/fuzz/GuardedMemory.h"
#include "tests/fuzz/Refusals.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>
#include <csignal>
#include <deque>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace rlx;
using namespace rlx::fuzz;

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

llvm::Expected<std::vector<RunTarget>>
rlx::fuzz::runTargets(const std::vector<std::string> &names) {
  std::vector<RunTarget> targets = {
      {"cpu", "", "", false, 0, ""},
      {"deterministic", "", "", true, 2, ""},
      {"threads", "", "", false, 3, ""},
      {"panels", "", "min_m_panel=2", false, 2, ""},
  };
#if defined(__x86_64__)
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  targets.push_back({"x86-64", "x86-64", "", false, 0, ""});
  if (features.lookup("avx2") && features.lookup("fma") &&
      features.lookup("f16c"))
    targets.push_back({"x86-64-v3", "x86-64-v3", "", false, 2, ""});
  if (features.lookup("avx512vnni") && features.lookup("avx512vl") &&
      features.lookup("avx512bw"))
    targets.push_back({"cascadelake", "cascadelake", "", false, 0, ""});
#endif
  targets.push_back({"opencl", "", "", false, 0, "opencl"});
  targets.push_back({"vulkan", "", "", false, 0, "vulkan"});
  if (names.empty())
    return targets;
  std::vector<std::string> known;
  for (const RunTarget &target : targets)
    known.push_back(target.name);
  for (const std::string &name : names)
    if (!llvm::is_contained(known, name))
      return llvm::createStringError(
          "expected targets of " + llvm::join(known, ", ") +
          ", which this machine runs, but got '" + name + "'");
  llvm::erase_if(targets, [&](const RunTarget &target) {
    return !llvm::is_contained(names, target.name);
  });
  return targets;
}

//===----------------------------------------------------------------------===//
// One run
//===----------------------------------------------------------------------===//

namespace {

/// Numbers of one result, or the error in their place.
struct Results {
  std::vector<ReferenceTensor> tensors;
  std::string error;    ///< Why there are none.
  bool isKnown = false; ///< Whether there is a reference at all.
  /// Where there is none, what the first target gave.
  std::vector<std::vector<double>> others;
};

/// The memory of a run: inputs and weights that may not be written, outputs.
class RunMemory {
public:
  RunMemory(const RandomProgram &program, Border border) : border(border) {
    for (const Data &input : program.inputs)
      inputs.push_back(hold(input));
    for (const Weight &weight : program.weights)
      weights.push_back(hold(weight.data));
  }
  TensorView hold(const Data &data) {
    GuardedMemory &memory = held.emplace_back(data.bytes.size(), border);
    if (!data.bytes.empty())
      std::memcpy(memory.data(), data.bytes.data(), data.bytes.size());
    memory.protect();
    return {data.type, data.shape, memory.data()};
  }
  TensorView output(ElementType type, const std::vector<int64_t> &shape) {
    TensorView view{type, shape, nullptr};
    GuardedMemory &memory =
        written.emplace_back(size_t(view.numBytes()), border);
    view.data = memory.data();
    return view;
  }
  bool isIntact() const {
    return llvm::all_of(
        written, [](const GuardedMemory &memory) { return memory.isIntact(); });
  }

  std::vector<TensorView> inputs, weights;

private:
  Border border;
  std::deque<GuardedMemory> held, written;
};

class ProgramRun {
public:
  ProgramRun(const RandomProgram &program, mlir::ModuleOp module)
      : program(program), module(module) {}

  RunOutcome on(const RunTarget &target, Results &expected, Border border);

private:
  template <typename ExecutableT>
  llvm::Error bind(ExecutableT &executable, const RunMemory &memory,
                   const FunctionSignature &function) {
    for (size_t i = 0; i < program.weights.size(); ++i) {
      const std::string &name = program.weights[i].name;
      if (llvm::none_of(function.weights, [&](const TensorSignature &weight) {
            return weight.weight == name;
          }))
        continue; // Nothing reads it.
      if (llvm::Error error = executable.bindWeight(name, memory.weights[i]))
        return error;
    }
    return llvm::Error::success();
  }
  llvm::Expected<std::vector<TensorView>> runOnCpu(const RunTarget &target,
                                                   RunMemory &memory);
  llvm::Expected<std::vector<TensorView>> runOnDevice(const RunTarget &target,
                                                      RunMemory &memory);

  const RandomProgram &program;
  mlir::ModuleOp module;
  /// Whether a device is still being asked what it can do.
  bool mayRefuse = false;
  std::vector<std::vector<Tensor>> kept;
};

} // namespace

llvm::Expected<std::vector<TensorView>>
ProgramRun::runOnCpu(const RunTarget &target, RunMemory &memory) {
  CompileOptions options;
  if (!target.cpu.empty()) {
    llvm::Expected<CpuTarget> cpu = CpuTarget::create("", target.cpu, "");
    if (!cpu)
      return cpu.takeError();
    options.target = *cpu;
  }
  options.choices = target.choices;
  options.deterministic = target.deterministic;
  llvm::Expected<std::unique_ptr<Executable>> executable =
      compileModule(module, options);
  if (!executable)
    return executable.takeError();
  auto function = (*executable)->findFunction("main");
  if (!function)
    return function.takeError();
  if (llvm::Error error = bind(**executable, memory, **function))
    return error;
  std::optional<ThreadPool> pool;
  RunOptions runOptions;
  if (target.threads) {
    pool.emplace(target.threads);
    runOptions.pool = &*pool;
  }
  auto shapes = (*executable)->resultShapes("main", memory.inputs);
  if (!shapes)
    return shapes.takeError();
  std::vector<TensorView> outputs;
  for (auto [result, shape] : llvm::zip((*function)->results, *shapes)) {
    if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
      return llvm::createStringError("RESULT OF NEGATIVE SIZE " +
                                     describeShape(shape));
    outputs.push_back(memory.output(result.element, shape));
  }
  if (llvm::Error error =
          (*executable)->run("main", memory.inputs, outputs, runOptions))
    return error;
  return outputs;
}

llvm::Expected<std::vector<TensorView>>
ProgramRun::runOnDevice(const RunTarget &target, RunMemory &memory) {
  DeviceApi api =
      target.device == "vulkan" ? DeviceApi::vulkan : DeviceApi::opencl;
  mayRefuse = true;
  // One device for the life of the child, which runs one program.
  static std::map<DeviceApi, std::unique_ptr<Device>> devices;
  std::unique_ptr<Device> &device = devices[api];
  if (!device) {
    Result<std::unique_ptr<Device>> opened = Device::open(api, 0);
    if (!opened)
      return llvm::createStringError(opened.message());
    device = opened.take();
  }
  llvm::Expected<std::unique_ptr<DeviceExecutable>> executable =
      DeviceExecutable::compile(module, *device);
  if (!executable)
    return executable.takeError();
  auto function = (*executable)->findFunction("main");
  if (!function)
    return function.takeError();
  if (llvm::Error error = bind(**executable, memory, **function))
    return error;
  mayRefuse = false;
  llvm::Expected<std::vector<Tensor>> results =
      (*executable)->run("main", memory.inputs);
  if (!results)
    return results.takeError();
  std::vector<TensorView> outputs;
  for (const Tensor &tensor : *results)
    outputs.push_back(tensor.view());
  kept.push_back(std::move(*results));
  return outputs;
}

/// Compares with what another target gave, by the bounds of the generator.
static std::string compareWithOther(const RandomProgram &program,
                                    llvm::ArrayRef<TensorView> outputs,
                                    Results &expected) {
  bool isFirst = expected.others.empty();
  if (program.results.empty()) // Part of a program: nothing is known of it.
    return "";
  for (auto [i, output] : llvm::enumerate(outputs)) {
    std::vector<double> numbers(size_t(output.numElements()));
    for (size_t k = 0; k < numbers.size(); ++k)
      numbers[k] = elementAsDouble(output, int64_t(k));
    if (i < program.results.size() && output.shape != program.results[i].shape)
      return "result " + std::to_string(i) + ": expected " +
             describeShape(program.results[i].shape) + ", but got " +
             describeShape(output.shape);
    if (isFirst) {
      for (size_t k = 0; k < numbers.size(); ++k)
        if (!(std::fabs(numbers[k]) <=
              1.01 * (program.results[i].magnitude + program.results[i].error)))
          return "result " + std::to_string(i) + ", element " +
                 std::to_string(k) + ": " + std::to_string(numbers[k]) +
                 " is larger than " +
                 std::to_string(program.results[i].magnitude);
      expected.others.push_back(numbers);
      continue;
    }
    for (size_t k = 0; k < numbers.size(); ++k)
      if (double other = expected.others[i][k];
          !(std::fabs(numbers[k] - other) <= 2 * program.results[i].error))
        return "result " + std::to_string(i) + " of " +
               describeShape(output.shape) + ", element " + std::to_string(k) +
               ": " + std::to_string(numbers[k]) + " in place of " +
               std::to_string(other) + ", allowed " +
               std::to_string(program.results[i].error);
  }
  return "";
}

RunOutcome ProgramRun::on(const RunTarget &target, Results &expected,
                          Border border) {
  RunOutcome outcome{target.name, Verdict::right, "", false};
  RunMemory memory(program, border);
  llvm::Expected<std::vector<TensorView>> outputs =
      target.device.empty() ? runOnCpu(target, memory)
                            : runOnDevice(target, memory);
  auto wrong = [&](const std::string &message) {
    outcome.verdict = Verdict::wrong;
    outcome.message = message;
    return outcome;
  };
  outcome.isError = expected.isKnown && !expected.error.empty();
  if (!memory.isIntact()) {
    if (!outputs)
      llvm::consumeError(outputs.takeError());
    return wrong("memory around an output was written");
  }
  if (!outputs) {
    std::string message = llvm::toString(outputs.takeError());
    if (mayRefuse && isRefusal(message)) {
      outcome.verdict = Verdict::refused;
      outcome.message = message;
      return outcome;
    }
    return outcome.isError || (!expected.isKnown && program.altered)
               ? outcome
               : wrong("error: " + message);
  }
  if (outcome.isError)
    return wrong("numbers in place of an error: " + expected.error);
  if (!expected.isKnown) {
    if (program.altered)
      return outcome;
    std::string difference = compareWithOther(program, *outputs, expected);
    return difference.empty() ? outcome : wrong(difference);
  }
  if (outputs->size() != expected.tensors.size())
    return wrong("another number of results");
  for (auto [i, output] : llvm::enumerate(*outputs)) {
    const ReferenceTensor &tensor = expected.tensors[i];
    if (output.shape != tensor.shape)
      return wrong("result " + std::to_string(i) + ": expected " +
                   describeShape(tensor.shape) + ", but got " +
                   describeShape(output.shape));
    ErrorReport report = measureError(output, tensor);
    if (!report.passes())
      return wrong("result " + std::to_string(i) + " of " +
                   describeShape(output.shape) + ": " + report.describe());
  }
  return outcome;
}

//===----------------------------------------------------------------------===//
// The child
//===----------------------------------------------------------------------===//

/// Whether the reference says that it does not know the operation.
static bool isUnknown(llvm::StringRef message) {
  return message.contains("cannot be verified");
}

/// What the interpreter says, in the form of the program as it was parsed.
static Results evaluateReference(const RandomProgram &program,
                                 mlir::ModuleOp module) {
  Results results;
  RunMemory memory(program, Border::behind);
  auto lookUp = [&](llvm::StringRef name) {
    for (size_t i = 0; i < program.weights.size(); ++i)
      if (program.weights[i].name == name)
        return memory.weights[i];
    return TensorView();
  };
  llvm::Expected<std::vector<ReferenceTensor>> exact =
      evaluate(module, lookUp, "main", memory.inputs);
  if (exact) {
    results.isKnown = true;
    results.tensors = std::move(*exact);
  } else {
    results.error = llvm::toString(exact.takeError());
    // What it has no numbers for, targets are compared with each other on.
    results.isKnown = !isUnknown(results.error);
  }
  return results;
}

namespace {
/// Lines to the parent: a letter and a text, which has no line end.
class Reporter {
public:
  explicit Reporter(int file) : stream(file, /*shouldClose=*/true) {}
  void send(char kind, llvm::StringRef text) {
    std::string line = text.str();
    for (char &c : line)
      if (c == '\n')
        c = '\x1f';
    stream << kind << line << '\n';
    stream.flush();
  }

private:
  llvm::raw_fd_ostream stream;
};
} // namespace

static void runAll(const RandomProgram &program,
                   const std::vector<RunTarget> &targets, Reporter &reporter) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, program.text);
  if (!module) {
    reporter.send('T', "generator");
    reporter.send('W', llvm::toString(module.takeError()));
    return;
  }
  reporter.send('T', "reference");
  Results expected = evaluateReference(program, **module);
  if (!expected.error.empty() && !program.altered)
    reporter.send(expected.isKnown ? 'W' : 'N', expected.error);
  size_t index = 0;
  for (const RunTarget &target : targets) {
    reporter.send('T', target.name);
    Border border =
        (program.seed + index++) % 2 ? Border::before : Border::behind;
    RunOutcome outcome =
        ProgramRun(program, **module).on(target, expected, border);
    char kind = outcome.verdict == Verdict::right     ? 'R'
                : outcome.verdict == Verdict::refused ? 'N'
                                                      : 'W';
    if (kind == 'R' && outcome.isError)
      kind = 'E';
    reporter.send(kind, outcome.message);
  }
}

/// The first lines of what was written to a file.
static std::string textOf(FILE *file) {
  std::string text;
  char buffer[4096];
  rewind(file);
  if (size_t count = fread(buffer, 1, sizeof(buffer), file))
    text.assign(buffer, count);
  return text;
}

std::vector<RunOutcome>
rlx::fuzz::runInChild(const std::function<RandomProgram()> &make,
                      const std::vector<RunTarget> &targets,
                      const RunLimits &limits) {
  int pipes[2];
  if (pipe(pipes))
    return {{"driver", Verdict::wrong, "no pipe", false}};
  fflush(stdout);
  FILE *said = tmpfile();
  pid_t child = fork();
  if (child == 0) {
    close(pipes[0]);
    rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(limits.seconds);
    // Where it crashes is told by name, as far as names are known.
    setenv("LLVM_DISABLE_SYMBOLIZATION", "1", 1);
    dup2(fileno(said), STDERR_FILENO);
    llvm::sys::PrintStackTraceOnErrorSignal("rlx-fuzz-programs");
    Reporter reporter(pipes[1]);
    reporter.send('T', "generator");
    runAll(make(), targets, reporter);
    reporter.send('D', "");
    _exit(0);
  }
  close(pipes[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t count; (count = read(pipes[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, size_t(count));
  close(pipes[0]);
  int status = 0;
  waitpid(child, &status, 0);
  std::string errors = textOf(said);
  fclose(said);

  std::vector<RunOutcome> outcomes;
  std::string target;
  bool isDone = false, isOpen = false;
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines) {
    std::string rest = line.drop_front().str();
    for (char &c : rest)
      if (c == '\x1f')
        c = '\n';
    switch (line[0]) {
    case 'T':
      target = rest;
      isOpen = true;
      break;
    case 'D':
      isDone = true;
      break;
    default:
      outcomes.push_back({target,
                          line[0] == 'W'   ? Verdict::wrong
                          : line[0] == 'N' ? Verdict::refused
                                           : Verdict::right,
                          rest, line[0] == 'E'});
      isOpen = false;
    }
  }
  if (!isDone) {
    std::string how =
        WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
            ? "more than " + std::to_string(limits.seconds) + " seconds"
        : WIFSIGNALED(status)
            ? "signal " + std::to_string(WTERMSIG(status)) + " (" +
                  strsignal(WTERMSIG(status)) + ")"
            : "exit with " + std::to_string(WEXITSTATUS(status));
    outcomes.push_back({target + (isOpen ? "" : " (at its end)"),
                        Verdict::wrong, how + "\n" + errors, false});
  }
  return outcomes;
}
