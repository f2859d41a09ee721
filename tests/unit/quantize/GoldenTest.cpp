//===- GoldenTest.cpp - Quantizers against ggml's -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of types whose quantizer is a formula, for ordinary numbers and for
// those where formulas differ: zeros, equals, halves, huge and tiny numbers.
// The error of all others, at most ggml's for each row, with and without
// importance. See tests/golden/README.md.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/quantize/TestSupport.h"

#include "runtime/weights/Gguf.h"

using namespace rlx;
using namespace rlx::test;

namespace golden_test {

struct Golden {
  std::vector<float> source, importance;
  std::vector<uint8_t> bytes;
  std::vector<int64_t> shape;
};

template <typename T> std::vector<T> contentOf(const WeightEntry &entry) {
  std::vector<T> content(entry.bytes.size() / sizeof(T));
  std::memcpy(content.data(), entry.bytes.data(), entry.bytes.size());
  return content;
}

/// A quantized tensor of a golden file, and what it was made from.
Golden load(const char *file, const std::string &source,
            const std::string &quantized, bool hasImportance) {
  auto opened = GgufFile::open(std::string(RLX_TEST_DIR "/golden/") + file);
  EXPECT_TRUE(opened.ok()) << opened.message();
  Golden golden;
  if (!opened)
    return golden;
  const WeightEntry *values = (*opened)->find(source),
                    *bytes = (*opened)->find(quantized);
  EXPECT_TRUE(values && bytes) << quantized;
  if (!values || !bytes)
    return golden;
  golden.source = contentOf<float>(*values);
  golden.bytes = contentOf<uint8_t>(*bytes);
  golden.shape = values->shape;
  if (hasImportance)
    golden.importance = contentOf<float>(*(*opened)->find("importance"));
  return golden;
}

class GoldenTest : public SchemeTest,
                   public testing::WithParamInterface<const char *> {
protected:
  std::vector<uint8_t> quantized(QuantScheme scheme, const Golden &golden) {
    QuantizeOptions options;
    options.importance = golden.importance;
    std::vector<uint8_t> bytes(scheme.storageBytes(golden.shape));
    EXPECT_EQ(messageOf(quantizeRows(scheme, golden.shape, golden.source, 0,
                                     golden.shape[0], options, bytes)),
              "");
    return bytes;
  }
  void expectSameBytes(const Golden &golden) {
    std::optional<QuantScheme> scheme = builtin(GetParam());
    ASSERT_TRUE(scheme && !golden.bytes.empty());
    std::vector<uint8_t> bytes = quantized(*scheme, golden);
    ASSERT_EQ(bytes.size(), golden.bytes.size());
    int64_t rowBytes = scheme->rowBytes(golden.shape[1]);
    for (size_t i = 0; i < bytes.size(); ++i)
      ASSERT_EQ(bytes[i], golden.bytes[i])
          << "row " << i / rowBytes << " block "
          << i % rowBytes / scheme->blockBytes() << " byte "
          << i % scheme->blockBytes();
  }
};

using SameBytes = GoldenTest;

TEST_P(SameBytes, OfOrdinaryNumbers) {
  expectSameBytes(load("ggml-types.gguf", "source",
                       std::string(GetParam()) + ".quantized", false));
}

TEST_P(SameBytes, OfEdges) {
  std::string type = GetParam();
  if (type == "f16" || type == "bf16")
    GTEST_SKIP() << "numbers beyond these are not rounded to infinities";
  expectSameBytes(
      load("ggml-quantizers.gguf", "edges", type + ".edges", false));
}

INSTANTIATE_TEST_SUITE_P(Types, SameBytes,
                         testing::Values("q4_0", "q4_1", "q5_0", "q5_1", "q8_0",
                                         "q8_K", "mxfp4", "f16", "bf16"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

using LessError = GoldenTest;

void expectLessError(std::optional<QuantScheme> scheme, const Golden &golden,
                     const std::vector<uint8_t> &bytes) {
  ASSERT_TRUE(scheme && !golden.bytes.empty());
  std::vector<double> ours = squaredErrors(*scheme, golden.shape, bytes,
                                           golden.source, golden.importance),
                      others =
                          squaredErrors(*scheme, golden.shape, golden.bytes,
                                        golden.source, golden.importance);
  for (size_t row = 0; row < ours.size(); ++row)
    EXPECT_LE(ours[row], others[row]) << "row " << row;
}

TEST_P(LessError, ThanGgml) {
  Golden golden = load("ggml-types.gguf", "source",
                       std::string(GetParam()) + ".quantized", false);
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  expectLessError(scheme, golden, quantized(*scheme, golden));
}

INSTANTIATE_TEST_SUITE_P(Types, LessError,
                         testing::Values("q2_K", "q3_K", "q4_K", "q5_K", "q6_K",
                                         "iq4_nl", "iq4_xs", "tq2_0", "nvfp4",
                                         "q1_0", "q2_0", "tq1_0", "iq2_s",
                                         "iq3_xxs", "iq3_s", "iq1_m"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

// ggml makes these with importance alone.
using LessErrorThatCounts = GoldenTest;

TEST_P(LessErrorThatCounts, ThanGgml) {
  Golden golden = load("ggml-types.gguf", "source",
                       std::string(GetParam()) + ".quantized", false);
  auto file = GgufFile::open(RLX_TEST_DIR "/golden/ggml-types.gguf");
  ASSERT_TRUE(file.ok());
  golden.importance = contentOf<float>(*(*file)->find("imatrix"));
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  expectLessError(scheme, golden, quantized(*scheme, golden));
}

INSTANTIATE_TEST_SUITE_P(Types, LessErrorThatCounts,
                         testing::Values("iq2_xxs", "iq2_xs", "iq1_s"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

using LessWeightedError = GoldenTest;

TEST_P(LessWeightedError, ThanGgml) {
  Golden golden = load("ggml-quantizers.gguf", "source",
                       std::string(GetParam()) + ".importance", true);
  std::optional<QuantScheme> scheme = builtin(GetParam());
  ASSERT_TRUE(scheme);
  expectLessError(scheme, golden, quantized(*scheme, golden));
}

INSTANTIATE_TEST_SUITE_P(Types, LessWeightedError,
                         testing::Values("q4_0", "q4_1", "q5_0", "q5_1", "q2_K",
                                         "q3_K", "q4_K", "q5_K", "q6_K",
                                         "iq4_nl", "iq4_xs"),
                         [](const auto &info) {
                           return std::string(info.param);
                         });

} // namespace golden_test
