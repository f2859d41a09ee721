//===- GgufTest.cpp - GGUF files, right and wrong -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The golden file that ggml wrote, values of every type, and one hand-made file
// for each check of the reader.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Gguf.h"
#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/GgufReader.h"

#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <bit>
#include <cmath>
#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace gguf_test {

const std::string goldenPath = RLX_TEST_DIR "/golden/ggml-types.gguf";

Result<GgufPart> parse(const std::string &content) {
  return readGgufPart("w.gguf", std::as_bytes(std::span(content)));
}

/// Expects that the content is refused with a message that names the file.
template <class... Parts>
void expectRefused(const std::string &content, const Parts &...parts) {
  SCOPED_TRACE(testing::PrintToString(std::make_tuple(parts...)));
  expectError(parse(content), "'w.gguf'", parts...);
}

TEST(GgmlTypes, TableIsConsistent) {
  EXPECT_EQ(ggmlTypes().size(), 41u);
  for (const GgmlType &type : ggmlTypes()) {
    EXPECT_EQ(findGgmlType(type.id), &type);
    EXPECT_EQ(findGgmlType(type.name), &type);
    EXPECT_TRUE(std::has_single_bit(type.blockElements)) << type.name;
  }
  for (uint32_t id : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 43u, 99u})
    EXPECT_EQ(findGgmlType(id), nullptr) << id;
  EXPECT_EQ(findGgmlType("q4_k"), nullptr);
  EXPECT_EQ(listGgmlTypes().substr(0, 17), "f32 (0), f16 (1),");
}

TEST(Gguf, GoldenFileReadsFully) {
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(goldenPath);
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->version(), 3u);
  EXPECT_EQ((*file)->alignment(), 32u);
  EXPECT_EQ((*file)->path(), goldenPath);
  EXPECT_EQ((*file)->entries().size(), 3u + 28 * 3);
  ASSERT_NE((*file)->findMetadata("general.architecture"), nullptr);
  EXPECT_EQ(*(*file)->findMetadata("general.architecture")->asString(),
            "rlx-golden");
  EXPECT_TRUE((*file)->findMetadata("golden.seed")->asInteger());
  EXPECT_EQ((*file)->findMetadata("golden"), nullptr);

  auto expectShape = [&](const std::string &name, const std::string &format,
                         std::vector<int64_t> shape, size_t numBytes) {
    const WeightEntry *entry = (*file)->find(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->type, format) << name;
    EXPECT_EQ(entry->shape, shape) << name;
    EXPECT_EQ(entry->bytes.size(), numBytes) << name;
    EXPECT_EQ(entry->file, goldenPath);
    EXPECT_EQ(entry->offset % 32, 0u);
    (*file)->release(*entry);
  };
  expectShape("source", "f32", {8, 512}, 8 * 512 * 4);
  expectShape("activations", "f32", {3, 512}, 3 * 512 * 4);
  expectShape("imatrix", "f32", {512}, 512 * 4);
  size_t numTypes = 0;
  for (const GgmlType &type : ggmlTypes()) {
    std::string name(type.name);
    if (!(*file)->find(name + ".quantized"))
      continue;
    ++numTypes;
    expectShape(name + ".quantized", name, {8, 512},
                8 * 512 / type.blockElements * type.blockBytes);
    expectShape(name + ".dequantized", "f32", {8, 512}, 8 * 512 * 4);
    expectShape(name + ".matmul", "f32", {3, 8}, 3 * 8 * 4);
  }
  EXPECT_EQ(numTypes, 28u);

  // The bytes are where the file says: f16 is its own decoder's input.
  float first = 0;
  std::memcpy(&first, (*file)->find("source")->bytes.data(), sizeof(first));
  EXPECT_TRUE(std::isfinite(first));
}

