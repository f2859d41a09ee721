//===- GgufBigEndianTest.cpp - GGUF files of big-endian machines ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The golden file as a big-endian machine would have written it: by the structs
// of ggml-common.h, not by the table of types.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/Gguf.h"
#include "runtime/weights/GgufReader.h"

#include "tests/unit/runtime/TestSupport.h"

#include <algorithm>
#include <map>

using namespace rlx;
using namespace rlx::test;

namespace gguf_big_endian_test {

const std::string goldenPath = RLX_TEST_DIR "/golden/ggml-types.gguf";

template <class T> std::string big(T value) {
  std::string bytes(reinterpret_cast<const char *>(&value), sizeof(T));
  std::ranges::reverse(bytes);
  return bytes;
}

std::string bigText(const std::string &text) {
  return big(uint64_t(text.size())) + text;
}

/// Sizes of the members of a struct, in order; 1 is any number of bytes.
struct Member {
  size_t bytes, count;
};
using Members = std::vector<Member>;

const std::map<std::string, Members> structs = {
    {"f32", {{4, 1}}},
    {"f16", {{2, 1}}},
    {"bf16", {{2, 1}}},
    {"q4_0", {{2, 1}, {1, 16}}},
    {"q4_1", {{2, 2}, {1, 16}}},
    {"q5_0", {{2, 1}, {4, 1}, {1, 16}}},
    {"q5_1", {{2, 2}, {4, 1}, {1, 16}}},
    {"q8_0", {{2, 1}, {1, 32}}},
    {"q2_K", {{1, 16}, {1, 64}, {2, 2}}},
    {"q3_K", {{1, 32}, {1, 64}, {1, 12}, {2, 1}}},
    {"q4_K", {{2, 2}, {1, 12}, {1, 128}}},
    {"q5_K", {{2, 2}, {1, 12}, {1, 32}, {1, 128}}},
    {"q6_K", {{1, 128}, {1, 64}, {1, 16}, {2, 1}}},
    {"q8_K", {{4, 1}, {1, 256}, {2, 16}}},
    {"iq2_xs", {{2, 1}, {2, 32}, {1, 8}}},
    {"iq2_s", {{2, 1}, {1, 64}, {1, 8}, {1, 8}}},
    {"iq3_xxs", {{2, 1}, {1, 64}, {4, 8}}},
    {"iq3_s", {{2, 1}, {1, 64}, {1, 8}, {1, 32}, {1, 4}}},
    {"iq1_s", {{2, 1}, {1, 32}, {2, 8}}},
    {"iq1_m", {{1, 32}, {1, 16}, {2, 4}}},
    {"iq4_nl", {{2, 1}, {1, 16}}},
    {"iq4_xs", {{2, 1}, {2, 1}, {1, 4}, {1, 128}}},
    {"tq1_0", {{1, 48}, {1, 4}, {2, 1}}},
    {"tq2_0", {{1, 64}, {2, 1}}},
    {"mxfp4", {{1, 17}}},
    {"nvfp4", {{1, 36}}},
    {"q1_0", {{2, 1}, {1, 16}}},
    {"q2_0", {{2, 1}, {1, 16}}},
};

/// The bytes of a tensor on a big-endian machine.
std::string bigBytes(const WeightEntry &entry) {
  std::string bytes(reinterpret_cast<const char *>(entry.bytes.data()),
                    entry.bytes.size());
  auto found = structs.find(entry.type);
  if (found == structs.end())
    return bytes;
  size_t blockBytes = findGgmlType(entry.type)->blockBytes, sum = 0;
  for (Member member : found->second)
    sum += member.bytes * member.count;
  EXPECT_EQ(sum, blockBytes) << entry.type;
  for (size_t at = 0; at < bytes.size();)
    for (Member member : found->second)
      for (size_t i = 0; i < member.count; ++i, at += member.bytes)
        std::reverse(bytes.begin() + at, bytes.begin() + at + member.bytes);
  return bytes;
}

struct BigFile {
  std::string content;
  size_t headerBytes;
};

BigFile bigFile(const GgufFile &from) {
  std::string header =
      "GGUF" + big(uint32_t(3)) + big(uint64_t(from.entries().size())) +
      big(uint64_t(3)) + bigText("general.alignment") + big(uint32_t(4)) +
      big(uint32_t(64)) + bigText("name") + big(uint32_t(8)) +
      bigText("größe") + bigText("numbers") + big(uint32_t(9)) +
      big(uint32_t(6)) + big(uint64_t(2)) + big(1.5f) + big(-2.0f);
  std::string data;
  for (const WeightEntry &entry : from.entries()) {
    header += bigText(entry.name) + big(uint32_t(entry.shape.size()));
    for (size_t i = entry.shape.size(); i > 0; --i)
      header += big(uint64_t(entry.shape[i - 1]));
    header += big(findGgmlType(entry.type)->id) + big(uint64_t(data.size()));
    data += bigBytes(entry);
    data.resize((data.size() + 63) / 64 * 64);
  }
  size_t headerBytes = header.size();
  header.resize((header.size() + 63) / 64 * 64);
  return {header + data, headerBytes};
}

TEST(GgufBigEndian, TensorsAreThoseOfTheLittleEndianFile) {
  Result<std::unique_ptr<GgufFile>> golden = GgufFile::open(goldenPath);
  ASSERT_TRUE(golden) << golden.message();
  TemporaryFolder folder;
  writeFile(folder / "big.gguf", bigFile(**golden).content);
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(folder / "big.gguf");
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->version(), 3u);
  EXPECT_EQ((*file)->alignment(), 64u);
  EXPECT_EQ(*(*file)->findMetadata("name")->asString(), "größe");
  ASSERT_EQ((*file)->entries().size(), (*golden)->entries().size());
  for (const WeightEntry &entry : (*golden)->entries()) {
    const WeightEntry *found = (*file)->find(entry.name);
    ASSERT_TRUE(found) << entry.name;
    EXPECT_EQ(found->shape, entry.shape);
    bool isKnown = entry.type != "iq2_xxs";
    EXPECT_EQ(found->problem.empty(), isKnown) << entry.name;
    if (isKnown)
      EXPECT_TRUE(std::ranges::equal(found->bytes, entry.bytes)) << entry.name;
    else
      EXPECT_EQ(found->problem,
                "is big-endian and of type 'iq2_xxs', whose order of bytes is "
                "defined for little-endian files only");
    (*file)->release(*found);
  }
}

