//===- CacheTest.cpp - Compiled objects on disk ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace cache_test {

constexpr const char *program = R"(
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = arith.addf %x, %x : tensor<2xf32>
  return %y : tensor<2xf32>
})";

class CacheTest : public testing::Test {
protected:
  CacheTest() { options.cacheDirectory = folder / "objects"; }

  /// Compiles, runs, and says whether the object came from the cache.
  bool comesFromCache(const char *text = program) {
    CompileReport report;
    auto executable = compileText(text, options, &report);
    if (!executable) {
      ADD_FAILURE() << llvm::toString(executable.takeError());
      return false;
    }
    Floats x({2}, {1, 2}), y({2});
    EXPECT_SUCCESS((*executable)->run("main", {x}, {y}));
    EXPECT_EQ(y.values, (std::vector<float>{2, 4}));
    EXPECT_GT(report.milliseconds, 0);
    return report.fromCache;
  }
  std::vector<std::string> objects() {
    std::vector<std::string> paths;
    std::error_code missing;
    for (const auto &entry :
         std::filesystem::directory_iterator(options.cacheDirectory, missing))
      paths.push_back(entry.path().string());
    return paths;
  }

  TemporaryFolder folder;
  CompileOptions options;
};

TEST_F(CacheTest, TheSecondTimeIsFromTheCache) {
  EXPECT_FALSE(comesFromCache());
  EXPECT_TRUE(comesFromCache());
  EXPECT_EQ(objects().size(), 1u);
  // Another program, another object.
  EXPECT_FALSE(
      comesFromCache(R"(func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %two = arith.constant dense<2.0> : tensor<2xf32>
    %y = arith.mulf %x, %two : tensor<2xf32>
    return %y : tensor<2xf32>
  })"));
  EXPECT_EQ(objects().size(), 2u);
}

// The bytes of a resource are in no text of the program.
TEST_F(CacheTest, AnotherResourceIsAnotherObject) {
  auto run = [&](const char *content, bool expectCached) {
    std::string text = R"(
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = arith.constant dense_resource<blob> : tensor<2xf32>
  %y = arith.addf %x, %c : tensor<2xf32>
  return %y : tensor<2xf32>
}
{-# dialect_resources: { builtin: { blob: "0x04000000)" +
                       std::string(content) + R"(" } } #-})";
    CompileReport report;
    auto executable = compileText(text, options, &report);
    Floats x({2}), y({2});
    EXPECT_SUCCESS(executable.takeError());
    EXPECT_SUCCESS((*executable)->run("main", {x}, {y}));
    EXPECT_EQ(report.fromCache, expectCached);
    return y.values;
  };
  EXPECT_EQ(run("0000803f00000040", false), (std::vector<float>{1, 2}));
  EXPECT_EQ(run("0000404000008040", false), (std::vector<float>{3, 4}));
  EXPECT_EQ(run("0000803f00000040", true), (std::vector<float>{1, 2}));
}

// Not even where its content is right.
TEST_F(CacheTest, AnObjectThatOthersMayWriteIsNotRun) {
  std::vector<std::string> remarks;
  options.onRemark = [&](llvm::StringRef text) {
    remarks.push_back(text.str());
  };
  EXPECT_FALSE(comesFromCache());
  ASSERT_EQ(objects().size(), 1u);
  std::string object = objects().front();
  namespace fs = std::filesystem;
  fs::permissions(object, fs::perms::others_write, fs::perm_options::add);
  EXPECT_FALSE(comesFromCache());
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_CONTAINS(remarks[0], "'" + object + "' has mode 0602");
  // It was replaced by one of ours.
  EXPECT_TRUE(comesFromCache());
  fs::permissions(options.cacheDirectory, fs::perms::all);
  EXPECT_FALSE(comesFromCache());
  ASSERT_EQ(remarks.size(), 2u);
  EXPECT_CONTAINS(remarks[1], "'" + options.cacheDirectory + "' has mode 0777");
}

TEST_F(CacheTest, ADamagedObjectIsCompiledAgain) {
  EXPECT_FALSE(comesFromCache());
  ASSERT_EQ(objects().size(), 1u);
  std::string path = objects().front(), content = readFile(path);
  for (size_t position : {size_t(0), size_t(70), content.size() - 1}) {
    std::string damaged = content;
    damaged[position] ^= 1;
    writeFile(path, damaged);
    EXPECT_FALSE(comesFromCache()) << position;
    EXPECT_TRUE(comesFromCache()) << position;
  }
  for (size_t size : {size_t(0), size_t(10), content.size() / 2}) {
    writeFile(path, content.substr(0, size));
    EXPECT_FALSE(comesFromCache()) << size;
  }
  EXPECT_TRUE(comesFromCache());
}

