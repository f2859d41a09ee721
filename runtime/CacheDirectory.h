//===- CacheDirectory.h - Files that are kept between processes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all caches of RLX do with their folder: code in it is run and numbers in
// it are believed, so that it must be the user's own. A folder or a file that
// belongs to another user, or that others may write to, is not used; files are
// regular ones, links are not followed. A file appears whole or not at all,
// what killed processes left behind is removed, and so are the files that were
// not used for longest once all of them are larger than a limit. What a file
// holds is the business of the cache that has it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_CACHEDIRECTORY_H
#define RLX_RUNTIME_CACHEDIRECTORY_H

#include "runtime/MappedFile.h"

#include <functional>
#include <initializer_list>
#include <mutex>
#include <set>

namespace rlx {

struct CacheOptions {
  static constexpr uint64_t defaultLimitBytes = uint64_t{16} << 30;

  /// Of all files together.
  uint64_t limitBytes = defaultLimitBytes;
  /// Is told once why the folder or files in it are not used.
  std::function<void(const std::string &)> onRemark;
};

/// Safe to use from several threads, and by several processes.
class CacheDirectory {
public:
  using Bytes = std::span<const std::byte>;

  /// An empty path: nothing is found and nothing is stored. The folder is made
  /// when something is stored, for the user alone.
  explicit CacheDirectory(std::string path, CacheOptions options = {});
  CacheDirectory(const CacheDirectory &) = delete;
  CacheDirectory &operator=(const CacheDirectory &) = delete;
  ~CacheDirectory();

  bool isEnabled() const { return !path.empty(); }

  /// The file of that name, or null. It counts as used now.
  std::shared_ptr<MappedFile> find(const std::string &name);
  /// Makes a file of these pieces, or replaces the one of that name. `name` is
  /// hexadecimal digits and one of the endings of entries. That a cache cannot
  /// be written is no error; says whether it was.
  bool store(const std::string &name, std::initializer_list<Bytes> pieces);

  /// Whether a file of that name is one that the limit counts: digits and
  /// `.rlxo`, `.rlxp` or `.rlxk`. Others in the folder are left alone.
  static bool isEntryName(std::string_view name);

private:
  bool open(bool create);
  bool makeRoom(uint64_t bytes);
  void removeLeftovers();
  bool isUsable(int file, const std::string &what, bool isFolder);
  void remark(const std::string &what, const std::string &why);

  const std::string path;
  const CacheOptions options;
  std::mutex mutex;
  int folder = -1; ///< Once it has been found usable.
  bool refused = false, said = false;
  /// By the last look at the folder, and what was stored since; none before.
  std::optional<uint64_t> usedBytes;
  std::set<std::string> usedNames; ///< Which are not removed.
};

} // namespace rlx

#endif // RLX_RUNTIME_CACHEDIRECTORY_H
