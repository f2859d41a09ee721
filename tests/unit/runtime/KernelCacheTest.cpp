//===- KernelCacheTest.cpp - What drivers compiled, on disk ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds what was stored, and nothing else.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/KernelCache.h"
#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace kernel_cache_test {

std::vector<std::byte> content(int first) {
  return {std::byte(first), std::byte{2}, std::byte{3}};
}

TEST(KernelCacheTest, FindsWhatWasStored) {
  TemporaryFolder folder;
  KernelCache cache(folder / "a/b");
  EXPECT_TRUE(cache.enabled());
  EXPECT_FALSE(cache.find("key"));
  EXPECT_TRUE(cache.store("key", content(1)));
  EXPECT_TRUE(cache.store("other", content(7)));
  EXPECT_EQ(cache.find("key"), content(1));
  EXPECT_EQ(KernelCache(folder / "a/b").find("other"), content(7));
  EXPECT_FALSE(cache.find("third"));
  EXPECT_TRUE(cache.store("key", content(9)));
  EXPECT_EQ(cache.find("key"), content(9));
  EXPECT_TRUE(cache.store("empty", {}));
  EXPECT_EQ(cache.find("empty"), std::vector<std::byte>());
}

TEST(KernelCacheTest, WithoutAFolder) {
  EXPECT_FALSE(KernelCache("").enabled());
  EXPECT_FALSE(KernelCache("").store("key", content(1)));
  EXPECT_FALSE(KernelCache("").find("key"));
  TemporaryFolder folder;
  writeFile(folder / "file", "");
  EXPECT_FALSE(KernelCache(folder / "file").store("key", content(1)));
  EXPECT_FALSE(KernelCache(folder / "file").find("key"));
}

// Each part of a key is part of it, and where one ends too.
TEST(KernelCacheTest, KeysKeepPartsApart) {
  std::string key = KernelCache::key({"device, driver 1", "-options", "code"});
  EXPECT_EQ(KernelCache::key({"device, driver 1", "-options", "code"}), key);
  EXPECT_NE(KernelCache::key({"device, driver 2", "-options", "code"}), key);
  EXPECT_NE(KernelCache::key({"device, driver 1", "", "code"}), key);
  EXPECT_NE(KernelCache::key({"device, driver 1", "-options", "Code"}), key);
  EXPECT_NE(KernelCache::key({"device, driver 1", "-optionsc", "ode"}), key);
  EXPECT_NE(KernelCache::key({"device, driver 1", "-options4:code", ""}), key);
}

TEST(KernelCacheTest, IgnoresEveryDamage) {
  TemporaryFolder folder;
  KernelCache cache(folder / "x");
  ASSERT_TRUE(cache.store("key", content(1)));
  std::string path =
      std::filesystem::directory_iterator(folder / "x")->path().string();
  std::string whole = readFile(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] ^= 0x10;
    writeFile(path, damaged);
    EXPECT_FALSE(cache.find("key")) << "byte " << i;
    writeFile(path, whole.substr(0, i));
    EXPECT_FALSE(cache.find("key")) << "length " << i;
  }
  writeFile(path, whole + "x");
  EXPECT_FALSE(cache.find("key"));
  writeFile(path, whole);
  EXPECT_TRUE(cache.find("key"));
}

} // namespace kernel_cache_test
