//===- PackedCache.cpp - Packed weights on disk ---------------------------===//
//
// A file is a header of one page and the packed bytes, so that these are
// aligned as they are in memory.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/PackedCache.h"

#include "runtime/KernelAbi.h"
#include "runtime/OutputFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/xxhash.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace rlx;

//===----------------------------------------------------------------------===//
// Hashes
//===----------------------------------------------------------------------===//

namespace {
/// A batch of chunks, hashed in parallel.
struct ChunkLoop {
  static constexpr uint64_t chunkBytes = uint64_t(1) << 20;

  std::span<const std::byte> bytes;
  std::vector<llvm::XXH128_hash_t> hashes;

  static void run(void *closure, int64_t begin, int64_t end) {
    auto *loop = static_cast<ChunkLoop *>(closure);
    for (int64_t i = begin; i < end; ++i) {
      uint64_t first = uint64_t(i) * chunkBytes;
      auto chunk = loop->bytes.subspan(
          first, std::min<uint64_t>(chunkBytes, loop->bytes.size() - first));
      loop->hashes[i] = llvm::xxh3_128bits(
          {reinterpret_cast<const uint8_t *>(chunk.data()), chunk.size()});
    }
  }
};

/// A hash as text, of pieces each of which is kept apart from the next.
class TextHash {
public:
  void add(llvm::StringRef text) {
    hasher.update(std::to_string(text.size()) + ":");
    hasher.update(text);
  }
  std::string take() { return llvm::toHex(hasher.final(), /*LowerCase=*/true); }

private:
  llvm::SHA256 hasher;
};
} // namespace

std::string rlx::hashContent(std::span<const std::byte> bytes,
                             llvm::function_ref<void(uint64_t)> done) {
  constexpr uint64_t batchBytes = 32 * ChunkLoop::chunkBytes;
  TextHash hash;
  hash.add(std::to_string(bytes.size()));
  for (uint64_t begin = 0; begin < bytes.size(); begin += batchBytes) {
    uint64_t size = std::min<uint64_t>(batchBytes, bytes.size() - begin);
    ChunkLoop loop{bytes.subspan(begin, size), {}};
    loop.hashes.resize(llvm::divideCeil(size, ChunkLoop::chunkBytes));
    rlx_parallel_for(ChunkLoop::run, &loop, int64_t(loop.hashes.size()));
    for (const llvm::XXH128_hash_t &chunk : loop.hashes)
      hash.add(llvm::utohexstr(chunk.high64) + " " +
               llvm::utohexstr(chunk.low64));
    if (done)
      done(begin + size);
  }
  return hash.take();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

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

static std::string pathOf(llvm::StringRef directory, llvm::StringRef key) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + ".rlxp");
  return path.str().str();
}

std::string PackedCache::key(llvm::StringRef packing,
                             llvm::ArrayRef<std::string> hashes) {
  TextHash hash;
  hash.add(packing);
  for (const std::string &content : hashes)
    hash.add(content);
  return hash.take();
}

std::optional<PackedCache::Entry> PackedCache::find(llvm::StringRef key,
                                                    uint64_t size) const {
  if (!isEnabled())
    return std::nullopt;
  Result<std::shared_ptr<MappedFile>> opened =
      MappedFile::open(pathOf(directory, key));
  if (!opened)
    return std::nullopt;
  std::shared_ptr<MappedFile> file = opened.take();
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
  if (!isEnabled() || llvm::sys::fs::create_directories(directory))
    return false;
  Result<OutputFile> file = OutputFile::create(pathOf(directory, key));
  if (!file)
    return false;
  Header header = headerFor(key, bytes.size(), hashContent(bytes));
  std::vector<std::byte> page(headerBytes);
  std::memcpy(page.data(), &header, sizeof(header));
  return file->write(page).ok() && file->write(bytes).ok() &&
         file->commit(OutputFile::Sync::no).ok();
}
