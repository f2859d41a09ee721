//===- TargetsTest.cpp - Code for lesser machines of the same kind --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for CPUs that the host can stand in for, by giving the compiler fewer
// features than the host has.
//
//===----------------------------------------------------------------------===//

#include "ir/Dialect.h"
#include "passes/Passes.h"
#include "tests/unit/codegen/TestSupport.h"

#include "mlir/Pass/PassManager.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace rlx;
using namespace rlx::test;

namespace targets_test {

struct Variant {
  const char *name, *cpu, *features, *needs;
  /// Of CompileOptions.
  const char *choices = "";
};
constexpr Variant avxVnni = {"avxvnni", "x86-64-v3", "+avxvnni", "avxvnni"};
/// Has the kernels of `avxVnni` in the encoding of AVX-512, so that machines
/// with only that run them.
constexpr Variant avxVnniStandIn = {"avxvnni_by_avx512", "x86-64-v3",
                                    "+avx512vl,+avx512vnni,+prefer-256-bit",
                                    "avx512vnni", "vector_registers=16"};
/// Generic SSE, SSSE3, AVX2 without and with VNNI, AVX-512 without VNNI, with
/// it, with larger tables, and with dot products of bf16.
constexpr Variant variants[] = {
    {"sse2", "x86-64", "", "sse2"},
    {"ssse3", "x86-64-v2", "", "ssse3"},
    {"avx2", "x86-64-v3", "", "avx2"},
    avxVnni,
    avxVnniStandIn,
    {"avx512", "x86-64-v4", "", "avx512bw"},
    {"avx512vnni", "x86-64-v4", "+avx512vnni", "avx512vnni"},
    {"avx512vbmi", "x86-64-v4", "+avx512vbmi", "avx512vbmi"},
    {"avx512bf16", "x86-64-v4", "+avx512bf16", "avx512bf16"},
};

/// Quantized weights of all kinds: two kinds of scales, codebooks, floats.
constexpr const char *schemes[] = {"gguf_q2k", "gguf_q4k",    "gguf_q6k",
                                   "int8/32",  "gguf_iq4_nl", "nvfp4/16"};

constexpr int64_t n = 37, k = 512;

/// A product of n x k weights and activations of such a type.
std::string programOf(const RandomWeight &weight,
                      const std::string &activations) {
  std::string types = "tensor<?x512xf32>";
  for (const std::string &type : weight.types())
    types += ", " + type;
  return "func.func @main(%x: tensor<?x512xf32>) -> tensor<?x37xf32> {\n" +
         weight.definitions("w") + "  %y = rlx.matmul %x, %w" +
         weight.operands("w") + " {activations = " + activations + "} : (" +
         types + ") -> tensor<?x37xf32>\n  return %y : tensor<?x37xf32>\n}";
}

class TargetsTest : public SchemeTest,
                    public testing::WithParamInterface<Variant> {};

TEST_P(TargetsTest, MatchesTheReference) {
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP() << "the host is no x86 machine";
  if (!llvm::sys::getHostCPUFeatures().lookup(GetParam().needs))
    GTEST_SKIP() << "the host lacks " << GetParam().needs;
  llvm::Expected<CpuTarget> target =
      CpuTarget::create("", GetParam().cpu, GetParam().features);
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  CompileOptions options;
  options.target = *target;
  // Sums that are floats are held to bounds of their own (PanelsTest).
  options.choices = std::string(GetParam().choices) + " magic_numbers=false";
  for (const char *name : schemes) {
    RandomWeight weight(*builtin(name), {n, k}, 17);
    std::vector<double> values = weight.values();
    for (std::string activations : {"f32", "bf16", "i8", "i16", "i24"}) {
      SCOPED_TRACE(std::string(name) + ", " + activations);
      std::unique_ptr<Executable> executable =
          compiled(programOf(weight, activations), options);
      ASSERT_TRUE(executable);
      weight.bind(*executable, "w");
      for (int64_t m : {1, 13}) {
        Floats x = Floats::random({m, k}, uint32_t(m)), y({m, n});
        // Integers of which each K block has the largest are quantized exactly.
        auto largest = float(largestCode(activations));
        for (int64_t i = 0; i < m * k; ++i)
          x.values[i] =
              i % 32 == 31 ? largest : std::round(x.values[i] / 4 * largest);
        EXPECT_SUCCESS(executable->run("main", {x}, {y}));
        EXPECT_TRUE(isClose(y, product(x.values, values, m, n, k),
                            activations == "bf16" ? 4e-3 : 1e-5, uint32_t(m)))
            << "M = " << m;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, TargetsTest, testing::ValuesIn(variants),
                         [](const auto &info) { return info.param.name; });

/// The target and the pipelines' options of a variant, for any machine.
CompileOptions optionsFor(const char *triple, const Variant &variant) {
  CompileOptions options;
  auto target = CpuTarget::create(triple, variant.cpu, variant.features);
  if (target)
    options.target = *target;
  else
    ADD_FAILURE() << llvm::toString(target.takeError());
  options.choices = variant.choices;
  return options;
}

std::string assemblyOf(const std::string &text, const CompileOptions &options) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text);
  auto emitted = module ? emitModule(**module, CodeForm::assembly, options)
                        : llvm::Expected<EmittedCode>(module.takeError());
  if (emitted)
    return std::string(emitted->code.begin(), emitted->code.end());
  ADD_FAILURE() << llvm::toString(emitted.takeError());
  return "";
}

/// What the pipelines make of a program, before LLVM sees it.
std::string loweredFor(const std::string &text, const CompileOptions &options) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text);
  auto properties = options.target.properties();
  if (llvm::Error error =
          llvm::joinErrors(module.takeError(), properties.takeError())) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return "";
  }
  EXPECT_SUCCESS(properties->setAll(options.choices));
  CpuTargetOptions cpu;
  cpu.target = "#rlx.cpu<" + properties->text() + ">";
  mlir::PassManager passes(context.get());
  buildCpuPipeline(passes, cpu);
  EXPECT_TRUE(succeeded(passes.run(**module)));
  // The targets are different, what is made for them need not be.
  module->get()->removeAttr(targetAttributeName);
  std::string lowered;
  llvm::raw_string_ostream(lowered) << **module;
  return lowered;
}

