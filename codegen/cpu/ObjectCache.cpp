//===- ObjectCache.cpp - Compiled objects on disk -------------------------===//

#include "codegen/cpu/ObjectCache.h"

#include "runtime/OutputFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

using namespace rlx;

static std::string hash(llvm::StringRef bytes) {
  llvm::SHA256 hasher;
  hasher.update(bytes);
  return llvm::toHex(hasher.final(), /*LowerCase=*/true);
}

std::string ObjectCache::key(llvm::ArrayRef<llvm::StringRef> sources) {
  llvm::SHA256 hasher;
  for (llvm::StringRef source : sources) {
    // The length keeps two sources apart.
    hasher.update(std::to_string(source.size()) + ":");
    hasher.update(source);
  }
  return llvm::toHex(hasher.final(), /*LowerCase=*/true);
}

static std::string pathOf(llvm::StringRef directory, llvm::StringRef key) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + ".rlxo");
  return path.str().str();
}

std::optional<llvm::SmallVector<char, 0>>
ObjectCache::find(llvm::StringRef key) const {
  if (directory.empty())
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(pathOf(directory, key));
  if (!file)
    return std::nullopt;
  constexpr size_t hashLength = 64;
  llvm::StringRef content = (*file)->getBuffer();
  if (content.size() < hashLength ||
      content.take_front(hashLength) != hash(content.drop_front(hashLength)))
    return std::nullopt;
  content = content.drop_front(hashLength);
  return llvm::SmallVector<char, 0>(content.begin(), content.end());
}

bool ObjectCache::store(llvm::StringRef key,
                        llvm::ArrayRef<char> object) const {
  if (directory.empty() || llvm::sys::fs::create_directories(directory))
    return false;
  Result<OutputFile> file = OutputFile::create(pathOf(directory, key));
  if (!file)
    return false;
  std::string check = hash(llvm::StringRef(object.data(), object.size()));
  return file->write(check).ok() &&
         file->write(std::string_view(object.data(), object.size())).ok() &&
         file->commit().ok();
}