TEST(GgufBigEndian, NumbersOfMetadata) {
  Result<std::unique_ptr<GgufFile>> golden = GgufFile::open(goldenPath);
  ASSERT_TRUE(golden) << golden.message();
  BigFile big = bigFile(**golden);
  Result<GgufPart> part =
      readGgufPart("b", std::as_bytes(std::span(big.content)));
  ASSERT_TRUE(part) << part.message();
  const auto *numbers = part->find("numbers")->asArray();
  ASSERT_TRUE(numbers);
  EXPECT_EQ(std::get<std::vector<float>>(numbers->items),
            (std::vector<float>{1.5f, -2.0f}));
}

TEST(GgufBigEndian, EachTruncationIsRefused) {
  Result<std::unique_ptr<GgufFile>> golden = GgufFile::open(goldenPath);
  ASSERT_TRUE(golden) << golden.message();
  BigFile big = bigFile(**golden);
  for (size_t size = 0; size < big.headerBytes; ++size)
    expectError(
        readGgufPart("b", std::as_bytes(std::span(big.content.data(), size))),
        "'b'");
  expectError(
      readGgufPart("b", std::as_bytes(std::span(big.content.data(),
                                                big.content.size() - 4096))),
      "'b'");
}

TEST(GgmlTypes, WordsLieInTheirBlocks) {
  for (const GgmlType &type : ggmlTypes()) {
    auto words = wordsOfBlock(type);
    EXPECT_EQ(words.has_value(), type.name != "iq2_xxs");
    uint32_t end = 0;
    if (words)
      for (const GgmlWords &some : *words) {
        EXPECT_GE(some.firstByte, end) << type.name;
        EXPECT_TRUE(some.bytes == 2 || some.bytes == 4 || some.bytes == 8);
        end = some.firstByte + some.bytes * some.count;
      }
    EXPECT_LE(end, type.blockBytes) << type.name;
  }
}

} // namespace gguf_big_endian_test
