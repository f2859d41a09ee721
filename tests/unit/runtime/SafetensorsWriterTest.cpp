//===- SafetensorsWriterTest.cpp - safetensors files, written -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/SafetensorsWriter.h"
#include "runtime/weights/Safetensors.h"

#include "tests/unit/runtime/TestSupport.h"

#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace {

std::span<const std::byte> bytesOf(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(SafetensorsWriter, AlignsAndOrders) {
  TemporaryFolder folder;
  std::string path = folder / "w.safetensors";
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(
      path, {{"b", "line\n\"two\" \\ größe"}, {"a", ""}},
      {{"z", "U8", {3}}, {"y\t", "F32", {2}}, {"x", "U8", {1, 1}}});
  ASSERT_TRUE(writer) << writer.message();
  // In pieces, of several tensors in turn.
  EXPECT_TRUE(writer->append(0, bytesOf("zz")).ok());
  EXPECT_TRUE(writer->append(1, bytesOf("yyyyyyyy")).ok());
  EXPECT_TRUE(writer->append(2, bytesOf("x")).ok());
  expectError(writer->commit(), path, "1 bytes of tensor 'z' are missing");
  EXPECT_TRUE(writer->append(0, bytesOf("z")).ok());
  expectError(writer->append(0, bytesOf("z")), path, "at most 0 more bytes");
  expectError(writer->append(3, bytesOf("z")), path, "one of 3 tensors");
  ASSERT_TRUE(writer->commit().ok());

  std::string file = readFile(path);
  EXPECT_EQ(file.size(), writer->fileBytes());
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  std::string expected =
      "{\"__metadata__\":{\"a\":\"\",\"b\":\"line\\u000a\\\"two\\\" \\\\ "
      "größe\"},\"y\\u0009\":{\"dtype\":\"F32\",\"shape\":[2],"
      "\"data_offsets\":[0,8]},\"x\":{\"dtype\":\"U8\",\"shape\":[1,1],"
      "\"data_offsets\":[8,9]},\"z\":{\"dtype\":\"U8\",\"shape\":[3],"
      "\"data_offsets\":[9,12]}}";
  expected.resize((expected.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(file.substr(8), expected + "yyyyyyyyxzzz");

  Result<std::unique_ptr<SafetensorsFile>> opened = SafetensorsFile::open(path);
  ASSERT_TRUE(opened) << opened.message();
  EXPECT_EQ(*(*opened)->findMetadata("b"), "line\n\"two\" \\ größe");
  EXPECT_EQ((*opened)->findMetadata("c"), nullptr);
  EXPECT_EQ((*opened)->find("y\t")->offset % 4, 0u);
}

TEST(SafetensorsWriter, RefusesWhatReadersRefuse) {
  TemporaryFolder folder;
  std::string path = folder / "w.safetensors";
  auto refuse = [&](SafetensorsMetadata metadata,
                    std::vector<SafetensorsTensor> tensors,
                    std::string_view message) {
    expectError(SafetensorsWriter::create(path, metadata, tensors), path,
                message);
  };
  refuse({}, {{"a", "F32", {1}}, {"a", "F32", {1}}}, "'a' is given twice");
  refuse({{"a", ""}, {"a", ""}}, {}, "metadata key 'a' is given twice");
  refuse({}, {{"", "F32", {1}}}, "to have a name");
  refuse({}, {{"__metadata__", "F32", {1}}}, "the name of the metadata");
  refuse({}, {{"\xff", "F32", {1}}}, "expected UTF-8");
  refuse({{"k", "\xff"}}, {}, "expected UTF-8");
  refuse({}, {{"a", "f32", {1}}}, "is of type 'f32', expected one of BOOL");
  refuse({}, {{"a", "F32", {-1}}}, "a negative dimension or too many bytes");
  refuse({}, {{"a", "F32", {int64_t{1} << 60}}}, "too many bytes");
  refuse({}, {{"a", "F4", {3}}}, "12 bits, expected whole bytes");
  EXPECT_EQ(folder.numFiles(), 0u);
}

} // namespace