using Targets = SchemeTest;

// Code for other processors is emitted, not run.
TEST_F(Targets, EmitsForAArch64) {
  std::tuple<const char *, const char *, const char *> expected[] = {
      {"+dotprod,+i8mm", "i8", "usdot"},
      {"+dotprod", "i8", "sdot"},
      {"", "i8", "mla"},
      {"+bf16", "bf16", "bfdot"}};
  RandomWeight weight(*builtin("gguf_q4k"), {n, k}, 17);
  for (auto [features, activations, instruction] : expected)
    EXPECT_CONTAINS(
        assemblyOf(programOf(weight, activations),
                   optionsFor("aarch64-linux-gnu",
                              {"aarch64", "generic", features, ""})),
        instruction);
  auto unknown = CpuTarget::create("", "pentium-9", "");
  EXPECT_CONTAINS(messageOf(std::move(unknown)), "unknown CPU 'pentium-9'");
  for (auto [feature, message] :
       {std::pair("+avx1024", "unknown feature '+avx1024'"),
        {"avx2", "expected '+avx2' or '-avx2', but got 'avx2'"}})
    EXPECT_CONTAINS(
        messageOf(CpuTarget::create("x86_64-linux-gnu", "", feature)), message);
}

// Without the registers of floats, LLVM would leave floats out.
TEST_F(Targets, RefusesTargetsWithoutFloats) {
  for (auto [triple, feature] :
       {std::pair("x86_64-linux-gnu", "sse2"), {"aarch64-linux-gnu", "neon"}})
    EXPECT_CONTAINS(
        messageOf(CpuTarget::create(triple, "", std::string("-") + feature)),
        std::string("lacks '") + feature + "', which code for");
}

// Elementwise loops come as scalars, beside kernels that come as vectors.
TEST_F(Targets, VectorizesLoopsBesideKernels) {
  EXPECT_CONTAINS(assemblyOf(R"(
func.func @main(%x: tensor<4x256xf32>,
                %w: tensor<64x256xf32, #rlx.quant<gguf_q4_0>>)
    -> (tensor<4x64xf32>, tensor<4x256xf32>) {
  %y = rlx.matmul %x, %w {activations = i8}
      : (tensor<4x256xf32>, tensor<64x256xf32, #rlx.quant<gguf_q4_0>>)
      -> tensor<4x64xf32>
  %roots = math.sqrt %x : tensor<4x256xf32>
  return %y, %roots : tensor<4x64xf32>, tensor<4x256xf32>
})",
                             optionsFor("x86_64-linux-gnu", avxVnni)),
                  "vsqrtps");
}

// Dot products of 256 bits: those of machines without AVX-512, and those that
// stand in for them, which differ in nothing but their encoding.
TEST_F(Targets, EmitsForAvxVnni) {
  const CompileOptions options = optionsFor("x86_64-linux-gnu", avxVnni),
                       standIn = optionsFor("x86_64-linux-gnu", avxVnniStandIn);
  for (const char *name : schemes)
    for (const char *activations : {"i8", "i16", "i24"}) {
      SCOPED_TRACE(std::string(name) + ", " + activations);
      RandomWeight weight(*builtin(name), {n, k}, 17);
      std::string text = programOf(weight, activations);
      EXPECT_TRUE(loweredFor(text, options) == loweredFor(text, standIn))
          << "LLVM is given different code";
      for (bool isVex : {true, false}) {
        std::string assembly = assemblyOf(text, isVex ? options : standIn);
        auto [before, behind] = llvm::StringRef(assembly).split("vpdpbusd\t");
        EXPECT_EQ(before.ends_with("{vex}\t"), isVex);
        EXPECT_CONTAINS(behind.split('\n').first.str(), "%ymm");
        EXPECT_EQ(assembly.find("zmm"), std::string::npos);
      }
    }
}

// On many CPUs with AVX-512, LLVM prefers vectors of 256 bits; kernels take the
// long ones unless they are asked not to.
TEST_F(Targets, PrefersWhatIsAskedFor) {
  std::string text =
      programOf(RandomWeight(*builtin("int8/32"), {n, k}, 17), "i8");
  for (auto [features, isLong] :
       {std::pair("", true), std::pair("+prefer-256-bit", false),
        std::pair("+prefer-256-bit,-prefer-256-bit", true)}) {
    std::string assembly =
        assemblyOf(text, optionsFor("x86_64-linux-gnu",
                                    {"avx512", "x86-64-v4", features, ""}));
    EXPECT_EQ(assembly.find("%zmm") != std::string::npos, isLong) << features;
    EXPECT_CONTAINS(assembly, "%ymm");
  }
}

} // namespace targets_test
