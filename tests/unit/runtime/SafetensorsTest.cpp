//===- SafetensorsTest.cpp - safetensors files, right and wrong -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every type, one hand-made file for each check of the reader, shards, and a
// checkpoint of 20 GB that takes no disk.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Safetensors.h"
#include "runtime/weights/SafetensorsTypes.h"

#include "tests/unit/runtime/SafetensorsBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <unistd.h>

#include <chrono>
#include <cstring>

using namespace rlx;
using namespace rlx::test;

namespace {

Result<SafetensorsPart> parse(const std::string &content) {
  return readSafetensorsPart("w.safetensors",
                             std::as_bytes(std::span(content)));
}

/// Expects that a file is refused with a message that names it.
template <class... Parts>
void expectRefused(const std::string &content, const Parts &...parts) {
  SCOPED_TRACE(testing::PrintToString(std::make_tuple(parts...)));
  expectError(parse(content), "'w.safetensors'", parts...);
}

TEST(Safetensors, EveryType) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::string data;
  for (const SafetensorsType &type : safetensorsTypes()) {
    size_t size = 8 * type.bits / 8;
    header += "," + safetensorsEntry(type.name, type.name, "2,4", data.size(),
                                     data.size() + size);
    data += std::string(size, static_cast<char>('a' + data.size() % 26));
  }
  std::string file = safetensorsFile(header + "}  ", data);
  Result<SafetensorsPart> part = parse(file);
  ASSERT_TRUE(part) << part.message();
  ASSERT_EQ(part->tensors.size(), safetensorsTypes().size());
  EXPECT_EQ(part->metadata, (SafetensorsMetadata{{"format", "pt"}}));
  for (size_t i = 0; i < part->tensors.size(); ++i) {
    const WeightEntry &tensor = part->tensors[i];
    const SafetensorsType &type = safetensorsTypes()[i];
    EXPECT_EQ(tensor.name, type.name);
    EXPECT_EQ(tensor.type, type.name);
    EXPECT_EQ(tensor.container, WeightContainer::safetensors);
    EXPECT_EQ(tensor.element, type.element);
    EXPECT_EQ(tensor.shape, (std::vector<int64_t>{2, 4}));
    EXPECT_EQ(tensor.bytes.size(), type.bits);
    EXPECT_EQ(tensor.problem, "");
    EXPECT_EQ(static_cast<char>(tensor.bytes.front()), file[tensor.offset]);
    if (type.element) {
      EXPECT_EQ(elementBits(*type.element), type.bits);
      EXPECT_EQ(findSafetensorsType(*type.element), &type);
    }
  }
}

TEST(Safetensors, ScalarsAndEmptyTensors) {
  Result<SafetensorsPart> part = parse(
      safetensorsFile("{" + safetensorsEntry("none", "F32", "0,3", 4, 4) + "," +
                          safetensorsEntry("one", "F32", "", 0, 4) + "," +
                          safetensorsEntry("first", "I8", "0", 0, 0) + "}",
                      "abcd"));
  ASSERT_TRUE(part) << part.message();
  EXPECT_EQ(part->tensors[0].bytes.size(), 0u);
  EXPECT_EQ(part->tensors[1].bytes.size(), 4u);
  EXPECT_EQ(part->tensors[1].shape.size(), 0u);
  EXPECT_TRUE(parse(safetensorsFile("{}")).ok());
}

TEST(Safetensors, UnknownTypesAreListed) {
  Result<SafetensorsPart> part = parse(
      safetensorsFile("{" + safetensorsEntry("new", "F3", "4", 0, 3) + "," +
                          safetensorsEntry("old", "U8", "1", 3, 4) + "}",
                      "abcd"));
  ASSERT_TRUE(part) << part.message();
  EXPECT_NE(part->tensors[0].problem.find("has dtype 'F3'"), std::string::npos);
  EXPECT_TRUE(part->tensors[0].bytes.empty());
  EXPECT_EQ(part->tensors[1].bytes.size(), 1u);
}

