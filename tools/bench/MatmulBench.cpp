//===- MatmulBench.cpp - Speed and error of one matmul --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/MatmulBench.h"

#include "ir/SchemeFile.h"
#include "tools/bench/ActivationData.h"
#include "tools/bench/RelativeError.h"

#include "mlir/Support/DebugStringHelper.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <chrono>
#include <cstring>

using namespace rlx;

std::string MatmulCase::describe() const {
  std::string text =
      fmt::format("{}, {}, {} x {} x {}", scheme, activations, m, n, k);
  if (data != MatmulCase().data)
    text += ", " + data;
  return threads == 0 ? text
                      : text + fmt::format(", {} thread{}", threads,
                                           threads == 1 ? "" : "s");
}

MatmulBench::MatmulBench(MatmulSettings settings)
    : settings(settings), ownContext(createContext()) {
  llvm::SmallString<128> path;
  // Without it every copy is compiled anew: slower, not wrong. A cache is for
  // its user alone.
  if (!llvm::sys::fs::createUniqueDirectory("rlx-bench", path) &&
      !llvm::sys::fs::setPermissions(path, llvm::sys::fs::owner_all))
    cacheDirectory = path.str();
}

MatmulBench::~MatmulBench() {
  if (!cacheDirectory.empty())
    llvm::sys::fs::remove_directories(cacheDirectory);
}

//===----------------------------------------------------------------------===//
// Weights and programs
//===----------------------------------------------------------------------===//

bool rlx::sameWeight(const MatmulCase &a, const MatmulCase &b) {
  return a.scheme == b.scheme && a.n == b.n && a.k == b.k;
}
static bool sameProgram(const MatmulCase &a, const MatmulCase &b) {
  return sameWeight(a, b) && a.activations == b.activations && a.m == b.m &&
         a.reencoded == b.reencoded && a.data == b.data;
}

llvm::Expected<RandomWeight> rlx::makeWeight(mlir::MLIRContext &context,
                                             const MatmulCase &wanted) {
  std::optional<QuantScheme> scheme = findScheme(&context, wanted.scheme);
  if (!scheme)
    return llvm::createStringError(
        QuantScheme::unknownSchemeMessage(wanted.scheme));
  constexpr uint64_t seed = 1;
  return makeRandomWeight(*scheme, {wanted.n, wanted.k}, seed);
}

llvm::Error MatmulBench::prepareWeight(const MatmulCase &wanted) {
  if (weightCase && sameWeight(*weightCase, wanted))
    return llvm::Error::success();
  weightCase.reset();
  programCase.reset();
  executables.clear();
  copies.clear();
  auto made = makeWeight(*ownContext, wanted);
  if (!made)
    return made.takeError();
  weight = std::move(*made);
  weightCase = wanted;
  return llvm::Error::success();
}

std::string MatmulBench::programText(const MatmulCase &wanted) const {
  std::string x = fmt::format("tensor<{}x{}xf32>", wanted.m, wanted.k);
  std::string y = fmt::format("tensor<{}x{}xf32>", wanted.m, wanted.n);
  std::string operands, types = x + ", " + mlir::debugString(weight.type);
  std::string text = fmt::format("func.func @main(%x: {}) -> {} {{\n"
                                 "  %w = rlx.weight \"w\" : {}\n",
                                 x, y, mlir::debugString(weight.type));
  for (const RandomWeight::Side &side : weight.sides) {
    std::string type = mlir::debugString(side.type);
    text += fmt::format("  %{0} = rlx.weight \"{0}\" : {1}\n", side.name, type);
    operands += fmt::format(" {0}(%{0})", side.name);
    types += ", " + type;
  }
  return text +
         fmt::format(
             "  %y = rlx.matmul %x, %w{}{} {{activations = {}}} : ({}) -> {}\n"
             "  return %y : {}\n}}\n",
             operands, wanted.reencoded ? " weights = reencoded" : "",
             wanted.activations, types, y, y);
}

static llvm::Expected<Tensor> allocate(ElementType element,
                                       std::vector<int64_t> shape) {
  return toExpected(Tensor::allocate(element, std::move(shape)));
}

static llvm::Expected<Tensor> duplicate(const Tensor &tensor) {
  auto copy = allocate(tensor.type(), tensor.shape());
  if (copy)
    std::memcpy(copy->bytes().data(), tensor.bytes().data(), tensor.numBytes());
  return copy;
}

llvm::Error MatmulBench::prepareCopies(int64_t count, const RunOptions &how) {
  while (int64_t(executables.size()) < count) {
    if (executables.size() == copies.size()) {
      Copy copy;
      auto add = [&](const Tensor &tensor) {
        auto own = duplicate(tensor);
        if (own)
          copy.push_back(std::move(*own));
        return own.takeError();
      };
      if (auto error = add(weight.blocks))
        return error;
      for (const RandomWeight::Side &side : weight.sides)
        if (auto error = add(side.tensor))
          return error;
      copies.push_back(std::move(copy));
    }
    CompileOptions options;
    options.cacheDirectory = cacheDirectory;
    // Copies that are mapped from one file would be one copy.
    options.cachePackedWeights = false;
    options.choices = settings.choices;
    CompileReport report;
    auto executable = compileText(text, options, &report);
    if (!executable)
      return executable.takeError();
    if (executables.empty())
      compileMs = report.milliseconds;
    const Copy &copy = copies[executables.size()];
    for (size_t i = 0; i < copy.size(); ++i)
      if (auto error = (*executable)
                           ->bindWeight(i ? weight.sides[i - 1].name : "w",
                                        copy[i].view()))
        return error;
    if (auto error = (*executable)->prepare("main", how))
      return error;
    executables.push_back(std::move(*executable));
  }
  return llvm::Error::success();
}

