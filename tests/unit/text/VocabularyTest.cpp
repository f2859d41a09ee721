//===- VocabularyTest.cpp - Vocabularies that are none --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Tokenizer.h"
#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;

namespace {

GgufValue texts(std::vector<std::string> items) {
  return {GgufArray{std::move(items)}};
}

std::vector<GgufEntry> small(std::string model = "gpt2",
                             std::string pre = "gpt-2") {
  return {{"tokenizer.ggml.model", {std::move(model)}},
          {"tokenizer.ggml.pre", {std::move(pre)}},
          {"tokenizer.ggml.tokens", texts({"a", "b", "ab", "<x>"})},
          {"tokenizer.ggml.merges", texts({"a b"})}};
}

Result<Tokenizer> create(const std::vector<GgufEntry> &metadata) {
  Result<Vocabulary> vocabulary = Vocabulary::read(metadata, "m.gguf");
  if (!vocabulary)
    return vocabulary.status();
  return Tokenizer::create(vocabulary.take());
}

} // namespace

TEST(Vocabulary, SaysWhatItDoesNotKnow) {
  test::expectError(create({}), "'m.gguf'", "tokenizer.ggml.model");
  test::expectError(create({{"tokenizer.ggml.model", {std::string("gpt2")}}}),
                    "tokenizer.ggml.tokens");
  test::expectError(create(small("unigram")), "'gpt2'", "'llama'", "'bert'",
                    "'unigram'");
  test::expectError(create(small("gpt2", "none of these")), "'llama-bpe'",
                    "'qwen2'", "'none of these'");
}

TEST(Vocabulary, ChecksItsTables) {
  auto with = [](GgufEntry entry) {
    std::vector<GgufEntry> metadata = small();
    metadata.push_back(std::move(entry));
    return create(metadata);
  };
  test::expectError(with({"tokenizer.ggml.bos_token_id", {uint32_t(4)}}),
                    "bos_token_id", "4 tokens", "4");
  test::expectError(with({"tokenizer.ggml.eos_token_id", {int32_t(-1)}}),
                    "eos_token_id", "-1");
  test::expectError(
      with({"tokenizer.ggml.scores", {GgufArray{std::vector<float>(3)}}}),
      "scores", "4 tokens", "3");
  test::expectError(
      with({"tokenizer.ggml.token_type", {GgufArray{std::vector<int32_t>(9)}}}),
      "token_type", "9");
}

TEST(Vocabulary, TakesMergesOfPartsThatAreNoTokens) {
  std::vector<GgufEntry> metadata = small();
  metadata[2].value = texts({"a", "b", "c", "abc"});
  metadata[3].value =
      texts({"a b", "ab c", "", " ", "x", "b ", " b", "a b c", "\xFF \xFE"});
  Result<Tokenizer> tokenizer = create(metadata);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("abc"), (std::vector<int32_t>{3}));
  // A part that is no token is written as its characters.
  EXPECT_EQ(*tokenizer->encode("ab"), (std::vector<int32_t>{0, 1}));
  // Bytes without a token are left out where there is no unknown one.
  EXPECT_EQ(*tokenizer->encode("a?b"), (std::vector<int32_t>{0, 1}));
}

TEST(Vocabulary, MergesInTheOrderOfMerges) {
  std::vector<GgufEntry> metadata = small();
  metadata[2].value = texts({"a", "b", "c", "bc", "ab"});
  metadata[3].value = texts({"b c", "a b"});
  Result<Tokenizer> tokenizer = create(metadata);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("abc"), (std::vector<int32_t>{0, 3}));
  EXPECT_EQ(*tokenizer->encode("abab"), (std::vector<int32_t>{4, 4}));
}

TEST(Vocabulary, ReadsWordPieces) {
  Result<Vocabulary> vocabulary = Vocabulary::readWordPieces(
      {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "!"});
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.message();
  Result<Tokenizer> tokenizer = Tokenizer::create(vocabulary.take());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  EXPECT_EQ(*tokenizer->encode("Unaffable! unx"),
            (std::vector<int32_t>{2, 4, 5, 6, 7, 1, 3}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{4, 5, 6, 7}), "unaffable !");
  test::expectError(Vocabulary::readWordPieces({}), "at least one token");
}
