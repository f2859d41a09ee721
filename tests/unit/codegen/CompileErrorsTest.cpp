//===- CompileErrorsTest.cpp - What compilation says where it cannot ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

#include "tests/unit/runtime/TestSupport.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace rlx;
using namespace rlx::test;

namespace compile_errors_test {

TEST(CompileErrorsTest, SyntaxErrorsHaveTextAndPlace) {
  std::string message = messageOf(compileText(
      "func.func @main() {\n  %x = arith.konstant 1 : i32\n  return\n}", {},
      nullptr, "mine.mlir"));
  EXPECT_CONTAINS(message, "mine.mlir:2:8: error: ");
  EXPECT_CONTAINS(message, "arith.konstant");
  EXPECT_CONTAINS(message, "^");
}

TEST(CompileErrorsTest, VerifiersAreHeard) {
  std::string message =
      messageOf(compileText("func.func @main(%w: tensor<8x300xf32, "
                            "#rlx.quant<gguf_q4k>>) { return }"));
  EXPECT_CONTAINS(message, "program:1:");
  EXPECT_CONTAINS(message, "256");
  EXPECT_CONTAINS(message, "gguf_q4k");
  EXPECT_CONTAINS(message, "300");
}

TEST(CompileErrorsTest, PassesAreHeard) {
  std::string message = messageOf(compileText(R"(
func.func @main(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32> {
  %y = arith.negf %w : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  %z = rlx.dequantize %y : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
  return %z : tensor<8x64xf32>
})"));
  EXPECT_CONTAINS(message, "arith.negf");
  EXPECT_CONTAINS(message, "program");
  EXPECT_CONTAINS(message, "expected an operation of rlx");
}

TEST(CompileErrorsTest, ArgumentsThatCannotBePassed) {
  EXPECT_EQ(
      messageOf(compileText("func.func @main(%x: tensor<*xf32>) { return }")),
      "expected argument 0 of 'main' to be a ranked tensor, but got "
      "tensor<*xf32>");
  EXPECT_CONTAINS(
      messageOf(compileText("func.func @main(%x: tensor<3xi3>) { return }")),
      "argument 0 of 'main' is tensor<3xi3>, whose element type has no form in "
      "memory");
}

TEST(CompileErrorsTest, Files) {
  EXPECT_CONTAINS(messageOf(compileFile("/nowhere/x.mlir")),
                  "'/nowhere/x.mlir': ");
  TemporaryFolder folder;
  writeFile(folder / "empty.mlir", "not a module");
  EXPECT_CONTAINS(messageOf(compileFile(folder / "empty.mlir")),
                  "empty.mlir:1:1: error: ");
}

TEST(CompileErrorsTest, CodeForOtherMachinesDoesNotRun) {
  auto target = CpuTarget::create("aarch64-linux-gnu", "", "");
  if (!target) {
    llvm::consumeError(target.takeError());
    GTEST_SKIP() << "LLVM was built without AArch64";
  }
  if (llvm::Triple(llvm::sys::getProcessTriple()).isAArch64())
    GTEST_SKIP() << "this is an AArch64 machine";
  CompileOptions options;
  options.target = *target;
  EXPECT_EQ(messageOf(compileText("func.func @main() { return }", options)),
            "code for '" + target->triple +
                "' cannot run in this process; emit it instead");
}

// An illegal instruction would end the process.
TEST(CompileErrorsTest, CodeForBetterMachinesDoesNotRun) {
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP() << "the host is no x86 machine";
  constexpr const char *program = "func.func @main() { return }";
  auto host = llvm::sys::getHostCPUFeatures();
  bool hasSome = false;
  for (auto [cpu, features, lacks] :
       {std::tuple("diamondrapids", "", "avx10.2"),
        {"sapphirerapids", "", "avx512fp16"},
        {"arrowlake", "", "avxvnniint8"},
        {"native", "+avx10.2", "avx10.2"},
        {"x86-64", "+avx512f,+avx512fp16", "avx512fp16"},
        {"znver4", "", "avx512f"}}) {
    if (host.lookup(lacks))
      continue;
    hasSome = true;
    auto target = CpuTarget::create("", cpu, features);
    ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
    CompileOptions options;
    options.target = *target;
    std::string message = messageOf(compileText(program, options));
    EXPECT_CONTAINS(message, "code for CPU '" + target->cpu +
                                 "' cannot run on this machine, which lacks ");
    EXPECT_CONTAINS(message, lacks);
    // It can be emitted for machines that have it.
    std::unique_ptr<mlir::MLIRContext> context = createContext();
    auto module = parseText(*context, program);
    ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
    auto code = emitModule(**module, CodeForm::object, options);
    EXPECT_TRUE(bool(code)) << llvm::toString(code.takeError());
  }
  if (!hasSome)
    GTEST_SKIP() << "the host has all that was looked for";
}

// LLVM ends the process for these.
TEST(CompileErrorsTest, CpusThatAreNone) {
  auto message = [](const char *cpu, const char *features) {
    return messageOf(CpuTarget::create("x86_64-linux-gnu", cpu, features));
  };
  EXPECT_CONTAINS(
      message("i386", ""),
      "CPU 'i386' with the features asked for lacks '64bit', which code for "
      "'x86_64-unknown-linux-gnu' needs");
  EXPECT_CONTAINS(message("pentium4", ""), "lacks '64bit'");
  EXPECT_CONTAINS(message("x86-64", "-64bit"), "lacks '64bit'");
  EXPECT_CONTAINS(message("x86-64", "-sse2"), "lacks 'sse2'");
  EXPECT_CONTAINS(message("x86-64", "-sse"), "lacks 'sse2'");
  EXPECT_CONTAINS(message("x86-64", "+nothing"), "unknown feature '+nothing'");
  EXPECT_CONTAINS(message("", "sse2"),
                  "expected '+sse2' or '-sse2', but got 'sse2'");
  // Also where the caller fills the target in himself.
  CompileOptions options;
  options.target.cpu = "i386";
  options.target.features = "";
  if (llvm::Triple(llvm::sys::getProcessTriple()).getArch() ==
      llvm::Triple::x86_64) {
    EXPECT_CONTAINS(
        messageOf(compileText("func.func @main() { return }", options)),
        "lacks '64bit'");
  }
  options.target.cpu = "no-such-cpu";
  EXPECT_CONTAINS(
      messageOf(compileText("func.func @main() { return }", options)),
      "unknown CPU 'no-such-cpu'");
}

// MLIR's reader of bytecode trusts what it reads.
TEST(CompileErrorsTest, BytecodeHasToBeAskedFor) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, "func.func @main() { return }");
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  std::string bytecode;
  llvm::raw_string_ostream stream(bytecode);
  ASSERT_TRUE(succeeded(mlir::writeBytecodeToFile(**module, stream)));
  EXPECT_EQ(messageOf(compileText(bytecode)),
            "'program' is MLIR bytecode, whose reader trusts what it reads; "
            "expected text, or to be told that it is trusted (--bytecode, "
            "acceptBytecode)");
  TemporaryFolder folder;
  writeFile(folder / "p.mlirbc", bytecode);
  CompileOptions options;
  EXPECT_CONTAINS(messageOf(compileFile(folder / "p.mlirbc", options)),
                  "p.mlirbc' is MLIR bytecode");
  options.acceptBytecode = true;
  EXPECT_SUCCESS(compileFile(folder / "p.mlirbc", options).takeError());
  EXPECT_SUCCESS(compileText(bytecode, options).takeError());
}

// Parsers call themselves for each bracket.
TEST(CompileErrorsTest, ProgramsThatNestTooDeep) {
  auto repeated = [](llvm::StringRef text, size_t count) {
    std::string all;
    for (size_t i = 0; i < count; ++i)
      all += text;
    return all;
  };
  constexpr size_t many = 20000;
  for (const std::string &text :
       {"#map = affine_map<(d0) -> (" + repeated("(", many) + "d0" +
            repeated(")", many) + ")>",
        "func.func @main(%c: i1) {\n" + repeated("scf.if %c {\n", many) +
            repeated("}\n", many) + "return\n}",
        "module attributes {a = " + repeated("[", many) + repeated("]", many) +
            "} {}",
        "func.func private @f(" + repeated("tuple<", many) +
            repeated(">", many) + ")",
        "#map = affine_map<(d0) -> (d0" + repeated(" + d0", many) + ")>",
        "#map = affine_map<(d0) -> (" + repeated("-", many) + "d0)>"}) {
    std::string message = messageOf(compileText(text));
    EXPECT_CONTAINS(message, "'program' line ");
    EXPECT_CONTAINS(message, ": expected at most ");
  }
  // What is allowed is no danger to the stack.
  constexpr size_t few = 253;
  EXPECT_SUCCESS(compileText("func.func @main(%t: tensor<i1>) {\n"
                             "%c = tensor.extract %t[] : tensor<i1>\n" +
                             repeated("scf.if %c {\n", few) +
                             repeated("}\n", few) + "return\n}")
                     .takeError());
}

} // namespace compile_errors_test
