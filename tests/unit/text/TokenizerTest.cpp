//===- TokenizerTest.cpp - Text to tokens and back ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Strings and their tokens, as llama.cpp and tokenizers of Python have them,
// are in tests/golden/text.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"
#include "tests/unit/runtime/TestSupport.h"

#include <filesystem>

using namespace rlx;

namespace {

std::string goldenPath(std::string_view name) {
  return fmt::format("{}/golden/text/{}.gguf", RLX_TEST_DIR, name);
}

Result<Tokenizer> openGolden(std::string_view name) {
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(goldenPath(name));
  if (!file)
    return file.status();
  return Tokenizer::create(**file);
}

struct Sample {
  std::string text;
  std::vector<int32_t> ids;
};

std::vector<Sample> readSamples(std::string_view name) {
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(goldenPath(name));
  EXPECT_TRUE(file.ok()) << file.message();
  auto integers = [&](std::string_view key) {
    return *(*file)->findMetadata(key)->asIntegers();
  };
  const auto &texts = std::get<std::vector<std::string>>(
      (*file)->findMetadata("golden.strings")->asArray()->items);
  std::vector<int64_t> counts = integers("golden.counts"),
                       ids = integers("golden.ids");
  std::vector<Sample> samples;
  size_t at = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    samples.push_back({texts[i], {}});
    for (int64_t k = 0; k < counts[i]; ++k)
      samples.back().ids.push_back(static_cast<int32_t>(ids.at(at++)));
  }
  return samples;
}

class GoldenText : public testing::TestWithParam<std::string> {};

} // namespace

TEST_P(GoldenText, HasTheSameTokens) {
  Result<Tokenizer> tokenizer = openGolden(GetParam());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  std::vector<Sample> samples = readSamples(GetParam());
  EXPECT_GE(samples.size(), 30u);
  for (const Sample &sample : samples) {
    Result<std::vector<int32_t>> ids =
        tokenizer->encode(sample.text, {.addSpecial = false});
    ASSERT_TRUE(ids.ok()) << ids.message();
    EXPECT_EQ(*ids, sample.ids) << sample.text;
  }
}

TEST_P(GoldenText, ComesBack) {
  Result<Tokenizer> tokenizer = openGolden(GetParam());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  // What has no case and no accents is not what it was.
  bool changes = tokenizer->vocabulary().model == "bert";
  for (const Sample &sample : readSamples(GetParam())) {
    std::string decoded = tokenizer->decode(sample.ids, true);
    EXPECT_EQ(changes ? "" : decoded, changes ? "" : sample.text);
    TextStream stream(*tokenizer, true);
    std::string text;
    for (int32_t id : sample.ids)
      text += stream.add(id);
    text += stream.finish();
    // Only a blank in front is more.
    EXPECT_EQ(text, (decoded.size() < text.size() ? " " : "") + decoded);
    EXPECT_TRUE(decoded.size() == text.size() || tokenizer->addsSpace());
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, GoldenText,
                         testing::Values("llama-bpe", "qwen2", "gpt-2",
                                         "llama-spm", "phi-3", "bert-bge",
                                         "smollm2-135m-instruct"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Tokenizer, FindsSpecialTokensWhereAskedTo) {
  Result<Tokenizer> tokenizer = openGolden("smollm2-135m-instruct");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  const Vocabulary &vocabulary = tokenizer->vocabulary();
  int32_t end = vocabulary.eos;
  ASSERT_EQ(vocabulary.text(end), "<|im_end|>");
  EXPECT_TRUE(tokenizer->endsText(end));
  EXPECT_FALSE(tokenizer->endsText(vocabulary.find("e")));
  Result<std::vector<int32_t>> special = tokenizer->encode("3<|im_end|>3"),
                               plain = tokenizer->encode(
                                   "3<|im_end|>3", {.parseSpecial = false});
  ASSERT_TRUE(special.ok() && plain.ok());
  int32_t three = vocabulary.find("3");
  EXPECT_EQ(*special, (std::vector<int32_t>{three, end, three}));
  EXPECT_GT(plain->size(), 3u);
  EXPECT_EQ(std::count(plain->begin(), plain->end(), end), 0);
  // Special tokens are no text, unless they are to be seen.
  EXPECT_EQ(tokenizer->decode(*special), "33");
  EXPECT_EQ(tokenizer->decode(*special, true), "3<|im_end|>3");
  EXPECT_EQ(tokenizer->decode(*plain), "3<|im_end|>3");
}

TEST(Tokenizer, AddsWhatTheVocabularyAsksFor) {
  Result<Tokenizer> spm = openGolden("llama-spm"), bpe = openGolden("gpt-2"),
                    bert = openGolden("bert-bge");
  ASSERT_TRUE(spm.ok() && bpe.ok() && bert.ok());
  EXPECT_EQ(spm->encode("")->front(), spm->vocabulary().bos);
  EXPECT_TRUE(bpe->encode("")->empty());
  EXPECT_EQ(*bert->encode(""),
            (std::vector<int32_t>{bert->vocabulary().bos,
                                  bert->vocabulary().separator}));
}

TEST(Tokenizer, StreamsWholeCharacters) {
  Result<Tokenizer> tokenizer = openGolden("gpt-2");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  // A byte-level vocabulary has a token for each byte of a character.
  std::string text = "\U0001F680";
  std::vector<int32_t> ids;
  for (unsigned char byte : text)
    for (size_t id = 0; id < tokenizer->vocabulary().size(); ++id)
      if (tokenizer->piece(id) == std::string(1, static_cast<char>(byte)))
        ids.push_back(static_cast<int32_t>(id));
  ASSERT_EQ(ids.size(), 4u);
  TextStream stream(*tokenizer);
  EXPECT_EQ(stream.add(ids[0]), "");
  EXPECT_EQ(stream.add(ids[1]), "");
  EXPECT_EQ(stream.add(ids[2]), "");
  EXPECT_EQ(stream.add(ids[3]), text);
  EXPECT_EQ(stream.add(ids[0]), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(tokenizer->piece(-1), "");
  EXPECT_EQ(tokenizer->piece(1 << 30), "");
}

TEST(Tokenizer, TakesAnyBytes) {
  for (const char *name : {"gpt-2", "llama-bpe", "llama-spm", "phi-3"}) {
    Result<Tokenizer> tokenizer = openGolden(name);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
    std::string text;
    for (unsigned i = 0; i < 512; ++i)
      text.push_back(static_cast<char>(i * 37));
    Result<std::vector<int32_t>> ids = tokenizer->encode(text);
    ASSERT_TRUE(ids.ok()) << ids.message();
    std::string bytes;
    for (int32_t id : *ids)
      bytes += tokenizer->piece(id);
    EXPECT_TRUE(bytes.ends_with(text)) << name;
  }
}

TEST(Tokenizer, MergesLongWordsInTime) {
  Result<Tokenizer> tokenizer = openGolden("llama-spm");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.message();
  // A step for each pair of each merge would take minutes.
  std::string text(1 << 20, 'a');
  EXPECT_TRUE(tokenizer->encode(text).ok());
}
