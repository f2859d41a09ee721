//===- CheckpointTest.cpp - Which tensors make a weight up ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rules, and files that nearly follow them. What all kinds mean is tested
// through rlx-inspect.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/CheckpointKinds.h"
#include "runtime/weights/CheckpointMatcher.h"

#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/SafetensorsBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>

using namespace rlx;
using namespace rlx::test;

namespace {

class Checkpoint : public ::testing::Test {
public:
  /// Tensors of zeros.
  Checkpoint &tensor(std::string_view name, std::string_view type,
                     std::string_view shape, uint64_t bytes) {
    header +=
        (header.empty() ? "" : ",") +
        safetensorsEntry(name, type, shape, data.size(), data.size() + bytes);
    data += std::string(bytes, '\0');
    return *this;
  }
  Checkpoint &metadata(std::string_view key, std::string_view value) {
    header = fmt::format("\"__metadata__\":{{\"{}\":\"{}\"}}", key, value) +
             (header.empty() ? "" : ",") + header;
    return *this;
  }
  Checkpoint &config(std::string_view text) {
    writeFile(folder / "config.json", text);
    return *this;
  }
  std::span<const LogicalWeight> find() {
    writeFile(folder / "m.safetensors",
              safetensorsFile("{" + header + "}", data));
    Result<std::unique_ptr<WeightFile>> opened =
        openWeightFile(folder / "m.safetensors");
    EXPECT_TRUE(opened) << opened.message();
    if (!opened)
      return {};
    file = opened.take();
    return file->logicalWeights();
  }

