//===- OutputFile.h - Files that appear whole or not at all ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes to a temporary file in the folder of the target, without a name where
// the file system can, and names it when everything is there. Whatever goes
// wrong before, an older target stays as it was and nothing new appears. What
// the bytes mean is the caller's business.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_OUTPUTFILE_H
#define RLX_RUNTIME_OUTPUTFILE_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rlx {

/// For programs, not for libraries in them: from here on, SIGINT, SIGTERM and
/// SIGHUP remove the temporary files of this process before they end it, where
/// they were not ignored, which other handlers hide: to be called before those
/// are installed. What ends it at once, as SIGKILL does, leaves them
/// where the file system has no files without a name.
void removeTemporariesOnSignals();
/// What these signals do first. May be called from any handler of signals.
void removeTemporaries();

class OutputFile {
public:
  OutputFile(OutputFile &&other) noexcept;
  OutputFile &operator=(OutputFile &&other) noexcept;
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  /// Removes what was written unless commit() succeeded.
  ~OutputFile();

  /// Begins a file that will be `path`. A symbolic link is followed. Errors: a
  /// folder that is missing or not writable, a target that exists and is not a
  /// regular file.
  static Result<OutputFile> create(const std::string &path);

  /// Appends bytes. After an error the file can no longer be committed.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  /// Writes bytes from byte `offset` of the file on, which may lie beyond what
  /// was written until now.
  Status writeAt(uint64_t offset, std::span<const std::byte> bytes);

  /// Bytes written until now, up to the last of them.
  uint64_t size() const { return numWritten; }

  /// Gives the file its name, once. With a sync the bytes are on the disk when
  /// it returns; without, a crash of the machine may leave a file of that name
  /// with other bytes, which only readers that check the content can bear.
  enum class Sync { yes, no };
  Status commit(Sync sync = Sync::yes);

  /// Gives all files their names, once all are there: an error of one leaves
  /// none, unless giving the name itself fails. Two for the same path are an
  /// error.
  static Status commitAll(std::span<OutputFile> files);

  /// The path as it was given.
  const std::string &path() const { return name; }

private:
  OutputFile() = default;
  void discard();
  int nameTemporary();

  std::string name;      ///< As given, for messages.
  std::string target;    ///< Where links lead.
  std::string temporary; ///< Empty when there is nothing to remove.
  int descriptor = -1;
  uint64_t numWritten = 0;
};

} // namespace rlx

#endif // RLX_RUNTIME_OUTPUTFILE_H
