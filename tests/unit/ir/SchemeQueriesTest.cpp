//===- SchemeQueriesTest.cpp - The numbers that follow from a scheme ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names, sizes and answers that the product promised before RLX, and those
// of the schemes that joined them.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/ir/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace scheme_queries_test {

struct Expected {
  const char *name;
  int64_t bitsX10, block, blockBytes;
  int64_t numerator, denominator; ///< Bits per element of the blocks.
  bool isGguf, hasScale, hasZeroPoint, hasGlobalScale, scaleIsFp8;
  int64_t nvfp4GroupSize;
};

constexpr Expected table[] = {
    // name, x10, block, bytes, bits, gguf, scale, zero, global, fp8, group
    {"f32", 320, 1, 4, 32, 1, false, false, false, false, false, 0},
    {"f16", 160, 1, 2, 16, 1, false, false, false, false, false, 0},
    {"bf16", 160, 1, 2, 16, 1, false, false, false, false, false, 0},
    {"int8/32", 80, 32, 32, 8, 1, false, true, false, false, false, 0},
    {"int8/128", 80, 128, 128, 8, 1, false, true, false, false, false, 0},
    {"int8/tensor", 80, 1, 1, 8, 1, false, true, false, false, false, 0},
    {"int8/channel", 80, 1, 1, 8, 1, false, true, false, false, false, 0},
    {"int8a/32", 80, 32, 32, 8, 1, false, true, true, false, false, 0},
    {"int4/32", 40, 32, 16, 4, 1, false, true, false, false, false, 0},
    {"int4a/64", 40, 64, 32, 4, 1, false, true, true, false, false, 0},
    {"affine2/64", 20, 64, 16, 2, 1, false, true, true, false, false, 0},
    {"affine3/64", 30, 64, 24, 3, 1, false, true, true, false, false, 0},
    {"affine6/64", 60, 64, 48, 6, 1, false, true, true, false, false, 0},
    {"fp8e4m3", 80, 1, 1, 8, 1, false, false, false, false, false, 0},
    {"fp8e5m2", 80, 1, 1, 8, 1, false, false, false, false, false, 0},
    {"fp6e2m3", 60, 4, 3, 6, 1, false, false, false, false, false, 0},
    {"fp6e3m2", 60, 4, 3, 6, 1, false, false, false, false, false, 0},
    {"fp4e2m1", 40, 2, 1, 4, 1, false, false, false, false, false, 0},
    {"fp8e4m3/128x128", 80, 1, 1, 8, 1, false, true, false, false, false, 0},
    {"nvfp4/16", 40, 16, 8, 4, 1, false, true, false, true, true, 16},
    {"mxfp4/32", 40, 32, 16, 4, 1, false, true, false, false, false, 0},
    {"mxfp8/32", 80, 32, 32, 8, 1, false, true, false, false, false, 0},
    {"mxfp8e5m2/32", 80, 32, 32, 8, 1, false, true, false, false, false, 0},
    {"mxfp6e3m2/32", 60, 32, 24, 6, 1, false, true, false, false, false, 0},
    {"mxfp6e2m3/32", 60, 32, 24, 6, 1, false, true, false, false, false, 0},
    {"mxint8/32", 80, 32, 32, 8, 1, false, true, false, false, false, 0},
    {"f8q8", 83, 32, 33, 33, 4, false, false, false, false, false, 0},
    {"nf4/32", 40, 32, 16, 4, 1, false, true, false, false, false, 0},
    {"nf4/128", 40, 128, 64, 4, 1, false, true, false, false, false, 0},
    {"bnb_fp4/64", 40, 64, 32, 4, 1, false, true, false, false, false, 0},
    {"nf4/64", 40, 64, 32, 4, 1, false, true, false, false, false, 0},
    {"gguf_q4_0", 45, 32, 18, 9, 2, true, false, false, false, false, 0},
    {"gguf_q4_1", 50, 32, 20, 5, 1, true, false, false, false, false, 0},
    {"gguf_q5_0", 55, 32, 22, 11, 2, true, false, false, false, false, 0},
    {"gguf_q5_1", 60, 32, 24, 6, 1, true, false, false, false, false, 0},
    {"gguf_q8_0", 85, 32, 34, 17, 2, true, false, false, false, false, 0},
    {"gguf_q2k", 26, 256, 84, 21, 8, true, false, false, false, false, 0},
    {"gguf_q3k", 34, 256, 110, 55, 16, true, false, false, false, false, 0},
    {"gguf_q4k", 45, 256, 144, 9, 2, true, false, false, false, false, 0},
    {"gguf_q5k", 55, 256, 176, 11, 2, true, false, false, false, false, 0},
    {"gguf_q6k", 66, 256, 210, 105, 16, true, false, false, false, false, 0},
    {"gguf_q8k", 91, 256, 292, 73, 8, true, false, false, false, false, 0},
    {"gguf_iq4_nl", 45, 32, 18, 9, 2, true, false, false, false, false, 0},
    {"gguf_iq4_xs", 43, 256, 136, 17, 4, true, false, false, false, false, 0},
    {"gguf_mxfp4", 43, 32, 17, 17, 4, true, false, false, false, false, 0},
    {"gguf_nvfp4", 45, 64, 36, 9, 2, true, false, false, false, false, 0},
    {"gguf_tq2_0", 21, 256, 66, 33, 16, true, false, false, false, false, 0},
    {"gguf_q1_0", 11, 128, 18, 9, 8, true, false, false, false, false, 0},
    {"gguf_q2_0", 23, 64, 18, 9, 4, true, false, false, false, false, 0},
    {"gguf_tq1_0", 17, 256, 54, 27, 16, true, false, false, false, false, 0},
    {"gguf_iq2_xxs", 21, 256, 66, 33, 16, true, false, false, false, false, 0},
    {"gguf_iq2_xs", 23, 256, 74, 37, 16, true, false, false, false, false, 0},
    {"gguf_iq2_s", 26, 256, 82, 41, 16, true, false, false, false, false, 0},
    {"gguf_iq3_xxs", 31, 256, 98, 49, 16, true, false, false, false, false, 0},
    {"gguf_iq3_s", 34, 256, 110, 55, 16, true, false, false, false, false, 0},
    {"gguf_iq1_s", 16, 256, 50, 25, 16, true, false, false, false, false, 0},
    {"gguf_iq1_m", 18, 256, 56, 7, 4, true, false, false, false, false, 0},
    {"gguf_iq2_k", 24, 256, 76, 19, 8, true, false, false, false, false, 0},
    {"gguf_iq3_k", 34, 256, 110, 55, 16, true, false, false, false, false, 0},
    {"gguf_iq4_k", 45, 256, 144, 9, 2, true, false, false, false, false, 0},
    {"gguf_iq5_k", 55, 256, 176, 11, 2, true, false, false, false, false, 0},
    {"gguf_iq6_k", 66, 256, 212, 53, 8, true, false, false, false, false, 0},
    {"iq4_ks", 43, 256, 136, 17, 4, false, true, false, false, false, 0},
};