  TemporaryFolder folder;
  std::string header, data;
  std::unique_ptr<WeightFile> file;
};

TEST_F(Checkpoint, RulesAreWhole) {
  for (const KindRule &rule : checkpointKinds()) {
    EXPECT_FALSE(rule.name.empty());
    EXPECT_EQ(rule.parts.front().role, "codes") << rule.name;
    EXPECT_FALSE(rule.parts.front().isOptional) << rule.name;
    // Floats are taken for codes where there are scales beside them.
    if (rule.parts.front().types.find("BF16") != std::string_view::npos)
      EXPECT_EQ(rule.parts[1].role, "scales") << rule.name;
    EXPECT_TRUE(rule.shape == "N K" || rule.shape == "E N K" ||
                rule.shape == "E? N K")
        << rule.name;
    for (const PartRule &part : rule.parts)
      EXPECT_TRUE(part.change.empty() || part.change == "plus 1" ||
                  part.change == "reciprocal" || part.change == "nested" ||
                  part.change == "over 2688")
          << rule.name;
  }
}

TEST_F(Checkpoint, PartsAndParameters) {
  config("{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}");
  tensor("a.qweight", "I32", "16,8", 512).tensor("a.qzeros", "I32", "4,1", 16);
  tensor("a.scales", "F16", "4,8", 64).tensor("a.g_idx", "I32", "128", 512);
  tensor("a.bias", "F16", "8", 16);
  std::span<const LogicalWeight> weights = find();
  ASSERT_EQ(weights.size(), 1u);
  const LogicalWeight &weight = weights.front();
  EXPECT_EQ(weight.name, "a.weight");
  EXPECT_EQ(weight.kind, "GPTQ v1");
  EXPECT_EQ(weight.scheme, "uint4/32:f16");
  EXPECT_EQ(weight.shape, (std::vector<int64_t>{8, 128}));
  ASSERT_EQ(weight.parts.size(), 4u);
  EXPECT_EQ(weight.find("zero_points")->entry->name, "a.qzeros");
  EXPECT_EQ(weight.find("zero_points")->change, "plus 1");
  EXPECT_EQ(weight.find("codes")->order,
            "ui4 at (n, k) -> (4 * (8 * (k floordiv 8) + n), 4 * (k mod 8))");
  EXPECT_EQ(weight.find("bias"), nullptr);
  EXPECT_EQ(file->findLogical("a.weight"), &weight);
  EXPECT_EQ(file->findLogical("a.qweight"), nullptr);
  EXPECT_EQ(file->nearestNames("a.weigh", 1),
            std::vector<std::string>{"a.weight"});
}

/// Whether the one weight is refused, for a reason that has the text.
bool isRefused(std::span<const LogicalWeight> weights, std::string_view text) {
  return weights.size() == 1 &&
         weights.front().problem.find(text) != std::string::npos;
}

TEST_F(Checkpoint, NearlyFollowedRulesAreRefused) {
  std::string_view gptq =
      "{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}";
  auto add = [&](std::string_view zeros, uint64_t bytes) {
    header = data = "";
    tensor("a.qweight", "I32", "16,8", 512)
        .tensor("a.scales", "F16", "4,8", 64);
    tensor("a.qzeros", "I32", zeros, bytes);
  };
  add("4,1", 16);
  EXPECT_TRUE(isRefused(find(), "no config.json")); // so no bits
  config(gptq);
  EXPECT_EQ(find().size(), 1u);
  add("5,1", 20);
  // Zero points of another number of groups.
  EXPECT_TRUE(isRefused(find(), "'a.qzeros' to be [4, 1], but got [5, 1]"));
  add("4,2", 32);
  EXPECT_TRUE(isRefused(find(), "'a.qzeros' to be [4, 1], but got [4, 2]"));
  add("0,1", 0);
  EXPECT_TRUE(isRefused(find(), "'a.qzeros' to be [4, 1], but got [0, 1]"));
  for (std::string_view bits :
       {"0", "-4", "4.5", "\"4\"", "null", "1e99", "9223372036854775807"}) {
    add("4,1", 16);
    config(fmt::format("{{\"quantization_config\":{{\"quant_method\":\"gptq\","
                       "\"bits\":{}}}}}",
                       bits));
    EXPECT_TRUE(isRefused(find(), "expected 'bits' of the configuration"))
        << bits;
  }
  config("{\"quantization_config\":{\"quant_method\":\"other\",\"bits\":4}}");
  EXPECT_TRUE(
      isRefused(find(), "'auto-round' or none or 'awq', but got the text"));
  header = data = "";
  tensor("a.qweight", "I32", "16,8", 512).tensor("a.scales", "F16", "4,8", 64);
  config(gptq);
  EXPECT_TRUE(isRefused(find(), "expected 'a.qzeros' to be a tensor beside"));
}

TEST_F(Checkpoint, ExpertsOfAllParts) {
  config("{\"quantization\":{\"group_size\":64,\"bits\":4}}");
  auto add = [&](std::string_view scales, std::string_view biases) {
    header = data = "";
    tensor("a.weight", "U32", "2,2,16", 256)
        .tensor("a.scales", "F16", scales, 16);
    tensor("a.biases", "F16", biases, 16);
  };
  add("2,2,2", "2,2,2");
  std::span<const LogicalWeight> weights = find();
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_EQ(weights[0].problem, "");
  EXPECT_EQ(weights[0].shape, (std::vector<int64_t>{2, 2, 128}));
  add("4,2", "2,2,2");
  EXPECT_TRUE(isRefused(find(), "'a.scales' to be [2, 2, 2], but got [4, 2]"));
  header = data = "";
  tensor("a.weight", "U32", "0,2,16", 0).tensor("a.scales", "F16", "0,2,2", 0);
  EXPECT_TRUE(isRefused(find(), "to be [E, N, K*b/32], but got [0, 2, 16]"));
  add("2,2,2", "1,4,2");
  EXPECT_TRUE(isRefused(find(), "'a.biases' to be [2, 2, 2]"));
  header = data = "";
  tensor("a.weight", "U32", "4,16", 256).tensor("a.scales", "F16", "2,2,2", 16);
  tensor("a.biases", "F16", "4,2", 16);
  EXPECT_TRUE(isRefused(find(), "'a.scales' to be [4, 2], but got [2, 2, 2]"));
}

TEST_F(Checkpoint, CodesInFloatsAreNoFloats) {
  std::string_view state = "{\"quant_type\":\"nf4\",\"blocksize\":64,"
                           "\"shape\":[2,128]}";
  auto add = [&](std::string_view type, std::string_view shape) {
    header = data = "";
    tensor("a.weight", type, shape, 128)
        .tensor("a.weight.absmax", "F32", "4", 16);
    tensor("a.weight.quant_map", "F32", "16", 64);
    tensor("a.weight.quant_state.bitsandbytes__nf4", "U8",
           std::to_string(state.size()), state.size());
    data.replace(data.size() - state.size(), state.size(), state);
  };
  add("BF16", "64,1");
  std::span<const LogicalWeight> weights = find();
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_EQ(weights[0].problem, "");
  EXPECT_EQ(weights[0].scheme, "nf4/64");
  add("BF16", "32,2"); // not as it is written, and yet no plain matrix
  EXPECT_TRUE(isRefused(find(), "'a.weight' to be [64, 1], but got [32, 2]"));
  header = data = "";
  tensor("a.weight", "BF16", "2,32", 128)
      .tensor("a.weight_scale", "F32", "1", 4);
  EXPECT_TRUE(find().empty()); // what was quantized and is not any more
}

TEST_F(Checkpoint, WithoutCodes) {
  config("{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}}");
  tensor("a.qzeros", "I32", "4,1", 16).tensor("a.scales", "F16", "4,8", 64);
  EXPECT_TRUE(isRefused(
      find(), "expected 'a.qweight' to be a tensor beside 'a.scales'"));
  EXPECT_EQ(file->logicalWeights().front().name, "a.weight");
  header = data = "";
  tensor("norm.scale", "F32", "4", 16).tensor("norm.scales", "F32", "4", 16);
  EXPECT_TRUE(find().empty());
}

TEST_F(Checkpoint, ConfigurationsOfModules) {
  config("{\"quantization\":{\"group_size\":64,\"bits\":4,\"a.b\":"
         "{\"group_size\":32,\"bits\":8}}}");
  tensor("a.b.weight", "U32", "2,16", 128)
      .tensor("a.b.scales", "BF16", "2,2", 8);
  tensor("a.b.biases", "BF16", "2,2", 8).tensor("c.weight", "U32", "2,16", 128);
  tensor("c.scales", "F32", "2,2", 16).tensor("c.biases", "F32", "2,2", 16);
  std::span<const LogicalWeight> weights = find();
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].scheme, "affine8/32:bf16");
  EXPECT_EQ(weights[0].shape, (std::vector<int64_t>{2, 64}));
  EXPECT_EQ(weights[1].scheme, "affine4/64:f32");
  EXPECT_EQ(weights[1].shape, (std::vector<int64_t>{2, 128}));
}

