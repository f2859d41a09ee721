//===- MethodNamesTest.cpp - Methods, configurations, sizes ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/PlainVectors.h"
#include "codegen/quantize/methods/QuantizedWeight.h"
#include "ir/QuantConfig.h"
#include "tests/unit/quantize/TestSupport.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace method_names_test {

template <typename T> std::string refusal(llvm::Expected<T> result) {
  return result ? "accepted" : llvm::toString(result.takeError());
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

using MethodNames = SchemeTest;

TEST_F(MethodNames, SayWhatTheyAre) {
  struct Case {
    QuantMethod method;
    const char *name;
    int64_t bits;
    const char *scheme;
  };
  for (const Case &test :
       {Case{QuantMethod::int8Symmetric(), "INT8-Symmetric", 8, "int8/channel"},
        {QuantMethod::int4Asymmetric(), "INT4-Asymmetric", 4, "int4a/128"},
        {QuantMethod::int4Asymmetric(32), "INT4-Asymmetric(group=32)", 4,
         "int4a/32"},
        {QuantMethod::fp8E4m3(), "FP8-E4M3", 8, "fp8e4m3/channel"},
        {QuantMethod::awq(64), "AWQ(group=64)", 4, "int4a/64"},
        {QuantMethod::smoothQuant(0.5), "SmoothQuant(α=0.50)", 8,
         "int8/channel"},
        {QuantMethod::gptq(128, 3), "GPTQ(3bit, group=128)", 3, "affine3/128"},
        {QuantMethod(builtin("q4_K")), "gguf_q4k", 4, "gguf_q4k"},
        {QuantMethod(builtin("q4_K"), QuantAlgorithm::gptq), "gptq(gguf_q4k)",
         4, "gguf_q4k"}}) {
    EXPECT_EQ(test.method.displayName(), test.name);
    EXPECT_EQ(test.method.bitsPerWeight(), test.bits) << test.name;
    EXPECT_EQ(test.method.compressionRatio(), 16.0 / double(test.bits));
    auto scheme = test.method.scheme(&context);
    if (!scheme)
      FAIL() << llvm::toString(scheme.takeError());
    EXPECT_EQ((*scheme)->displayName(), test.scheme);
  }
  EXPECT_EQ(QuantMethod().displayName(), "none");
  EXPECT_EQ(llvm::cantFail(QuantMethod().compressionRatio(&context, {2, 2})),
            1);
}

TEST_F(MethodNames, RatiosCountScales) {
  auto ratio = [&](QuantMethod method, std::vector<int64_t> shape) {
    return llvm::cantFail(method.compressionRatio(&context, shape));
  };
  // A scale and a zero point of 4 bytes for 64 bytes of codes.
  EXPECT_DOUBLE_EQ(ratio(QuantMethod::awq(128), {8, 256}), 256.0 / (64 + 8));
  EXPECT_DOUBLE_EQ(ratio(QuantMethod::int8Symmetric(), {8, 256}),
                   512.0 / (256 + 4));
  EXPECT_DOUBLE_EQ(ratio(QuantMethod(builtin("q4_K")), {8, 256}), 512.0 / 144);
  EXPECT_EQ(refusal(QuantMethod::awq(128).compressionRatio(&context, {8, 100})),
            "expected K to be a multiple of the block size 128 of 'int4a/128', "
            "but got the shape [8, 100]");
}

TEST_F(MethodNames, AreValidated) {
  auto message = [](QuantMethod method) {
    return messageOf(method.validate());
  };
  EXPECT_EQ(message(QuantMethod::awq(0)),
            "expected a group of 1 to 999999 weights, but got 0");
  EXPECT_EQ(message(QuantMethod::gptq(0, 4)),
            "expected a group of 1 to 999999 weights, but got 0");
  EXPECT_EQ(message(QuantMethod::gptq(128, 0)),
            "expected 1 to 8 bits, but got 0");
  EXPECT_EQ(message(QuantMethod::gptq(128, 9)),
            "expected 1 to 8 bits, but got 9");
  EXPECT_EQ(message(QuantMethod::gptq(12, 3)),
            "expected a group whose codes of 3 bits fill whole bytes, but got "
            "12");
  EXPECT_EQ(message(QuantMethod::smoothQuant(-0.1)),
            "expected alpha of SmoothQuant to be in [0, 1], but got -0.10");
  EXPECT_EQ(message(QuantMethod::smoothQuant(std::nan(""))),
            "expected alpha of SmoothQuant to be in [0, 1], but got nan");
  EXPECT_EQ(refusal(QuantMethod::awq(-1).scheme(&context)),
            "expected a group of 1 to 999999 weights, but got -1");
  for (int64_t bits = 1; bits <= 8; ++bits)
    EXPECT_EQ(refusal(QuantMethod::gptq(64, bits).scheme(&context)),
              "accepted");
  EXPECT_EQ(message(QuantMethod::smoothQuant(0)), "");
  EXPECT_EQ(message(QuantMethod::smoothQuant(1)), "");
}

//===----------------------------------------------------------------------===//
// Configurations
//===----------------------------------------------------------------------===//

using Configurations = SchemeTest;

TEST_F(Configurations, FindTheMethodOfAName) {
  QuantConfig config(QuantMethod::int8Symmetric());
  EXPECT_EQ(messageOf(config.addOverride("blk.*.ffn_*", QuantMethod::awq())),
            "");
  EXPECT_EQ(messageOf(config.addOverride("blk.1.*", QuantMethod::gptq())), "");
  EXPECT_EQ(messageOf(config.addOverride("w[0]", QuantMethod())), "");
  EXPECT_EQ(config.methodFor("output").displayName(), "INT8-Symmetric");
  EXPECT_EQ(config.methodFor("blk.0.ffn_up").displayName(), "AWQ(group=128)");
  EXPECT_EQ(config.methodFor("blk.1.ffn_up").displayName(),
            "GPTQ(4bit, group=128)");
  // As a name, and as a glob.
  EXPECT_EQ(config.methodFor("w[0]").displayName(), "none");
  EXPECT_EQ(config.methodFor("w0").displayName(), "none");
  EXPECT_EQ(config.overrideFor("output"), nullptr);
  QuantConfig copy = config;
  EXPECT_EQ(copy.methodFor("blk.0.ffn_up").displayName(), "AWQ(group=128)");
  auto unmatched = config.unmatched({"blk.0.ffn_up", "w0"});
  ASSERT_EQ(unmatched.size(), 1u);
  EXPECT_EQ(unmatched[0], "blk.1.*");
  EXPECT_NE(messageOf(config.addOverride("[a", QuantMethod())), "");
}

TEST_F(Configurations, SayWhichLayerIsWrong) {
  QuantConfig config;
  EXPECT_EQ(messageOf(config.validate()), "");
  llvm::cantFail(config.addOverride("a", QuantMethod::awq()));
  llvm::cantFail(config.addOverride("b", QuantMethod::gptq(128, 12)));
  EXPECT_EQ(messageOf(config.validate()),
            "layer 'b': expected 1 to 8 bits, but got 12");
  EXPECT_EQ(refusal(config.json(&context)),
            "layer 'b': expected 1 to 8 bits, but got 12");
  EXPECT_EQ(messageOf(QuantConfig(QuantMethod::smoothQuant(2)).validate()),
            "default: expected alpha of SmoothQuant to be in [0, 1], but got "
            "2.00");
}

TEST_F(Configurations, AreWhatTheyWrite) {
  QuantConfig config(QuantMethod::smoothQuant(0.25));
  llvm::cantFail(config.addOverride("a*", QuantMethod::gptq(64, 4)));
  llvm::cantFail(config.addOverride("b", QuantMethod()));
  llvm::cantFail(config.addOverride(
      "c", QuantMethod(described("#rlx.scheme<\"own\", block = 2, code = ui4 "
                                 "at (i) -> (0, 4 * i) - 7>"))));
  std::string text = llvm::cantFail(config.json(&context));
  auto read = QuantConfig::parse(&context, text, "config.json");
  if (!read)
    FAIL() << llvm::toString(read.takeError());
  EXPECT_EQ(llvm::cantFail(read->json(&context)), text);
  EXPECT_EQ(read->defaultMethod().algorithm(), QuantAlgorithm::smoothQuant);
  EXPECT_EQ(read->defaultMethod().alpha(), 0.25);
  EXPECT_EQ(read->methodFor("ab").displayName(), "gptq(affine4/64)");
  EXPECT_EQ(read->methodFor("c").displayName(), "own");
}

TEST_F(Configurations, RefuseWhatTheyDoNotKnow) {
  auto message = [&](const char *text) {
    return refusal(QuantConfig::parse(&context, text, "config.json"));
  };
  EXPECT_EQ(message(R"({"default": {"scheme": "q4_0", "method": "gtpq"}})"),
            "'default.method': expected nearest, smoothquant, awq, gptq, but "
            "got 'gtpq'; did you mean 'gptq'?");
  EXPECT_EQ(message(R"({"default": {"method": "gptq"}})"),
            "'default.scheme': is missing, expected a string");
  EXPECT_EQ(message(R"({"overrides": [{"pattern": "a", "scheme": "q4_0",
                        "alpha": 0.5}]})"),
            "'overrides[0].alpha': expected to stand with the method "
            "'smoothquant'");
  EXPECT_EQ(message(R"({"overrides": [{"pattern": "a", "scheme": "q8_0",
                        "method": "smoothquant", "alpha": 1.5}]})"),
            "'overrides[0]': expected alpha of SmoothQuant to be in [0, 1], "
            "but got 1.50");
  EXPECT_EQ(message(R"({"overrides": [{"pattern": "a", "scheme": "q8_0",
                        "bits": 4}]})"),
            "'overrides[0]': unknown key 'bits', expected 'pattern', 'scheme', "
            "'method' and 'alpha'");
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

