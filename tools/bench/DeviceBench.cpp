//===- DeviceBench.cpp - Speed and error of one matmul on a device --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/DeviceBench.h"

#include "codegen/gpu/DeviceCompiler.h"
#include "runtime/gpu/Session.h"
#include "tools/bench/ActivationData.h"
#include "tools/bench/RelativeError.h"

#include "mlir/Support/DebugStringHelper.h"
#include "llvm/ADT/StringExtras.h"

#include <chrono>

using namespace rlx;
using Clock = std::chrono::steady_clock;

static double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

//===----------------------------------------------------------------------===//
// Weights and programs
//===----------------------------------------------------------------------===//

llvm::Error DeviceBench::prepareWeight(const MatmulCase &wanted) {
  if (weightCase && sameWeight(*weightCase, wanted))
    return llvm::Error::success();
  weightCase.reset();
  auto made = makeWeight(*ownContext, wanted);
  if (!made)
    return made.takeError();
  weight = std::move(*made);
  weightCase = wanted;
  return llvm::Error::success();
}

std::string DeviceBench::programText(const MatmulCase &wanted,
                                     int64_t copies) const {
  std::string x = fmt::format("tensor<{}x{}xf32>", wanted.m, wanted.k);
  std::string y = fmt::format("tensor<{}x{}xf32>", wanted.m, wanted.n);
  std::string body, results, resultTypes;
  for (int64_t copy = 0; copy < copies; ++copy) {
    std::string types = x + ", " + mlir::debugString(weight.type), operands;
    body += fmt::format("  %w{0} = rlx.weight \"w{0}\" : {1}\n", copy,
                        mlir::debugString(weight.type));
    for (const RandomWeight::Side &side : weight.sides) {
      std::string type = mlir::debugString(side.type);
      body += fmt::format("  %{0}{1} = rlx.weight \"{0}{1}\" : {2}\n",
                          side.name, copy, type);
      operands += fmt::format(" {0}(%{0}{1})", side.name, copy);
      types += ", " + type;
    }
    body += fmt::format("  %y{0} = rlx.matmul %x, %w{0}{1} "
                        "{{activations = {4}}} : ({2}) -> {3}\n",
                        copy, operands, types, y, wanted.activations);
    results += fmt::format("{}%y{}", copy ? ", " : "", copy);
    resultTypes += (copy ? ", " : "") + y;
  }
  return fmt::format("func.func @main(%x: {0}) -> ({1}) {{\n"
                     "{2}  return {3} : {1}\n}}\n",
                     x, resultTypes, body, results);
}

/// The names of the kernels that a run dispatches, each once.
static std::string kernelNames(const Program &program) {
  std::vector<std::string> names;
  for (const ProgramStep &step : program.steps)
    if (step.kind == ProgramStep::Kind::dispatch)
      if (const std::string &name = program.kernels[step.kernel].name;
          !llvm::is_contained(names, name))
        names.push_back(name);
  return llvm::join(names, "; ");
}

/// Bytes of the weights in the layout of the kernels.
static double packedBytes(const Program &program) {
  double bytes = 0;
  for (const ProgramBuffer &buffer : program.buffers)
    if (buffer.kind == ProgramBuffer::Kind::packed &&
        program.sizes[buffer.bytes].kind == ProgramSize::Kind::constant)
      bytes += double(program.sizes[buffer.bytes].a);
  return bytes;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

static llvm::Expected<Tensor> allocate(std::vector<int64_t> shape) {
  return toExpected(Tensor::allocate(ElementType::f32, std::move(shape)));
}

llvm::Expected<MatmulFigures> DeviceBench::run(const MatmulCase &wanted) {
  if (auto error = prepareWeight(wanted))
    return error;
  // Where memory is not the limit, the caches need not be emptied wholly.
  constexpr int64_t mostCopies = 64, copiesForManyRows = 2;
  int64_t copies = std::clamp<int64_t>(
      llvm::divideCeil(settings.rotatedBytes, weight.numBytes()), 1,
      wanted.m == 1 ? mostCopies : copiesForManyRows);
  MatmulFigures figures;
  figures.weightCopies = copies;
  figures.fileBytes = double(weight.numBytes());
  double elements = double(wanted.n) * double(wanted.k);
  figures.bitsPerElement = 8 * figures.fileBytes / elements;

  Clock::time_point start = Clock::now();
  auto module = parseText(*ownContext, programText(wanted, copies));
  if (!module)
    return module.takeError();
  auto compiled = compileForDevice(**module, DeviceTarget::of(device.info()));
  if (!compiled)
    return compiled.takeError();
  Program program = std::move(compiled->programs.front());
  figures.kernel = kernelNames(program);
  // Whether kernels multiply bytes or matrices is for the compiler, which names
  // them so.
  llvm::StringRef kernel = figures.kernel;
  if (!kernel.contains("_i8_") && !kernel.contains("matrix_matmul"))
    figures.computedIn = "f32";
  double packed = packedBytes(program) / double(copies);
  auto session = Session::create(device, std::move(program));
  if (!session)
    return toError(session.status());
  figures.compileMs = millisecondsSince(start);

  for (int64_t copy = 0; copy < copies; ++copy) {
    std::string suffix = std::to_string(copy);
    Status bound = (*session)->bindWeight("w" + suffix, weight.blocks.view());
    for (const RandomWeight::Side &side : weight.sides)
      if (bound)
        bound = (*session)->bindWeight(side.name + suffix, side.tensor.view());
    if (!bound)
      return toError(bound);
  }
  start = Clock::now();
  if (Status status = (*session)->prepare(); !status)
    return toError(status);
  if (packed) {
    figures.packedBits = 8 * packed / elements;
    figures.packMs = millisecondsSince(start) / double(copies);
  }

  auto x = allocate({wanted.m, wanted.k});
  if (!x)
    return x.takeError();
  fillActivations(wanted.data, *x);
  std::vector<Tensor> results;
  std::vector<TensorView> inputs = {x->view()}, outputs;
  for (int64_t copy = 0; copy < copies; ++copy) {
    auto y = allocate({wanted.m, wanted.n});
    if (!y)
      return y.takeError();
    results.push_back(std::move(*y));
    outputs.push_back(results.back().view());
  }
  // The first run, which records the commands, is not counted.
  std::vector<double> times;
  constexpr size_t leastRuns = 5;
  double total = 0;
  for (bool isFirst = true;
       times.size() < leastRuns || total < settings.seconds * 1e3;
       isFirst = false) {
    auto nanoseconds = (*session)->run(inputs, outputs);
    if (!nanoseconds)
      return toError(nanoseconds.status());
    if (isFirst)
      continue;
    // A clock of coarse ticks may see none.
    double milliseconds = std::max(1.0, *nanoseconds) * 1e-6;
    times.push_back(milliseconds / double(copies));
    total += milliseconds;
  }
  std::sort(times.begin(), times.end());
  figures.medianMs = times[times.size() / 2];
  figures.minMs = times.front();
  figures.runs = times.size();
  for (const Tensor &y : results) {
    auto error = relativeError(weight, *x, y);
    if (!error)
      return error.takeError();
    figures.relativeError = std::max(figures.relativeError, *error);
  }
  return figures;
}
