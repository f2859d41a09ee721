//===- PackedCache.h - Packed weights on disk -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed weights, each in a file named by what was packed and how: a hash of
// the weight's bytes and the identity of the code that packs them. A file is
// mapped, not read, and checked against a hash of itself before use; a damaged
// one is as good as none. Whose files are believed is up to CacheDirectory.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CPU_PACKEDCACHE_H
#define RLX_CODEGEN_CPU_PACKEDCACHE_H

#include "runtime/CacheDirectory.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>
#include <string>

namespace rlx {

class PackedCache {
public:
  /// Null: nothing is found and nothing is stored.
  explicit PackedCache(std::shared_ptr<CacheDirectory> directory)
      : directory(std::move(directory)) {}
  bool isEnabled() const { return directory != nullptr; }

  /// A key for what the code called `packing` makes of weights with these
  /// hashes, in this order.
  static std::string key(llvm::StringRef packing,
                         llvm::ArrayRef<std::string> hashes);

  /// A packed weight in a mapped file.
  struct Entry {
    std::shared_ptr<MappedFile> file;
    std::span<const std::byte> bytes; ///< Valid as long as `file`.
  };
  /// Finds one of `size` bytes.
  std::optional<Entry> find(llvm::StringRef key, uint64_t size) const;
  /// Stores what `find` then gives, atomically. That a cache cannot be written
  /// is no error of packing; returns whether it was.
  bool store(llvm::StringRef key, std::span<const std::byte> bytes) const;

private:
  std::shared_ptr<CacheDirectory> directory;
};

} // namespace rlx

#endif // RLX_CODEGEN_CPU_PACKEDCACHE_H
