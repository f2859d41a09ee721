//===- KernelCache.cpp - What drivers compiled, on disk -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file is: magic, length of the key, length of the content, checksum of the
// content, key, content. The name is a hash of the key.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/KernelCache.h"

#include <cstring>

namespace rlx {
namespace {

struct Header {
  char magic[8] = {'R', 'L', 'X', 'k', 'e', 'r', 'n', '1'};
  uint64_t keyBytes = 0, contentBytes = 0, checksum = 0;
};

/// FNV-1a of 64 bits. Names files and finds damage; no defence against anybody.
uint64_t hash(std::span<const std::byte> bytes) {
  uint64_t value = 0xcbf29ce484222325;
  for (std::byte byte : bytes)
    value = (value ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  return value;
}

std::span<const std::byte> bytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string nameOf(std::string_view key) {
  return fmt::format("{:016x}.rlxk", hash(bytesOf(key)));
}

} // namespace

KernelCache::KernelCache(std::string path, CacheOptions options)
    : directory(path.empty() ? nullptr
                             : std::make_shared<CacheDirectory>(
                                   std::move(path), std::move(options))) {}

std::string KernelCache::key(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (std::string_view part : parts)
    key += fmt::format("{}:{}", part.size(), part);
  return key;
}

std::optional<std::vector<std::byte>>
KernelCache::find(std::string_view key) const {
  std::shared_ptr<MappedFile> file =
      directory ? directory->find(nameOf(key)) : nullptr;
  if (!file)
    return std::nullopt;
  std::span<const std::byte> bytes = file->bytes();
  Header header, expected;
  if (bytes.size() < sizeof(Header))
    return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(Header));
  bytes = bytes.subspan(sizeof(Header));
  if (std::memcmp(header.magic, expected.magic, sizeof(header.magic)) != 0 ||
      header.keyBytes != key.size() || bytes.size() < key.size() ||
      header.contentBytes != bytes.size() - key.size() ||
      std::memcmp(bytes.data(), key.data(), key.size()) != 0)
    return std::nullopt;
  bytes = bytes.subspan(key.size());
  if (header.checksum != hash(bytes))
    return std::nullopt;
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

bool KernelCache::store(std::string_view key,
                        std::span<const std::byte> content) const {
  if (!directory)
    return false;
  Header header;
  header.keyBytes = key.size();
  header.contentBytes = content.size();
  header.checksum = hash(content);
  return directory->store(nameOf(key), {std::as_bytes(std::span(&header, 1)),
                                        bytesOf(key), content});
}

} // namespace rlx