TEST_F(CacheTest, AnotherTargetIsAnotherObject) {
  EXPECT_FALSE(comesFromCache());
  options.target.features +=
      options.target.features.empty() ? "-avx512f" : ",-avx512f";
  EXPECT_FALSE(comesFromCache());
  EXPECT_EQ(objects().size(), 2u);
}

TEST_F(CacheTest, AFolderThatCannotBeWrittenIsNoError) {
  writeFile(folder / "file", "");
  options.cacheDirectory = folder / "file";
  EXPECT_FALSE(comesFromCache());
  EXPECT_FALSE(comesFromCache());
}

// Packed weights, beside the objects.
class PackedCacheTest : public CacheTest {
protected:
  static constexpr int64_t n = 40, k = 512, m = 3;

  PackedCacheTest() : x(Floats::random({m, k}, 1)) {}

  static std::vector<uint8_t> randomBytes(uint32_t seed) {
    std::vector<uint8_t> bytes = Random(seed).bytes(n * k / 32 * 34);
    // Scales that are finite.
    for (size_t i = 0; i < bytes.size(); i += 34)
      bytes[i + 1] = 0x1c;
    return bytes;
  }

  /// Compiles, packs and runs; how many packed bytes came from the cache.
  int64_t cachedBytes(std::vector<uint8_t> weight) {
    auto executable = compiled(R"(
func.func @main(%x: tensor<3x512xf32>) -> tensor<3x40xf32> {
  %w = rlx.weight "w" : tensor<40x512xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<3x512xf32>, tensor<40x512xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x40xf32>
  return %y : tensor<3x40xf32>
})",
                               options);
    if (!executable)
      return -1;
    EXPECT_SUCCESS(executable->bindWeight(
        "w", {ElementType::u8, {n, k / 32 * 34}, weight.data()}));
    Floats result({m, n});
    EXPECT_SUCCESS(executable->run("main", {x}, {result}));
    y = result.values;
    PackReport report = executable->packReport("main");
    EXPECT_GT(report.packedBytes, 0);
    return report.cachedBytes;
  }
  std::vector<std::string> packedFiles() {
    std::vector<std::string> paths;
    for (const std::string &path : objects())
      if (llvm::StringRef(path).ends_with(".rlxp"))
        paths.push_back(path);
    return paths;
  }

  Floats x;
  std::vector<float> y;
};

TEST_F(PackedCacheTest, TheSecondTimeIsFromTheCache) {
  EXPECT_EQ(cachedBytes(randomBytes(1)), 0);
  std::vector<float> expected = y;
  EXPECT_EQ(packedFiles().size(), 1u);
  EXPECT_GT(cachedBytes(randomBytes(1)), 0);
  EXPECT_EQ(y, expected);
  // Other numbers, another file.
  EXPECT_EQ(cachedBytes(randomBytes(2)), 0);
  EXPECT_NE(y, expected);
  EXPECT_EQ(packedFiles().size(), 2u);
  EXPECT_GT(cachedBytes(randomBytes(1)), 0);
  EXPECT_EQ(y, expected);
}

TEST_F(PackedCacheTest, ADamagedFileIsPackedAgain) {
  EXPECT_EQ(cachedBytes(randomBytes(1)), 0);
  std::vector<float> expected = y;
  ASSERT_EQ(packedFiles().size(), 1u);
  std::string path = packedFiles().front(), content = readFile(path);
  // The name of the format, the size, the key, both hashes, the packed bytes.
  for (size_t position : {size_t(0), size_t(8), size_t(20), size_t(90),
                          size_t(4096), content.size() - 1}) {
    std::string damaged = content;
    damaged[position] ^= 1;
    writeFile(path, damaged);
    EXPECT_EQ(cachedBytes(randomBytes(1)), 0) << position;
    EXPECT_EQ(y, expected) << position;
    EXPECT_GT(cachedBytes(randomBytes(1)), 0) << position;
  }
  for (size_t size : {size_t(0), size_t(100), content.size() - 1}) {
    writeFile(path, content.substr(0, size));
    EXPECT_EQ(cachedBytes(randomBytes(1)), 0) << size;
    EXPECT_EQ(y, expected) << size;
  }
  // The file of another weight under this name.
  EXPECT_EQ(cachedBytes(randomBytes(2)), 0);
  for (const std::string &other : packedFiles())
    if (other != path)
      std::filesystem::copy(other, path,
                            std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(cachedBytes(randomBytes(1)), 0);
  EXPECT_EQ(y, expected);
}

TEST_F(PackedCacheTest, NotWhereItIsNotWanted) {
  options.cachePackedWeights = false;
  EXPECT_EQ(cachedBytes(randomBytes(1)), 0);
  EXPECT_EQ(cachedBytes(randomBytes(1)), 0);
  EXPECT_TRUE(packedFiles().empty());
}

} // namespace cache_test