TEST(Safetensors, WrongHeaders) {
  auto entry = [](std::string_view begin, std::string_view end) {
    return fmt::format("{{\"t\":{{\"dtype\":\"F32\",\"shape\":[2],"
                       "\"data_offsets\":[{},{}]}}}}",
                       begin, end);
  };
  std::string good = entry("0", "8"), data(8, 'x');
  ASSERT_TRUE(parse(safetensorsFile(good, data)).ok());

  expectRefused("", "the length of the header at offset 0 needs 8 bytes");
  expectRefused(std::string("\1\0\0\0", 4), "but the file has 4");
  expectRefused(std::string(8, '\xff'), "is 18446744073709551615 bytes",
                "expected at most 100000000");
  uint64_t length = 50;
  expectRefused(std::string(reinterpret_cast<char *>(&length), 8) + "{}",
                "truncated", "has 50 bytes", "ends at offset 10");
  expectRefused(safetensorsFile(""), "expected the header to begin with '{'");
  expectRefused(safetensorsFile(" " + good, data), "begin with '{'", "got ' '");
  expectRefused(safetensorsFile(good + "x", data), "nothing but spaces",
                "got 'x'");
  expectRefused(safetensorsFile(good + std::string(1, '\0'), data),
                "nothing but spaces");
  expectRefused(safetensorsFile("[]"), "begin with '{'");
  expectRefused(safetensorsFile("{\"t\":3}"), "tensor 't' as an object");
  expectRefused(safetensorsFile("{\"\":{}}"), "has an empty name");
  expectRefused(safetensorsFile("{\"\xff\":{}}"), "not UTF-8");
  expectRefused(safetensorsFile("{\"t\":{}}"), "has no 'dtype'");
  expectRefused(safetensorsFile("{\"t\":{\"dtype\":\"F32\"}}"),
                "has no 'shape'");
  expectRefused(safetensorsFile("{\"t\":{\"dtype\":\"F32\",\"shape\":[]}}"),
                "has no 'data_offsets'");
  expectRefused(
      safetensorsFile("{\"t\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"),
      "'dtype' of tensor 't'", "is a duplicate");
  expectRefused(safetensorsFile("{\"t\":{\"offsets\":[0,8]}}"),
                "'offsets' of tensor 't'", "is unknown");
  expectRefused(safetensorsFile("{\"t\":{\"dtype\":32}}"),
                "'dtype' as a string");
  expectRefused(safetensorsFile("{\"t\":{\"shape\":[-1]}}"),
                "a dimension at offset 23 is '-1'");
  expectRefused(safetensorsFile("{\"t\":{\"shape\":[1.0]}}"), "is '1.0'");
  expectRefused(safetensorsFile("{\"t\":{\"shape\":[9223372036854775808]}}"),
                "fits in 63 bits");
  expectRefused(safetensorsFile("{\"t\":{\"shape\":[" +
                                [] {
                                  std::string ones = "1";
                                  for (int i = 0; i < 64; ++i)
                                    ones += ",1";
                                  return ones;
                                }() +
                                "]}}"),
                "more than 64 dimensions");
  expectRefused(safetensorsFile("{\"t\":{\"data_offsets\":[0]}}"),
                "fewer than two");
  expectRefused(safetensorsFile("{\"t\":{\"data_offsets\":[0,1,2]}}"),
                "more than two");
  expectRefused(safetensorsFile(entry("-8", "0"), data), "is '-8'");
  expectRefused(safetensorsFile("{\"__metadata__\":[]}"),
                "'__metadata__' as an object");
  expectRefused(safetensorsFile("{\"__metadata__\":{\"a\":1}}"),
                "metadata key 'a' as a string");
  expectRefused(safetensorsFile("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"),
                "metadata key 'a'", "is a duplicate");
}

TEST(Safetensors, WrongRanges) {
  std::string data(8, 'x');
  auto refuse = [&](std::vector<std::string> entries, const auto &...parts) {
    expectRefused(
        safetensorsFile(fmt::format("{{{}}}", fmt::join(entries, ",")), data),
        parts...);
  };
  auto entry = safetensorsEntry;
  refuse({entry("t", "F32", "2", 8, 0)}, "bytes 8 to 0 of the data");
  refuse({entry("t", "F32", "4", 0, 16)}, "bytes 0 to 16 of the data",
         "in the 8 bytes that follow");
  refuse({entry("t", "F32", "2", UINT64_MAX / 2 - 7, UINT64_MAX / 2)},
         "truncated or damaged");
  refuse({entry("t", "F32", "1", 0, 8)}, "has 4 bytes, but its range", "has 8");
  refuse({entry("t", "F32", "4611686018427387904,4", 0, 8)}, "is too large");
  refuse({entry("t", "F4", "3", 0, 1)}, "has 12 bits, expected whole bytes");
  refuse({entry("t", "F32", "2", 0, 8), entry("t", "F32", "2", 0, 8)},
         "'t' at offset", "is a duplicate of the one at offset 9");
  refuse({entry("a", "F32", "2", 0, 8), entry("b", "F32", "1", 4, 8)},
         "tensors 'a' and 'b' overlap", "'b' begins at byte 4",
         "'a' ends at byte 8");
  refuse({entry("b", "F32", "1", 4, 8)}, "bytes 0 to 4 of the data",
         "before tensor 'b'", "belong to no tensor");
  refuse({entry("a", "F32", "1", 0, 4)}, "4 bytes at the end of the file");
  refuse({entry("a", "U8", "2", 0, 2), entry("b", "U8", "2", 6, 8)},
         "bytes 2 to 6");
  refuse({}, "8 bytes at the end of the file belong to no tensor");
}

