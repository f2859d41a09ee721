//===- MixedPrecisionTest.cpp - A scheme for each layer -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/MixedPrecision.h"
#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace mixed_precision_test {

using MixedPrecisionTest = SchemeTest;

/// Layers with costs as they come; schemes stand for nothing.
std::vector<LayerSensitivity> randomLayers(QuantScheme scheme, int count,
                                           uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<LayerSensitivity> layers;
  for (int i = 0; i < count; ++i) {
    LayerSensitivity layer{
        "layer " + std::to_string(i), int64_t(random() % 900 + 100), {}};
    for (int64_t bits = 2; bits <= 8; bits += 1 + int64_t(random() % 3))
      layer.costs.push_back(
          {scheme, bits * layer.elements, double(random() % 1000)});
    layers.push_back(layer);
  }
  return layers;
}

/// All choices.
double leastError(llvm::ArrayRef<LayerSensitivity> layers, double bits) {
  if (bits < 0)
    return INFINITY;
  if (layers.empty())
    return 0;
  double least = INFINITY;
  for (const SchemeCost &cost : layers.front().costs)
    least = std::min(least, cost.error + leastError(layers.drop_front(),
                                                    bits - double(cost.bits)));
  return least;
}

TEST_F(MixedPrecisionTest, ChoosesTheLeastError) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    auto layers = randomLayers(*builtin("q4_0"), 5, seed);
    int64_t elements = 0;
    for (const LayerSensitivity &layer : layers)
      elements += layer.elements;
    for (double average : {2.0, 3.1, 4.5, 9.0}) {
      auto result = chooseSchemes(layers, average);
      if (!result)
        FAIL() << llvm::toString(result.takeError());
      EXPECT_LE(result->averageBits, average);
      EXPECT_EQ(result->error, leastError(layers, average * double(elements)));
    }
  }
}

/// Sums of bits have to be put together here.
TEST_F(MixedPrecisionTest, KeepsToTheAverageOfManyLayers) {
  auto layers = randomLayers(*builtin("q4_0"), 100, 7);
  double last = INFINITY;
  for (double average : {2.5, 3.0, 3.5}) {
    auto result = chooseSchemes(layers, average);
    if (!result)
      FAIL() << llvm::toString(result.takeError());
    EXPECT_LE(result->averageBits, average);
    EXPECT_LT(result->error, last);
    last = result->error;
  }
}

TEST_F(MixedPrecisionTest, GivesBitsToWhatNeedsThem) {
  std::vector<QuantScheme> schemes = {*builtin("q4_0"), *builtin("q8_0"),
                                      *builtin("q4_K")};
  std::vector<LayerSensitivity> layers;
  for (float size : {1.0f, 100.0f, 1.0f}) {
    std::vector<float> w = Random(5).floats(4 * 64), x = Random(6).floats(640);
    for (float &value : x)
      value *= size;
    auto activations = Activations::create(x, 64);
    ASSERT_TRUE(bool(activations));
    auto layer = measureSensitivity("w[" + std::to_string(layers.size()) + "]",
                                    {4, 64}, w, &*activations, schemes);
    if (!layer)
      FAIL() << llvm::toString(layer.takeError());
    ASSERT_EQ(layer->costs.size(), 2u); // 64 columns are no block of 256.
    EXPECT_EQ(layer->costs[0].bits, 4 * 64 * 4.5);
    EXPECT_GT(layer->costs[0].error, layer->costs[1].error);
    layers.push_back(*layer);
  }
  auto result = chooseSchemes(layers, 6);
  if (!result)
    FAIL() << llvm::toString(result.takeError());
  EXPECT_EQ(result->config.methodFor("w[0]").displayName(), "gguf_q4_0");
  EXPECT_EQ(result->config.methodFor("w[1]").displayName(), "gguf_q8_0");
  EXPECT_EQ(result->config.methodFor("w[2]").displayName(), "gguf_q4_0");
  EXPECT_EQ(result->config.methodFor("w1").displayName(), "none");
  EXPECT_NEAR(result->averageBits, (4.5 + 8.5 + 4.5) / 3, 1e-12);
  EXPECT_EQ(messageOf(chooseSchemes(layers, 4).takeError()),
            "expected an average of at least 4.5000 bits, which the smallest "
            "schemes have, but got 4.0000");
  EXPECT_NE(messageOf(chooseSchemes(layers, std::nan("")).takeError()), "");
  EXPECT_EQ(messageOf(chooseSchemes({}, 4).takeError()),
            "expected at least one layer");
  std::vector<float> w(4 * 48);
  EXPECT_EQ(
      messageOf(
          measureSensitivity("w", {4, 48}, w, nullptr, schemes).takeError()),
      "expected a scheme whose block divides the 48 columns of 'w'");
}

} // namespace mixed_precision_test
