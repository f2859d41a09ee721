//===- GgufSplitTest.cpp - Models split over several GGUF files -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parts that belong together, and each way in which they do not.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Gguf.h"

#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace gguf_split_test {

class GgufSplit : public ::testing::Test {
protected:
  /// Writes part `number` (from 0) of `count` with one tensor of one float.
  void writePart(uint16_t number, uint16_t count, std::string_view tensor,
                 float value, int32_t numTensors = 3) {
    GgufBuilder builder;
    if (number == 0)
      builder.key("general.name", 8, ggufString("whole"));
    builder.key("split.no", 2, raw(number))
        .key("split.count", 2, raw(count))
        .key("split.tensors.count", 5, raw(numTensors))
        .tensor(tensor, {1}, 0, 0)
        .data(raw(value));
    writeFile(path(number), builder.build());
  }

  std::string path(int number, int count = 3) {
    return folder / fmt::format("model-{:05}-of-{:05}.gguf", number + 1, count);
  }

  void writeAll() {
    writePart(0, 3, "a", 1);
    writePart(1, 3, "b", 2);
    writePart(2, 3, "c", 3);
  }

  TemporaryFolder folder;
};

TEST_F(GgufSplit, FirstPartOpensAll) {
  writeAll();
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(path(0));
  ASSERT_TRUE(file) << file.message();
  ASSERT_EQ((*file)->entries().size(), 3u);
  EXPECT_EQ((*file)->files().size(), 3u);
  EXPECT_EQ(*(*file)->findMetadata("general.name")->asString(), "whole");
  for (int i = 0; i < 3; ++i) {
    const WeightEntry *entry = (*file)->find(std::string(1, "abc"[i]));
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->file, path(i));
    (*file)->release(*entry);
    float value = 0;
    std::memcpy(&value, entry->bytes.data(), sizeof(value));
    EXPECT_EQ(value, static_cast<float>(i + 1));
  }
}

TEST_F(GgufSplit, OtherPartsNameTheFirst) {
  writeAll();
  expectError(GgufFile::open(path(1)), path(1), "part 2 of 3",
              "open '" + path(0) + "'");
}

TEST_F(GgufSplit, MissingPart) {
  writeAll();
  std::filesystem::remove(path(2));
  expectError(GgufFile::open(path(0)), path(2), "part 3 of 3 of", path(0));
}

TEST_F(GgufSplit, DamagedPart) {
  writeAll();
  std::string content = readFile(path(1));
  writeFile(path(1), std::string_view(content).substr(0, content.size() - 1));
  expectError(GgufFile::open(path(0)), path(1), "truncated");
}

TEST_F(GgufSplit, DuplicateTensor) {
  writeAll();
  writePart(2, 3, "a", 3);
  expectError(GgufFile::open(path(0)), path(2), "tensor 'a'", "duplicate",
              path(0));
}

TEST_F(GgufSplit, PartOfAnotherModel) {
  writeAll();
  std::filesystem::copy(path(2), path(1),
                        std::filesystem::copy_options::overwrite_existing);
  expectError(GgufFile::open(path(0)), path(1), "part 3 of 3",
              "expected part 2 of 3");
  writePart(1, 4, "b", 2);
  expectError(GgufFile::open(path(0)), path(1), "part 2 of 4");
}

TEST_F(GgufSplit, WrongNumberOfTensors) {
  writeAll();
  writePart(0, 3, "a", 1, 7);
  expectError(GgufFile::open(path(0)), path(0), "'split.tensors.count' is 7",
              "3 parts", "3 tensors");
}

TEST_F(GgufSplit, WrongName) {
  writeAll();
  std::filesystem::rename(path(0), folder / "renamed.gguf");
  expectError(GgufFile::open(folder / "renamed.gguf"), "renamed.gguf",
              "'-00001-of-00003.gguf'");
}

TEST_F(GgufSplit, WrongKeys) {
  auto refuse = [&](const GgufBuilder &builder, const char *why) {
    writeFile(path(0), builder.build());
    expectError(GgufFile::open(path(0)), path(0), why);
  };
  refuse(GgufBuilder().key("split.count", 8, ggufString("3")),
         "'split.count' is '3', expected an integer");
  refuse(GgufBuilder().key("split.no", 5, raw<int32_t>(-1)),
         "'split.no' is -1, expected an integer from 0");
  refuse(GgufBuilder().key("split.count", 10, raw(uint64_t{1} << 40)),
         "'split.count' is");
  refuse(GgufBuilder()
             .key("split.no", 2, raw<uint16_t>(3))
             .key("split.count", 2, raw<uint16_t>(3)),
         "'split.no' is 3, expected less than");
  refuse(GgufBuilder().key("split.no", 2, raw<uint16_t>(1)),
         "'split.no' is 1, expected less than");
}

TEST_F(GgufSplit, OnePartNeedsNoName) {
  writeFile(folder / "w.gguf", GgufBuilder()
                                   .key("split.no", 2, raw<uint16_t>(0))
                                   .key("split.count", 2, raw<uint16_t>(0))
                                   .build());
  EXPECT_TRUE(GgufFile::open(folder / "w.gguf").ok());
}

} // namespace gguf_split_test