TEST_F(SchemeTest, TheTableOfAnswers) {
  for (const Expected &expected : table) {
    SCOPED_TRACE(expected.name);
    std::optional<QuantScheme> scheme = builtin(expected.name);
    ASSERT_TRUE(scheme);
    EXPECT_EQ(scheme->displayName(), expected.name);
    EXPECT_EQ(scheme->bitsPerElementX10(), expected.bitsX10);
    EXPECT_EQ(scheme->bitsPerElement(), expected.bitsX10 / 10);
    EXPECT_EQ(scheme->block(), expected.block);
    EXPECT_EQ(scheme->blockBytes(), expected.blockBytes);
    EXPECT_EQ(scheme->payloadBits().numerator, expected.numerator);
    EXPECT_EQ(scheme->payloadBits().denominator, expected.denominator);
    EXPECT_EQ(scheme->isGguf(), expected.isGguf);
    EXPECT_EQ(scheme->ggufBlockSize(), expected.isGguf ? expected.block : 0);
    EXPECT_EQ(scheme->ggufBlockBytes(),
              expected.isGguf ? expected.blockBytes : 0);
    EXPECT_EQ(scheme->hasScale(), expected.hasScale);
    EXPECT_EQ(scheme->hasZeroPoint(), expected.hasZeroPoint);
    EXPECT_EQ(scheme->hasGlobalScale(), expected.hasGlobalScale);
    EXPECT_EQ(scheme->scaleIsFp8(), expected.scaleIsFp8);
    EXPECT_EQ(scheme->nvfp4GroupSize(), expected.nvfp4GroupSize);
  }
}

TEST_F(SchemeTest, TotalBitsCountSideTensors) {
  auto expectBits = [&](const char *name, llvm::ArrayRef<int64_t> shape,
                        int64_t numerator, int64_t denominator) {
    Ratio bits = builtin(name)->totalBits(shape);
    EXPECT_EQ(bits.numerator, numerator) << name;
    EXPECT_EQ(bits.denominator, denominator) << name;
  };
  expectBits("int8/32", {8, 64}, 9, 1);       // 8 + 32 / 32
  expectBits("int8a/32", {8, 64}, 10, 1);     // 8 + 64 / 32
  expectBits("int4/32", {8, 64}, 5, 1);       // 4 + 32 / 32
  expectBits("nvfp4/16", {1, 16}, 13, 2);     // 4 + 8 / 16 + 32 / 16
  expectBits("nvfp4/16", {8, 64}, 73, 16);    // 4.5 + 32 / 512
  expectBits("nvfp4/16", {2, 8, 64}, 73, 16); // a global scale for each expert
  expectBits("mxfp4/32", {8, 64}, 17, 4);     // 4 + 8 / 32
  expectBits("fp8e4m3", {8, 64}, 8, 1);
  expectBits("fp8e4m3/128x128", {8, 64}, 129, 16); // one scale for all
  expectBits("int8/tensor", {8, 64}, 129, 16);
  expectBits("int8/channel", {8, 64}, 17, 2);
  expectBits("gguf_q6k", {3, 512}, 105, 16);
}

