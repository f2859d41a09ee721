//===- OpsBench.cpp - Speed of plain operations of linalg -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/OpsBench.h"

#include "runtime/cpu/ThreadPool.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <chrono>
#include <cstring>
#include <random>

using namespace rlx;
using Clock = std::chrono::steady_clock;

static std::string joined(const Sizes &sizes, const char *between) {
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : between) + std::to_string(size);
  return text;
}

std::string OpRow::describe() const {
  return fmt::format("{}, {}, {} thread{}", name, joined(sizes, " x "), threads,
                     threads == 1 ? "" : "s");
}

static double quantileOf(std::vector<double> values, double part) {
  auto at = values.begin() + int64_t(double(values.size()) * part);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

static double elapsedMs(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

namespace {
/// Copies in parts that threads share out.
class Copy {
public:
  static llvm::Expected<Copy> create(double bytesMoved) {
    int64_t bytes = std::max<int64_t>(int64_t(bytesMoved / 2), part);
    Copy copy;
    for (Tensor *tensor : {&copy.from, &copy.to}) {
      auto memory = toExpected(Tensor::allocate(ElementType::u8, {bytes}));
      if (!memory)
        return memory.takeError();
      std::memset(memory->bytes().data(), 1, memory->numBytes());
      *tensor = std::move(*memory);
    }
    return copy;
  }
  /// 10^9 bytes a second, read and written.
  double run(ThreadPool &pool) {
    int64_t parts = (from.numBytes() + part - 1) / part;
    Clock::time_point start = Clock::now();
    pool.parallelFor(
        [](void *closure, int64_t begin, int64_t end) {
          auto *copy = static_cast<Copy *>(closure);
          int64_t bytes = copy->from.numBytes();
          int64_t first = begin * part;
          std::memcpy(copy->to.data<uint8_t>() + first,
                      copy->from.data<uint8_t>() + first,
                      std::min(end * part, bytes) - first);
        },
        this, parts);
    return 2 * double(from.numBytes()) / elapsedMs(start) / 1e6;
  }

private:
  static constexpr int64_t part = 1 << 16;
  Tensor from, to;
};
} // namespace

llvm::Expected<OpsBench> OpsBench::create(double seconds, std::string choices) {
  auto limits = LimitsBench::create(seconds);
  if (!limits)
    return limits.takeError();
  return OpsBench(std::move(*limits), seconds, std::move(choices));
}

/// Numbers from 0.1 to 1.9: those that all functions are defined for.
static llvm::Expected<Tensor> randomTensor(const Sizes &sizes, unsigned seed) {
  auto tensor = toExpected(Tensor::allocate(ElementType::f32, sizes));
  if (!tensor)
    return tensor.takeError();
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0.1f, 1.9f);
  for (int64_t i = 0; i < tensor->numElements(); ++i)
    tensor->data<float>()[i] = uniform(random);
  return tensor;
}

llvm::Expected<OpFigures> OpsBench::run(const OpRow &row) {
  std::unique_ptr<ThreadPool> &pool = pools[row.threads];
  if (!pool)
    pool = std::make_unique<ThreadPool>(row.threads);
  CompileOptions options;
  options.choices = choices;
  CompileReport report;
  auto executable = compileText(row.program.text, options, &report);
  if (!executable)
    return executable.takeError();
  std::vector<Tensor> inputs;
  std::vector<TensorView> views;
  for (const Sizes &sizes : row.program.inputs) {
    auto input = randomTensor(sizes, unsigned(inputs.size() + 1));
    if (!input)
      return input.takeError();
    inputs.push_back(std::move(*input));
  }
  for (const Tensor &input : inputs)
    views.push_back(input.view());
  auto result =
      toExpected(Tensor::allocate(ElementType::f32, row.program.result));
  if (!result)
    return result.takeError();
  auto copy = Copy::create(row.program.bytes);
  if (!copy)
    return copy.takeError();

  OpFigures figures;
  figures.compileMs = report.milliseconds;
  RunOptions how{pool.get(), {}};
  auto timed = [&]() -> llvm::Expected<double> {
    Clock::time_point start = Clock::now();
    if (auto error = (*executable)->run("main", views, result->view(), how))
      return error;
    return elapsedMs(start);
  };
  // Not counted: pages are touched for the first time.
  if (auto first = timed(); !first)
    return first.takeError();
  copy->run(*pool);
  constexpr double turnMs = 20;
  constexpr size_t leastRuns = 5;
  std::vector<double> times, looks;
  double total = 0;
  while (times.size() < leastRuns || total < seconds * 1e3) {
    // Several runs in turn, then as long a look at the limit.
    double turn = 0;
    do {
      auto time = timed();
      if (!time)
        return time.takeError();
      times.push_back(*time);
      turn += *time;
    } while (turn < turnMs && total + turn < seconds * 1e3);
    total += turn;
    if (!row.isBoundByMemory()) {
      auto rate = limits.samplePeak("f32", row.threads);
      if (!rate)
        return rate.takeError();
      looks.push_back(rate->value_or(0));
      continue;
    }
    Clock::time_point start = Clock::now();
    do
      looks.push_back(copy->run(*pool));
    while (elapsedMs(start) < std::min(turn, turnMs));
  }
  figures.medianMs = quantileOf(times, 0.5);
  figures.minMs = *llvm::min_element(times);
  figures.runs = times.size();
  // A look is short, and whatever disturbs it makes it less.
  figures.limit = quantileOf(looks, 0.75);
  return figures;
}

//===----------------------------------------------------------------------===//
// NumPy
//===----------------------------------------------------------------------===//

/// A program that prints the median time of each formula, in milliseconds, or
/// null.
static std::string numpyProgram(const std::vector<OpRow> &rows,
                                double seconds) {
  std::string text = "import json, time\n"
                     "import numpy as np\n"
                     "def measure(run, inputs):\n"
                     "    run(*inputs)\n"
                     "    times, begin = [], time.perf_counter()\n"
                     "    while len(times) < 5 or time.perf_counter() - begin "
                     "< SECONDS:\n"
                     "        start = time.perf_counter()\n"
                     "        run(*inputs)\n"
                     "        times.append(time.perf_counter() - start)\n"
                     "    return sorted(times)[len(times) // 2] * 1e3\n"
                     "r = np.random.default_rng(1)\n"
                     "def x(*sizes):\n"
                     "    return r.uniform(0.1, 1.9, sizes).astype('f4')\n";
  text = fmt::format("SECONDS = {}\n", seconds) + text + "results = []\n";
  for (const OpRow &row : rows) {
    if (row.program.numpy.empty()) {
      text += "results.append(None)\n";
      continue;
    }
    std::string arguments, inputs;
    for (size_t i = 0; i < row.program.inputs.size(); ++i) {
      arguments += fmt::format("{}x{}", i ? ", " : "", i);
      inputs += fmt::format("x({}), ", joined(row.program.inputs[i], ", "));
    }
    text += fmt::format("def run({}):\n    {}\n    return y\n"
                        "results.append(measure(run, ({})))\n",
                        arguments, row.program.numpy, inputs);
  }
  return text + "print(json.dumps(results))\n";
}

/// What `python` prints for a program, on so many threads.
static llvm::Expected<std::string> runPython(const std::string &python,
                                             const std::string &program,
                                             unsigned threads) {
  llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(python);
  if (!path)
    return llvm::createStringError("expected --numpy to be a program that runs "
                                   "Python, but there is no '" +
                                   python + "'");
  llvm::SmallString<128> output, errors;
  for (llvm::SmallString<128> *file : {&output, &errors})
    if (std::error_code error =
            llvm::sys::fs::createTemporaryFile("rlx-bench", "txt", *file))
      return llvm::createStringError("no temporary file: " + error.message());
  llvm::FileRemover removeOutput(output), removeErrors(errors);
  // The names that libraries which numpy may be built with have for it.
  std::vector<std::string> environment;
  for (const char *name :
       {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"})
    environment.push_back(fmt::format("{}={}", name, threads));
  for (const char *name : {"PATH", "HOME", "LD_LIBRARY_PATH"})
    if (const char *value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  std::vector<llvm::StringRef> values(environment.begin(), environment.end());
  std::string message;
  int code = llvm::sys::ExecuteAndWait(
      *path, {*path, "-c", program}, llvm::ArrayRef<llvm::StringRef>(values),
      {llvm::StringRef(""), output.str(), errors.str()}, 0, 0, &message);
  auto printed = llvm::MemoryBuffer::getFile(code ? errors : output);
  std::string text = printed ? (*printed)->getBuffer().trim().str() : message;
  if (code == 0)
    return text;
  // Python says what is wrong in its last line.
  return llvm::createStringError("'" + python + "' cannot run NumPy: " +
                                 llvm::StringRef(text).rsplit('\n').second);
}

llvm::Error OpsBench::addNumpy(std::vector<OpRow> &rows,
                               const std::string &python) {
  std::map<unsigned, std::vector<OpRow *>> byThreads;
  for (OpRow &row : rows)
    byThreads[row.threads].push_back(&row);
  for (auto &[threads, some] : byThreads) {
    std::vector<OpRow> copies;
    for (OpRow *row : some)
      copies.push_back(*row);
    auto printed = runPython(python, numpyProgram(copies, seconds), threads);
    if (!printed)
      return printed.takeError();
    llvm::Expected<llvm::json::Value> value = llvm::json::parse(*printed);
    if (!value)
      return value.takeError();
    llvm::json::Array *times = value->getAsArray();
    if (!times || times->size() != some.size())
      return llvm::createStringError("expected '" + python +
                                     "' to print a time for each operation");
    for (auto [row, time] : llvm::zip(some, *times))
      if (row->figures)
        row->figures->numpyMs = time.getAsNumber();
  }
  return llvm::Error::success();
}

/// `512x4096`
static llvm::Expected<Sizes> parseSizes(llvm::StringRef text) {
  Sizes sizes;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, 'x');
  constexpr int64_t most = int64_t(1) << 30;
  for (llvm::StringRef part : parts) {
    int64_t size;
    if (part.getAsInteger(10, size) || size < 1 || size > most)
      return llvm::createStringError(
          "expected --sizes as 512x4096, of sizes of 1 or more, but got '" +
          text + "'");
    sizes.push_back(size);
  }
  return sizes;
}

llvm::Expected<std::vector<OpRow>>
OpsBench::rowsOf(llvm::ArrayRef<std::string> names,
                 llvm::ArrayRef<std::string> shapes,
                 llvm::ArrayRef<unsigned> threadCounts) {
  std::vector<Sizes> sizes;
  for (const std::string &text : shapes) {
    auto parsed = parseSizes(text);
    if (!parsed)
      return parsed.takeError();
    sizes.push_back(*parsed);
  }
  std::vector<const OpKind *> kinds;
  std::string known;
  for (const OpKind &kind : opKinds()) {
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
    if (names.empty())
      kinds.push_back(&kind);
  }
  for (const std::string &name : names) {
    kinds.push_back(findOpKind(name));
    if (!kinds.back())
      return llvm::createStringError("expected --op to be of " + known +
                                     ", but got '" + name + "'");
  }
  std::vector<OpRow> rows;
  for (const OpKind *kind : kinds)
    for (const Sizes &each : sizes.empty() ? kind->usual : sizes)
      for (unsigned threads : threadCounts)
        if (each.size() == kind->usual.front().size())
          rows.push_back({kind->name, each, threads, kind->make(each)});
  if (rows.empty())
    return llvm::createStringError(
        llvm::Twine("expected --sizes for '") + kinds.front()->name + "' as " +
        kinds.front()->sizes + ", but got '" + shapes.front() + "'");
  return rows;
}
