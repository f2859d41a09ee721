//===- VerifyTest.cpp - Programs compared with themselves in f64 ----------===//

#include "tests/unit/codegen/Graph.h"

using namespace rlx;
using namespace rlx::test;

namespace {

/// A program with its context, and what it takes to run it.
class VerifyTest : public testing::Test {
protected:
  VerifyTest() : context(createContext()) {}

  bool compile(llvm::StringRef text) {
    auto parsed = parseText(*context, text);
    if (!parsed) {
      ADD_FAILURE() << llvm::toString(parsed.takeError());
      return false;
    }
    module = std::move(*parsed);
    auto code = compileModule(*module);
    if (!code) {
      ADD_FAILURE() << llvm::toString(code.takeError());
      return false;
    }
    executable = std::move(*code);
    return true;
  }
  RandomWeight weight(llvm::StringRef scheme, std::vector<int64_t> shape,
                      uint32_t seed) {
    return RandomWeight(*QuantScheme::parse(context.get(), scheme), shape,
                        seed);
  }
  std::string refusal(llvm::ArrayRef<TensorView> inputs,
                      llvm::ArrayRef<TensorView> outputs) {
    return messageOf(verify(*module, *executable, "main", inputs, outputs));
  }
  /// Runs and verifies; all results must be within the bound.
  Verification verified(llvm::ArrayRef<TensorView> inputs) {
    auto outputs = executable->run("main", inputs);
    if (!outputs) {
      ADD_FAILURE() << llvm::toString(outputs.takeError());
      return {};
    }
    std::vector<TensorView> views;
    for (const Tensor &output : *outputs)
      views.push_back(output.view());
    auto verification = verify(*module, *executable, "main", inputs, views);
    if (!verification) {
      ADD_FAILURE() << llvm::toString(verification.takeError());
      return {};
    }
    EXPECT_SUCCESS(verification->check());
    return *verification;
  }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Executable> executable;
};

// The rewritten program and the formula written by hand say the same.
TEST_F(VerifyTest, AgreesWithAFormula) {
  ASSERT_TRUE(compile(feedForward));
  FeedForward layer(context.get(), *executable);
  Floats x = Floats::random({3, FeedForward::width}, 7), y(x.shape);
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  ErrorReport byHand = measureError(y, layer.expected(x));
  auto verification = verify(*module, *executable, "main", {x}, {y});
  ASSERT_TRUE(bool(verification)) << llvm::toString(verification.takeError());
  EXPECT_EQ(verification->bound, 2e-6);
  EXPECT_SUCCESS(verification->check());
  ASSERT_EQ(verification->results.size(), 1u);
  const ErrorReport &report = verification->results[0];
  EXPECT_NEAR(report.relative, byHand.relative, 1e-12);
  EXPECT_EQ(report.index, byHand.index);
  EXPECT_NEAR(report.expected, byHand.expected, 1e-9);

  // A wrong result does not pass.
  y.values[300] *= 1.001f;
  verification = verify(*module, *executable, "main", {x}, {y});
  ASSERT_TRUE(bool(verification));
  EXPECT_EQ(verification->results[0].index, (std::vector<int64_t>{1, 44}));
  EXPECT_CONTAINS(messageOf(verification->check()),
                  "verification failed: expected result 0 to have a relative "
                  "error of at most 2e-06");
  y.values[300] = NAN;
  verification = verify(*module, *executable, "main", {x}, {y});
  ASSERT_TRUE(bool(verification));
  EXPECT_CONTAINS(messageOf(verification->check()), "the first at [1, 44]");
}

TEST_F(VerifyTest, EveryOperationOnWeights) {
  ASSERT_TRUE(compile(R"(
!w = tensor<4x6x64xf32, #rlx.quant<nvfp4/16>>
!s = tensor<4x6x4xf8E4M3FN>
!t = tensor<9x64xf32, #rlx.quant<gguf_q4_1>>
func.func @other() { return }
func.func @main(%ids: tensor<?xi32>, %experts: tensor<?x2xi32>, %w: !w, %s: !s, %g: tensor<4x1xf32>,
                %bias: tensor<4x6xf32>, %c: tensor<6xf32>, %h: tensor<6x64xf16>)
    -> (tensor<?x2x6xf32>, tensor<9x64xf32>, tensor<?x6xf32>, tensor<?xi32>, tensor<?x6xf16>) {
  %table = rlx.weight "table" : !t
  %x = rlx.embedding %table, %ids : (!t, tensor<?xi32>) -> tensor<?x64xf32>
  %y = rlx.gather_matmul %x, %w, %experts scales(%s) global_scale(%g) bias(%bias)
      : (tensor<?x64xf32>, !w, tensor<?x2xi32>, !s, tensor<4x1xf32>, tensor<4x6xf32>) -> tensor<?x2x6xf32>
  %v = rlx.dequantize %table : (!t) -> tensor<9x64xf32>
  %p = rlx.matmul %x, %h bias(%c) : (tensor<?x64xf32>, tensor<6x64xf16>, tensor<6xf32>) -> tensor<?x6xf32>
  %double = arith.extf %p : tensor<?x6xf32> to tensor<?x6xf64>
  %back = arith.truncf %double : tensor<?x6xf64> to tensor<?x6xf32>
  %half = arith.truncf %back : tensor<?x6xf32> to tensor<?x6xf16>
  return %y, %v, %back, %ids, %half
      : tensor<?x2x6xf32>, tensor<9x64xf32>, tensor<?x6xf32>, tensor<?xi32>, tensor<?x6xf16>
})"));
  RandomWeight table = weight("gguf_q4_1", {9, 64}, 11),
               experts = weight("nvfp4/16", {4, 6, 64}, 12),
               half = weight("f16", {6, 64}, 13);
  table.bind(*executable, "table");
  Floats bias = Floats::random({4, 6}, 14), c = Floats::random({6}, 15);
  Ids ids({3}, {8, 0, 8}), chosen({3, 2}, {0, 1, 2, 3, 3, 0});
  std::vector<TensorView> inputs = {ids, chosen};
  for (const TensorView &view : experts.views())
    inputs.push_back(view);
  inputs.insert(inputs.end(),
                {bias, c, {ElementType::f16, {6, 64}, half.blocks.data()}});
  // f16 results round: compare what is f32.
  auto outputs = executable->run("main", inputs);
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  std::vector<TensorView> views;
  for (const Tensor &output : *outputs)
    views.push_back(output.view());
  auto verification = verify(*module, *executable, "main", inputs, views);
  ASSERT_TRUE(bool(verification)) << llvm::toString(verification.takeError());
  ASSERT_EQ(verification->results.size(), 5u);
  for (int i : {0, 1, 2})
    EXPECT_LE(verification->results[i].relative, 2e-6) << i;
  EXPECT_EQ(verification->results[3].relative, 0);
  EXPECT_LE(verification->results[4].relative, 1e-3);
}

TEST_F(VerifyTest, NumbersInsideTheProgram) {
  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x3xf32>, %n: tensor<2x3xi32>) -> (tensor<2x3xf32>, tensor<2x3xi32>) {
  %some = arith.constant dense<[[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]> : tensor<2x3xf32>
  %same = arith.constant dense<0.7> : tensor<2x3xf32>
  %raw = arith.constant dense_resource<numbers> : tensor<2x3xf32>
  %a = arith.mulf %x, %some : tensor<2x3xf32>
  %b = arith.addf %a, %same : tensor<2x3xf32>
  %c = arith.mulf %b, %raw : tensor<2x3xf32>
  %f = arith.sitofp %n : tensor<2x3xi32> to tensor<2x3xf32>
  %d = arith.addf %c, %f : tensor<2x3xf32>
  %e = math.erf %d : tensor<2x3xf32>
  %i = arith.fptosi %f : tensor<2x3xf32> to tensor<2x3xi32>
  return %e, %i : tensor<2x3xf32>, tensor<2x3xi32>
}
{-# dialect_resources: { builtin: {
  numbers: "0x040000000000803f000000400000404000008040000000000000003f"
} } #-})"));
  Floats x = Floats::random({2, 3}, 21);
  Ids n({2, 3}, {0, 1, -1, 0, 1, 2});
  Verification verification = verified({x, n});
  ASSERT_EQ(verification.results.size(), 2u);
  EXPECT_GT(verification.results[0].relative, 0);
  EXPECT_EQ(verification.results[1].largest, 0);
}

TEST_F(VerifyTest, SaysWhatCannotBeVerified) {
  Floats x = Floats::random({2, 64}, 31), scales({2, 2}, {1, 1, 1, 1}),
         y({2, 64}), one({2, 2});
  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x64xf32>, %s: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %q = rlx.quantize %x scales(%s) : (tensor<2x64xf32>, tensor<2x2xf32>) -> tensor<2x64xf32, #rlx.quant<int8/32>>
  %y = rlx.matmul %x, %q scales(%s) : (tensor<2x64xf32>, tensor<2x64xf32, #rlx.quant<int8/32>>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
})"));
  EXPECT_CONTAINS(refusal({x, scales}, {one}),
                  "'rlx.quantize' op cannot be verified: rounding to codes in "
                  "double precision may "
                  "choose other codes than the program does");

  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x64xf32>, %w: tensor<2x64xf32, #rlx.quant<int8/32>>, %s: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %t = arith.addf %s, %s : tensor<2x2xf32>
  %y = rlx.matmul %x, %w scales(%t) : (tensor<2x64xf32>, tensor<2x64xf32, #rlx.quant<int8/32>>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
})"));
  RandomWeight weight = this->weight("int8/32", {2, 64}, 32);
  EXPECT_CONTAINS(refusal({x, weight.views()[0], scales}, {one}),
                  "'rlx.matmul' op cannot be verified: expected its scales to "
                  "be a weight or an "
                  "argument, but got a value that 'arith.addf' computes");

  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x64xf32>) -> tensor<2x64xi32> {
  %y = arith.bitcast %x : tensor<2x64xf32> to tensor<2x64xi32>
  return %y : tensor<2x64xi32>
})"));
  Ids bits({2, 64}, {});
  EXPECT_CONTAINS(refusal({x}, {bits}),
                  "'arith.bitcast' op cannot be verified: it uses the bits of "
                  "an f32, which have no counterpart in double precision");
}

