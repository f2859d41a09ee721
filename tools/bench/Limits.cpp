//===- Limits.cpp - What the machine can do
//--------------------------------===//
//
// The programs are texts of the LLVM dialect, because reading from memory ahead
// and dot products are instructions, not operations on tensors. Each takes a
// tensor of bytes and gives 64 of them, so that nothing is computed in vain.
//
//===----------------------------------------------------------------------===//

#include "tools/bench/Limits.h"

#include "codegen/Compiler.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <random>
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

std::optional<double> Limits::peakFor(llvm::StringRef activations) const {
  // Activations of f16 are computed in f32.
  if (activations == "f32" || activations == "f16")
    return f32Gflops;
  if (activations == "bf16")
    return bf16Gflops;
  if (activations == "i8")
    return int8Gops;
  if (activations == "i16" && int8Gops)
    return *int8Gops / 2;
  return std::nullopt;
}

std::string Limits::peakName(llvm::StringRef activations) {
  if (activations == "f32" || activations == "f16")
    return "f32 FMA";
  if (activations == "bf16")
    return "bf16 dot";
  return activations == "i16" ? "int8 dot / 2" : "int8 dot";
}

void Limits::raiseTo(const Limits &other) {
  readGbps = std::max(readGbps, other.readGbps);
  for (auto peak : {&Limits::f32Gflops, &Limits::bf16Gflops, &Limits::int8Gops,
                    &Limits::f16MatrixGflops})
    this->*peak = std::max(this->*peak, other.*peak);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

namespace {
/// An instruction `sum = instruction(sum, a, b)` on vectors.
struct Instruction {
  std::optional<double> Limits::*result;
  llvm::Triple::ArchType machine;
  const char *feature; ///< As LLVM names it.
  const char *name;    ///< LLVM's intrinsic; empty: fused multiply-add.
  const char *sum, *operand;
  unsigned bytes; ///< Of a vector.
  unsigned
      operations; ///< Of one instruction, a product and a sum counting two.
};

/// The first of those that the machine has counts.
constexpr Instruction instructions[] = {
    {&Limits::f32Gflops, llvm::Triple::x86_64, "avx512f", "", "vector<16xf32>",
     "vector<16xf32>", 64, 32},
    {&Limits::f32Gflops, llvm::Triple::x86_64, "fma", "", "vector<8xf32>",
     "vector<8xf32>", 32, 16},
    {&Limits::f32Gflops, llvm::Triple::aarch64, "neon", "", "vector<4xf32>",
     "vector<4xf32>", 16, 8},
    {&Limits::bf16Gflops, llvm::Triple::x86_64, "avx512bf16",
     "llvm.x86.avx512bf16.dpbf16ps.512", "vector<16xf32>", "vector<32xbf16>",
     64, 64},
    {&Limits::bf16Gflops, llvm::Triple::aarch64, "bf16",
     "llvm.aarch64.neon.bfdot.v4f32.v8bf16", "vector<4xf32>", "vector<8xbf16>",
     16, 16},
    {&Limits::int8Gops, llvm::Triple::x86_64, "avx512vnni",
     "llvm.x86.avx512.vpdpbusd.512", "vector<16xi32>", "vector<64xi8>", 64,
     128},
    {&Limits::int8Gops, llvm::Triple::x86_64, "avxvnni",
     "llvm.x86.avx512.vpdpbusd.256", "vector<8xi32>", "vector<32xi8>", 32, 64},
    {&Limits::int8Gops, llvm::Triple::aarch64, "dotprod",
     "llvm.aarch64.neon.sdot.v4i32.v16i8", "vector<4xi32>", "vector<16xi8>", 16,
     32},
};

/// Independent sums, enough to hide any latency: 28 and two operands fit into
/// 32 registers, 12 into 16.
unsigned sumsInFlight(const Instruction &instruction) {
  bool manyRegisters =
      instruction.bytes == 64 || instruction.machine == llvm::Triple::aarch64;
  return manyRegisters ? 28 : 12;
}

constexpr int64_t iterations = 20000;
constexpr int64_t resultBytes = 64;

/// `value0, value1, ...`
std::string list(unsigned count,
                 llvm::function_ref<std::string(unsigned)> value) {
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", " : "") + value(i);
  return text;
}

std::string named(const char *prefix, unsigned i) {
  return fmt::format("%{}{}", prefix, i);
}

/// A function of the C interface of compiled programs around `body`, which
/// finds the data of its argument and of its result in %in and %out, the size
/// in %size.
std::string function(const std::string &name, const std::string &body) {
  return fmt::format(R"(
llvm.func @_mlir_ciface_{}(%x: !llvm.ptr, %y: !llvm.ptr) {{
  %xData = llvm.getelementptr %x[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %yData = llvm.getelementptr %y[1] : (!llvm.ptr) -> !llvm.ptr, i64
  %xSize = llvm.getelementptr %x[3] : (!llvm.ptr) -> !llvm.ptr, i64
  %in = llvm.load %xData : !llvm.ptr -> !llvm.ptr
  %out = llvm.load %yData : !llvm.ptr -> !llvm.ptr
  %size = llvm.load %xSize : !llvm.ptr -> i64
  %zero = llvm.mlir.constant(0 : i64) : i64
{}  llvm.return
}}
)",
                     name, body);
}

/// Many independent chains of one instruction on the vectors of the input: two
/// operands, then the first sums.
std::string peakProgram(const std::string &name,
                        const Instruction &instruction) {
  unsigned sums = sumsInFlight(instruction);
  std::string body =
      fmt::format("  %one = llvm.mlir.constant(1 : i64) : i64\n"
                  "  %count = llvm.mlir.constant({} : i64) : i64\n",
                  iterations);
  auto load = [&](const std::string &value, const char *type, unsigned index) {
    body += fmt::format(
        "  {0}p = llvm.getelementptr %in[{2}] : (!llvm.ptr) -> !llvm.ptr, i8\n"
        "  {0} = llvm.load {0}p : !llvm.ptr -> {1}\n",
        value, type, index * instruction.bytes);
  };
  load("%a", instruction.operand, 0);
  load("%b", instruction.operand, 1);
  for (unsigned i = 0; i < sums; ++i)
    load(named("start", i), instruction.sum, 2 + i);
  std::string types = list(sums, [&](unsigned) { return instruction.sum; });
  auto values = [&](const char *prefix) {
    return list(sums, [&](unsigned i) { return named(prefix, i); });
  };
  body +=
      fmt::format("  llvm.br ^loop(%zero, {} : i64, {})\n^loop(%i: i64, {}):\n",
                  values("start"), types, list(sums, [&](unsigned i) {
                    return fmt::format("%sum{}: {}", i, instruction.sum);
                  }));
  for (unsigned i = 0; i < sums; ++i)
    body +=
        *instruction.name
            ? fmt::format(
                  "  %next{0} = llvm.call_intrinsic \"{1}\"(%sum{0}, %a, %b) : "
                  "({2}, {3}, {3}) -> {2}\n",
                  i, instruction.name, instruction.sum, instruction.operand)
            : fmt::format("  %next{0} = llvm.intr.fma(%a, %b, %sum{0}) : ({1}, "
                          "{1}, {1}) -> {1}\n",
                          i, instruction.sum);
  body += fmt::format(
      "  %j = llvm.add %i, %one : i64\n"
      "  %more = llvm.icmp \"ult\" %j, %count : i64\n"
      "  llvm.cond_br %more, ^loop(%j, {} : i64, {}), ^done\n^done:\n",
      values("next"), types);
  const char *add =
      llvm::StringRef(instruction.sum).contains("f32") ? "fadd" : "add";
  std::string total = "%next0";
  for (unsigned i = 1; i < sums; ++i) {
    body += fmt::format("  %total{0} = llvm.{1} {2}, %next{0} : {3}\n", i, add,
                        total, instruction.sum);
    total = named("total", i);
  }
  body += fmt::format("  llvm.store {}, %out : {}, !llvm.ptr\n", total,
                      instruction.sum);
  return function(name, body);
}

constexpr int64_t lineBytes = 64;
constexpr unsigned linesPerStep = 8;

/// Reads the input in `streams` parts at the same time, `ahead` bytes of each
/// being asked for in advance where that is not zero.
std::string readProgram(const std::string &name, unsigned streams,
                        int64_t ahead) {
  const char *type = "vector<16xi32>";
  int64_t step = linesPerStep * lineBytes;
  unsigned sums = streams * linesPerStep;
  std::string body =
      fmt::format("  %step = llvm.mlir.constant({} : i64) : i64\n"
                  "  %parts = llvm.mlir.constant({} : i64) : i64\n"
                  "  %part = llvm.udiv %size, %parts : i64\n"
                  "  %none = llvm.mlir.constant(dense<0> : {}) : {}\n",
                  step, streams, type, type);
  for (unsigned i = 0; i < streams; ++i)
    body += fmt::format(
        "  %k{0} = llvm.mlir.constant({0} : i64) : i64\n"
        "  %offset{0} = llvm.mul %part, %k{0} : i64\n"
        "  %base{0} = llvm.getelementptr %in[%offset{0}] : (!llvm.ptr, i64) -> "
        "!llvm.ptr, i8\n",
        i);
  std::string types = list(sums, [&](unsigned) { return type; });
  body +=
      fmt::format("  llvm.br ^loop(%zero, {} : i64, {})\n^loop(%i: i64, {}):\n",
                  list(sums, [](unsigned) { return "%none"; }), types,
                  list(sums, [&](unsigned i) {
                    return fmt::format("%sum{}: {}", i, type);
                  }));
  for (unsigned i = 0; i < sums; ++i) {
    unsigned stream = i / linesPerStep, line = i % linesPerStep;
    if (line == 0)
      body += fmt::format(
          "  %at{0} = llvm.getelementptr %base{0}[%i] : (!llvm.ptr, i64) -> "
          "!llvm.ptr, i8\n",
          stream);
    if (ahead)
      body += fmt::format(
          "  %ahead{0} = llvm.getelementptr %at{1}[{2}] : (!llvm.ptr) -> "
          "!llvm.ptr, i8\n"
          "  \"llvm.intr.prefetch\"(%ahead{0}) <{{cache = 1 : i32, hint = 3 : "
          "i32,"
          " rw = 0 : i32}}> : (!llvm.ptr) -> ()\n",
          i, stream, line * lineBytes + ahead);
    body += fmt::format("  %line{0} = llvm.getelementptr %at{1}[{2}] : "
                        "(!llvm.ptr) -> !llvm.ptr, i8\n"
                        "  %value{0} = llvm.load %line{0} {{alignment = 64 : "
                        "i64}} : !llvm.ptr -> {3}\n"
                        "  %next{0} = llvm.xor %sum{0}, %value{0} : {3}\n",
                        i, stream, line * lineBytes, type);
  }
  body += fmt::format(
      "  %j = llvm.add %i, %step : i64\n"
      "  %more = llvm.icmp \"ult\" %j, %part : i64\n"
      "  llvm.cond_br %more, ^loop(%j, {} : i64, {}), ^done\n^done:\n",
      list(sums, [](unsigned i) { return named("next", i); }), types);
  std::string total = "%next0";
  for (unsigned i = 1; i < sums; ++i) {
    body += fmt::format("  %total{0} = llvm.xor {1}, %next{0} : {2}\n", i,
                        total, type);
    total = named("total", i);
  }
  body += fmt::format("  llvm.store {}, %out : {}, !llvm.ptr\n", total, type);
  return function(name, body);
}

struct Reading {
  unsigned streams;
  int64_t ahead;
};
/// Which is fastest differs between machines.
constexpr Reading readings[] = {{1, 0}, {2, 0}, {2, 4096}};

constexpr int64_t memoryBytes = int64_t(512) << 20;
/// What one call reads: whole huge pages, and far more than a call costs.
constexpr int64_t chunkBytes = int64_t(4) << 20;
} // namespace