using Memory = SchemeTest;

TEST_F(Memory, PartsAddUp) {
  for (const std::string &name : builtinSchemeNames()) {
    std::vector<int64_t> shape = {6, 512};
    auto scheme = *builtin(name);
    auto memory = WeightMemory::of(scheme, shape);
    if (!memory)
      FAIL() << llvm::toString(memory.takeError());
    Ratio total = scheme.totalBits(shape);
    EXPECT_EQ(memory->bits() * total.denominator, 6 * 512 * total.numerator)
        << name;
    // Vectors take fewer bits than what they stand for.
    FieldAttr code = scheme.attr().getCode();
    int64_t bits = 6 * 512 * int64_t(code.width());
    if (code.hasLookups())
      EXPECT_LT(memory->codeBits, bits) << name;
    else
      EXPECT_EQ(memory->codeBits, bits) << name;
  }
}

TEST_F(Memory, SaysWhatIsWhat) {
  auto of = [&](const char *text) {
    return llvm::cantFail(WeightMemory::of(*schemeOf(text), {4, 256}));
  };
  WeightMemory q4k = of("q4_K");
  EXPECT_EQ(q4k.scaleBits, 4 * (16 + 8 * 6));
  EXPECT_EQ(q4k.zeroBits, 4 * (16 + 8 * 6));
  EXPECT_EQ(q4k.paddingBits, 0);
  // Sums of codes and signs of scales, which nobody reads.
  EXPECT_EQ(of("q8_K").paddingBits, 4 * 256);
  EXPECT_EQ(of("nvfp4").paddingBits, 4 * 4 * 4);
  WeightMemory int4a = of("int4a/128");
  EXPECT_EQ(int4a.scaleBits, 4 * 2 * 32);
  EXPECT_EQ(int4a.zeroBits, 4 * 2 * 32);
  EXPECT_EQ(int4a.bytes(), 4 * (128 + 2 * 8));
  EXPECT_EQ(int4a.f16Bytes(), 4 * 512);
  EXPECT_EQ(int4a.f32Bytes(), 4 * 1024);
  WeightMemory sum = q4k;
  sum += int4a;
  EXPECT_EQ(sum.bits(), q4k.bits() + int4a.bits());
  EXPECT_EQ(sum.elements, 2 * 1024);
}