TEST(Safetensors, OpensAsAWeightFile) {
  TemporaryFolder folder;
  // Nothing is aligned: the header has an odd length.
  std::string header = "{" + safetensorsEntry("b", "U8", "1", 0, 1) + "," +
                       safetensorsEntry("w", "F32", "1,2", 1, 9) + "}";
  header.resize((header.size() + 1) / 2 * 2 + 1, ' ');
  float numbers[] = {1.5f, -2};
  std::string data = "x" + std::string(reinterpret_cast<char *>(numbers), 8);
  writeFile(folder / "w.safetensors", safetensorsFile(header, data));
  Result<std::unique_ptr<WeightFile>> file =
      openWeightFile(folder / "w.safetensors");
  ASSERT_TRUE(file) << file.message();
  const WeightEntry *entry = (*file)->find("w");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->element, ElementType::f32);
  float first = 0;
  std::memcpy(&first, entry->bytes.data(), sizeof(first));
  EXPECT_EQ(first, 1.5f);
  (*file)->release(*entry);
  EXPECT_TRUE((*file)->checkUnchanged().ok());
  writeFile(folder / "w.safetensors", "shorter");
  expectError((*file)->checkUnchanged(), "was changed");
}

class Shards : public ::testing::Test {
protected:
  void write(std::string_view name, std::string_view tensor, char fill) {
    writeFile(
        folder / name,
        safetensorsFile("{" + safetensorsEntry(tensor, "U8", "4", 0, 4) + "}",
                        std::string(4, fill)));
  }
  void writeIndex(std::string_view text) { writeFile(index, text); }

  TemporaryFolder folder;
  std::string index = folder / "model.safetensors.index.json";
};

TEST_F(Shards, AreJoined) {
  write("m-1.safetensors", "a", 'a');
  write("m-2.safetensors", "b", 'b');
  writeIndex("{\"metadata\":{\"total_size\":8},\"weight_map\":{"
             "\"b\":\"m-2.safetensors\",\"a\":\"m-1.safetensors\"}}");
  Result<std::unique_ptr<WeightFile>> file = openWeightFile(index);
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->path(), index);
  ASSERT_EQ((*file)->entries().size(), 2u);
  const WeightEntry *a = (*file)->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->file, folder / "m-1.safetensors");
  EXPECT_EQ(static_cast<char>(a->bytes[3]), 'a');
  (*file)->release(*a);
  writeIndex("{\"weight_map\":{\"b\":\"m-2.safetensors\"}}");
  EXPECT_TRUE(SafetensorsFile::open(index).take()->unnamed().empty());
  std::string both = safetensorsEntry("b", "U8", "4", 0, 4) + "," +
                     safetensorsEntry("c", "U8", "4", 4, 8);
  writeFile(folder / "m-2.safetensors",
            safetensorsFile("{" + both + "}", std::string(8, 'x')));
  Result<std::unique_ptr<SafetensorsFile>> more = SafetensorsFile::open(index);
  ASSERT_TRUE(more) << more.message();
  ASSERT_EQ((*more)->unnamed().size(), 1u);
  EXPECT_EQ((*more)->unnamed().front(), "c");
}

TEST_F(Shards, WrongIndexes) {
  write("m-1.safetensors", "a", 'a');
  auto refuse = [&](std::string_view text, const auto &...parts) {
    writeIndex(text);
    SCOPED_TRACE(text);
    expectError(openWeightFile(index), index, parts...);
  };
  refuse("", "expected a value");
  refuse("[]", "expected an object 'weight_map'", "got none");
  refuse("{\"weight_map\":3}", "got 3");
  refuse("{\"weight_map\":{\"a\":3}}", "the file of tensor 'a' is 3");
  for (std::string_view name : {"", ".", "..", "../m-1.safetensors", "/etc/x"})
    refuse(fmt::format("{{\"weight_map\":{{\"a\":\"{}\"}}}}", name),
           "expected the name of a file in the same folder");
  refuse("{\"weight_map\":{\"a\":\"m-3.safetensors\"}}", "m-3.safetensors",
         "cannot open");
  refuse("{\"weight_map\":{\"a\":\"m-1.safetensors\","
         "\"z\":\"m-1.safetensors\"}}",
         "tensor 'z' is not in", "m-1.safetensors");
  refuse("{\"weight_map\":{\"a\":\"m-1.safetensors\","
         "\"a\":\"m-1.safetensors\"}}",
         "'a' at offset", "duplicate");
  write("m-2.safetensors", "a", 'b');
  refuse("{\"weight_map\":{\"a\":\"m-1.safetensors\","
         "\"z\":\"m-2.safetensors\"}}",
         "tensor 'a' is in 'm-1.safetensors' and in 'm-2.safetensors'");
  writeFile(folder / "m-1.safetensors", "damaged");
  writeIndex("{\"weight_map\":{\"a\":\"m-1.safetensors\"}}");
  expectError(openWeightFile(index), folder / "m-1.safetensors", "truncated");
}