TEST_F(SchemeTest, SizesOfWeights) {
  using Shape = llvm::SmallVector<int64_t>;
  std::optional<QuantScheme> scheme = builtin("gguf_q4k");
  EXPECT_EQ(scheme->rowBytes(512), 288);
  EXPECT_EQ(scheme->storageShape({8, 512}), (Shape{8, 288}));
  EXPECT_EQ(scheme->storageShape({3, 8, 512}), (Shape{3, 8, 288}));
  EXPECT_EQ(scheme->storageBytes({3, 8, 512}), 3 * 8 * 288);
}

TEST_F(SchemeTest, ShapesOfSideTensors) {
  using Shape = llvm::SmallVector<int64_t>;
  auto shape = [&](const char *name, const char *side,
                   llvm::ArrayRef<int64_t> weight) {
    std::optional<SideOperand> operand = builtin(name)->findSide(side);
    EXPECT_TRUE(operand) << name;
    return operand ? operand->shape(weight) : Shape{};
  };
  EXPECT_EQ(shape("int8/32", "scales", {8, 96}), (Shape{8, 3}));
  EXPECT_EQ(shape("int8a/32", "zero_points", {8, 96}), (Shape{8, 3}));
  EXPECT_EQ(shape("int8/32", "scales", {5, 8, 96}), (Shape{5, 8, 3}));
  EXPECT_EQ(shape("int8/tensor", "scales", {8, 96}), (Shape{1}));
  EXPECT_EQ(shape("int8/tensor", "scales", {5, 8, 96}), (Shape{5, 1}));
  EXPECT_EQ(shape("int8/channel", "scales", {8, 96}), (Shape{8}));
  EXPECT_EQ(shape("int8/channel", "scales", {5, 8, 96}), (Shape{5, 8}));
  EXPECT_EQ(shape("fp8e4m3/128x128", "scales", {129, 300}), (Shape{2, 3}));
  EXPECT_EQ(shape("nvfp4/16", "global_scale", {8, 96}), (Shape{1}));
  EXPECT_EQ(shape("nvfp4/16", "global_scale", {5, 8, 96}), (Shape{5, 1}));
}

TEST_F(SchemeTest, SideOperandsComeInOneOrder) {
  auto names = [&](const char *scheme) {
    std::string text;
    for (const SideOperand &side : builtin(scheme)->sideOperands())
      text += side.name.str() + " ";
    return text;
  };
  EXPECT_EQ(names("int8a/32"), "scales zero_points ");
  EXPECT_EQ(names("affine4/64"), "scales zero_points ");
  EXPECT_EQ(names("nvfp4/16"), "scales global_scale ");
  EXPECT_EQ(names("gguf_q4k"), "");
}

TEST_F(SchemeTest, GroupsOfScales) {
  auto group = [&](const char *name, size_t factor) {
    QuantScheme scheme = *builtin(name);
    return scheme.groupLength(scheme.attr().getScale()[factor]);
  };
  EXPECT_EQ(group("gguf_q4_0", 0), 32);
  EXPECT_EQ(group("gguf_q2k", 0), 256);
  EXPECT_EQ(group("gguf_q2k", 1), 16);
  EXPECT_EQ(group("gguf_q3k", 1), 16);
  EXPECT_EQ(group("gguf_q4k", 1), 32);
  EXPECT_EQ(group("gguf_q5k", 1), 32);
  EXPECT_EQ(group("gguf_q6k", 1), 16);
  EXPECT_EQ(group("gguf_iq4_xs", 1), 32);
  EXPECT_EQ(group("gguf_nvfp4", 0), 16);
  EXPECT_EQ(group("int8/32", 0), 32);
  EXPECT_EQ(group("nvfp4/16", 1), 16);
  QuantScheme scheme = *builtin("gguf_q4k");
  EXPECT_EQ(scheme.groupLength(scheme.attr().getCode()), 1);
}

TEST(Ratio, IsInLowestTerms) {
  Ratio ratio(1152, 256);
  EXPECT_EQ(ratio.numerator, 9);
  EXPECT_EQ(ratio.denominator, 2);
  EXPECT_EQ(ratio.value(), 4.5);
}

} // namespace scheme_queries_test
