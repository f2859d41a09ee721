//===- LimitPrograms.cpp - Programs whose speed is a limit ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/LimitPrograms.h"

#include <cstring>
#include <random>

using namespace rlx;

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

static constexpr PeakInstruction instructions[] = {
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

llvm::ArrayRef<PeakInstruction> rlx::peakInstructions() { return instructions; }

unsigned PeakInstruction::sumsInFlight() const {
  bool manyRegisters = bytes == 64 || machine == llvm::Triple::aarch64;
  return manyRegisters ? 28 : 12;
}

static constexpr int64_t peakIterations = 20000;

double PeakInstruction::operationsPerRun() const {
  return double(peakIterations) * sumsInFlight() * operations;
}

void PeakInstruction::fill(Tensor &tensor) const {
  std::mt19937 random(1);
  auto *data = tensor.data<uint8_t>();
  bool isInteger = llvm::StringRef(operand).contains("i8");
  for (int64_t i = 0; i < tensor.numBytes(); i += sizeof(uint32_t)) {
    // Floats from 0.25 to 0.5: their exponents with random digits behind.
    uint32_t word = random();
    if (!isInteger)
      word = llvm::StringRef(operand).contains("bf16")
                 ? (word & 0x007f007f) | 0x3e803e80
                 : (word & 0x007fffff) | 0x3e800000;
    std::memcpy(data + i, &word, sizeof(word));
  }
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

/// `value0, value1, ...`
static std::string list(unsigned count,
                        llvm::function_ref<std::string(unsigned)> value) {
  std::string text;
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", " : "") + value(i);
  return text;
}

static std::string named(const char *prefix, unsigned i) {
  return fmt::format("%{}{}", prefix, i);
}

/// A function of the C interface of compiled programs around `body`, which
/// finds the data of its argument and of its result in %in and %out, the size
/// in %size.
static std::string function(const std::string &name, const std::string &body) {
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

std::string rlx::peakProgram(const std::string &name,
                             const PeakInstruction &instruction) {
  unsigned sums = instruction.sumsInFlight();
  std::string body =
      fmt::format("  %one = llvm.mlir.constant(1 : i64) : i64\n"
                  "  %count = llvm.mlir.constant({} : i64) : i64\n",
                  peakIterations);
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

std::string rlx::readProgram(const std::string &name, unsigned streams,
                             int64_t ahead) {
  constexpr int64_t lineBytes = 64;
  constexpr unsigned linesPerStep = 8;
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