/// Of this process, in bytes.
uint64_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(Shards, TwentyGigabytesOpenAtOnce) {
  constexpr uint64_t shardBytes = uint64_t{5} << 30;
  constexpr int numShards = 4, tensorsPerShard = 512;
  std::string map;
  for (int i = 0; i < numShards; ++i) {
    std::string name = fmt::format("m-{}.safetensors", i), header;
    for (int j = 0; j < tensorsPerShard; ++j) {
      uint64_t size = shardBytes / tensorsPerShard;
      std::string tensor = fmt::format("model.layers.{}.t{}", i, j);
      header +=
          (j ? "," : "{") +
          safetensorsEntry(tensor, "BF16", fmt::format("{},1024", size / 2048),
                           j * size, (j + 1) * size);
      map +=
          fmt::format("{}\"{}\":\"{}\"", map.empty() ? "" : ",", tensor, name);
    }
    std::string file = safetensorsFile(header + "}");
    writeFile(folder / name, file);
    // Sparse: no byte of it is on the disk.
    ASSERT_EQ(truncate((folder / name).c_str(),
                       static_cast<off_t>(file.size() + shardBytes)),
              0);
  }
  writeIndex("{\"weight_map\":{" + map + "}}");
  uint64_t before = residentBytes();
  auto start = std::chrono::steady_clock::now();
  Result<std::unique_ptr<WeightFile>> file = openWeightFile(index);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(file) << file.message();
  EXPECT_EQ((*file)->entries().size(), size_t{numShards * tensorsPerShard});
  EXPECT_LT(seconds.count(), 1);
  EXPECT_LT(residentBytes() - before, uint64_t{100} << 20);
}

TEST(Safetensors, EveryTruncationIsRefused) {
  std::string file = safetensorsFile(
      "{\"__metadata__\":{\"a\":\"b\"}," +
          safetensorsEntry("t", "F32", "2,2", 0, 16) + "," +
          safetensorsEntry("\\u00e9", "F6_E2M3", "4", 16, 19) + "}   ",
      std::string(19, 'x'));
  ASSERT_TRUE(parse(file)) << parse(file).message();
  for (size_t size = 0; size < file.size(); ++size)
    expectRefused(file.substr(0, size));
}

TEST(Safetensors, RandomDamage) {
  std::string header = "{\"__metadata__\":{\"a\":\"b\"}," +
                       safetensorsEntry("t", "F32", "2,2", 0, 16) + "," +
                       safetensorsEntry("u", "BF16", "4", 16, 24) + "}";
  std::string file = safetensorsFile(header, std::string(24, 'x'));
  ASSERT_TRUE(parse(file).ok());
  uint64_t state = 1;
  auto random = [&] { // of no use but to be the same each time
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
  };
  constexpr std::string_view pieces[] = {"9223372036854775807",
                                         "-1",
                                         "0",
                                         "18446744073709551616",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         "\"",
                                         ",",
                                         ":",
                                         "\\u",
                                         "1e9"};
  int accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = file;
    for (uint64_t i = 0, n = 1 + random() % 3; i < n; ++i) {
      size_t where = random() % (8 + header.size());
      switch (random() % 4) {
      case 0:
        damaged[where] = static_cast<char>(damaged[where] ^ 1 << random() % 8);
        break;
      case 1:
        damaged[where] = static_cast<char>(random());
        break;
      case 2:
        damaged.replace(where, 1, pieces[random() % std::size(pieces)]);
        break;
      default:
        if (random() % 2)
          damaged.erase(where, 1 + random() % 16);
        else
          damaged.insert(where, damaged.substr(where, 1 + random() % 16));
      }
    }
    // A block of exact size, for AddressSanitizer.
    auto block = std::make_unique<std::byte[]>(damaged.size());
    std::memcpy(block.get(), damaged.data(), damaged.size());
    Result<SafetensorsPart> part =
        readSafetensorsPart("w.safetensors", {block.get(), damaged.size()});
    accepted += part.ok();
    if (!part) {
      EXPECT_NE(part.message().find("'w.safetensors'"), std::string::npos)
          << part.message();
    } else {
      for (const WeightEntry &tensor : part->tensors)
        if (!tensor.bytes.empty()) {
          volatile std::byte last = tensor.bytes.front() | tensor.bytes.back();
          (void)last;
        }
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 2500);
}

} // namespace