TEST(Gguf, OpensAsAWeightFile) {
  Result<std::unique_ptr<WeightFile>> file = openWeightFile(goldenPath);
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->find("sauce"), nullptr);
  EXPECT_EQ((*file)->nearestNames("sauce", 1),
            std::vector<std::string>{"source"});
  EXPECT_EQ((*file)->nearestNames("x", 1000).size(), (*file)->entries().size());

  TemporaryFolder folder;
  expectError(openWeightFile(folder / "none"), folder / "none");
  writeFile(folder / "text", "hello\n");
  expectError(openWeightFile(folder / "text"), folder / "text", "'hell'",
              "expected 'GGUF'");
  writeFile(folder / "empty", "");
  expectError(openWeightFile(folder / "empty"), "begins with ''");
}

TEST(Gguf, EveryValueType) {
  std::string words = ggufString("a") + ggufString("");
  GgufBuilder builder;
  builder.key("u8", 0, raw<uint8_t>(200))
      .key("i8", 1, raw<int8_t>(-5))
      .key("u16", 2, raw<uint16_t>(60000))
      .key("i16", 3, raw<int16_t>(-300))
      .key("u32", 4, raw<uint32_t>(4000000000))
      .key("i32", 5, raw<int32_t>(-70000))
      .key("f32", 6, raw<float>(0.5))
      .key("bool", 7, raw<uint8_t>(1))
      .key("string", 8, ggufString("text"))
      .key("strings", 9, raw<uint32_t>(8) + raw<uint64_t>(2) + words)
      .key("u64", 10, raw<uint64_t>(UINT64_MAX))
      .key("i64", 11, raw<int64_t>(INT64_MIN))
      .key("f64", 12, raw<double>(-1.25))
      .key("shorts", 9,
           raw<uint32_t>(3) + raw<uint64_t>(2) + raw<int16_t>(-1) +
               raw<int16_t>(2))
      .key("bools", 9,
           raw<uint32_t>(7) + raw<uint64_t>(2) + std::string("\1\0", 2))
      .key("none", 9, raw<uint32_t>(12) + raw<uint64_t>(0));
  Result<GgufPart> part = parse(builder.build());
  ASSERT_TRUE(part) << part.message();
  ASSERT_EQ(part->metadata.size(), 16u);
  // The order of the file is kept, and the types stand in their order.
  for (uint32_t i = 0; i < 13; ++i)
    EXPECT_EQ(part->metadata[i].value.type(), static_cast<GgufType>(i));

  EXPECT_EQ(part->find("u8")->asInteger(), 200);
  EXPECT_EQ(part->find("i16")->asInteger(), -300);
  EXPECT_EQ(part->find("u32")->asInteger(), 4000000000);
  EXPECT_EQ(part->find("u64")->asInteger(), std::nullopt);
  EXPECT_EQ(part->find("u64")->asNumber(), 0x1p64);
  EXPECT_EQ(part->find("i64")->asInteger(), INT64_MIN);
  EXPECT_EQ(part->find("f32")->asNumber(), 0.5);
  EXPECT_EQ(part->find("f32")->asInteger(), std::nullopt);
  EXPECT_EQ(part->find("bool")->asBool(), true);
  EXPECT_EQ(part->find("bool")->asInteger(), std::nullopt);
  EXPECT_EQ(part->find("u8")->asBool(), std::nullopt);
  EXPECT_EQ(*part->find("string")->asString(), "text");
  EXPECT_EQ(part->find("u8")->asString(), nullptr);
  EXPECT_EQ(part->find("strings")->asArray()->size(), 2u);
  EXPECT_EQ(part->find("strings")->asIntegers(), std::nullopt);
  EXPECT_EQ(part->find("shorts")->asIntegers(), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(part->find("none")->asArray()->elementType(), GgufType::f64);

  EXPECT_EQ(part->find("u8")->describe(), "200");
  EXPECT_EQ(part->find("bool")->describe(), "true");
  EXPECT_EQ(part->find("f64")->describe(), "-1.25");
  EXPECT_EQ(part->find("string")->describe(), "'text'");
  EXPECT_EQ(part->find("strings")->describe(), "[string x 2: 'a', '']");
  EXPECT_EQ(part->find("bools")->describe(), "[boolean x 2: true, false]");
  EXPECT_EQ(part->find("none")->describe(), "[f64 x 0]");
}

TEST(Gguf, TensorsInAnyOrderWithGaps) {
  std::string content = GgufBuilder()
                            .tensor("second", {32, 2, 3}, 2, 128)
                            .tensor("first", {3}, 0, 0)
                            .tensor("scalar", {}, 24, 64)
                            .data(std::string(128 + 6 * 18, 'x'))
                            .build();
  Result<GgufPart> part = parse(content);
  ASSERT_TRUE(part) << part.message();
  const WeightEntry &second = part->tensors[0];
  EXPECT_EQ(second.type, findGgmlType(2u)->name);
  EXPECT_EQ(second.shape, (std::vector<int64_t>{3, 2, 32}));
  EXPECT_EQ(second.offset, part->dataOffset + 128);
  EXPECT_EQ(second.bytes.size(), 6u * 18);
  EXPECT_EQ(part->tensors[2].shape.size(), 0u);
  EXPECT_EQ(part->tensors[2].bytes.size(), 1u);
}

TEST(Gguf, AcceptsVersion2AndFilesWithoutTensors) {
  GgufBuilder builder;
  builder.version = 2;
  EXPECT_TRUE(parse(builder.build()).ok());
  // A header that ends inside the padding, where nothing follows.
  EXPECT_TRUE(parse(builder.header()).ok());
}

TEST(Gguf, Version1HasNarrowSizes) {
  auto text = [](std::string_view value) {
    return raw<uint32_t>(value.size()) + std::string(value);
  };
  std::string file =
      "GGUF" + raw<uint32_t>(1) + raw<uint32_t>(1) + raw<uint32_t>(2) +
      text("s") + raw<uint32_t>(8) + text("value") + text("a") +
      raw<uint32_t>(9) + raw<uint32_t>(8) + raw<uint32_t>(2) + text("x") +
      text("") + text("t") + raw<uint32_t>(2) + raw<uint32_t>(4) +
      raw<uint32_t>(2) + raw<uint32_t>(0) + raw<uint64_t>(0);
  size_t headerSize = file.size();
  file.resize((file.size() + 31) / 32 * 32);
  file += std::string(32, 'x');
  Result<GgufPart> part = parse(file);
  ASSERT_TRUE(part) << part.message();
  EXPECT_EQ(*part->find("s")->asString(), "value");
  EXPECT_EQ(part->find("a")->asArray()->size(), 2u);
  ASSERT_EQ(part->tensors.size(), 1u);
  EXPECT_EQ(part->tensors[0].shape, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(part->tensors[0].bytes.size(), 32u);
  for (size_t size = 0; size < headerSize; ++size)
    expectRefused(file.substr(0, size));
}

TEST(Gguf, RefusesOtherMagicAndVersions) {
  expectRefused("", "offset 0");
  expectRefused("GGU", "expected 'GGUF' at offset 0, got 'GGU'");
  expectRefused("GGML rest of an old file", "got 'GGML'");
  GgufBuilder builder;
  for (uint32_t version : {0u, 4u, 0xffffffffu}) {
    builder.version = version;
    expectRefused(builder.build(), std::to_string(version), "offset 4",
                  "expected 1 to 3");
  }
  // A version with nothing in its lower half is one of a big-endian file.
  builder.version = 4u << 24;
  expectRefused(builder.build(), "GGUF version 4", "expected 1 to 3");
}

TEST(Gguf, RefusesCountsThatDoNotFit) {
  for (uint64_t count : {uint64_t{1}, uint64_t{1} << 32, UINT64_MAX / 24 + 1,
                         UINT64_MAX / 13 + 1, UINT64_MAX}) {
    GgufBuilder builder;
    builder.numKeys = count;
    expectRefused(builder.header(), "number of metadata keys at offset 16",
                  std::to_string(count));
    builder.numKeys = 0;
    builder.numTensors = count;
    expectRefused(builder.header(), "number of tensors at offset 8",
                  std::to_string(count));
  }
  for (uint64_t count : {uint64_t{2}, UINT64_MAX / 4 + 2, UINT64_MAX}) {
    expectRefused(GgufBuilder().key("k", 8, raw(count) + "x").header(),
                  "value of metadata key 'k' at offset 37",
                  std::to_string(count));
    for (uint32_t type : {0u, 4u, 7u, 8u, 12u})
      expectRefused(
          GgufBuilder().key("k", 9, raw(type) + raw(count) + "x").header(),
          "number of items of metadata key 'k'", std::to_string(count));
  }
  std::string wrongName = GgufBuilder().tensor("abc", {1}, 0, 0).header();
  wrongName[24 + 7] = '\x7f'; // the top byte of the name's length
  expectRefused(wrongName, "the name of tensor 0 at offset 24");
}

TEST(Gguf, RefusesCountsBeyondReason) {
  // They fit in the file, as a damaged count does when gigabytes of tensors
  // follow.
  uint64_t tooMany = (uint64_t{1} << 26) + 1;
  std::string value = raw<uint32_t>(0) + raw(tooMany);
  value.resize(value.size() + tooMany);
  expectRefused(GgufBuilder().key("k", 9, value).header(),
                "metadata key 'k' has 67108865 items", "offset 41");
  value.assign(raw(tooMany));
  value.resize(value.size() + tooMany);
  expectRefused(GgufBuilder().key("k", 8, value).header(),
                "a length of 67108865 bytes", "at most 67108864");
}

TEST(Gguf, RefusesWrongKeys) {
  expectRefused(
      GgufBuilder().key("k", 0, "a").key("k", 0, "a").build(),
      "metadata key 'k' at offset 38 is a duplicate of the one at offset 24");
  expectRefused(GgufBuilder().key("", 0, "a").build(), "empty name");
  expectRefused(GgufBuilder().key("k", 13, "aaaa").build(), "value type 13",
                "offset 33");
  expectRefused(GgufBuilder().key("k", 7, "\2").build(), "boolean of value 2",
                "expected 0 or 1");
  expectRefused(GgufBuilder()
                    .key("k", 9, raw<uint32_t>(7) + raw<uint64_t>(2) + "\1\2")
                    .build(),
                "an item of metadata key 'k'", "boolean of value 2");
  expectRefused(
      GgufBuilder().key("k", 9, raw<uint32_t>(9) + raw<uint64_t>(0)).build(),
      "array of arrays", "offset 37");
  expectRefused(
      GgufBuilder().key("k", 9, raw<uint32_t>(77) + raw<uint64_t>(0)).build(),
      "value type 77");
  // Bytes of a file do not reach a terminal as they are.
  expectRefused(GgufBuilder().key("\x1b[2J\n", 13, "aaaa").build(),
                "'\\x1b[2J\\x0a'");
}

TEST(Gguf, RefusesWrongAlignments) {
  for (uint32_t alignment : {0u, 3u, 48u, 1u << 22, 0xffffffffu})
    expectRefused(GgufBuilder().alignment(alignment).build(),
                  "'general.alignment' at offset",
                  std::to_string(alignment) + ", expected a power of two");
  expectRefused(
      GgufBuilder().key("general.alignment", 8, ggufString("32")).build(),
      "expected an integer");
  std::string content = GgufBuilder()
                            .alignment(256)
                            .tensor("t", {4}, 0, 0)
                            .data(std::string(16, 'x'))
                            .build(256);
  Result<GgufPart> part = parse(content);
  ASSERT_TRUE(part) << part.message();
  EXPECT_EQ(part->alignment, 256u);
  EXPECT_EQ(part->dataOffset, 256u);
}

// What cannot be read is no reason to refuse the rest.
TEST(Gguf, ListsTensorsThatCannotBeRead) {
  std::string content = GgufBuilder()
                            .tensor("before", {8}, 0, 0)
                            .tensor("empty", {3, 0}, 0, 32)
                            .tensor("none", {0}, 2, 32)
                            .tensor("future", {4}, 999, 32)
                            .tensor("removed", {4}, 5, 64)
                            .tensor("behind", {8}, 0, 32)
                            .data(std::string(96, 'x'))
                            .build();
  Result<GgufPart> part = parse(content);
  ASSERT_TRUE(part) << part.message();
  ASSERT_EQ(part->tensors.size(), 6u);
  auto tensor = [&](size_t i) -> const WeightEntry & {
    return part->tensors[i];
  };
  for (size_t i : {0, 1, 2, 5})
    EXPECT_EQ(tensor(i).problem, "") << tensor(i).name;
  EXPECT_EQ(tensor(0).bytes.size(), 32u);
  EXPECT_EQ(tensor(1).shape, (std::vector<int64_t>{0, 3}));
  EXPECT_TRUE(tensor(1).bytes.empty());
  EXPECT_EQ(tensor(5).bytes.size(), 32u);
  EXPECT_EQ(tensor(3).type, "type 999");
  EXPECT_EQ(tensor(3).shape, (std::vector<int64_t>{4}));
  EXPECT_TRUE(tensor(3).bytes.empty());
  EXPECT_TRUE(tensor(3).problem.starts_with(
      "has type 999 (at offset 169), which is not a ggml type; known types are "
      "f32 (0), f16 (1), "))
      << tensor(3).problem;
  EXPECT_TRUE(tensor(3).problem.ends_with("iq4_ks (144)")) << tensor(3).problem;
  EXPECT_TRUE(tensor(4).problem.starts_with("has type 5 "));
  // They still have to lie in the file.
  expectRefused(GgufBuilder()
                    .tensor("future", {4}, 999, 128)
                    .data(std::string(96, 'x'))
                    .build(),
                "data offset 128", "truncated");
  expectRefused(GgufBuilder()
                    .tensor("future", {4}, 999, 8)
                    .data(std::string(96, 'x'))
                    .build(),
                "multiple of the alignment 32");
}

TEST(Gguf, RefusesWrongTensors) {
  auto one = [](std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
    return GgufBuilder()
        .tensor("t", dims, type, offset)
        .data(std::string(256, 'x'))
        .build();
  };
  ASSERT_TRUE(parse(one({64}, 0, 0)).ok());
  expectRefused(one({1, 1, 1, 1, 1}, 0, 0), "tensor 't' has 5 dimensions",
                "offset 33", "at most 4");
  expectRefused(one({UINT64_MAX}, 0, 0), "dimension 0", "18446744073709551615");
  expectRefused(one({48}, 2, 0), "shape [48]", "block size 32 of 'q4_0'");
  expectRefused(one({}, 2, 0), "block size 32");
  expectRefused(one({uint64_t{1} << 62, 4}, 0, 0), "too large");
  expectRefused(one({uint64_t{1} << 61, 1}, 0, 0), "too large");
  expectRefused(one({uint64_t{1} << 32, uint64_t{1} << 32, 1, 1}, 0, 0),
                "too large");
  expectRefused(one({4}, 0, 8), "data offset 8",
                "multiple of the alignment 32");
  expectRefused(one({64, 2}, 0, 0), "tensor 't'", "has 512 bytes",
                "only 256 bytes", "truncated");
  expectRefused(one({64}, 0, 32), "data offset 32");
  expectRefused(one({1}, 0, 1024), "data offset 1024");
  expectRefused(one({1}, 0, UINT64_MAX - 31), "data offset");
  expectRefused(GgufBuilder().tensor("", {1}, 0, 0).data("xxxx").build(),
                "empty name");
  expectRefused(
      GgufBuilder()
          .tensor("t", {1}, 0, 0)
          .tensor("t", {1}, 0, 32)
          .data(std::string(64, 'x'))
          .build(),
      "tensor 't' at offset 57 is a duplicate of the one at offset 24");
  expectRefused(GgufBuilder()
                    .tensor("a", {8}, 0, 32)
                    .tensor("b", {9}, 0, 0)
                    .data(std::string(64, 'x'))
                    .build(),
                "tensors 'b'", "and 'a'", "overlap");
  expectRefused(GgufBuilder()
                    .tensor("a", {1}, 0, 0)
                    .tensor("b", {1}, 0, 0)
                    .data(std::string(64, 'x'))
                    .build(),
                "overlap");
}

} // namespace gguf_test
