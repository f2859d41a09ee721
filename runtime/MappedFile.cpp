//===- MappedFile.cpp - A file read through the page cache ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/MappedFile.h"
#include "runtime/LostPages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rlx {

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  // O_NONBLOCK so that a named pipe is refused below, not waited for.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return errorf("'{}': cannot open the file: {}", path, strerror(errno));

  return map(descriptor, path, Descriptor::keep);
}

Result<std::shared_ptr<MappedFile>>
MappedFile::map(int descriptor, const std::string &path, Descriptor what) {
  std::shared_ptr<MappedFile> file(new MappedFile(path, {}));
  file->descriptor = descriptor;
  struct stat &info = file->state;
  if (fstat(descriptor, &info) != 0)
    return errorf("'{}': cannot examine the file: {}", path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return errorf("'{}' is {}, expected a regular file", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");

  size_t size = static_cast<size_t>(info.st_size);
  if (size > 0) {
    void *data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
      return errorf("'{}': cannot map {} bytes: {}", path, size,
                    strerror(errno));
    file->content = {static_cast<const std::byte *>(data), size};
    noteMapping(file->content, path);
  }
  if (what == Descriptor::close)
    close(std::exchange(file->descriptor, -1));
  return file;
}

MappedFile::~MappedFile() {
  forgetMapping(content);
  if (!content.empty())
    munmap(const_cast<std::byte *>(content.data()), content.size());
  if (descriptor >= 0)
    close(descriptor);
}

Status MappedFile::checkUnchanged() const {
  struct stat now = {};
  bool isThere = descriptor >= 0 ? fstat(descriptor, &now) == 0
                                 : stat(name.c_str(), &now) == 0 &&
                                       now.st_dev == state.st_dev &&
                                       now.st_ino == state.st_ino;
  // A file that has no name any more nobody opens to change it.
  if (!isThere)
    return {};
  if (now.st_size != state.st_size)
    return errorf("'{}' was changed while it was in use: it had {} bytes when "
                  "it was opened, and has {} now",
                  name, state.st_size, now.st_size);
  if (now.st_mtim.tv_sec != state.st_mtim.tv_sec ||
      now.st_mtim.tv_nsec != state.st_mtim.tv_nsec)
    return errorf("'{}' was changed while it was in use: it was written to "
                  "after it was opened",
                  name);
  return {};
}

void MappedFile::release(uint64_t begin, uint64_t size) const {
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  begin = std::min<uint64_t>(begin, content.size());
  uint64_t end = begin + std::min<uint64_t>(size, content.size() - begin);
  uint64_t firstPage = (begin + page - 1) / page * page;
  // A page cut off by the end of the file belongs to no neighbour.
  uint64_t lastPage = end == content.size() ? end : end / page * page;
  if (firstPage < lastPage)
    (void)madvise(const_cast<std::byte *>(content.data()) + firstPage,
                  lastPage - firstPage, MADV_DONTNEED);
}

} // namespace rlx