TEST_F(Memory, RefusesShapes) {
  auto message = [&](std::vector<int64_t> shape) {
    return refusal(WeightMemory::of(*builtin("int8/32"), shape));
  };
  EXPECT_EQ(message({4, 48}), "expected K to be a multiple of the block size "
                              "32 of 'int8/32', but got the shape [4, 48]");
  EXPECT_EQ(message({0, 32}), "expected a shape of known sizes of at least 1, "
                              "but got [0, 32]");
  EXPECT_EQ(message({int64_t(1) << 40, 1 << 30}),
            "expected a shape of at most 2^47 elements, but got "
            "[1099511627776, 1073741824]");
}

TEST_F(Memory, WeightsKnowTheirSizes) {
  std::vector<float> w = Random(4).floats(4 * 256);
  for (auto [name, group] : {std::pair("int4a/64", 64),
                             {"int8/channel", 0},
                             {"q4_K", 32},
                             {"q4_0", 32},
                             {"fp8e4m3", 0}}) {
    auto scheme = *builtin(name);
    auto weight = quantizeWeight(scheme, {4, 256}, w);
    if (!weight)
      FAIL() << llvm::toString(weight.takeError());
    EXPECT_EQ(weight->group(), group) << name;
    auto memory = WeightMemory::of(scheme, {4, 256});
    ASSERT_TRUE(bool(memory));
    EXPECT_EQ(weight->bytes(), memory->bytes()) << name;
    EXPECT_EQ(weight->values().size(), w.size());
  }
}

