//===- FilesTest.cpp - Mapped and written files ---------------------------===//
//
// MappedFile and OutputFile on real files, and what they refuse.
//
//===----------------------------------------------------------------------===//
#include "runtime/MappedFile.h"
#include "runtime/OutputFile.h"

#include "tests/unit/runtime/TestSupport.h"

#include <sys/stat.h>

#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace {

std::string textOf(const MappedFile &file) {
  return {reinterpret_cast<const char *>(file.bytes().data()),
          file.bytes().size()};
}

TEST(MappedFile, ReadsAndReleases) {
  TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 20000; ++i)
    content += static_cast<char>(i * 7);
  writeFile(folder / "w", content);
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(folder / "w");
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->path(), folder / "w");
  EXPECT_EQ(textOf(**file), content);
  (*file)->release(0, content.size());
  (*file)->release(1, 2);
  (*file)->release(5000, 12000);
  (*file)->release(19999, UINT64_MAX);
  (*file)->release(UINT64_MAX, UINT64_MAX);
  EXPECT_EQ(textOf(**file), content);
}

TEST(MappedFile, EmptyFileHasNoBytes) {
  TemporaryFolder folder;
  writeFile(folder / "w", "");
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(folder / "w");
  ASSERT_TRUE(file) << file.message();
  EXPECT_TRUE((*file)->bytes().empty());
  (*file)->release(0, 10);
}

TEST(MappedFile, RefusesWhatIsNoFile) {
  TemporaryFolder folder;
  expectError(MappedFile::open(folder / "none"), folder / "none",
              "No such file");
  expectError(MappedFile::open(folder / ""), "a directory");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  expectError(MappedFile::open(folder / "pipe"), "regular file");
}

TEST(OutputFile, AppearsOnCommitOnly) {
  TemporaryFolder folder;
  writeFile(folder / "out", "old");
  {
    Result<OutputFile> file = OutputFile::create(folder / "out");
    ASSERT_TRUE(file) << file.message();
    ASSERT_TRUE(file->write("one "));
    OutputFile moved = file.take();
    ASSERT_TRUE(moved.write("two"));
    EXPECT_EQ(moved.size(), 7u);
    EXPECT_EQ(readFile(folder / "out"), "old");
    ASSERT_TRUE(moved.commit());
    EXPECT_EQ(readFile(folder / "out"), "one two");
    expectError(moved.write("three"), "closed");
    expectError(moved.commit(), "closed");
  }
  EXPECT_EQ(readFile(folder / "out"), "one two");
  EXPECT_EQ(folder.numFiles(), 1u);
}

TEST(OutputFile, LeavesNothingWithoutCommit) {
  TemporaryFolder folder;
  {
    OutputFile first = OutputFile::create(folder / "out").take();
    OutputFile second = OutputFile::create(folder / "out").take();
    ASSERT_TRUE(first.write("half"));
    EXPECT_EQ(folder.numFiles(), 2u);
    first = std::move(second);
    EXPECT_EQ(folder.numFiles(), 1u);
  }
  EXPECT_EQ(folder.numFiles(), 0u);
}

TEST(OutputFile, FollowsLinks) {
  TemporaryFolder folder;
  writeFile(folder / "real", "old");
  std::filesystem::create_symlink("real", folder / "link");
  OutputFile file = OutputFile::create(folder / "link").take();
  ASSERT_TRUE(file.write("new"));
  ASSERT_TRUE(file.commit());
  EXPECT_EQ(readFile(folder / "real"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(OutputFile, RefusesWhatItWouldDestroy) {
  TemporaryFolder folder;
  expectError(OutputFile::create("/dev/null"), "'/dev/null'", "regular file");
  expectError(OutputFile::create(folder / ""), "directory");
  expectError(OutputFile::create(folder / "none/out"), folder / "none/out",
              "No such file");
}

} // namespace
