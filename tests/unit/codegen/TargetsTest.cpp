//===- TargetsTest.cpp - Code for lesser machines of the same kind --------===//
//
// Kernels for CPUs that the host can stand in for, by giving the compiler fewer
// features than the host has.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace rlx;
using namespace rlx::test;

namespace {

struct Variant {
  const char *name, *cpu, *features, *needs;
};
/// Generic SSE, SSSE3, AVX2 without and with VNNI, AVX-512 without VNNI, with
/// it, and with dot products of bf16.
constexpr Variant variants[] = {
    {"sse2", "x86-64", "", "sse2"},
    {"ssse3", "x86-64-v2", "", "ssse3"},
    {"avx2", "x86-64-v3", "", "avx2"},
    {"avxvnni", "x86-64-v3", "+avxvnni", "avxvnni"},
    {"avx512", "x86-64-v4", "", "avx512bw"},
    {"avx512vnni", "x86-64-v4", "+avx512vnni", "avx512vnni"},
    {"avx512bf16", "x86-64-v4", "+avx512bf16", "avx512bf16"},
};

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
  constexpr int64_t n = 37, k = 512;
  for (const char *name :
       {"gguf_q4k", "gguf_q6k", "int8/32", "gguf_iq4_nl", "nvfp4/16"}) {
    std::optional<QuantScheme> scheme = builtin(name);
    RandomWeight weight(*scheme, {n, k}, 17);
    std::string types = "tensor<?x512xf32>";
    for (const std::string &type : weight.types())
      types += ", " + type;
    std::vector<double> values = weight.values();
    for (std::string activations : {"f32", "bf16", "i8", "i16"}) {
      SCOPED_TRACE(std::string(name) + ", " + activations);
      std::unique_ptr<Executable> executable = compiled(
          "func.func @main(%x: tensor<?x512xf32>) -> tensor<?x37xf32> {\n" +
              weight.definitions("w") + "  %y = rlx.matmul %x, %w" +
              weight.operands("w") + " {activations = " + activations +
              "} : (" + types +
              ") -> tensor<?x37xf32>\n  return %y : tensor<?x37xf32>\n}",
          options);
      ASSERT_TRUE(executable);
      weight.bind(*executable, "w");
      for (int64_t m : {1, 13}) {
        Floats x = Floats::random({m, k}, uint32_t(m)), y({m, n});
        // Integers of which each stretch has the largest are quantized exactly.
        float largest = activations == "i16" ? 127 * 256 : 127;
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

/// The assembly of a matmul with such activations for a processor.
std::string assemblyFor(const char *triple, const char *cpu,
                        const char *features, const std::string &activations) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  std::string type = "tensor<32x512xf32, #rlx.quant<gguf_q4k>>";
  auto module = parseText(
      *context, "func.func @main(%x: tensor<?x512xf32>) -> tensor<?x32xf32> {\n"
                "  %w = rlx.weight \"w\" : " +
                    type +
                    "\n"
                    "  %y = rlx.matmul %x, %w {activations = " +
                    activations + "} : (tensor<?x512xf32>, " + type +
                    ") -> tensor<?x32xf32>\n"
                    "  return %y : tensor<?x32xf32>\n}");
  auto target = CpuTarget::create(triple, cpu, features);
  if (!module || !target) {
    ADD_FAILURE() << llvm::toString(
        llvm::joinErrors(module.takeError(), target.takeError()));
    return "";
  }
  CompileOptions options;
  options.target = *target;
  auto emitted = emitModule(**module, CodeForm::assembly, options);
  if (!emitted) {
    ADD_FAILURE() << llvm::toString(emitted.takeError());
    return "";
  }
  return std::string(emitted->code.begin(), emitted->code.end());
}

// Code for other processors is emitted, not run.
TEST(Targets, EmitsForAArch64) {
  std::tuple<const char *, const char *, const char *> expected[] = {
      {"+dotprod,+i8mm", "i8", "usdot"},
      {"+dotprod", "i8", "sdot"},
      {"", "i8", "mla"},
      {"+bf16", "bf16", "bfdot"}};
  for (auto [features, activations, instruction] : expected)
    EXPECT_CONTAINS(
        assemblyFor("aarch64-linux-gnu", "generic", features, activations),
        instruction);
  auto unknown = CpuTarget::create("", "pentium-9", "");
  EXPECT_CONTAINS(messageOf(std::move(unknown)), "unknown CPU 'pentium-9'");
}

// Dot products of 256 bits in the encoding of machines without AVX-512.
TEST(Targets, EmitsForAvxVnni) {
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP() << "the host is no x86 machine";
  std::string text = assemblyFor("", "x86-64-v3", "+avxvnni", "i8");
  EXPECT_CONTAINS(text, "{vex}\tvpdpbusd");
  EXPECT_EQ(text.find("zmm"), std::string::npos);
}

} // namespace
