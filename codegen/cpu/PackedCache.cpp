//===- PackedCache.cpp - Packed weights on disk ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file is a header of one page and the packed bytes, so that these are
// aligned as they are in memory.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/PackedCache.h"

#include "codegen/CacheKeys.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace rlx;

namespace {
/// Little-endian, as is the content; a machine that is not would not find its
/// own magic number.
struct Header {
  uint64_t magic = 0x31'6b'63'61'70'78'6c'72; // "rlxpack1"
  uint64_t size = 0;
  char key[64] = {};
  char hash[64] = {};
};
constexpr size_t headerBytes = 4096;
static_assert(sizeof(Header) <= headerBytes);
} // namespace

static Header headerFor(llvm::StringRef key, uint64_t size,
                        llvm::StringRef hash) {
  Header header;
  header.size = size;
  std::copy_n(key.data(), std::min(key.size(), sizeof(header.key)), header.key);
  std::copy_n(hash.data(), std::min(hash.size(), sizeof(header.hash)),
              header.hash);
  return header;
}

static std::string packedFileName(llvm::StringRef key) {
  return (key + ".rlxp").str();
}

std::string PackedCache::key(llvm::StringRef packing,
                             llvm::ArrayRef<std::string> hashes) {
  KeyHash hash;
  hash.add(packing);
  for (const std::string &content : hashes)
    hash.add(content);
  return hash.text();
}

std::optional<PackedCache::Entry> PackedCache::find(llvm::StringRef key,
                                                    uint64_t size) const {
  std::shared_ptr<MappedFile> file =
      directory ? directory->find(packedFileName(key)) : nullptr;
  if (!file)
    return std::nullopt;
  std::span<const std::byte> all = file->bytes();
  if (all.size() != headerBytes + size)
    return std::nullopt;
  std::span<const std::byte> bytes = all.subspan(headerBytes);
  Header expected = headerFor(key, size, hashContent(bytes));
  if (std::memcmp(all.data(), &expected, sizeof(expected)) != 0)
    return std::nullopt;
  return Entry{std::move(file), bytes};
}

bool PackedCache::store(llvm::StringRef key,
                        std::span<const std::byte> bytes) const {
  if (!directory)
    return false;
  Header header = headerFor(key, bytes.size(), hashContent(bytes));
  std::vector<std::byte> page(headerBytes);
  std::memcpy(page.data(), &header, sizeof(header));
  return directory->store(packedFileName(key), {page, bytes});
}
