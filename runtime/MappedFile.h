//===- MappedFile.h - A file read through the page cache ------------------===//
//
// Maps a whole file read-only, so that weights are read when they are used and
// never copied. It knows nothing of what the file holds. A file that someone
// else shortens while it is mapped kills the process when the lost part is
// touched (SIGBUS); no reader of mapped files can avoid that.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_MAPPEDFILE_H
#define RLX_RUNTIME_MAPPEDFILE_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace rlx {

class MappedFile {
public:
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// Maps a regular file; an empty one is fine and has no bytes. Errors name
  /// the file and the reason of the system.
  static Result<std::shared_ptr<MappedFile>> open(const std::string &path);

  /// The content; the first byte is page-aligned.
  std::span<const std::byte> bytes() const { return content; }

  /// Tells the system that `size` bytes from offset `begin` are not needed
  /// soon: the whole pages inside leave this process's memory and come back
  /// from the file when they are read again. A range outside the file is
  /// clipped.
  void release(uint64_t begin, uint64_t size) const;

  /// The path as it was given.
  const std::string &path() const { return name; }

private:
  MappedFile(std::string path, std::span<const std::byte> bytes)
      : name(std::move(path)), content(bytes) {}

  std::string name;
  std::span<const std::byte> content;
};

} // namespace rlx

#endif // RLX_RUNTIME_MAPPEDFILE_H
