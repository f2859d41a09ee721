//===- ObjectCache.cpp - Compiled objects on disk -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/ObjectCache.h"

#include "codegen/CacheKeys.h"

using namespace rlx;

static std::string objectFileName(llvm::StringRef key) {
  return (key + ".rlxo").str();
}

std::optional<llvm::SmallVector<char, 0>>
ObjectCache::find(llvm::StringRef key) const {
  std::shared_ptr<MappedFile> file =
      directory ? directory->find(objectFileName(key)) : nullptr;
  if (!file)
    return std::nullopt;
  constexpr size_t hashLength = 64;
  std::span<const std::byte> bytes = file->bytes();
  llvm::StringRef content(reinterpret_cast<const char *>(bytes.data()),
                          bytes.size());
  if (content.size() < hashLength ||
      content.take_front(hashLength) != hashContent(bytes.subspan(hashLength)))
    return std::nullopt;
  content = content.drop_front(hashLength);
  return llvm::SmallVector<char, 0>(content.begin(), content.end());
}

bool ObjectCache::store(llvm::StringRef key,
                        llvm::ArrayRef<char> object) const {
  if (!directory)
    return false;
  auto bytes = std::as_bytes(std::span(object.data(), object.size()));
  std::string check = hashContent(bytes);
  return directory->store(objectFileName(key),
                          {std::as_bytes(std::span(check)), bytes});
}
