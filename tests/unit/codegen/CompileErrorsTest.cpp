//===- CompileErrorsTest.cpp - What compilation says where it cannot ------===//

#include "tests/unit/codegen/TestSupport.h"

#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

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
  EXPECT_EQ(messageOf(compileText("func.func @main(%x: f32) { return }")),
            "expected argument 0 of 'main' to be a ranked tensor, but got f32");
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
  if (target->isHost())
    GTEST_SKIP() << "this is an AArch64 machine";
  CompileOptions options;
  options.target = *target;
  EXPECT_EQ(messageOf(compileText("func.func @main() { return }", options)),
            "code for '" + target->triple +
                "' cannot run in this process; emit it instead");
}

} // namespace
