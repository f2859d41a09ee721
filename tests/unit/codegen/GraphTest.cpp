//===- GraphTest.cpp - Programs that mix rlx with ordinary operations -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/Graph.h"

using namespace rlx;
using namespace rlx::test;

namespace graph_test {

TEST_F(SchemeTest, AFeedForwardLayer) {
  std::unique_ptr<Executable> executable = compiled(feedForward);
  ASSERT_TRUE(executable);
  FeedForward layer(&context, *executable);
  for (int64_t m : {1, 4, 17}) {
    Floats x = Floats::random({m, FeedForward::width}, 90 + uint32_t(m)),
           y(x.shape);
    EXPECT_SUCCESS(executable->run("main", {x}, {y}));
    EXPECT_TRUE(isClose(y, layer.expected(x), 2e-6, 90 + uint32_t(m)));
  }
}

// rlx.dequantize and an ordinary contraction are the same numbers, fused or
// not.
TEST_F(SchemeTest, DequantizeBeforeLinalg) {
  std::unique_ptr<Executable> executable = compiled(R"(
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @main(%x: tensor<?x96xf32>) -> (tensor<?x10xf32>, tensor<10x96xf32>) {
  %w = rlx.weight "w" : tensor<10x96xf32, #rlx.quant<gguf_q5_1>>
  %v = rlx.dequantize %w : (tensor<10x96xf32, #rlx.quant<gguf_q5_1>>) -> tensor<10x96xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x96xf32>
  %empty = tensor.empty(%m) : tensor<?x10xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x10xf32>) -> tensor<?x10xf32>
  %y = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %v : tensor<?x96xf32>, tensor<10x96xf32>)
      outs(%zeros : tensor<?x10xf32>) -> tensor<?x10xf32>
  return %y, %v : tensor<?x10xf32>, tensor<10x96xf32>
})");
  ASSERT_TRUE(executable);
  RandomWeight weight(*builtin("gguf_q5_1"), {10, 96}, 95);
  weight.bind(*executable, "w");
  std::vector<double> values = weight.values();
  for (int64_t m : {1, 6}) {
    Floats x = Floats::random({m, 96}, 96), y({m, 10}), v({10, 96});
    EXPECT_SUCCESS(executable->run("main", {x}, {y, v}));
    EXPECT_TRUE(isClose(y, product(x.values, values, m, 10, 96), 2e-6, 96));
    EXPECT_TRUE(isClose(v, values, 2e-7, 95));
  }
}

// Each result has a buffer of its own, also where results are the same value.
TEST_F(SchemeTest, EqualResults) {
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a = arith.addf %x, %x : tensor<?x4xf32>
  %b = arith.addf %x, %x : tensor<?x4xf32>
  %c = arith.constant dense<7.0> : tensor<2xf32>
  return %a, %b, %x, %c, %c : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<2xf32>, tensor<2xf32>
})");
  ASSERT_TRUE(executable);
  Floats x = Floats::random({3, 4}, 99), a(x.shape), b(x.shape), same(x.shape),
         c({2}), d({2});
  EXPECT_SUCCESS(executable->run("main", {x}, {a, b, same, c, d}));
  EXPECT_EQ(a.values, b.values);
  EXPECT_EQ(a.values[5], 2 * x.values[5]);
  EXPECT_EQ(same.values, x.values);
  EXPECT_EQ(c.values, std::vector<float>(2, 7));
  EXPECT_EQ(d.values, std::vector<float>(2, 7));
}

