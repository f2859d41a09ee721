//===- CacheDirectoryTest.cpp - Files that are kept between processes -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whose files are believed, how they appear, which are removed.
//
//===----------------------------------------------------------------------===//
#include "runtime/CacheDirectory.h"

#include "tests/unit/runtime/TestSupport.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rlx;
using namespace rlx::test;

namespace fs = std::filesystem;

namespace cache_directory_test {

constexpr uid_t nobody = 65534;

class CacheDirectoryTest : public testing::Test {
protected:
  CacheDirectory open(uint64_t limit = CacheOptions::defaultLimitBytes) {
    remarks.clear();
    return CacheDirectory(path, {limit, [this](const std::string &text) {
                                   remarks.push_back(text);
                                 }});
  }
  static bool store(CacheDirectory &cache, const std::string &name,
                    std::string_view content) {
    return cache.store(name, {std::as_bytes(std::span(content))});
  }
  /// The content found, or `none`.
  static std::string find(CacheDirectory &cache, const std::string &name) {
    auto file = cache.find(name);
    if (!file)
      return "none";
    return {reinterpret_cast<const char *>(file->bytes().data()),
            file->bytes().size()};
  }
  std::string entry(std::string_view name) const {
    return path + "/" + std::string(name);
  }
  void expectRemark(std::string_view part) {
    ASSERT_EQ(remarks.size(), 1u);
    EXPECT_NE(remarks[0].find(part), std::string::npos) << remarks[0];
  }
  size_t numFiles() const {
    return size_t(std::distance(fs::directory_iterator(path), {}));
  }
  static void setUsed(const std::string &file, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }

