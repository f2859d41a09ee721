//===- ModelTest.cpp - Models of each architecture ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small random models and their logits in double precision are in
// tests/golden/models, written by NumPy.
//
//===----------------------------------------------------------------------===//

#include "codegen/models/Model.h"
#include "codegen/models/Encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace rlx;

namespace {

std::string goldenPath(std::string_view name) {
  return fmt::format("{}/golden/models/{}.gguf", RLX_TEST_DIR, name);
}

std::unique_ptr<Model> openGolden(std::string_view name,
                                  const std::string &activations = "f32",
                                  const std::string &cacheType = "f32") {
  ModelLoadOptions options;
  options.activations = activations;
  options.cacheType = cacheType;
  options.threads = 2;
  auto model = Model::open(goldenPath(name), options);
  if (!model)
    ADD_FAILURE() << llvm::toString(model.takeError());
  return model ? std::move(*model) : nullptr;
}

std::vector<int32_t> goldenIds(const Model &model) {
  std::vector<int32_t> ids;
  auto numbers = model.file().findMetadata("golden.ids")->asIntegers();
  for (int64_t id : *numbers)
    ids.push_back(int32_t(id));
  return ids;
}

llvm::ArrayRef<float> goldenLogits(const Model &model) {
  const WeightEntry *entry = model.file().find("golden.logits");
  return {reinterpret_cast<const float *>(entry->bytes.data()),
          entry->bytes.size() / sizeof(float)};
}

/// Norm of the difference over norm of what is expected.
double relativeError(llvm::ArrayRef<float> got,
                     llvm::ArrayRef<float> expected) {
  EXPECT_EQ(got.size(), expected.size());
  double difference = 0, norm = 0;
  for (auto [g, e] : llvm::zip(got, expected)) {
    difference += (double(g) - e) * (double(g) - e);
    norm += double(e) * e;
  }
  return std::sqrt(difference / norm);
}

std::vector<float> evaluate(Context &context, llvm::ArrayRef<int32_t> ids,
                            Context::Logits which) {
  auto logits = context.evaluate(ids, which);
  if (!logits) {
    ADD_FAILURE() << llvm::toString(logits.takeError());
    return {};
  }
  return logits->vec();
}

Context newContext(const Model &model, int64_t capacity) {
  auto context = model.createContext(capacity);
  EXPECT_TRUE(bool(context));
  return std::move(*context);
}

std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

} // namespace

class GoldenModel : public testing::TestWithParam<std::string> {};
class DeterministicModel : public testing::TestWithParam<std::string> {};
class RoundedModel : public testing::TestWithParam<std::string> {};

TEST_P(GoldenModel, HasTheLogitsOfDoublePrecision) {
  std::unique_ptr<Model> model = openGolden(GetParam());
  ASSERT_TRUE(model);
  std::vector<int32_t> ids = goldenIds(*model);
  llvm::ArrayRef<float> expected = goldenLogits(*model);
  Context all = newContext(*model, 64);
  std::vector<float> together = evaluate(all, ids, Context::Logits::all);
  EXPECT_LE(relativeError(together, expected), 5e-6);

  // One by one, and in parts.
  Context single = newContext(*model, int64_t(ids.size()));
  Context parts = newContext(*model, int64_t(ids.size()));
  std::vector<float> singles, inParts;
  for (int32_t id : ids)
    llvm::append_range(singles, evaluate(single, id, Context::Logits::last));
  parts.batch = 5;
  inParts = evaluate(parts, ids, Context::Logits::all);
  EXPECT_LE(relativeError(singles, together), 1e-5);
  EXPECT_LE(relativeError(inParts, together), 1e-5);
}

TEST_P(RoundedModel, IsNearWithRoundedActivationsAndCaches) {
  std::unique_ptr<Model> model = openGolden(GetParam(), "i16", "f16");
  ASSERT_TRUE(model);
  Context context = newContext(*model, 64);
  std::vector<float> logits =
      evaluate(context, goldenIds(*model), Context::Logits::all);
  double error = relativeError(logits, goldenLogits(*model));
  EXPECT_LE(error, 3e-3);
  EXPECT_GT(error, 1e-6); // Something was rounded.
}

