//===- GoldenTest.cpp - The reference decoder against ggml ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes that ggml wrote, decoded by RLX's descriptions, must give what ggml's
// own decoders give, bit for bit. See tests/golden/README.md.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/ir/TestSupport.h"

#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/Gguf.h"

using namespace rlx;
using namespace rlx::test;

namespace golden_test {

constexpr const char *goldenTypes[] = {
    "q4_0",  "q4_1",  "q5_0",    "q5_1",   "q8_0",   "q2_K",    "q3_K",
    "q4_K",  "q5_K",  "q6_K",    "q8_K",   "iq4_nl", "iq4_xs",  "mxfp4",
    "nvfp4", "tq2_0", "f16",     "bf16",   "tq1_0",  "q1_0",    "q2_0",
    "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s",  "iq3_xxs", "iq3_s"};

llvm::ArrayRef<uint8_t> bytesOf(const WeightEntry &entry) {
  return {reinterpret_cast<const uint8_t *>(entry.bytes.data()),
          entry.bytes.size()};
}

uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

class GoldenTest : public SchemeTest,
                   public testing::WithParamInterface<const char *> {};

TEST_P(GoldenTest, DecodesLikeGgml) {
  std::string type = GetParam();
  auto file = GgufFile::open(RLX_TEST_DIR "/golden/ggml-types.gguf");
  ASSERT_TRUE(file.ok()) << file.message();
  const WeightEntry *quantized = (*file)->find(type + ".quantized");
  const WeightEntry *dequantized = (*file)->find(type + ".dequantized");
  ASSERT_TRUE(quantized && dequantized);
  ASSERT_EQ(quantized->type, type);
  ASSERT_EQ(quantized->shape, dequantized->shape);

  std::optional<QuantScheme> scheme = builtin(type);
  ASSERT_TRUE(scheme);
  StoredWeight stored{bytesOf(*quantized), {}, {}, {}};
  auto decoder = ReferenceDecoder::create(*scheme, quantized->shape, stored);
  if (!decoder)
    FAIL() << llvm::toString(decoder.takeError());

  const uint8_t *next = bytesOf(*dequantized).data();
  ASSERT_EQ(dequantized->bytes.size(),
            sizeof(float) * decoder->rows() * decoder->columns());
  std::vector<double> row(decoder->columns());
  for (int64_t n = 0; n < decoder->rows(); ++n) {
    decoder->decodeRow(n, row.data());
    for (int64_t k = 0; k < decoder->columns(); ++k, next += sizeof(float)) {
      float expected;
      std::memcpy(&expected, next, sizeof(expected));
      ASSERT_EQ(bitsOf(float(row[k])), bitsOf(expected))
          << "row " << n << " k " << k << ": expected " << expected
          << ", but got " << row[k];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenTest, testing::ValuesIn(goldenTypes),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

// The runtime measures tensors without knowing schemes; both must agree.
TEST_F(SchemeTest, RuntimeKnowsTheSameSizes) {
  int found = 0;
  for (const GgmlType &type : ggmlTypes()) {
    std::optional<QuantScheme> scheme =
        QuantScheme::parse(&context, llvm::StringRef(type.name));
    if (!scheme)
      continue;
    ++found;
    EXPECT_EQ(scheme->block(), type.blockElements) << type.name;
    EXPECT_EQ(scheme->blockBytes(), type.blockBytes) << type.name;
  }
  EXPECT_EQ(found, 35); // goldenTypes, f32, and those of ik_llama.cpp
}

// A scheme that claims a ggml type must have one to claim, spelled as ggml
// does.
TEST_F(SchemeTest, GgmlNamesExist) {
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    if (scheme->isGguf()) {
      EXPECT_TRUE(findGgmlType(std::string_view(scheme->ggmlName()))) << name;
    }
  }
}

} // namespace golden_test