/// Numbers of moderate size in the format of the operands, and any sums.
static void fill(Tensor &tensor, const Instruction &instruction) {
  std::mt19937 random(1);
  auto *bytes = tensor.data<uint8_t>();
  bool isInteger = llvm::StringRef(instruction.operand).contains("i8");
  for (int64_t i = 0; i < tensor.numBytes(); i += sizeof(uint32_t)) {
    // Floats from 0.25 to 0.5: their exponents with random digits behind.
    uint32_t word = random();
    if (!isInteger)
      word = llvm::StringRef(instruction.operand).contains("bf16")
                 ? (word & 0x007f007f) | 0x3e803e80
                 : (word & 0x007fffff) | 0x3e800000;
    std::memcpy(bytes + i, &word, sizeof(word));
  }
}

static llvm::Expected<Tensor> allocate(int64_t bytes) {
  Result<Tensor> tensor = Tensor::allocate(ElementType::u8, {bytes});
  if (!tensor)
    return llvm::createStringError(tensor.message());
  return tensor.take();
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
    signature.inputs.push_back(
        {ElementType::u8, {-1}, {-1}, "tensor<?xi8>", "", "", ""});
    signature.results.push_back({ElementType::u8,
                                 {resultBytes},
                                 {resultBytes},
                                 "tensor<64xi8>",
                                 "",
                                 "",
                                 ""});
    signatures.push_back(std::move(signature));
    bench.programs.push_back(std::move(program));
  };
  for (const Reading &reading : readings) {
    Program program{fmt::format("read{}", bench.programs.size()),
                    double(chunkBytes),
                    true,
                    nullptr,
                    {}};
    std::string body =
        readProgram(program.function, reading.streams, reading.ahead);
    add(std::move(program), body);
  }
  llvm::SmallVector<std::optional<double> Limits::*> found;
  for (const Instruction &instruction : instructions) {
    if (instruction.machine != machine ||
        llvm::is_contained(found, instruction.result))
      continue;
    llvm::Expected<bool> has = target.hasFeature(instruction.feature);
    if (!has)
      return has.takeError();
    if (!*has)
      continue;
    found.push_back(instruction.result);
    unsigned sums = sumsInFlight(instruction);
    llvm::Expected<Tensor> input = allocate((2 + sums) * instruction.bytes);
    if (!input)
      return input.takeError();
    fill(*input, instruction);
    Program program{std::string("peak.") + instruction.feature,
                    double(iterations) * sums * instruction.operations, false,
                    instruction.result, std::move(*input)};
    std::string body =
        peakProgram("peak." + std::string(instruction.feature), instruction);
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

  llvm::Expected<Tensor> memory = allocate(memoryBytes);
  if (!memory)
    return memory.takeError();
  std::memset(memory->data<uint8_t>(), 1, memoryBytes);
  bench.memory = std::move(*memory);
  return bench;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

llvm::Expected<std::vector<double>> LimitsBench::rates(const Program &program,
                                                       unsigned threads,
                                                       size_t tries,
                                                       double seconds) {
  using Clock = std::chrono::steady_clock;
  std::chrono::duration<double> window(seconds);
  // Each thread reads chunks of a part of its own, and all begin a try
  // together.
  int64_t part = memoryBytes / threads / chunkBytes * chunkBytes;
  std::barrier<> together(threads);
  std::atomic<bool> failed{false};
  std::vector<std::vector<double>> rates(threads, std::vector<double>(tries));
  auto work = [&](unsigned thread) {
    alignas(resultBytes) uint8_t result[resultBytes];
    TensorView output{ElementType::u8, {resultBytes}, result};
    int64_t chunk = 0;
    auto runOnce = [&] {
      TensorView input = program.input.view();
      if (program.reads) {
        input = {ElementType::u8,
                 {chunkBytes},
                 memory.data<uint8_t>() + thread * part + chunk};
        chunk = (chunk + chunkBytes) % part;
      }
      if (llvm::Error error = code->run(program.function, input, output)) {
        llvm::consumeError(std::move(error));
        failed = true;
      }
    };
    for (double &rate : rates[thread]) {
      runOnce();
      together.arrive_and_wait();
      Clock::time_point start = Clock::now();
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
  for (const Program &program : programs) {
    llvm::Expected<double> found = best(program, threads);
    if (!found)
      return found.takeError();
    if (!program.reads) {
      limits.*program.result = *found;
    } else if (*found > limits.readGbps) {
      limits.readGbps = *found;
      fastestRead[threads] = size_t(&program - programs.data());
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
    Limits limits;
    if (program.reads)
      continue;
    // Whether this is the one that the peak is made of.
    limits.*program.result = 1;
    if (!limits.peakFor(activations))
      continue;
    llvm::Expected<double> found = sample(program, threads);
    if (!found)
      return found.takeError();
    limits.*program.result = *found;
    return limits.peakFor(activations);
  }
  return std::nullopt;
}
