//===- RulesTest.cpp - The text of rules, and what they choose ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace rules_test {

std::string refusal(llvm::StringRef text) {
  llvm::Expected<QuantRule> rule = QuantRule::parse(text);
  return rule ? "accepted" : llvm::toString(rule.takeError());
}

TEST(Rules, AreRead) {
  llvm::Expected<QuantRule> rule = QuantRule::parse(
      "  signed_max -127 by inverse ties even sums 16 at 260 else q8_0");
  if (!rule)
    FAIL() << llvm::toString(rule.takeError());
  EXPECT_EQ(rule->method, QuantRule::Method::signedMax);
  EXPECT_EQ(rule->reach, -127);
  EXPECT_EQ(rule->arithmetic, QuantRule::Arithmetic::inverse);
  EXPECT_EQ(rule->ties, QuantRule::Ties::even);
  ASSERT_TRUE(rule->sums);
  EXPECT_EQ(rule->sums->length, 16);
  EXPECT_EQ(rule->sums->firstByte, 260);
  EXPECT_EQ(rule->fallback, "q8_0");
}

TEST(Rules, SayWhatIsWrong) {
  EXPECT_EQ(refusal(""),
            "expected the method of a rule to be search, "
            "signed_max, absmax, minmax, power_of_two, but got ''");
  EXPECT_EQ(refusal("abs_max 7"),
            "expected the method of a rule to be search, signed_max, absmax, "
            "minmax, power_of_two, but got 'abs_max'; did you mean 'absmax'?");
  EXPECT_EQ(refusal("absmax"),
            "expected a number behind the method in a rule, but got ''");
  EXPECT_EQ(refusal("absmax 0"),
            "expected a number behind the method in a rule, but got '0'");
  EXPECT_EQ(refusal("minmax ties down"),
            "expected 'ties' of a rule to be up, away, even, first, but got "
            "'down'");
  EXPECT_EQ(refusal("search sums 0 at 3"),
            "expected 'sums LENGTH at BYTE' in a rule, but got 'at'");
  EXPECT_EQ(refusal("search twice"), "expected a further word of a rule to be "
                                     "by, ties, sums, else, but got 'twice'");
  EXPECT_EQ(refusal("search else"),
            "expected a scheme's name behind 'else' in a rule");
}

TEST_F(SchemeTest, RulesOfTheTableFitTheirSchemes) {
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    llvm::Expected<Quantizer> quantizer =
        Quantizer::create(*scheme, {4, scheme->block()});
    EXPECT_TRUE(bool(quantizer)) << name;
    if (!quantizer) {
      ADD_FAILURE() << llvm::toString(quantizer.takeError());
      continue;
    }
    QuantRule rule = QuantRule::of(*scheme);
    if (rule.fallback.empty())
      continue;
    // What stands in for a scheme fits more shapes and is read by the same
    // readers.
    std::optional<QuantScheme> other = builtin(rule.fallback);
    ASSERT_TRUE(other);
    EXPECT_LT(other->block(), scheme->block()) << name;
    EXPECT_EQ(scheme->block() % other->block(), 0) << name;
    EXPECT_TRUE(other->isGguf()) << name;
  }
}

TEST_F(SchemeTest, RulesThatDoNotFitAreRefused) {
  auto message = [&](const char *name, const char *text) {
    QuantizeOptions options;
    options.rule = llvm::cantFail(QuantRule::parse(text));
    auto quantizer = Quantizer::create(*builtin(name), {1, 256}, options);
    return quantizer ? "accepted" : llvm::toString(quantizer.takeError());
  };
  EXPECT_EQ(message("q4_K", "minmax"),
            "expected scheme 'gguf_q4k' to have one scale, and at most one "
            "zero or offset, for its rule");
  EXPECT_EQ(message("q4_0", "minmax"), "expected scheme 'gguf_q4_0' to have a "
                                       "zero or an offset for its rule");
  EXPECT_EQ(message("q4_1", "absmax 7"), "expected scheme 'gguf_q4_1' to have "
                                         "a scale and nothing else for its "
                                         "rule");
  EXPECT_EQ(message("q4_0", "absmax 7 sums 16 at 17"),
            "expected the sums of a rule to lie in the block of 'gguf_q4_0'");
  EXPECT_EQ(message("q4_0", "absmax 7 sums 16 at 9223372036854775807"),
            "expected the sums of a rule to lie in the block of 'gguf_q4_0'");
  EXPECT_EQ(message("q4_0", "absmax 7 sums 16 at 0"),
            "expected the sums of a rule to lie where no field of 'gguf_q4_0' "
            "does");
  EXPECT_EQ(message("q4_0", "absmax 7"), "accepted");
}

/// The scale of a block of f16 or f32 side scales, and codes as numbers.
TEST_F(SchemeTest, SideScalesAreChosenByTheirRule) {
  auto scheme = builtin("int8/32");
  ASSERT_TRUE(scheme);
  std::vector<float> x(64, 0.25f);
  x[3] = -2.54f;
  x[40] = 127;
  x[41] = 0.5f; // halves away from zero
  x[42] = -0.5f;
  auto quantizer = Quantizer::create(*scheme, {1, 64});
  if (!quantizer)
    FAIL() << llvm::toString(quantizer.takeError());
  Bytes bytes(*quantizer, {1, 64});
  ASSERT_EQ(messageOf(quantizer->quantizeRows(x, 0, 1, bytes.rows(0, 1, 64))),
            "");
  float scales[2];
  ASSERT_EQ(bytes.scales.size(), sizeof(scales));
  std::memcpy(scales, bytes.scales.data(), sizeof(scales));
  EXPECT_EQ(scales[0], 2.54f / 127);
  EXPECT_EQ(scales[1], 1);
  EXPECT_EQ(int8_t(bytes.blocks[3]), -127);
  EXPECT_EQ(int8_t(bytes.blocks[41]), 1);
  EXPECT_EQ(int8_t(bytes.blocks[42]), -1);
}

// Zero is a code, so that padding stays zero.
TEST_F(SchemeTest, ZeroPointsMeanZeroExactly) {
  for (const char *name : {"int4a/32", "int8a/32"}) {
    auto scheme = builtin(name);
    ASSERT_TRUE(scheme);
    std::vector<float> x = Random(17).floats(96);
    for (int k = 0; k < 32; ++k) {
      x[k] = std::fabs(x[k]) + 1;
      x[32 + k] = -x[32 + k] * (k % 3 == 0);
    }
    auto quantizer = Quantizer::create(*scheme, {1, 96});
    if (!quantizer)
      FAIL() << llvm::toString(quantizer.takeError());
    Bytes bytes(*quantizer, {1, 96});
    ASSERT_EQ(messageOf(quantizer->quantizeRows(
                  x, 0, 1, bytes.rows(0, 1, scheme->rowBytes(96)))),
              "");
    auto decoder = ReferenceDecoder::create(*scheme, {1, 96}, bytes.stored());
    if (!decoder)
      FAIL() << llvm::toString(decoder.takeError());
    for (int k = 0; k < 96; ++k)
      if (x[k] == 0) {
        EXPECT_EQ(decoder->value(0, k), 0) << name << " " << k;
      }
  }
}

} // namespace rules_test
