//===- CacheTest.cpp - Compiled objects on disk ---------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

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

} // namespace