// Control flow, integers and several results around a matmul.
TEST_F(SchemeTest, LoopsAndBranches) {
  std::unique_ptr<Executable> executable = compiled(R"(
func.func @main(%x: tensor<3x64xf32>, %n: tensor<i32>) -> (tensor<3x64xf32>, tensor<i32>, tensor<3x64xi1>) {
  %w = rlx.weight "w" : tensor<64x64xf32, #rlx.quant<gguf_q8_0>>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n32 = tensor.extract %n[] : tensor<i32>
  %count = arith.index_cast %n32 : i32 to index
  %y = scf.for %i = %c0 to %count step %c1 iter_args(%v = %x) -> tensor<3x64xf32> {
    %p = rlx.matmul %v, %w : (tensor<3x64xf32>, tensor<64x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x64xf32>
    %t = math.tanh %p : tensor<3x64xf32>
    scf.yield %t : tensor<3x64xf32>
  }
  %positive = arith.cmpf ogt, %y, %x : tensor<3x64xf32>
  %twice = arith.addi %n, %n : tensor<i32>
  return %y, %twice, %positive : tensor<3x64xf32>, tensor<i32>, tensor<3x64xi1>
})");
  ASSERT_TRUE(executable);
  RandomWeight weight(*builtin("gguf_q8_0"), {64, 64}, 97,
                      Content::smallIntegers);
  weight.bind(*executable, "w");
  std::vector<double> values = weight.values();
  // Small, so that tanh is not at its ends.
  Floats x = Floats::random({3, 64}, 98), y({3, 64});
  for (float &value : x.values)
    value *= 1e-4f;
  Buffer<uint8_t> positive(ElementType::boolean, {3, 64});
  Ids two({}, {2}), twice({}, {0});
  EXPECT_SUCCESS(executable->run("main", {x, two}, {y, twice, positive}));
  std::vector<double> expected(x.values.begin(), x.values.end());
  for (int i = 0; i < 2; ++i) {
    std::vector<double> next(3 * 64);
    for (int64_t m = 0; m < 3; ++m)
      for (int64_t n = 0; n < 64; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < 64; ++k)
          sum += expected[m * 64 + k] * values[n * 64 + k];
        next[m * 64 + n] = std::tanh(sum);
      }
    expected = next;
  }
  EXPECT_TRUE(isClose(y, expected, 2e-5, 98));
  EXPECT_EQ(twice.values[0], 4);
  for (int64_t i = 0; i < 3 * 64; ++i)
    EXPECT_EQ(positive.values[i], y.values[i] > x.values[i]);
}

// A long list of operations becomes calls that LLVM does not optimize; what is
// called stays by itself, the one row that is decoded too.
TEST_F(SchemeTest, LongFunctionsAreListsOfCalls) {
  std::string square = "tensor<1x32xf32>",
              encoded = "tensor<32x32xf32, #rlx.quant<gguf_q8_0>>",
              ids = "tensor<1xi32>";
  std::string text = "func.func @main(%ids: " + ids + ", %w: " + encoded +
                     ") -> " + square +
                     " {\n  %x0 = rlx.embedding %w, %ids : (" + encoded + ", " +
                     ids + ") -> " + square + "\n";
  constexpr int layers = 70;
  for (int i = 0; i < layers; ++i)
    text += "  %x" + std::to_string(i + 1) + " = rlx.matmul %x" +
            std::to_string(i) + ", %w : (" + square + ", " + encoded + ") -> " +
            square + "\n";
  text += "  return %x" + std::to_string(layers) + " : " + square + "\n}\n";
  std::unique_ptr<mlir::MLIRContext> own = createContext();
  auto module = parseText(*own, text);
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  auto emitted = emitModule(**module, CodeForm::llvmIr, {});
  ASSERT_TRUE(bool(emitted)) << llvm::toString(emitted.takeError());
  llvm::StringRef code(emitted->code.data(), emitted->code.size());
  auto [before, step] = code.split("@rlx.program.main(");
  step = step.split("\n}\n").first;
  EXPECT_TRUE(step.contains("@rlx.shared.block_dequantize")) << code.str();
  EXPECT_EQ(int(step.count("call void @rlx.shared.block_matmul")), layers);
  EXPECT_FALSE(step.contains("phi")) << step.str();
  EXPECT_EQ(int(code.count("; Function Attrs: noinline optnone")), 1);
}

} // namespace graph_test
