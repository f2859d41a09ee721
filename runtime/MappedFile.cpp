//===- MappedFile.cpp - A file read through the page cache ----------------===//
//
// The descriptor is closed as soon as the mapping exists.
//
//===----------------------------------------------------------------------===//
#include "runtime/MappedFile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rlx {

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  // O_NONBLOCK so that a named pipe is refused below, not waited for.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return errorf("'{}': cannot open the file: {}", path, strerror(errno));

  struct stat info = {};
  if (fstat(descriptor, &info) != 0) {
    int reason = errno;
    close(descriptor);
    return errorf("'{}': cannot examine the file: {}", path, strerror(reason));
  }
  if (!S_ISREG(info.st_mode)) {
    close(descriptor);
    return errorf("'{}' is {}, expected a regular file", path,
                  S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
  }

  size_t size = static_cast<size_t>(info.st_size);
  void *data = nullptr;
  if (size > 0) {
    data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) {
      int reason = errno;
      close(descriptor);
      return errorf("'{}': cannot map {} bytes: {}", path, size,
                    strerror(reason));
    }
  }
  close(descriptor);
  return std::shared_ptr<MappedFile>(
      new MappedFile(path, {static_cast<const std::byte *>(data), size}));
}

MappedFile::~MappedFile() {
  if (!content.empty())
    munmap(const_cast<std::byte *>(content.data()), content.size());
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
