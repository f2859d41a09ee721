//===- ObjectCache.h - Compiled objects on disk -----------------*- C++ -*-===//
//
// A directory of object files, each named by the hash of what it was compiled
// from and checked against a hash of itself before use. A damaged or foreign
// file is as good as none.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CPU_OBJECTCACHE_H
#define RLX_CODEGEN_CPU_OBJECTCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace rlx {

class ObjectCache {
public:
  /// An empty directory name: nothing is found and nothing is stored.
  explicit ObjectCache(llvm::StringRef directory) : directory(directory) {}

  /// A key for code compiled from `sources`, in this order.
  static std::string key(llvm::ArrayRef<llvm::StringRef> sources);

  std::optional<llvm::SmallVector<char, 0>> find(llvm::StringRef key) const;
  /// Stores what `find` then gives, atomically. That a cache cannot be written
  /// is no error of a compilation; returns whether it was.
  bool store(llvm::StringRef key, llvm::ArrayRef<char> object) const;

private:
  std::string directory;
};

} // namespace rlx

#endif // RLX_CODEGEN_CPU_OBJECTCACHE_H
