//===- GgufWriterTest.cpp - GGUF files that are written -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file that ggml wrote is written again, byte for byte; values of every type
// come back; and what readers refuse is not written.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgufWriter.h"
#include "runtime/weights/Gguf.h"

#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace gguf_writer_test {

const std::string goldenPath = RLX_TEST_DIR "/golden/ggml-types.gguf";

TEST(GgufWriter, WritesWhatGgmlWrites) {
  Result<std::unique_ptr<GgufFile>> golden = GgufFile::open(goldenPath);
  ASSERT_TRUE(golden) << golden.message();
  std::vector<GgufTensor> tensors;
  for (const WeightEntry &entry : (*golden)->entries())
    tensors.push_back({entry.name, entry.type, entry.shape});
  TemporaryFolder folder;
  Result<GgufWriter> writer =
      GgufWriter::create(folder / "copy.gguf", (*golden)->metadata(), tensors);
  ASSERT_TRUE(writer) << writer.message();
  for (const WeightEntry &entry : (*golden)->entries()) {
    // In two pieces.
    size_t half = entry.bytes.size() / 2;
    ASSERT_TRUE(writer->append(entry.bytes.first(half)));
    ASSERT_TRUE(writer->append(entry.bytes.subspan(half)));
  }
  EXPECT_EQ(folder.numFiles(), folder.numBegun(1));
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(folder.numFiles(), 1u);
  std::string written = readFile(folder / "copy.gguf");
  EXPECT_EQ(written.size(), writer->fileBytes());
  EXPECT_TRUE(written == readFile(goldenPath));
}

TEST(GgufWriter, ValuesOfAllTypesComeBack) {
  std::vector<GgufEntry> metadata = {
      {"general.alignment", {uint32_t{256}}},
      {"u8", {uint8_t{200}}},
      {"i8", {int8_t{-3}}},
      {"u16", {uint16_t{65535}}},
      {"i16", {int16_t{-300}}},
      {"i32", {int32_t{-70000}}},
      {"f32", {1.5f}},
      {"bool", {true}},
      {"string", {std::string("a\0b", 3)}},
      {"u64", {uint64_t{1} << 63}},
      {"i64", {int64_t{-5}}},
      {"f64", {0.1}},
      {"bytes", {GgufArray{std::vector<uint8_t>{1, 2}}}},
      {"bools", {GgufArray{std::vector<bool>{true, false, true}}}},
      {"words", {GgufArray{std::vector<std::string>{"", "two"}}}},
      {"numbers", {GgufArray{std::vector<double>{1, -2}}}},
      {"none", {GgufArray{std::vector<float>{}}}}};
  TemporaryFolder folder;
  std::string path = folder / "values.gguf";
  Result<GgufWriter> writer = GgufWriter::create(
      path, metadata, {{"a", "f32", {3}}, {"b", "i8", {2, 5}}});
  ASSERT_TRUE(writer) << writer.message();
  std::vector<std::byte> data(22, std::byte{7});
  ASSERT_TRUE(writer->append(std::span(data).first(12)));
  ASSERT_TRUE(writer->append(std::span(data).subspan(12)));
  ASSERT_TRUE(writer->commit());

  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(path);
  ASSERT_TRUE(file) << file.message();
  ASSERT_EQ((*file)->metadata().size(), metadata.size());
  for (size_t i = 0; i < metadata.size(); ++i) {
    EXPECT_EQ((*file)->metadata()[i].key, metadata[i].key);
    EXPECT_EQ((*file)->metadata()[i].value, metadata[i].value)
        << metadata[i].key;
  }
  EXPECT_EQ((*file)->alignment(), 256u);
  ASSERT_EQ((*file)->entries().size(), 2u);
  EXPECT_EQ((*file)->entries()[1].shape, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ((*file)->entries()[1].offset % 256, 0u);
  EXPECT_EQ(readFile(path).size() % 256, 0u);
}

TEST(GgufWriter, RefusesWhatReadersRefuse) {
  TemporaryFolder folder;
  std::string path = folder / "w.gguf";
  auto refuses = [&](std::vector<GgufEntry> metadata,
                     std::vector<GgufTensor> tensors, auto... parts) {
    expectError(GgufWriter::create(path, metadata, std::move(tensors)),
                "w.gguf", parts...);
  };
  refuses({{"k", {1.0f}}, {"k", {2.0f}}}, {}, "key 'k' is given twice");
  refuses({}, {{"t", "f32", {1}}, {"t", "f32", {1}}}, "'t' is given twice");
  refuses({}, {{std::string(64, 'n'), "f32", {1}}}, "at most 63 bytes");
  refuses({}, {{"", "f32", {1}}}, "expected each tensor to have a name");
  refuses({}, {{"t", "q9_K", {1}}}, "'q9_K'", "f16 (1)");
  refuses({}, {{"t", "f32", {1, 1, 1, 1, 1}}}, "1 to 4 dimensions");
  refuses({}, {{"t", "f32", {4, 0}}}, "[4, 0]");
  refuses({}, {{"t", "q4_K", {4, 300}}}, "multiple of 256", "[4, 300]");
  refuses({}, {{"t", "f64", {int64_t{1} << 40, int64_t{1} << 22}}}, "too many");
  refuses({{"general.alignment", {uint32_t{48}}}}, {}, "power of two");
  refuses({{"general.alignment", {int32_t{64}}}}, {}, "of type u32");
  EXPECT_EQ(folder.numFiles(), 0u);
}

TEST(GgufWriter, LeavesNothingHalfWritten) {
  TemporaryFolder folder;
  std::string path = folder / "w.gguf";
  writeFile(path, "old");
  std::vector<std::byte> data(9);
  {
    Result<GgufWriter> writer =
        GgufWriter::create(path, {}, {{"t", "f32", {2}}});
    ASSERT_TRUE(writer) << writer.message();
    expectError(writer->append(data), "at most 8 more bytes of tensor 't'",
                "got 9");
    ASSERT_TRUE(writer->append(std::span(data).first(7)));
    expectError(writer->commit(), "1 bytes of tensor 't' are missing");
  }
  EXPECT_EQ(readFile(path), "old");
  EXPECT_EQ(folder.numFiles(), 1u);
  Result<GgufWriter> writer = GgufWriter::create(path, {}, {{"t", "i8", {1}}});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(std::span(data).first(1)));
  expectError(writer->append(std::span(data).first(1)), "1 more bytes");
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(folder.numFiles(), 1u);
}

} // namespace gguf_writer_test
