//===- Limits.cpp - What the machine can do -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "tools/bench/Limits.h"

#include "codegen/Compiler.h"
#include "ir/ActivationType.h"
#include "tools/bench/LimitPrograms.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <thread>

using namespace rlx;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

MachineName MachineName::read() {
  MachineName name{"", llvm::sys::getHostCPUName().str(),
                   std::thread::hardware_concurrency()};
  if (auto file = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo"))
    for (llvm::StringRef line : llvm::split((*file)->getBuffer(), '\n'))
      if (line.starts_with("model name") && name.processor.empty())
        name.processor = line.split(':').second.trim().str();
  if (name.processor.empty())
    name.processor = name.llvmCpu;
  return name;
}

/// What a product of activations of that type takes of the peak's.
static int64_t productsOf(llvm::StringRef activations) {
  const ActivationType *type = activationTypeNamed(activations);
  return type && type->isInteger ? type->bytes : 1;
}

std::optional<double> Limits::*Limits::peakOf(llvm::StringRef activations) {
  // Activations of f16 are computed in f32.
  if (activations == "f32" || activations == "f16")
    return &Limits::f32Gflops;
  if (activations == "bf16")
    return &Limits::bf16Gflops;
  return hasIntegerActivations(activations) ? &Limits::int8Gops : nullptr;
}

std::optional<double> Limits::peakFor(llvm::StringRef activations) const {
  auto peak = peakOf(activations);
  if (!peak || !(this->*peak))
    return std::nullopt;
  return *(this->*peak) / double(productsOf(activations));
}

std::string Limits::peakName(llvm::StringRef activations) {
  if (activations == "f32" || activations == "f16")
    return "f32 FMA";
  if (activations == "bf16")
    return "bf16 dot";
  int64_t products = productsOf(activations);
  return products == 1 ? "int8 dot" : fmt::format("int8 dot / {}", products);
}

void Limits::raiseTo(const Limits &other) {
  readGbps = std::max(readGbps, other.readGbps);
  for (auto peak : {&Limits::f32Gflops, &Limits::bf16Gflops, &Limits::int8Gops,
                    &Limits::f16MatrixGflops})
    this->*peak = std::max(this->*peak, other.*peak);
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

namespace {
struct Reading {
  unsigned streams;
  int64_t ahead;
};
/// Which is fastest differs between machines.
constexpr Reading readings[] = {{1, 0}, {2, 0}, {2, 4096}};

/// What all threads read together, and at least each of them.
constexpr int64_t memoryBytes = int64_t(512) << 20;
constexpr int64_t leastPartBytes = int64_t(16) << 20;
/// What one call reads: whole huge pages, and far more than a call costs.
constexpr int64_t kStepBytes = int64_t(4) << 20;
} // namespace

static llvm::Expected<Tensor> allocate(int64_t bytes) {
  return toExpected(Tensor::allocate(ElementType::u8, {bytes}));
}

llvm::Expected<LimitsBench> LimitsBench::create(double seconds) {
  LimitsBench bench;
  bench.seconds = seconds;
  CpuTarget target = CpuTarget::host();
  llvm::Triple::ArchType machine = llvm::Triple(target.triple).getArch();

  std::string text = "module {";
  std::vector<FunctionSignature> signatures;
  auto add = [&](Program program, const std::string &body) {
    text += body;
    FunctionSignature signature;
    signature.name = program.function;
    signature.inputs.push_back({ElementType::u8, {-1}, {-1}, "tensor<?xi8>"});
    signature.results.push_back({ElementType::u8,
                                 {limitResultBytes},
                                 {limitResultBytes},
                                 "tensor<64xi8>"});
    signatures.push_back(std::move(signature));
    bench.programs.push_back(std::move(program));
  };
  for (const Reading &reading : readings) {
    Program program{fmt::format("read{}", bench.programs.size()),
                    double(kStepBytes),
                    true,
                    nullptr,
                    {}};
    std::string body =
        readProgram(program.function, reading.streams, reading.ahead);
    add(std::move(program), body);
  }
  llvm::SmallVector<std::optional<double> Limits::*> found;
  for (const PeakInstruction &instruction : peakInstructions()) {
    if (instruction.machine != machine ||
        llvm::is_contained(found, instruction.result))
      continue;
    llvm::Expected<bool> has = target.hasFeature(instruction.feature);
    if (!has)
      return has.takeError();
    if (!*has)
      continue;
    found.push_back(instruction.result);
    llvm::Expected<Tensor> input = allocate(instruction.inputBytes());
    if (!input)
      return input.takeError();
    instruction.fill(*input);
    Program program{std::string("peak.") + instruction.feature,
                    instruction.operationsPerRun(), false, instruction.result,
                    std::move(*input)};
    std::string body = peakProgram(program.function, instruction);
    add(std::move(program), body);
  }
  text += "}";

  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text, "limits");
  if (!module)
    return module.takeError();
  std::vector<std::string> functions;
  for (const FunctionSignature &signature : signatures)
    functions.push_back(signature.name);
  auto object = emitCode(**module, functions, target, CodeForm::object);
  if (!object)
    return object.takeError();
  auto code = Executable::load(*object, std::move(signatures));
  if (!code)
    return code.takeError();
  bench.code = std::move(*code);

  return bench;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

llvm::Expected<int64_t> LimitsBench::allocateParts(unsigned threads) {
  int64_t part =
      std::max(memoryBytes / threads / kStepBytes * kStepBytes, leastPartBytes);
  int64_t bytes = part * threads;
  if (memory.numBytes() < bytes) {
    llvm::Expected<Tensor> larger = allocate(bytes);
    if (!larger)
      return larger.takeError();
    std::memset(larger->data<uint8_t>(), 1, bytes);
    memory = std::move(*larger);
  }
  return part;
}

llvm::Expected<std::vector<double>> LimitsBench::rates(const Program &program,
                                                       unsigned threads,
                                                       size_t tries,
                                                       double seconds) {
  using Clock = std::chrono::steady_clock;
  std::chrono::duration<double> window(seconds);
  // Each thread reads chunks of a part of its own, and all begin a try
  // together.
  llvm::Expected<int64_t> allocated = allocateParts(threads);
  if (!allocated)
    return allocated.takeError();
  int64_t part = *allocated;
  // One start for all: what waits for a processor counts.
  Clock::time_point start;
  std::barrier together(threads, [&]() noexcept { start = Clock::now(); });
  std::atomic<bool> failed{false};
  std::vector<std::vector<double>> rates(threads, std::vector<double>(tries));
  auto work = [&](unsigned thread) {
    alignas(limitResultBytes) uint8_t result[limitResultBytes];
    TensorView output{ElementType::u8, {limitResultBytes}, result};
    int64_t chunk = 0;
    auto runOnce = [&] {
      TensorView input = program.input.view();
      if (program.reads) {
        input = {ElementType::u8,
                 {kStepBytes},
                 memory.data<uint8_t>() + thread * part + chunk};
        chunk = (chunk + kStepBytes) % part;
      }
      if (llvm::Error error = code->run(program.function, input, output)) {
        llvm::consumeError(std::move(error));
        failed = true;
      }
    };
    for (double &rate : rates[thread]) {
      runOnce();
      together.arrive_and_wait();
      std::chrono::duration<double> elapsed(0);
      unsigned runs = 0;
      do {
        runOnce();
        elapsed = Clock::now() - start;
        rate = ++runs * program.workPerRun / elapsed.count();
      } while (elapsed < window);
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back(work, i);
  work(0);
  for (std::thread &thread : others)
    thread.join();
  if (failed)
    return llvm::createStringError("the program '" + program.function +
                                   "' failed");
  std::vector<double> sums(tries);
  for (const std::vector<double> &own : rates)
    for (size_t i = 0; i < tries; ++i)
      sums[i] += own[i] / 1e9;
  return sums;
}

llvm::Expected<double> LimitsBench::best(const Program &program,
                                         unsigned threads) {
  // Many short tries: other programs disturb some of them.
  constexpr double trySeconds = 0.02;
  constexpr size_t leastTries = 4;
  size_t tries = std::max(leastTries, size_t(seconds / trySeconds));
  auto found = rates(program, threads, tries, seconds / double(tries));
  if (!found)
    return found.takeError();
  return *llvm::max_element(*found);
}

llvm::Expected<double> LimitsBench::sample(const Program &program,
                                           unsigned threads) {
  constexpr double sampleSeconds = 0.01;
  auto found = rates(program, threads, 1, std::min(seconds, sampleSeconds));
  if (!found)
    return found.takeError();
  return found->front();
}

llvm::Expected<Limits> LimitsBench::measure(unsigned threads) {
  Limits limits;
  limits.threads = threads;
  for (auto [index, program] : llvm::enumerate(programs)) {
    llvm::Expected<double> found = best(program, threads);
    if (!found)
      return found.takeError();
    if (!program.reads) {
      limits.*program.result = *found;
    } else if (*found > limits.readGbps) {
      limits.readGbps = *found;
      fastestRead[threads] = index;
    }
  }
  return limits;
}

llvm::Expected<std::optional<double>>
LimitsBench::sampleMemory(unsigned threads) {
  return sample(programs[fastestRead[threads]], threads);
}

llvm::Expected<std::optional<double>>
LimitsBench::samplePeak(llvm::StringRef activations, unsigned threads) {
  for (const Program &program : programs) {
    if (!program.result || program.result != Limits::peakOf(activations))
      continue;
    llvm::Expected<double> found = sample(program, threads);
    if (!found)
      return found.takeError();
    Limits limits;
    limits.*program.result = *found;
    return limits.peakFor(activations);
  }
  return std::nullopt;
}