/// What is computed must not depend on how tokens come, bit for bit.
TEST_P(DeterministicModel, IsTheSameForAnySplit) {
  ModelLoadOptions options;
  options.threads = 2;
  options.compile.deterministic = true;
  auto model = Model::open(goldenPath(GetParam()), options);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  std::vector<int32_t> ids = goldenIds(**model);
  Context all = newContext(**model, 64), single = newContext(**model, 64);
  std::vector<float> together = evaluate(all, ids, Context::Logits::all);
  std::vector<float> singles;
  for (int32_t id : ids)
    llvm::append_range(singles, evaluate(single, id, Context::Logits::last));
  EXPECT_EQ(singles, together);
  for (int64_t batch : {2, 5, 7}) {
    Context parts = newContext(**model, int64_t(ids.size()));
    parts.batch = batch;
    EXPECT_EQ(evaluate(parts, ids, Context::Logits::all), together) << batch;
  }
  (*model)->setThreads(1);
  Context alone = newContext(**model, 64);
  EXPECT_EQ(evaluate(alone, ids, Context::Logits::all), together);
}

/// Without it, the text is the same nevertheless.
TEST_P(RoundedModel, WritesTheSameTextForAnySplit) {
  std::unique_ptr<Model> model = openGolden(GetParam(), "i16", "f16");
  ASSERT_TRUE(model);
  std::vector<int32_t> ids = goldenIds(*model);
  std::vector<int32_t> first;
  for (int64_t batch : {512, 1, 3, 5}) {
    Context context = newContext(*model, 64);
    context.batch = batch;
    std::vector<float> logits = evaluate(context, ids, Context::Logits::last);
    std::vector<int32_t> text;
    while (text.size() < 16) {
      auto best = std::max_element(logits.begin(), logits.end());
      text.push_back(int32_t(best - logits.begin()));
      logits = evaluate(context, text.back(), Context::Logits::last);
    }
    if (first.empty())
      first = text;
    EXPECT_EQ(text, first) << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, DeterministicModel,
                         testing::Values("llama", "qwen2", "gemma2", "phi3",
                                         "gpt-oss"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Architectures, GoldenModel,
                         testing::Values("llama", "qwen2", "qwen3", "qwen3moe",
                                         "gemma", "gemma2", "gemma3", "phi3",
                                         "gpt-oss"),
                         testName);
// One of each kind of weights and layers.
INSTANTIATE_TEST_SUITE_P(Architectures, RoundedModel,
                         testing::Values("llama", "qwen2", "phi3", "gpt-oss"),
                         testName);

TEST(Model, AllArchitecturesOfTheTableAreTested) {
  for (const Architecture &row : architectures())
    EXPECT_TRUE(GgufFile::open(goldenPath(std::string_view(row.name))).ok())
        << row.name.str();
}

TEST(Context, IsUnchangedWhereTokensDoNotFit) {
  std::unique_ptr<Model> model = openGolden("llama");
  ASSERT_TRUE(model);
  std::vector<int32_t> ids = goldenIds(*model);
  llvm::ArrayRef<int32_t> first = llvm::ArrayRef(ids).take_front(6);
  Context context = newContext(*model, 8), other = newContext(*model, 8);
  evaluate(context, first, Context::Logits::last);
  auto full = context.evaluate(first);
  ASSERT_FALSE(bool(full));
  EXPECT_EQ(llvm::toString(full.takeError()),
            "the context is full: it has 6 of 8 tokens, and 6 more do not fit");
  for (int32_t bad : {-1, 1000000}) {
    auto unknown = context.evaluate({ids[0], bad});
    ASSERT_FALSE(bool(unknown));
    EXPECT_NE(llvm::toString(unknown.takeError()).find(std::to_string(bad)),
              std::string::npos);
  }
  auto none = context.evaluate({});
  EXPECT_FALSE(bool(none));
  llvm::consumeError(none.takeError());
  EXPECT_EQ(context.position(), 6);
  // What follows is what would have followed.
  evaluate(other, first, Context::Logits::last);
  EXPECT_EQ(evaluate(context, ids[6], Context::Logits::last),
            evaluate(other, ids[6], Context::Logits::last));
  evaluate(context, ids[7], Context::Logits::last);
  EXPECT_EQ(context.position(), context.capacity());
}

TEST(Context, ForgetsWhatIsTruncated) {
  std::unique_ptr<Model> model = openGolden("llama");
  ASSERT_TRUE(model);
  std::vector<int32_t> ids = goldenIds(*model);
  Context context = newContext(*model, 32), other = newContext(*model, 32);
  std::vector<float> before = evaluate(context, ids, Context::Logits::all);
  ASSERT_FALSE(bool(context.truncate(4)));
  EXPECT_EQ(context.position(), 4);
  std::vector<float> again = evaluate(
      context, llvm::ArrayRef(ids).drop_front(4), Context::Logits::all);
  size_t row = before.size() / ids.size();
  EXPECT_LE(relativeError(again, llvm::ArrayRef(before).drop_front(4 * row)),
            1e-5);
  // Another context on the same model knows nothing of it.
  EXPECT_LE(relativeError(evaluate(other, ids, Context::Logits::all), before),
            0);
  for (int64_t count : {-1, 33}) {
    llvm::Error error = context.truncate(count);
    EXPECT_TRUE(bool(error));
    llvm::consumeError(std::move(error));
  }
  auto empty = model->createContext(0);
  EXPECT_FALSE(bool(empty));
  llvm::consumeError(empty.takeError());
}

TEST(Model, KeepsKeysAndValuesAsAsked) {
  for (auto [type, bound] : {std::pair("f16", 2e-3), std::pair("bf16", 2e-2),
                             std::pair("q8_0", 3e-2)}) {
    // Heads of 16 do not fill blocks of 32.
    bool fits = std::string_view(type) != "q8_0";
    ModelLoadOptions options;
    options.activations = "f32";
    options.cacheType = type;
    auto model = Model::open(goldenPath("llama"), options);
    if (!fits) {
      ASSERT_FALSE(bool(model));
      EXPECT_NE(llvm::toString(model.takeError()).find("32"),
                std::string::npos);
      continue;
    }
    ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
    Context context = newContext(**model, 16);
    std::vector<float> logits =
        evaluate(context, goldenIds(**model), Context::Logits::all);
    EXPECT_LE(relativeError(logits, goldenLogits(**model)), bound) << type;
  }
}

TEST(Encoder, HasTheVectorsOfDoublePrecision) {
  std::string folder = RLX_TEST_DIR "/golden/models/bert";
  auto encoder = Encoder::open(folder, {}, /*threads=*/2);
  ASSERT_TRUE(bool(encoder)) << llvm::toString(encoder.takeError());
  Result<std::unique_ptr<WeightFile>> golden =
      openWeightFile(folder + "/golden.safetensors");
  ASSERT_TRUE(golden.ok()) << golden.message();
  const WeightEntry *ids = (*golden)->find("ids"),
                    *vectors = (*golden)->find("vectors"),
                    *embedding = (*golden)->find("embedding");
  ASSERT_TRUE(ids && vectors && embedding);
  auto floats = [](const WeightEntry &entry) {
    return llvm::ArrayRef(reinterpret_cast<const float *>(entry.bytes.data()),
                          entry.bytes.size() / sizeof(float));
  };
  llvm::ArrayRef tokens(reinterpret_cast<const int32_t *>(ids->bytes.data()),
                        ids->bytes.size() / sizeof(int32_t));
  auto got = (*encoder)->encode(tokens);
  ASSERT_TRUE(bool(got)) << llvm::toString(got.takeError());
  EXPECT_LE(relativeError(*got, floats(*vectors)), 5e-6);
  auto one = (*encoder)->embed(tokens);
  ASSERT_TRUE(bool(one)) << llvm::toString(one.takeError());
  EXPECT_LE(relativeError(*one, floats(*embedding)), 5e-6);
  for (std::vector<int32_t> bad :
       {std::vector<int32_t>{}, std::vector<int32_t>{-1},
        std::vector<int32_t>(100, 1)}) {
    auto error = (*encoder)->encode(bad);
    EXPECT_FALSE(bool(error));
    llvm::consumeError(error.takeError());
  }
}