llvm::Error MatmulBench::prepareProgram(const MatmulCase &wanted,
                                        const RunOptions &how) {
  if (programCase && sameProgram(*programCase, wanted))
    return llvm::Error::success();
  programCase.reset();
  executables.clear();
  text = programText(wanted);
  // The first copy is compiled cold, also where a pass before compiled it.
  if (!cacheDirectory.empty())
    llvm::sys::fs::remove_directories(cacheDirectory);
  if (auto error = prepareCopies(1, how))
    return error;
  auto newX = allocate(ElementType::f32, {wanted.m, wanted.k});
  if (!newX)
    return newX.takeError();
  auto newY = allocate(ElementType::f32, {wanted.m, wanted.n});
  if (!newY)
    return newY.takeError();
  x = std::move(*newX);
  y = std::move(*newY);
  fillActivations(wanted.data, x);
  programCase = wanted;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

static constexpr int64_t leastRuns = 5;

/// The value that this part of all values are less than.
static double quantile(std::vector<double> values, double part) {
  auto at = values.begin() + int64_t(double(values.size()) * part);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

static llvm::Expected<double> timeOf(const Executable &executable,
                                     const Tensor &x, Tensor &y,
                                     const RunOptions &how) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
  if (auto error = executable.run("main", x.view(), y.view(), how))
    return error;
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

/// Runs all copies in turn, with a look at the limit now and then.
llvm::Error MatmulBench::measure(MatmulFigures &figures, const RunOptions &how,
                                 const LimitSample &limit) {
  constexpr double turnMs = 20;
  std::vector<double> times, limits;
  double total = 0, sinceLook = turnMs;
  while (int64_t(times.size()) < leastRuns || total < settings.seconds * 1e3) {
    if (limit && sinceLook >= turnMs) {
      auto rate = limit();
      if (!rate)
        return rate.takeError();
      if (*rate)
        limits.push_back(**rate);
      sinceLook = 0;
    }
    auto time = timeOf(*executables[(times.size() + 1) % executables.size()], x,
                       y, how);
    if (!time)
      return time.takeError();
    times.push_back(*time);
    total += *time;
    sinceLook += *time;
  }
  figures.medianMs = quantile(times, 0.5);
  figures.minMs = *llvm::min_element(times);
  figures.runs = times.size();
  // A look is short, and whatever disturbs it makes it less.
  if (!limits.empty())
    figures.limit = quantile(limits, 0.75);
  return llvm::Error::success();
}

llvm::Expected<MatmulFigures> MatmulBench::run(const MatmulCase &wanted,
                                               const LimitSample &limit) {
  if (auto error = prepareWeight(wanted))
    return error;
  std::unique_ptr<ThreadPool> &pool = pools[wanted.threads];
  if (!pool)
    pool = std::make_unique<ThreadPool>(wanted.threads);
  RunOptions how{pool.get(), {}};
  if (auto error = prepareProgram(wanted, how))
    return error;

  PackReport packing = executables.front()->packReport("main");
  double elements = double(wanted.n) * double(wanted.k);
  // The first run is not counted; it says how many copies of the weight the
  // measurement gets to. Where memory is the limit, all are made, since few
  // would still be in the caches from having been made.
  auto first = timeOf(*executables.front(), x, y, how);
  if (!first)
    return first.takeError();
  MatmulFigures figures;
  auto error = relativeError(weight, x, y);
  if (!error)
    return error.takeError();
  figures.relativeError = *error;
  constexpr int64_t mostCopies = 256;
  int64_t readBytes =
      packing.packedBytes ? packing.packedBytes : weight.numBytes();
  int64_t rotated = std::clamp<int64_t>(
      llvm::divideCeil(settings.rotatedBytes, readBytes), 1, mostCopies);
  int64_t runs =
      std::max<int64_t>(leastRuns, int64_t(settings.seconds * 1e3 / *first));
  if (auto failed = prepareCopies(
          wanted.isBoundByMemory() ? rotated : std::min(rotated, runs + 1),
          how))
    return failed;
  if (auto failed = measure(figures, how, limit))
    return failed;
  figures.weightCopies = int64_t(executables.size());
  figures.fileBytes = double(weight.numBytes());
  figures.bitsPerElement = 8 * figures.fileBytes / elements;
  if (packing.packedBytes) {
    figures.packedBits = 8 * double(packing.packedBytes) / elements;
    figures.packMs = packing.milliseconds;
  }
  figures.compileMs = compileMs;
  auto function = executables.front()->findFunction("main");
  if (!function)
    return function.takeError();
  figures.kernel = llvm::join((*function)->kernels, "; ");
  return figures;
}
