//===- VerifyTest.cpp - Programs compared with the reference --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/Graph.h"

using namespace rlx;
using namespace rlx::test;

namespace verify_test {

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

// The evaluated program and the formula written by hand say the same.
TEST_F(VerifyTest, AgreesWithAFormula) {
  ASSERT_TRUE(compile(feedForward));
  FeedForward layer(context.get(), *executable);
  Floats x = Floats::random({3, FeedForward::width}, 7), y(x.shape);
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  ErrorReport byHand = measureError(y, layer.expected(x));
  auto verification = verify(*module, *executable, "main", {x}, {y});
  ASSERT_TRUE(bool(verification)) << llvm::toString(verification.takeError());
  EXPECT_GT(verification->bound, 1e-7);
  EXPECT_LT(verification->bound, 1e-5);
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
                  "error of at most ");
  EXPECT_CONTAINS(messageOf(verification->check()),
                  "1 elements further off than rounding can be, the first at "
                  "[1, 44]");
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
  Verification verification = verified(inputs);
  ASSERT_EQ(verification.results.size(), 5u);
  for (int i : {0, 1, 2})
    EXPECT_LE(verification.results[i].bound, 1e-5) << i;
  EXPECT_EQ(verification.results[3].bound, 0);
  // f16 results are rounded: they are the same but where it is close.
  EXPECT_LE(verification.results[4].bound, 1e-3);
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

// Rounding may lead to another code than in double precision, but no further.
TEST_F(VerifyTest, CodesThatTheProgramComputes) {
  ASSERT_TRUE(compile(R"(
!q = tensor<2x64xf32, #rlx.quant<int8/32>>
func.func @main(%x: tensor<2x64xf32>, %m: tensor<2x2xf32>) -> (tensor<2x64xf32>, tensor<2x2xf32>) {
  %c = arith.constant dense<127.0> : tensor<2x2xf32>
  %s = arith.divf %m, %c : tensor<2x2xf32>
  %q = rlx.quantize %x scales(%s) : (tensor<2x64xf32>, tensor<2x2xf32>) -> !q
  %v = rlx.dequantize %q scales(%s) : (!q, tensor<2x2xf32>) -> tensor<2x64xf32>
  %y = rlx.matmul %x, %q scales(%s) : (tensor<2x64xf32>, !q, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %v, %y : tensor<2x64xf32>, tensor<2x2xf32>
})"));
  Floats x = Floats::random({2, 64}, 33), most({2, 2}, {4, 4, 3, 0});
  // In the middle of two codes.
  x.values[3] = 4 * 10.5f / 127;
  Verification verification = verified({x, most});
  ASSERT_EQ(verification.results.size(), 2u);
  Floats v({2, 64}), y({2, 2});
  EXPECT_SUCCESS(executable->run("main", {x, most}, {v, y}));
  v.values[5] += 4.0f / 127;
  auto wrong = verify(*module, *executable, "main", {x, most}, {v, y});
  ASSERT_TRUE(bool(wrong));
  EXPECT_CONTAINS(messageOf(wrong->check()), "the first at [0, 5]");
}

TEST_F(VerifyTest, GathersAndScatters) {
  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<?x3x4xf32>, %i: tensor<5x2xi32>, %j: tensor<2x1xi32>, %z: tensor<2x1x4xf32>)
    -> (tensor<5x1x3x1xf32>, tensor<2x?x4xf32>, tensor<?x3x4xf32>, tensor<3x4xf32>) {
  %a = tensor.gather %x[%i] gather_dims([0, 2]) : (tensor<?x3x4xf32>, tensor<5x2xi32>) -> tensor<5x1x3x1xf32>
  %b = tensor.gather %x[%j] gather_dims([1]) : (tensor<?x3x4xf32>, tensor<2x1xi32>) -> tensor<2x?x4xf32>
  %k = tensor.collapse_shape %j [[0, 1]] : tensor<2x1xi32> into tensor<2xi32>
  %s = arith.constant dense<0.0> : tensor<3x4xf32>
  %c = tensor.scatter %z into %s[%j] scatter_dims([0]) unique : (tensor<2x1x4xf32>, tensor<3x4xf32>, tensor<2x1xi32>) -> tensor<3x4xf32>
  return %a, %b, %x, %c : tensor<5x1x3x1xf32>, tensor<2x?x4xf32>, tensor<?x3x4xf32>, tensor<3x4xf32>
})"));
  Floats x = Floats::random({2, 3, 4}, 41), z = Floats::random({2, 1, 4}, 42);
  Ids i({5, 2}, {0, 3, 1, 0, 0, 0, 1, 3, 1, 1}), j({2, 1}, {2, 0});
  Verification verification = verified({x, i, j, z});
  ASSERT_EQ(verification.results.size(), 4u);
  for (const auto &result : verification.results)
    EXPECT_EQ(result.largest, 0);
}

TEST_F(VerifyTest, SaysWhatCannotBeVerified) {
  Floats x = Floats::random({2, 64}, 31), scales({2, 2}, {1, 1, 1, 1}),
         y({2, 64}), one({2, 2});
  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x64xf32>, %w: tensor<2x64xf32, #rlx.quant<int8/32>>, %s: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %t = arith.addf %s, %s : tensor<2x2xf32>
  %y = rlx.matmul %x, %w scales(%t) : (tensor<2x64xf32>, tensor<2x64xf32, #rlx.quant<int8/32>>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
})"));
  RandomWeight weight = this->weight("int8/32", {2, 64}, 32);
  EXPECT_EQ(verified({x, weight.views()[0], scales}).results.size(), 1u);

  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<2x64xf32>) -> (tensor<2x64xi32>, tensor<2x64xi32>) {
  %y = arith.bitcast %x : tensor<2x64xf32> to tensor<2x64xi32>
  %s = arith.mulf %x, %x : tensor<2x64xf32>
  %z = arith.bitcast %s : tensor<2x64xf32> to tensor<2x64xi32>
  return %y, %z : tensor<2x64xi32>, tensor<2x64xi32>
})"));
  Ids bits({2, 64}, {});
  EXPECT_CONTAINS(refusal({x}, {bits, bits}),
                  "'arith.bitcast' op cannot be verified: it uses the bits of "
                  "a number that was rounded, which is not done in double "
                  "precision");
}

