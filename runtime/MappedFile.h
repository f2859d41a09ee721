//===- MappedFile.h - A file read through the page cache ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps a whole file read-only, so that weights are read when they are used and
// never copied. It knows nothing of what the file holds. A file that someone
// else shortens while it is mapped ends the process when the lost part is
// touched (LostPages.h), and one that is written to changes under its readers.
// No reader of mapped files can prevent that; checkUnchanged() says that it has
// happened, to whoever asks before he reads.
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

#include <sys/stat.h>

namespace rlx {

class MappedFile {
public:
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  /// Maps a regular file; an empty one is fine and has no bytes. Errors name
  /// the file and the reason of the system.
  static Result<std::shared_ptr<MappedFile>> open(const std::string &path);
  /// The same for an open file, whose descriptor this takes. Closed at once, it
  /// is found by its path when it is checked: for many files.
  enum class Descriptor { keep, close };
  static Result<std::shared_ptr<MappedFile>>
  map(int descriptor, const std::string &path, Descriptor what);

  /// The content; the first byte is page-aligned.
  std::span<const std::byte> bytes() const { return content; }

  /// Tells the system that `size` bytes from offset `begin` are not needed
  /// soon: the whole pages inside leave this process's memory and come back
  /// from the file when they are read again. A range outside the file is
  /// clipped.
  void release(uint64_t begin, uint64_t size) const;

  /// An error where the file has been written to, or has another size, since it
  /// was mapped. One of the same name that took its place is no change: the
  /// mapping is of the file that was opened.
  Status checkUnchanged() const;

  /// The path as it was given.
  const std::string &path() const { return name; }

private:
  MappedFile(std::string path, std::span<const std::byte> bytes)
      : name(std::move(path)), content(bytes) {}

  std::string name;
  std::span<const std::byte> content;
  int descriptor = -1;
  struct stat state = {}; ///< When it was mapped.
};

} // namespace rlx

#endif // RLX_RUNTIME_MAPPEDFILE_H