// Other types of activations are approximations of the same sums.
TEST_F(VerifyTest, TheBoundIsOfTheWorstActivations) {
  auto bound = [&](llvm::StringRef a, llvm::StringRef b,
                   llvm::StringRef weights = "") {
    std::string text =
        R"(
!w = tensor<2x64xf32, #rlx.quant<gguf_q8_0>>
func.func @main(%x: tensor<1x64xf32>, %w: !w) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %y = rlx.matmul %x, %w )" +
        weights.str() + "{activations = " + a.str() +
        R"(} : (tensor<1x64xf32>, !w) -> tensor<1x2xf32>
  %z = rlx.matmul %x, %w {activations = )" +
        b.str() + R"(} : (tensor<1x64xf32>, !w) -> tensor<1x2xf32>
  return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
})";
    auto parsed = parseText(*context, text);
    EXPECT_TRUE(bool(parsed));
    Floats x = Floats::random({1, 64}, 41), y({1, 2});
    RandomWeight weight = this->weight("gguf_q8_0", {2, 64}, 42);
    // Only the arguments of the run are looked at.
    auto any = compiled("func.func @main() { return }");
    auto verification =
        verify(**parsed, *any, "main", {x, weight.views()[0]}, {y, y});
    if (verification)
      return verification->bound;
    ADD_FAILURE() << llvm::toString(verification.takeError());
    return 0.0;
  };
  EXPECT_EQ(bound("f32", "f32"), 2e-6);
  EXPECT_EQ(bound("i16", "f32"), 1e-4);
  EXPECT_EQ(bound("i16", "bf16"), 4e-3);
  EXPECT_EQ(bound("i8", "bf16"), 1.2e-2);
  std::string requantized = "weights = requantized ";
  EXPECT_EQ(bound("i8", "f32", requantized),
            std::hypot(1.2e-2, requantizedErrorBound));
  EXPECT_EQ(bound("i16", "bf16", requantized),
            std::hypot(4e-3, requantizedErrorBound));
}

} // namespace