// Other types of activations are approximations of the same sums.
TEST_F(VerifyTest, BoundsFollowTheActivations) {
  auto bound = [&](const std::string &attributes, int64_t rows = 3) {
    std::string m = std::to_string(rows);
    std::string text = R"(
!w = tensor<32x512xf32, #rlx.quant<gguf_q8_0>>
func.func @main(%x: tensor<)" +
                       m + R"(x512xf32>, %w: !w) -> tensor<)" + m +
                       R"(x32xf32> {
  %y = rlx.matmul %x, %w )" +
                       attributes + " : (tensor<" + m +
                       "x512xf32>, !w) -> tensor<" + m + R"(x32xf32>
  return %y : tensor<)" +
                       m + "x32xf32>\n}";
    if (!compile(text))
      return 0.0;
    Floats x = Floats::random({rows, 512}, 41);
    RandomWeight weight = this->weight("gguf_q8_0", {32, 512}, 42);
    return verified({x, weight.views()[0]}).bound;
  };
  double f32 = bound(""), i24 = bound("{activations = i24}"),
         i16 = bound("{activations = i16}"), f16 = bound("{activations = f16}"),
         bf16 = bound("{activations = bf16}"), i8 = bound("{activations = i8}"),
         reencoded = bound("weights = reencoded {activations = i8}", 40);
  EXPECT_LT(f32, 1e-5);
  EXPECT_LT(i24, 1e-5);
  EXPECT_LT(f32, i24);
  EXPECT_LT(i24, i16);
  EXPECT_LT(i16, f16);
  EXPECT_LT(f16, bf16);
  EXPECT_LT(bf16, i8);
  EXPECT_LT(i8, 2e-2);
  EXPECT_LT(i8, reencoded);
  EXPECT_LT(reencoded, 4e-2);
}

// The order of a sum is free: terms beyond the range of f32 may cancel before
// they are added up, or give an infinity. Terms of one sign give one for sure.
TEST_F(VerifyTest, SumsThatOverflowOnTheWay) {
  ASSERT_TRUE(compile(R"(
!w = tensor<32x512xf32, #rlx.quant<gguf_q8_0>>
func.func @main(%x: tensor<2x512xf32>, %w: !w) -> (tensor<2xf32>, tensor<2x32xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  %s = linalg.reduce { arith.addf } ins(%x : tensor<2x512xf32>) outs(%z : tensor<2xf32>) dimensions = [1]
  %y = rlx.matmul %x, %w : (tensor<2x512xf32>, !w) -> tensor<2x32xf32>
  return %s, %y : tensor<2xf32>, tensor<2x32xf32>
})"));
  Floats x({2, 512});
  for (int64_t k = 0; k < 512; ++k) {
    x.values[k] = k < 256 ? 3e38f : -3e38f;
    x.values[512 + k] = 3e38f;
  }
  RandomWeight weight(*QuantScheme::parse(context.get(), "gguf_q8_0"),
                      {32, 512}, 42, Content::largestCodes);
  Verification all = verified({x, weight.views()[0]});
  ASSERT_EQ(all.results.size(), 2u);
  EXPECT_EQ(all.results[0].undetermined, 1);
  EXPECT_GE(all.results[1].undetermined, 32);
  // The second sum is infinite, and nothing else.
  Floats sums({2}, {0, 3e38f}), products({2, 32});
  auto wrong = verify(*module, *executable, "main", {x, weight.views()[0]},
                      {sums, products});
  ASSERT_TRUE(bool(wrong)) << llvm::toString(wrong.takeError());
  EXPECT_CONTAINS(llvm::toString(wrong->check()),
                  "1 NaNs or infinities where there should be none");
}

// Both sizes are right for one of the flags.
TEST_F(VerifyTest, ChosenTensorsHaveSizesOfTheirOwn) {
  ASSERT_TRUE(compile(R"(
func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>, %f: tensor<i1>) -> tensor<?xf32> {
  %c = tensor.extract %f[] : tensor<i1>
  %r = scf.if %c -> (tensor<?xf32>) {
    scf.yield %x : tensor<?xf32>
  } else {
    scf.yield %y : tensor<?xf32>
  }
  return %r : tensor<?xf32>
})"));
  Floats x({3}, {1, 2, 3}), y({7}, {100, 101, 102, 103, 104, 105, 106});
  for (uint8_t flag : {0, 1}) {
    TensorView condition{ElementType::boolean, {}, &flag};
    EXPECT_EQ(verified({x, y, condition}).results.size(), 1u);
    // What a wrong choice of sizes would give.
    TensorView wrong = flag ? TensorView(y) : TensorView(x);
    std::string expected =
        flag ? "[3], but got f32 [7]" : "[7], but got f32 [3]";
    EXPECT_CONTAINS(refusal({x, y, condition}, {wrong}),
                    "expected result 0 to have sizes " + expected);
  }
}

} // namespace verify_test