//===----------------------------------------------------------------------===//
// Plain vectors
//===----------------------------------------------------------------------===//

TEST(PlainVectors, Int8) {
  auto vector = quantizeInt8({0, 1, -2, 0.5f});
  ASSERT_TRUE(bool(vector));
  EXPECT_EQ(vector->scales, std::vector<float>{2 / 127.0f});
  EXPECT_EQ(vector->data, (std::vector<uint8_t>{0, 64, uint8_t(-127), 32}));
  EXPECT_EQ(vector->bytes(), 8);
  EXPECT_EQ(vector->values()[2], -2);
  // A group of zeros, and a short one.
  auto grouped = quantizeInt8({0, 0, 0, 3, -3}, 3);
  ASSERT_TRUE(bool(grouped));
  EXPECT_EQ(grouped->scales, (std::vector<float>{1, 3 / 127.0f}));
  EXPECT_EQ(grouped->values(), (std::vector<float>{0, 0, 0, 3, -3}));
  EXPECT_EQ(quantizeInt8({1e-45f})->values(), std::vector<float>{0});
  EXPECT_EQ(quantizeInt8({3.4e38f})->data, std::vector<uint8_t>{127});
}

TEST(PlainVectors, Int4) {
  std::vector<float> x;
  for (int i = -5; i <= 10; ++i)
    x.push_back(float(i));
  auto vector = quantizeInt4(x);
  ASSERT_TRUE(bool(vector));
  EXPECT_EQ(vector->scales, std::vector<float>{1});
  EXPECT_EQ(vector->zeroPoints, std::vector<uint8_t>{5});
  EXPECT_EQ(vector->values(), x);
  EXPECT_EQ(vector->bytes(), 8 + 4 + 1);
  // Numbers of one sign keep 0, and no error is above a step.
  std::vector<float> odd = Random(9).floats(37);
  for (float &value : odd)
    value = std::fabs(value);
  auto grouped = quantizeInt4(odd, 8);
  ASSERT_TRUE(bool(grouped));
  EXPECT_EQ(grouped->scales.size(), 5u);
  EXPECT_EQ(grouped->data.size(), 19u);
  for (size_t i = 0; i < odd.size(); ++i)
    EXPECT_NEAR(grouped->values()[i], odd[i], 0.51f * grouped->scales[i / 8]);
}

TEST(PlainVectors, HalvesOfBytes) {
  EXPECT_EQ(*packInt4({-8, 7, -1}), (std::vector<uint8_t>{0x78, 0x0f}));
  EXPECT_EQ(*unpackInt4({0x78, 0x0f}, 3), (std::vector<int8_t>{-8, 7, -1}));
  EXPECT_EQ(*packUInt4({1, 15}), std::vector<uint8_t>{0xf1});
  EXPECT_EQ(*unpackUInt4({0xf1}, 1), std::vector<uint8_t>{1});
  EXPECT_TRUE(packInt4({})->empty());
  for (int64_t count : {0, 1, 2, 7, 16}) {
    std::vector<int8_t> codes;
    for (int64_t i = 0; i < count; ++i)
      codes.push_back(int8_t(i * 5 % 16 - 8));
    EXPECT_EQ(*unpackInt4(*packInt4(codes), count), codes);
  }
  EXPECT_EQ(refusal(packInt4({0, 8})),
            "expected codes of -8 to 7, but code 1 is 8");
  EXPECT_EQ(refusal(packUInt4({16})),
            "expected codes of 0 to 15, but code 0 is 16");
  EXPECT_EQ(refusal(unpackInt4({1, 2}, 5)),
            "expected two codes a byte, but got 2 bytes for 5 codes");
  EXPECT_EQ(refusal(unpackInt4({}, -1)),
            "expected two codes a byte, but got 0 bytes for -1 codes");
}

TEST(PlainVectors, RefuseNumbers) {
  EXPECT_EQ(refusal(quantizeInt8({})),
            "expected at least one element to quantize");
  EXPECT_EQ(refusal(quantizeInt4({1, -std::numeric_limits<float>::infinity()})),
            "element 1 is -inf, expected finite numbers");
  EXPECT_EQ(refusal(quantizeInt8({1}, -2)),
            "expected a group of at least one element, or 0 for all, but got "
            "-2");
}

} // namespace method_names_test
