//===- GgufMutationTest.cpp - Damaged GGUF files --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The golden file cut at every byte of its header, and damaged in thousands of
// ways. Whatever comes out, it comes quickly, without reading past the end
// (each file is a heap block of exact size, for AddressSanitizer) and without
// asking for memory that the file does not account for.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/Gguf.h"
#include "runtime/weights/GgufReader.h"

#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <sys/resource.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>

using namespace rlx;
using namespace rlx::test;

namespace gguf_mutation_test {

Result<GgufPart> parse(std::string_view content) {
  auto block = std::make_unique<std::byte[]>(content.size());
  std::memcpy(block.get(), content.data(), content.size());
  Result<GgufPart> part = readGgufPart("w.gguf", {block.get(), content.size()});
  // Tensors of a success must lie in the file; touch their ends.
  if (part.ok())
    for (const WeightEntry &tensor : part->tensors)
      if (!tensor.bytes.empty()) {
        volatile std::byte last = tensor.bytes.front() | tensor.bytes.back();
        (void)last;
      }
  return part;
}

/// The most memory that this process has used, in KiB.
long peakKiB() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class GgufMutation : public ::testing::Test {
protected:
  void SetUp() override {
    golden = readFile(RLX_TEST_DIR "/golden/ggml-types.gguf");
    Result<GgufPart> part = parse(golden);
    ASSERT_TRUE(part) << part.message();
    headerSize = part->dataOffset;
  }

  std::string golden;
  size_t headerSize = 0;
};

TEST_F(GgufMutation, EveryTruncationIsRefused) {
  for (size_t size = 0; size < headerSize; ++size)
    expectError(parse(std::string_view(golden).substr(0, size)), "'w.gguf'");
  for (size_t size = headerSize; size < golden.size(); size += 4999)
    expectError(parse(std::string_view(golden).substr(0, size)), "'w.gguf'",
                "truncated");
}

TEST_F(GgufMutation, TruncatedFilesOnDisk) {
  TemporaryFolder folder;
  for (size_t size :
       {size_t{0}, size_t{3}, size_t{20}, headerSize / 2, golden.size() - 1}) {
    std::string path = folder / "cut.gguf";
    writeFile(path, std::string_view(golden).substr(0, size));
    expectError(GgufFile::open(path), path);
  }
}

TEST_F(GgufMutation, EveryTruncationOfEveryValueTypeIsRefused) {
  GgufBuilder builder;
  constexpr std::array<int, 13> sizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (uint32_t type = 0; type < sizes.size(); ++type) {
    if (!sizes[type])
      continue;
    std::string value(static_cast<size_t>(sizes[type]), '\1');
    builder.key(fmt::format("k{}", type), type, value);
    builder.key(fmt::format("a{}", type), 9,
                raw(type) + raw<uint64_t>(2) + value + value);
  }
  builder.key("s", 8, ggufString("text"));
  builder.key("ss", 9,
              raw<uint32_t>(8) + raw<uint64_t>(2) + ggufString("one") +
                  ggufString(""));
  std::string content = builder.header();
  ASSERT_TRUE(parse(content).ok()) << parse(content).message();
  for (size_t size = 0; size < content.size(); ++size)
    expectError(parse(std::string_view(content).substr(0, size)), "'w.gguf'");
}

TEST_F(GgufMutation, RandomDamage) {
  constexpr uint64_t seed = 20240601;
  constexpr std::array<uint64_t, 12> huge = {UINT64_MAX,
                                             UINT64_MAX - 31,
                                             uint64_t{1} << 63,
                                             (uint64_t{1} << 63) - 1,
                                             uint64_t{1} << 62,
                                             uint64_t{1} << 61,
                                             uint64_t{1} << 40,
                                             uint64_t{1} << 32,
                                             (uint64_t{1} << 32) - 1,
                                             uint64_t{1} << 26,
                                             UINT64_MAX / 24,
                                             0};
  std::mt19937_64 random(seed);
  long before = peakKiB();
  int accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string content = golden;
    for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i) {
      size_t where = random() % (headerSize - 8);
      switch (random() % 4) {
      case 0:
        content[where] = static_cast<char>(content[where] ^ 1 << random() % 8);
        break;
      case 1:
        content[where] = static_cast<char>(random());
        break;
      case 2:
        std::memcpy(&content[where], &huge[random() % huge.size()], 8);
        break;
      default: // a piece of the header is lost or repeated
        if (random() % 2)
          content.erase(where, 1 + random() % 16);
        else
          content.insert(where, content.substr(where, 1 + random() % 16));
      }
    }
    Result<GgufPart> part = parse(content);
    accepted += part.ok();
    if (!part.ok()) {
      EXPECT_NE(part.message().find("'w.gguf'"), std::string::npos)
          << "round " << round << ": " << part.message();
    }
  }
  // Both happen: a changed letter of a name is no error.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 3000);
  // AddressSanitizer keeps freed blocks, so there it says nothing.
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(peakKiB() - before, 64 * 1024);
#else
  (void)before;
#endif
}

TEST_F(GgufMutation, HugeValuesAtEveryPlace) {
  // At each byte of a header with every kind of field.
  std::string content =
      GgufBuilder()
          .key("n", 10, raw<uint64_t>(5))
          .key("s", 8, ggufString("text"))
          .key("a", 9, raw<uint32_t>(4) + raw<uint64_t>(2) + std::string(8, 1))
          .alignment(32)
          .tensor("t", {32, 2}, 2, 0)
          .tensor("u", {4}, 0, 64)
          .data(std::string(128, 'x'))
          .build();
  Result<GgufPart> whole = parse(content);
  ASSERT_TRUE(whole) << whole.message();
  for (uint64_t value : {UINT64_MAX, uint64_t{1} << 63, uint64_t{1} << 32,
                         uint64_t{1} << 20, uint64_t{0}})
    for (size_t size : {1, 4, 8})
      for (size_t where = 0; where + size <= whole->dataOffset; ++where) {
        std::string damaged = content;
        std::memcpy(&damaged[where], &value, size);
        Result<GgufPart> part = parse(damaged);
        if (!part.ok()) {
          EXPECT_NE(part.message().find("'w.gguf'"), std::string::npos);
        }
      }
}

} // namespace gguf_mutation_test
