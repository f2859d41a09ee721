//===- FilesTest.cpp - Mapped and written files ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MappedFile and OutputFile on real files, and what they refuse.
//
//===----------------------------------------------------------------------===//
#include "runtime/LostPages.h"
#include "runtime/MappedFile.h"
#include "runtime/OutputFile.h"

#include "tests/unit/runtime/TestSupport.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace files_test {

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

// No error can be returned from where a page is missed.
TEST(MappedFileDeathTest, SaysWhichFileWasCut) {
  TemporaryFolder folder;
  std::string path = folder / "w";
  writeFile(path, std::string(100000, 'w'));
  Result<std::shared_ptr<MappedFile>> other = MappedFile::open(path);
  ASSERT_TRUE(other) << other.message();
  *other = nullptr;
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  ASSERT_TRUE(file) << file.message();
  ASSERT_EQ(truncate(path.c_str(), 10), 0);
  EXPECT_EXIT(
      {
        exitOnLostPages("program");
        volatile std::byte last = (*file)->bytes().back();
        (void)last;
      },
      testing::ExitedWithCode(1),
      "program: error: '.*w' was changed while it was in use");
  // What is no file is not explained.
  EXPECT_EXIT(
      {
        exitOnLostPages("program");
        raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST(MappedFile, SaysThatTheFileWasChanged) {
  TemporaryFolder folder;
  auto shorten = [](const std::string &path) {
    ASSERT_EQ(truncate(path.c_str(), 10), 0);
  };
  auto overwrite = [](const std::string &path) {
    std::fstream(path, std::ios::in | std::ios::out) << "new";
    // Clocks of file systems may tick slowly.
    const timespec times[2] = {{0, UTIME_OMIT}, {1000000000, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  auto replace = [&](const std::string &path) {
    writeFile(path + ".new", "other");
    ASSERT_EQ(rename((path + ".new").c_str(), path.c_str()), 0);
  };
  auto remove = [](const std::string &path) { unlink(path.c_str()); };
  for (auto what :
       {MappedFile::Descriptor::keep, MappedFile::Descriptor::close}) {
    auto open = [&] {
      writeFile(folder / "w", std::string(5000, 'x'));
      int descriptor = ::open((folder / "w").c_str(), O_RDONLY);
      auto file = MappedFile::map(descriptor, folder / "w", what).take();
      EXPECT_TRUE(file->checkUnchanged()) << file->checkUnchanged().message();
      return file;
    };
    std::shared_ptr<MappedFile> file = open();
    shorten(folder / "w");
    expectError(file->checkUnchanged(), folder / "w",
                "it had 5000 bytes when it was opened, and has 10 now");
    file = open();
    overwrite(folder / "w");
    expectError(file->checkUnchanged(), folder / "w", "was written to");
    // Another file of that name is not the one that is mapped.
    file = open();
    replace(folder / "w");
    EXPECT_TRUE(file->checkUnchanged());
    file = open();
    remove(folder / "w");
    EXPECT_TRUE(file->checkUnchanged());
    EXPECT_EQ(textOf(*file), std::string(5000, 'x'));
  }
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
    EXPECT_EQ(folder.numFiles(), folder.numBegun(2));
    first = std::move(second);
    EXPECT_EQ(folder.numFiles(), folder.numBegun(1));
  }
  EXPECT_EQ(folder.numFiles(), 0u);
}

TEST(OutputFile, LeavesNothingOfAKilledProcess) {
  TemporaryFolder folder;
  if (folder.numBegun(1) != 0)
    GTEST_SKIP() << "the file system has no files without a name";
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Result<OutputFile> file = OutputFile::create(folder / "out");
    if (file && file->write("half"))
      raise(SIGKILL);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(folder.numFiles(), 0u);
}

TEST(OutputFile, CommitsAllOrNone) {
  TemporaryFolder folder;
  auto begun = [&](const std::string &name) {
    OutputFile file = OutputFile::create(folder / name).take();
    EXPECT_TRUE(file.write(name));
    return file;
  };
  {
    std::vector<OutputFile> files;
    files.push_back(begun("one"));
    files.push_back(begun("./one"));
    expectError(OutputFile::commitAll(files), folder / "./one", "same file");
  }
  EXPECT_EQ(folder.numFiles(), 0u);
  std::vector<OutputFile> files;
  files.push_back(begun("one"));
  files.push_back(begun("two"));
  ASSERT_TRUE(OutputFile::commitAll(files));
  EXPECT_EQ(readFile(folder / "two"), "two");
  EXPECT_EQ(folder.numFiles(), 2u);
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

} // namespace files_test
