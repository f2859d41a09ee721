//===- ReadmeExampleTest.cpp - RLX as a library, as the README shows it ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Compiler.h"

#include <gtest/gtest.h>

namespace {

constexpr const char *program = R"(
func.func @main(%x: tensor<?x512xf32>) -> tensor<?x8xf32> {
  %w = rlx.weight "q4_K.quantized" : tensor<8x512xf32, #rlx.quant<gguf_q4k>>
  %y = rlx.matmul %x, %w : (tensor<?x512xf32>, tensor<8x512xf32, #rlx.quant<gguf_q4k>>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
})";

llvm::Error multiply(const std::string &weightFile, std::vector<float> &x,
                     std::vector<float> &y) {
  auto executable = rlx::compileText(program);
  if (!executable)
    return executable.takeError();
  auto weights = rlx::openWeightFile(weightFile);
  if (!weights)
    return rlx::toError(weights.status());
  if (llvm::Error error = (*executable)->bindWeights(weights.take()))
    return error;

  rlx::ThreadPool pool(2);
  rlx::RunOptions options;
  options.pool = &pool;
  int64_t rows = int64_t(x.size()) / 512; // any number, without compiling again
  rlx::TensorView input{rlx::ElementType::f32, {rows, 512}, x.data()};
  rlx::TensorView output{rlx::ElementType::f32, {rows, 8}, y.data()};
  return (*executable)->run("main", {input}, {output}, options);
}

TEST(ReadmeExampleTest, Multiplies) {
  std::vector<float> x(4 * 512, 1), y(4 * 8);
  if (llvm::Error error =
          multiply(RLX_TEST_DIR "/golden/ggml-types.gguf", x, y))
    FAIL() << llvm::toString(std::move(error));
  for (size_t i = 8; i < y.size(); ++i)
    EXPECT_FLOAT_EQ(y[i], y[i % 8]); // all rows of x are the same
  EXPECT_NE(y[0], 0);
  EXPECT_NE(multiply("/nowhere.gguf", x, y) ? 1 : 0, 0);
}

} // namespace
