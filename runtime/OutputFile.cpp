//===- OutputFile.cpp - Files that appear whole or not at all -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the file system can, the file has no name until everything is there, so
// that a process that is killed leaves nothing. Elsewhere, and for the moment
// between name and target, it is `.<name>.<process>.<number>.tmp`: two writers
// of the same target never share one.
//
//===----------------------------------------------------------------------===//
#include "runtime/OutputFile.h"

#include "runtime/Temporaries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace fs = std::filesystem;

namespace rlx {

static std::string temporaryName(const std::string &target) {
  static std::atomic<unsigned> nextNumber{0};
  fs::path where(target);
  return (where.parent_path() / fmt::format(".{}.{}.{}.tmp",
                                            where.filename().string(), getpid(),
                                            nextNumber++))
      .string();
}

static std::string descriptorPath(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

/// A file in the folder of `target` that has no name, or -1 where there is no
/// such thing or it could not be given a name later.
static int openUnnamed(const std::string &target) {
#ifdef O_TMPFILE
  std::string folder = fs::path(target).parent_path().string();
  int descriptor = open(folder.empty() ? "." : folder.c_str(),
                        O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor >= 0 && access(descriptorPath(descriptor).c_str(), F_OK) == 0)
    return descriptor;
  if (descriptor >= 0)
    close(descriptor);
#endif
  return -1;
}

OutputFile::OutputFile(OutputFile &&other) noexcept
    : name(std::move(other.name)), target(std::move(other.target)),
      temporary(std::exchange(other.temporary, {})),
      descriptor(std::exchange(other.descriptor, -1)),
      numWritten(std::exchange(other.numWritten, 0)) {}

OutputFile &OutputFile::operator=(OutputFile &&other) noexcept {
  if (this == &other)
    return *this;
  discard();
  name = std::move(other.name);
  target = std::move(other.target);
  temporary = std::exchange(other.temporary, {});
  descriptor = std::exchange(other.descriptor, -1);
  numWritten = std::exchange(other.numWritten, 0);
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  if (descriptor >= 0)
    close(std::exchange(descriptor, -1));
  if (temporary.empty())
    return;
  unlink(temporary.c_str());
  forgetTemporary(std::exchange(temporary, {}));
}

/// Where a link leads whose end is not there yet; the path itself where it is
/// no link, or one that leads in a circle.
static fs::path endOfLink(const fs::path &path) {
  constexpr int mostLinks = 40; // as Linux follows
  fs::path end = path;
  for (int i = 0; i < mostLinks; ++i) {
    std::error_code failed;
    fs::path next = fs::read_symlink(end, failed);
    if (failed)
      return end;
    end = next.is_absolute() ? next : end.parent_path() / next;
  }
  return path;
}

Result<OutputFile> OutputFile::create(const std::string &path) {
  OutputFile file;
  file.name = path;
  file.target = path;
  // A rename would replace a link, or a device such as /dev/null, by a file.
  std::error_code failed;
  fs::file_status status = fs::status(path, failed);
  if (fs::exists(status)) {
    if (!fs::is_regular_file(status))
      return errorf("'{}' is {}, expected a regular file or a new name", path,
                    fs::is_directory(status) ? "a directory"
                                             : "not a regular file");
    fs::path real = fs::canonical(path, failed);
    if (!failed)
      file.target = real.string();
  } else {
    file.target = endOfLink(path).string();
  }

  file.descriptor = openUnnamed(file.target);
  while (file.descriptor < 0) {
    std::string candidate = temporaryName(file.target);
    noteTemporary(candidate);
    file.descriptor =
        open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor >= 0) {
      file.temporary = candidate;
      break;
    }
    int reason = errno;
    forgetTemporary(candidate);
    if (reason != EEXIST)
      return errorf("'{}': cannot create the file: {}", path, strerror(reason));
  }
  return file;
}

/// Gives a file without a name a temporary one; 0 or the reason.
int OutputFile::nameTemporary() {
  while (temporary.empty()) {
    std::string candidate = temporaryName(target);
    noteTemporary(candidate);
    if (linkat(AT_FDCWD, descriptorPath(descriptor).c_str(), AT_FDCWD,
               candidate.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary = candidate;
      break;
    }
    int reason = errno;
    forgetTemporary(candidate);
    if (reason != EEXIST)
      return reason;
  }
  return 0;
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  return writeAt(numWritten, bytes);
}

Status OutputFile::writeAt(uint64_t offset, std::span<const std::byte> bytes) {
  if (descriptor < 0)
    return errorf("'{}': cannot write: the file is closed", name);
  while (!bytes.empty()) {
    ssize_t written = pwrite(descriptor, bytes.data(), bytes.size(),
                             static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      int reason = errno;
      discard();
      return errorf("'{}': cannot write {} bytes at offset {}: {}", name,
                    bytes.size(), offset, strerror(reason));
    }
    offset += static_cast<uint64_t>(written);
    numWritten = std::max(numWritten, offset);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status OutputFile::write(std::string_view text) {
  return write(std::as_bytes(std::span(text.data(), text.size())));
}

Status OutputFile::commit(Sync sync) {
  if (descriptor < 0)
    return errorf("'{}': cannot finish the file: it is closed", name);
  // Without the sync, a crash of the machine could leave the name on an empty
  // file. close() is checked because some file systems report errors there.
  int reason = sync == Sync::no || fsync(descriptor) == 0 ? 0 : errno;
  if (reason == 0)
    reason = nameTemporary();
  if (close(std::exchange(descriptor, -1)) != 0 && reason == 0)
    reason = errno;
  if (reason == 0 && std::rename(temporary.c_str(), target.c_str()) != 0)
    reason = errno;
  if (reason != 0) {
    discard();
    return errorf("'{}': cannot finish the file: {}", name, strerror(reason));
  }
  forgetTemporary(std::exchange(temporary, {}));
  return {};
}

Status OutputFile::commitAll(std::span<OutputFile> files) {
  std::map<fs::path, std::string> names;
  for (const OutputFile &file : files) {
    std::error_code failed;
    auto [known, isNew] =
        names.try_emplace(fs::weakly_canonical(file.target, failed), file.name);
    if (!isNew)
      return errorf("'{}' and '{}' are the same file, expected one for each "
                    "output",
                    known->second, file.name);
  }
  for (OutputFile &file : files)
    if (Status status = file.commit(); !status)
      return status;
  return {};
}

} // namespace rlx
