//===- ExecutableTest.cpp - Binding and what is said where it goes wrong --===//

#include "tests/unit/codegen/TestSupport.h"

#include "runtime/Gguf.h"

using namespace rlx;
using namespace rlx::test;

namespace {

constexpr const char *golden = RLX_TEST_DIR "/golden/ggml-types.gguf";

std::string program(const std::string &weight, const std::string &type) {
  std::string n = type.substr(7, type.find('x') - 7);
  return "func.func @main(%x: tensor<?x512xf32>) -> tensor<?x" + n +
         "xf32> {\n  %w = rlx.weight \"" + weight + "\" : " + type +
         "\n  %y = rlx.matmul %x, %w : (tensor<?x512xf32>, " + type +
         ") -> tensor<?x" + n + "xf32>\n  return %y : tensor<?x" + n +
         "xf32>\n}\n";
}

class ExecutableTest : public testing::Test {
protected:
  void SetUp() override {
    auto opened = openWeightFile(golden);
    ASSERT_TRUE(opened.ok()) << opened.message();
    file = opened.take();
  }
  std::shared_ptr<const WeightFile> file;
};

TEST_F(ExecutableTest, RunsWeightsOfAFile) {
  auto executable = compiled(
      program("q4_K.quantized", "tensor<8x512xf32, #rlx.quant<gguf_q4k>>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(file));
  auto numbers = [&](const char *name) {
    const WeightEntry *entry = file->find(name);
    std::vector<float> values(entry->bytes.size() / sizeof(float));
    std::memcpy(values.data(), entry->bytes.data(), entry->bytes.size());
    return values;
  };
  Floats x({3, 512}, numbers("activations"));
  std::vector<float> result = numbers("q4_K.matmul");
  std::vector<double> expected(result.begin(), result.end());
  auto outputs = executable->run("main", {x});
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_TRUE(isClose((*outputs)[0].view(), expected, 2e-6, 0));
}

TEST_F(ExecutableTest, AMissingWeightNamesTheNearest) {
  auto executable = compiled(
      program("q4_K.quantised", "tensor<8x512xf32, #rlx.quant<gguf_q4k>>"));
  ASSERT_TRUE(executable);
  Floats x({1, 512}), y({1, 8});
  EXPECT_EQ(messageOf(executable->run("main", {x}, {y})),
            "weight 'q4_K.quantised' (tensor<8x512xf32, #rlx.quant<gguf_q4k>>) "
            "is not given: "
            "expected a weight file that has it");
  EXPECT_SUCCESS(executable->bindWeights(file));
  EXPECT_CONTAINS(messageOf(executable->run("main", {x}, {y})),
                  "weight 'q4_K.quantised' (tensor<8x512xf32, "
                  "#rlx.quant<gguf_q4k>>) is not given; "
                  "nearest names in '" +
                      std::string(golden) + "': 'q4_K.quantized', ");
}

TEST_F(ExecutableTest, WeightsOfAnotherShapeOrScheme) {
  auto shape = compiled(
      program("q4_K.quantized", "tensor<9x512xf32, #rlx.quant<gguf_q4k>>"));
  ASSERT_TRUE(shape);
  std::string message = messageOf(shape->bindWeights(file));
  EXPECT_CONTAINS(message, "weight 'q4_K.quantized' in '");
  EXPECT_CONTAINS(message, "expected shape [9, 512]");
  EXPECT_CONTAINS(message, "but got shape [8, 512]");

  auto scheme = compiled(
      program("q4_K.quantized", "tensor<8x512xf32, #rlx.quant<gguf_q5k>>"));
  ASSERT_TRUE(scheme);
  message = messageOf(scheme->bindWeights(file));
  EXPECT_CONTAINS(message, "expected type q5_K");
  EXPECT_CONTAINS(message, "but got type q4_K");

  auto plain = compiled(program("source", "tensor<8x512xf16>"));
  ASSERT_TRUE(plain);
  message = messageOf(plain->bindWeights(file));
  EXPECT_CONTAINS(message, "expected type f16");
  EXPECT_CONTAINS(message, "but got type f32");
}

TEST_F(ExecutableTest, MemoryIsCheckedLikeFiles) {
  auto executable =
      compiled(program("w", "tensor<8x512xf32, #rlx.quant<gguf_q8_0>>"));
  ASSERT_TRUE(executable);
  Buffer<uint8_t> good(ElementType::u8, {8, 544}),
      few(ElementType::u8, {8, 512});
  Floats wrong({8, 512});
  EXPECT_EQ(messageOf(executable->bindWeight("v", good)),
            "the program has no weight 'v'");
  EXPECT_EQ(messageOf(executable->bindWeight("w", few)),
            "expected weight 'w' to be u8 [8, 544] for tensor<8x512xf32, "
            "#rlx.quant<gguf_q8_0>>, "
            "but got u8 [8, 512]");
  EXPECT_CONTAINS(messageOf(executable->bindWeight("w", wrong)),
                  "but got f32 [8, 512]");
  EXPECT_EQ(messageOf(executable->bindWeight(
                "w", {ElementType::u8, {8, 544}, nullptr})),
            "weight 'w' has no data");
  EXPECT_EQ(executable->boundWeight("w").data, nullptr);
  EXPECT_SUCCESS(executable->bindWeight("w", good));
  EXPECT_EQ(executable->boundWeight("w").data, good.values.data());
}

TEST_F(ExecutableTest, InputsAndOutputsAreChecked) {
  auto executable = compiled(program("source", "tensor<8x512xf32>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(file));
  Floats x({2, 512}), y({2, 8}), narrow({2, 511});
  EXPECT_EQ(
      messageOf(executable->run("other", {x}, {y})),
      "the program has no public function 'other', expected one of 'main'");
  EXPECT_EQ(messageOf(executable->run("main", {}, {y})),
            "expected 1 inputs for 'main', but got 0");
  EXPECT_EQ(messageOf(executable->run("main", {narrow}, {y})),
            "expected input 0 to be f32 [?, 512] for tensor<?x512xf32>, but "
            "got f32 [2, 511]");
  EXPECT_EQ(messageOf(executable->run("main", {Ids({2, 512}, {})}, {y})),
            "expected input 0 to be f32 [?, 512] for tensor<?x512xf32>, but "
            "got i32 [2, 512]");
  EXPECT_EQ(messageOf(executable->run("main", {x}, {narrow})),
            "expected output 0 to be f32 [2, 8] for tensor<?x8xf32>, but got "
            "f32 [2, 511]");
  EXPECT_EQ(
      messageOf(executable->run("main", {x}, llvm::ArrayRef<TensorView>())),
      "expected 1 outputs for 'main', but got 0");
  auto shapes = executable->resultShapes("main", {x});
  ASSERT_TRUE(bool(shapes)) << llvm::toString(shapes.takeError());
  EXPECT_EQ(*shapes, (std::vector<std::vector<int64_t>>{{2, 8}}));
}

TEST_F(ExecutableTest, NoRowsAtAll) {
  auto executable = compiled(
      program("q8_0.quantized", "tensor<8x512xf32, #rlx.quant<gguf_q8_0>>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(file));
  Floats x({0, 512}), y({0, 8});
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
}

} // namespace