TEST_F(Checkpoint, BrokenConfigurationsAreNamed) {
  config("{\"quantization_config\":");
  tensor("a", "F32", "1", 4);
  writeFile(folder / "m.safetensors",
            safetensorsFile("{" + header + "}", data));
  expectError(openWeightFile(folder / "m.safetensors"), folder / "config.json",
              "offset 23");
}

TEST_F(Checkpoint, EncodedByRlx) {
  metadata("rlx.scheme:w", "2x64 int4/32");
  tensor("w", "U8", "2,32", 64).tensor("w.scales", "F32", "2,2", 16);
  std::span<const LogicalWeight> weights = find();
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_EQ(weights[0].scheme, "int4/32");
  EXPECT_EQ(weights[0].shape, (std::vector<int64_t>{2, 64}));
  EXPECT_EQ(weights[0].parts.size(), 2u);
  for (std::string_view text :
       {"", "int4/32", "2x int4/32", "2x0 int4/32", "64 int4/32", "2x64",
        "2x99999999999999999999 int4/32", "1x1x2x64 int4/32"}) {
    header = data = "";
    metadata("rlx.scheme:w", text).tensor("w", "U8", "2,32", 64);
    EXPECT_TRUE(find().empty()) << text;
  }
}

/// A weight of NVFP4 with a factor of that type of ggml, of so many numbers.
std::unique_ptr<WeightFile> openFactor(const TemporaryFolder &folder,
                                       uint32_t type, uint64_t count) {
  // Dimensions innermost first.
  std::string file = GgufBuilder()
                         .tensor("a.weight", {64, 1}, 40, 0)
                         .tensor("a.scale", {count}, type, 64)
                         .data(std::string(96, 'x'))
                         .build();
  writeFile(folder / "m.gguf", file);
  Result<std::unique_ptr<WeightFile>> opened =
      openWeightFile(folder / "m.gguf");
  EXPECT_TRUE(opened) << opened.message();
  return opened ? opened.take() : nullptr;
}

TEST(GgufCheckpoint, FactorBesideNvfp4) {
  TemporaryFolder folder;
  constexpr std::pair<uint32_t, std::string_view> types[] = {
      {0, "* f32 in global_scale"},
      {1, "* f16 in global_scale"},
      {30, "* bf16 in global_scale"}};
  for (auto [type, text] : types) {
    std::unique_ptr<WeightFile> file = openFactor(folder, type, 1);
    ASSERT_TRUE(file);
    ASSERT_EQ(file->logicalWeights().size(), 1u);
    const LogicalWeight &weight = file->logicalWeights().front();
    EXPECT_EQ(weight.name, "a.weight");
    EXPECT_EQ(weight.problem, "");
    EXPECT_NE(weight.scheme.find(text), std::string::npos) << weight.scheme;
    EXPECT_EQ(weight.find("global_scale")->entry->name, "a.scale");
  }
  std::unique_ptr<WeightFile> two = openFactor(folder, 0, 2);
  ASSERT_TRUE(two);
  EXPECT_TRUE(isRefused(two->logicalWeights(),
                        "expected the shape of 'a.scale' to be [1], but got "
                        "[2] of f32"));
  std::unique_ptr<WeightFile> whole = openFactor(folder, 24, 1); // i8
  ASSERT_TRUE(whole);
  EXPECT_TRUE(isRefused(whole->logicalWeights(), "the type of 'a.scale'"));
}

TEST_F(Checkpoint, ConfigurationsThatCannotBeOpened) {
  tensor("a", "F32", "1", 4);
  EXPECT_TRUE(find().empty());
  std::string path = folder / "config.json", model = folder / "m.safetensors";
  ASSERT_EQ(symlink("nowhere", path.c_str()), 0);
  expectError(openWeightFile(model), path, "cannot open the file");
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  expectError(openWeightFile(model), path, "expected a regular file");
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  expectError(openWeightFile(model), path, "is a directory");
}

} // namespace
