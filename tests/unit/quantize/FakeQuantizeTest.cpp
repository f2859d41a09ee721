//===- FakeQuantizeTest.cpp - Round trips ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit for bit what the quantizer and the reference decoder give, on the numbers
// that round trips of other implementations are tested with.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/FakeQuantize.h"
#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace fake_quantize_test {

/// A ramp, eight blocks of sines, a block of zeros, one outlier, a negative
/// extreme, and halves between codes of q8_0.
std::vector<float> inputs() {
  std::vector<float> x;
  for (int i = 0; i < 32; ++i)
    x.push_back((i - 15.5f) * 0.137f);
  for (int b = 0; b < 8; ++b)
    for (int i = 0; i < 32; ++i)
      x.push_back(std::sin(float(17 * i + 31 * b)) * float(b + 1) / 2);
  x.resize(x.size() + 32, 0.0f);
  x.resize(x.size() + 32, 0.0f);
  x[x.size() - 32 + 7] = 5.25f;
  for (int i = 0; i < 32; ++i)
    x.push_back(i == 3 ? -2.0f : 0.05f * float(i % 7));
  for (int i = 0; i < 32; ++i)
    x.push_back(i == 0 ? 1.0f : (i % 2 ? 0.5f : -0.5f) / 127);
  x.resize((x.size() + 255) / 256 * 256, 0.25f);
  return x;
}

TEST_F(SchemeTest, RoundTripsAreQuantizerAndDecoder) {
  std::vector<float> x = inputs();
  for (const char *name : {"q4_0", "q8_0", "q4_1", "q5_0", "q5_1", "q4_K",
                           "q6_K", "mxfp4", "nvfp4", "iq4_nl", "f16"}) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    std::vector<float> result(x.size());
    ASSERT_EQ(messageOf(fakeQuantize(*scheme, x, result)), "") << name;
    int64_t k = int64_t(x.size());
    std::vector<uint8_t> bytes(scheme->storageBytes({1, k}));
    ASSERT_EQ(messageOf(quantizeRows(*scheme, {1, k}, x, 0, 1, {}, bytes)), "");
    auto decoder =
        ReferenceDecoder::create(*scheme, {1, k}, {bytes, {}, {}, {}});
    if (!decoder)
      FAIL() << llvm::toString(decoder.takeError());
    for (int64_t i = 0; i < k; ++i)
      ASSERT_TRUE(sameNumber(result[i], float(decoder->value(0, i))))
          << name << " " << i;
    // In place, too.
    std::vector<float> same = x;
    ASSERT_EQ(messageOf(fakeQuantize(*scheme, same, same)), "");
    EXPECT_EQ(0, std::memcmp(same.data(), result.data(), k * sizeof(float)));
  }
}

TEST_F(SchemeTest, RoundTripsRefuseWhatTheyCannotTake) {
  std::vector<float> x(64, 1), small(32), nan(32, std::nanf(""));
  EXPECT_EQ(
      messageOf(fakeQuantize(*builtin("q4_0"), {}, {})),
      "expected a round trip of 'gguf_q4_0' to have at least one element");
  EXPECT_EQ(
      messageOf(fakeQuantize(*builtin("q8_0"), llvm::ArrayRef(x).drop_back(),
                             llvm::MutableArrayRef(x).drop_back())),
      "expected a round trip of 'gguf_q8_0' to have a multiple of the "
      "block size 32, but got 63 elements");
  EXPECT_EQ(messageOf(fakeQuantize(*builtin("q8_0"), x, small)),
            "expected the output element count of a round trip of 'gguf_q8_0' "
            "to be 64, but got 32");
  EXPECT_EQ(messageOf(fakeQuantize(*builtin("int8/32"), x, x)),
            "expected a round trip of 'int8/32' to need nothing beside its "
            "blocks, but it has a side tensor 'scales'");
  EXPECT_EQ(messageOf(fakeQuantize(*builtin("q4_0"), nan, small)),
            "element [0, 0] of weight is nan, expected finite numbers");
}

} // namespace fake_quantize_test
