//===- ExecutableTest.cpp - Binding and what is said where it goes wrong --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

#include "runtime/weights/Gguf.h"
#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <chrono>
#include <thread>

using namespace rlx;
using namespace rlx::test;

namespace executable_test {

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

TEST_F(ExecutableTest, WhatIsNoTensor) {
  auto executable = compiled(program("source", "tensor<8x512xf32>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(file));
  Floats x({2, 512}), y({2, 8});
  auto run = [&](std::vector<int64_t> shape, void *data) {
    return messageOf(executable->run(
        "main", {{ElementType::f32, std::move(shape), data}}, {y}));
  };
  EXPECT_EQ(run({-1, 512}, x.values.data()),
            "dimension 0 of input 0 is negative, expected 0 or more, but got "
            "f32 [-1, 512]");
  EXPECT_EQ(run({int64_t(1) << 62, 512}, x.values.data()),
            "input 0 is too large: expected its size in bytes to fit in 63 "
            "bits, but got f32 [4611686018427387904, 512]");
  EXPECT_EQ(run({int64_t(1) << 52, 512}, x.values.data()),
            "input 0 is too large: expected its size in bytes to fit in 63 "
            "bits, but got f32 [4503599627370496, 512]");
  EXPECT_EQ(run({2, 512}, nullptr), "input 0 has no data");
}

TEST_F(ExecutableTest, OutputsHaveMemoryOfTheirOwn) {
  auto executable = compiled(R"(
func.func @main(%x: tensor<?x512xf32>) -> (tensor<?x8xf32>, tensor<?x512xf32>) {
  %w = rlx.weight "w" : tensor<8x512xf32>
  %y = rlx.matmul %x, %w : (tensor<?x512xf32>, tensor<8x512xf32>) -> tensor<?x8xf32>
  %z = arith.addf %x, %x : tensor<?x512xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x512xf32>
})");
  ASSERT_TRUE(executable);
  Floats w({8, 512}), x({2, 512}), y({2, 8}), z({2, 512});
  EXPECT_SUCCESS(executable->bindWeight("w", w));
  EXPECT_SUCCESS(executable->run("main", {x}, {y, z}));
  auto at = [](Floats &buffer, size_t first, std::vector<int64_t> shape) {
    return TensorView{ElementType::f32, std::move(shape),
                      buffer.values.data() + first};
  };
  EXPECT_EQ(messageOf(executable->run("main", {x}, {y, x})),
            "output 1 shares memory with input 0, expected memory of its own");
  EXPECT_EQ(messageOf(executable->run("main", {x}, {at(x, 1008, {2, 8}), z})),
            "output 0 shares memory with input 0, expected memory of its own");
  EXPECT_EQ(messageOf(executable->run("main", {x}, {at(z, 1000, {2, 8}), z})),
            "output 1 shares memory with output 0, expected memory of its own");
  EXPECT_EQ(
      messageOf(executable->run("main", {x}, {at(w, 0, {2, 8}), z})),
      "output 0 shares memory with weight 'w', expected memory of its own");
}

// Rows of zeros, written as a GGUF file of f32 tensors.
std::string weightFile(const std::string &name, std::vector<uint64_t> dims,
                       uint32_t type = 0) {
  return GgufBuilder()
      .tensor("other", {8}, 999, 0)
      .tensor("none", {0}, 0, 0)
      .tensor(name, std::move(dims), type, 0)
      .data(std::string(8 * 512 * 4, '\0'))
      .build();
}

TEST_F(ExecutableTest, FilesPadWithOnes) {
  TemporaryFolder folder;
  for (std::vector<uint64_t> dims :
       {std::vector<uint64_t>{512, 8}, {512, 8, 1}, {512, 8, 1, 1}}) {
    writeFile(folder / "w.gguf", weightFile("w", dims));
    auto executable = compiled(program("w", "tensor<8x512xf32>"));
    ASSERT_TRUE(executable);
    EXPECT_SUCCESS(
        executable->bindWeights(openWeightFile(folder / "w.gguf").take()));
    Floats x({1, 512}), y({1, 8});
    EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  }
  for (std::vector<uint64_t> dims :
       {std::vector<uint64_t>{512, 1, 8}, {8, 512}, {1, 512, 8}}) {
    writeFile(folder / "w.gguf", weightFile("w", dims));
    auto executable = compiled(program("w", "tensor<8x512xf32>"));
    ASSERT_TRUE(executable);
    EXPECT_CONTAINS(messageOf(executable->bindWeights(
                        openWeightFile(folder / "w.gguf").take())),
                    "expected shape [8, 512]");
  }
}

TEST_F(ExecutableTest, OnlyWhatIsAskedForHasToBeReadable) {
  TemporaryFolder folder;
  writeFile(folder / "w.gguf", weightFile("w", {512, 8}, 999));
  auto executable = compiled(program("w", "tensor<8x512xf32>"));
  ASSERT_TRUE(executable);
  EXPECT_CONTAINS(
      messageOf(
          executable->bindWeights(openWeightFile(folder / "w.gguf").take())),
      "weight 'w' in '" + folder / "w.gguf" + "' has type 999 (at offset ");
}

TEST_F(ExecutableTest, ANameInTwoFiles) {
  TemporaryFolder folder;
  for (const char *name : {"a.gguf", "b.gguf"})
    writeFile(folder / name, weightFile("w", {512, 8}));
  writeFile(folder / "c.gguf", weightFile("v", {512, 8}));
  auto open = [&](const char *name) {
    return openWeightFile(folder / name).take();
  };
  auto executable = compiled(program("w", "tensor<8x512xf32>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(open("a.gguf")));
  // A name that the program does not ask for may be in each.
  EXPECT_SUCCESS(executable->bindWeights(open("c.gguf")));
  EXPECT_SUCCESS(executable->bindWeights(open("a.gguf")));
  EXPECT_EQ(messageOf(executable->bindWeights(open("b.gguf"))),
            "weight 'w' is in '" + folder / "a.gguf" + "' and in '" +
                folder / "b.gguf" + "', expected it in one file");
  // Memory goes before files, whichever comes first.
  auto other = compiled(program("w", "tensor<8x512xf32>"));
  ASSERT_TRUE(other);
  Floats w({8, 512});
  EXPECT_SUCCESS(other->bindWeight("w", w));
  EXPECT_SUCCESS(other->bindWeights(open("a.gguf")));
  EXPECT_SUCCESS(other->bindWeights(open("b.gguf")));
  EXPECT_EQ(other->boundWeight("w").data, w.values.data());
}

// A file that is cut while it is mapped would end the process.
TEST_F(ExecutableTest, AFileThatWasChanged) {
  TemporaryFolder folder;
  auto openFile = [&] {
    writeFile(folder / "w.gguf", weightFile("w", {512, 8}));
    return openWeightFile(folder / "w.gguf").take();
  };
  auto cut = [&] {
    std::filesystem::resize_file(folder / "w.gguf", 4096);
    // Runs look when a coarse clock has ticked.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  auto executable = compiled(program("w", "tensor<8x512xf32>"));
  ASSERT_TRUE(executable);
  auto opened = openFile();
  cut();
  EXPECT_CONTAINS(messageOf(executable->bindWeights(std::move(opened))),
                  "was changed while it was in use");
  EXPECT_SUCCESS(executable->bindWeights(openFile()));
  cut();
  Floats x({1, 512}), y({1, 8});
  EXPECT_CONTAINS(messageOf(executable->run("main", {x}, {y})),
                  "was changed while it was in use: it had ");
  EXPECT_SUCCESS(executable->bindWeights(openFile()));
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  cut();
  for (int i = 0; i < 2; ++i)
    EXPECT_CONTAINS(messageOf(executable->run("main", {x}, {y})),
                    "'" + folder / "w.gguf" + "' was changed");
  // Weights that were packed are in memory, and need their file no more.
  auto packed =
      compiled(R"(func.func @main(%x: tensor<1x512xf32>) -> tensor<1x8xf32> {
  %w = rlx.weight "w" : tensor<8x512xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<1x512xf32>, tensor<8x512xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
})");
  ASSERT_TRUE(packed);
  writeFile(folder / "w.gguf", weightFile("w", {512, 8}, 8));
  EXPECT_SUCCESS(packed->bindWeights(openWeightFile(folder / "w.gguf").take()));
  EXPECT_SUCCESS(packed->run("main", {x}, {y}));
  cut();
  EXPECT_SUCCESS(packed->run("main", {x}, {y}));
}

TEST_F(ExecutableTest, NoRowsAtAll) {
  auto executable = compiled(
      program("q8_0.quantized", "tensor<8x512xf32, #rlx.quant<gguf_q8_0>>"));
  ASSERT_TRUE(executable);
  EXPECT_SUCCESS(executable->bindWeights(file));
  Floats x({0, 512}), y({0, 8});
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
}

} // namespace executable_test