  TemporaryFolder folder;
  std::string path = folder / "made/cache";
  std::vector<std::string> remarks;
};

TEST_F(CacheDirectoryTest, FindsWhatWasStored) {
  CacheDirectory cache = open();
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(store(cache, "aa.rlxo", "one"));
  EXPECT_TRUE(store(cache, "bb.rlxp", ""));
  EXPECT_EQ(find(cache, "aa.rlxo"), "one");
  EXPECT_EQ(find(cache, "bb.rlxp"), "");
  EXPECT_TRUE(store(cache, "aa.rlxo", "other"));
  CacheDirectory again = open();
  EXPECT_EQ(find(again, "aa.rlxo"), "other");
  EXPECT_TRUE(remarks.empty());
  // For the user alone, and nothing else is left behind.
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(stat(entry("aa.rlxo").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_EQ(numFiles(), 2u);
}

TEST_F(CacheDirectoryTest, AFolderThatOthersMayWrite) {
  fs::create_directories(path);
  for (mode_t mode : {0777, 0770, 0722}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    writeFile(entry("aa.rlxo"), "theirs");
    CacheDirectory cache = open();
    EXPECT_EQ(find(cache, "aa.rlxo"), "none");
    EXPECT_FALSE(store(cache, "bb.rlxo", "mine"));
    EXPECT_EQ(find(cache, "aa.rlxo"), "none");
    expectRemark(fmt::format("'{}' has mode {:04o}", path, mode));
    EXPECT_EQ(numFiles(), 1u);
  }
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  CacheDirectory cache = open();
  EXPECT_TRUE(store(cache, "bb.rlxo", "mine"));
  EXPECT_EQ(find(cache, "bb.rlxo"), "mine");
}

TEST_F(CacheDirectoryTest, AFolderOfAnotherUser) {
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give a folder to another user";
  fs::create_directories(path);
  writeFile(entry("aa.rlxo"), "theirs");
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  ASSERT_EQ(chown(path.c_str(), nobody, nobody), 0);
  CacheDirectory cache = open();
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  EXPECT_FALSE(store(cache, "bb.rlxo", "mine"));
  expectRemark("belongs to user 65534, expected user 0");
}

TEST_F(CacheDirectoryTest, AnEntryOfAnotherUser) {
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can give a file to another user";
  CacheDirectory cache = open();
  ASSERT_TRUE(store(cache, "aa.rlxo", "mine"));
  ASSERT_TRUE(store(cache, "bb.rlxo", "mine"));
  ASSERT_EQ(chown(entry("aa.rlxo").c_str(), nobody, nobody), 0);
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  expectRemark("belongs to user 65534");
  EXPECT_EQ(find(cache, "bb.rlxo"), "mine");
  // It is replaced, not written to.
  EXPECT_TRUE(store(cache, "aa.rlxo", "new"));
  EXPECT_EQ(find(cache, "aa.rlxo"), "new");
}

TEST_F(CacheDirectoryTest, AnEntryThatOthersMayWrite) {
  CacheDirectory cache = open();
  ASSERT_TRUE(store(cache, "aa.rlxo", "mine"));
  ASSERT_EQ(chmod(entry("aa.rlxo").c_str(), 0620), 0);
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  expectRemark("has mode 0620");
}

TEST_F(CacheDirectoryTest, LinksAreNotFollowed) {
  writeFile(folder / "precious", "precious");
  CacheDirectory cache = open();
  ASSERT_TRUE(store(cache, "bb.rlxo", "mine"));
  fs::create_symlink(folder / "precious", entry("aa.rlxo"));
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  expectRemark("is a link");
  EXPECT_TRUE(store(cache, "aa.rlxo", "mine"));
  EXPECT_EQ(find(cache, "aa.rlxo"), "mine");
  EXPECT_EQ(readFile(folder / "precious"), "precious");
  EXPECT_FALSE(fs::is_symlink(entry("aa.rlxo")));
}

TEST_F(CacheDirectoryTest, PipesAndDevicesAreNotRead) {
  CacheDirectory cache = open();
  ASSERT_TRUE(store(cache, "bb.rlxo", "mine"));
  ASSERT_EQ(mkfifo(entry("aa.rlxo").c_str(), 0600), 0);
  EXPECT_EQ(find(cache, "aa.rlxo"), "none");
  expectRemark("is no regular file");
  EXPECT_TRUE(store(cache, "aa.rlxo", "mine"));
  EXPECT_EQ(find(cache, "aa.rlxo"), "mine");
  fs::create_directories(entry("cc.rlxo"));
  EXPECT_EQ(find(cache, "cc.rlxo"), "none");
  EXPECT_FALSE(store(cache, "cc.rlxo", "mine"));
  fs::create_symlink("/dev/zero", entry("dd.rlxo"));
  EXPECT_EQ(find(cache, "dd.rlxo"), "none");
  // A folder that is none.
  writeFile(folder / "file", "");
  path = folder / "file";
  CacheDirectory file = open();
  EXPECT_EQ(find(file, "aa.rlxo"), "none");
  EXPECT_FALSE(store(file, "aa.rlxo", "mine"));
  path = "";
  CacheDirectory none = open();
  EXPECT_FALSE(none.isEnabled());
  EXPECT_EQ(find(none, "aa.rlxo"), "none");
  EXPECT_FALSE(store(none, "aa.rlxo", "mine"));
}

TEST_F(CacheDirectoryTest, LeftoversOfKilledProcessesAreRemoved) {
  {
    CacheDirectory cache = open();
    ASSERT_TRUE(store(cache, "aa.rlxo", "one"));
  }
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  std::string gone = fmt::format(".aa.rlxo.{}.0.tmp", child);
  std::string alive = fmt::format(".aa.rlxo.{}.7.tmp", getpid());
  std::string old = fmt::format(".bb.rlxp.{}.1.tmp", getpid());
  // Not names of ours.
  std::string foreign = fmt::format(".notes.{}.0.tmp", child);
  for (const std::string &name : {gone, alive, old, foreign})
    writeFile(entry(name), "half");
  setUsed(entry(old), time(nullptr) - 2 * 24 * 60 * 60);
  CacheDirectory cache = open();
  EXPECT_EQ(find(cache, "aa.rlxo"), "one");
  EXPECT_FALSE(fs::exists(entry(gone)));
  EXPECT_TRUE(fs::exists(entry(alive)));
  EXPECT_FALSE(fs::exists(entry(old)));
  EXPECT_TRUE(fs::exists(entry(foreign)));
}

TEST_F(CacheDirectoryTest, TheOldestGoesWhenTheLimitIsReached) {
  const std::string content(1000, 'x');
  {
    CacheDirectory cache = open();
    for (const char *name : {"a.rlxo", "b.rlxp", "c.rlxk", "d.rlxo"})
      ASSERT_TRUE(store(cache, name, content));
    for (int i = 0; const char *name : {"a.rlxo", "b.rlxp", "c.rlxk", "d.rlxo"})
      setUsed(entry(name), 1000000 + i++);
    writeFile(entry("notes.txt"), content);
    // Used now: the time of modification stays.
    CacheDirectory user = open();
    EXPECT_EQ(find(user, "a.rlxo"), content);
    struct stat info = {};
    ASSERT_EQ(stat(entry("a.rlxo").c_str(), &info), 0);
    EXPECT_EQ(info.st_mtime, 1000000);
    EXPECT_GT(info.st_atime, 1000000 + 10);
  }
  CacheDirectory cache = open(/*limit=*/4000);
  EXPECT_TRUE(store(cache, "e.rlxo", content));
  EXPECT_FALSE(fs::exists(entry("b.rlxp")));
  EXPECT_FALSE(fs::exists(entry("c.rlxk")));
  for (const char *name : {"a.rlxo", "d.rlxo", "e.rlxo", "notes.txt"})
    EXPECT_TRUE(fs::exists(entry(name))) << name;
  // What this one used is not displaced by more of its own.
  EXPECT_EQ(find(cache, "a.rlxo"), content);
  EXPECT_EQ(find(cache, "d.rlxo"), content);
  EXPECT_TRUE(store(cache, "f.rlxo", content));
  EXPECT_FALSE(store(cache, "ab.rlxo", content));
  EXPECT_FALSE(store(cache, "ab.rlxo", std::string(4001, 'x')));
  for (const char *name : {"a.rlxo", "d.rlxo", "e.rlxo", "f.rlxo"})
    EXPECT_EQ(find(cache, name), content) << name;
  EXPECT_TRUE(remarks.empty());
}

TEST_F(CacheDirectoryTest, NamesOfEntries) {
  for (const char *name : {"0.rlxo", "0123456789abcdef.rlxp", "f.rlxk"})
    EXPECT_TRUE(CacheDirectory::isEntryName(name)) << name;
  for (const char *name :
       {"", ".rlxo", "g.rlxo", "A.rlxo", "0.rlx", "0", "../0.rlxo", "0.rlxo "})
    EXPECT_FALSE(CacheDirectory::isEntryName(name)) << name;
}

} // namespace cache_directory_test
