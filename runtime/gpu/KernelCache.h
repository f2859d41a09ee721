//===- KernelCache.h - What drivers compiled, on disk ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One file for each key. A key is everything that the content depends on: the
// device, its driver, the source. The file holds the whole key and a checksum,
// and both are compared before use; a damaged file is as good as none. Whose
// files are believed is up to CacheDirectory.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_KERNELCACHE_H
#define RLX_RUNTIME_GPU_KERNELCACHE_H

#include "runtime/CacheDirectory.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class KernelCache {
public:
  /// An empty path: nothing is found and nothing is stored.
  explicit KernelCache(std::string path, CacheOptions options = {});

  bool enabled() const { return directory != nullptr; }

  /// A key of these parts, each kept apart from the next.
  static std::string key(std::initializer_list<std::string_view> parts);

  std::optional<std::vector<std::byte>> find(std::string_view key) const;
  /// Stores what find() then gives, atomically. That a cache cannot be written
  /// is no error of a compilation; returns whether it was.
  bool store(std::string_view key, std::span<const std::byte> content) const;

private:
  std::shared_ptr<CacheDirectory> directory;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_KERNELCACHE_H
