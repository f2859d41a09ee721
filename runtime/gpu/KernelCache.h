//===- KernelCache.h - What drivers compiled, on disk ---------------------===//
//
// A directory of files, one for each key. A key is everything that the content
// depends on: the device, its driver, the source. The file holds the whole key
// and a checksum, and both are compared before use; a damaged or foreign file
// is as good as none.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_KERNELCACHE_H
#define RLX_RUNTIME_GPU_KERNELCACHE_H

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class KernelCache {
public:
  /// An empty directory name: nothing is found and nothing is stored.
  explicit KernelCache(std::string directory)
      : directory(std::move(directory)) {}

  bool enabled() const { return !directory.empty(); }

  std::optional<std::vector<std::byte>> find(std::string_view key) const;
  /// Stores what find() then gives, atomically. That a cache cannot be written
  /// is no error of a compilation; returns whether it was.
  bool store(std::string_view key, std::span<const std::byte> content) const;

private:
  std::string pathOf(std::string_view key) const;

  std::string directory;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_KERNELCACHE_H
