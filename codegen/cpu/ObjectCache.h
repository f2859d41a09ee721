//===- ObjectCache.h - Compiled objects on disk -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Object files, each named by the hash of what it was compiled from and checked
// against a hash of itself before use. A damaged file is as good as none; whose
// files are believed is up to CacheDirectory.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CPU_OBJECTCACHE_H
#define RLX_CODEGEN_CPU_OBJECTCACHE_H

#include "runtime/CacheDirectory.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <optional>

namespace rlx {

class ObjectCache {
public:
  /// Null: nothing is found and nothing is stored.
  explicit ObjectCache(std::shared_ptr<CacheDirectory> directory)
      : directory(std::move(directory)) {}

  /// `key` is in hexadecimal digits (CacheKeys.h).
  std::optional<llvm::SmallVector<char, 0>> find(llvm::StringRef key) const;
  /// Stores what `find` then gives, atomically. That a cache cannot be written
  /// is no error of a compilation; returns whether it was.
  bool store(llvm::StringRef key, llvm::ArrayRef<char> object) const;

private:
  std::shared_ptr<CacheDirectory> directory;
};

} // namespace rlx

#endif // RLX_CODEGEN_CPU_OBJECTCACHE_H
