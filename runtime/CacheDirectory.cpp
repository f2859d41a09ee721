//===- CacheDirectory.cpp - Files that are kept between processes ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything goes through one descriptor of the folder, so that what was
// checked is what is used. A temporary file is
// `.<name>.<process>.<number>.tmp`. When a file was used last is its time of
// access, which is set here since file systems are mounted without it; that of
// modification must stay, as readers of mapped files look at it.
//
//===----------------------------------------------------------------------===//
#include "runtime/CacheDirectory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <tuple>
#include <vector>

namespace fs = std::filesystem;

namespace rlx {
namespace {

/// Objects, packed weights, kernels.
constexpr std::array<std::string_view, 3> endings = {".rlxo", ".rlxp", ".rlxk"};
/// A process that writes one file for longer than this is none of ours.
constexpr time_t leftoverSeconds = 24 * 60 * 60;

/// The process that a temporary file's name tells, or none where it is none.
std::optional<pid_t> writerOf(std::string_view name) {
  constexpr std::string_view end = ".tmp";
  if (!name.starts_with('.') || !name.ends_with(end))
    return std::nullopt;
  name = name.substr(1, name.size() - 1 - end.size());
  std::array<int64_t, 2> numbers{}; // From the end: number, process.
  for (int64_t &number : numbers) {
    size_t dot = name.rfind('.');
    if (dot == std::string_view::npos)
      return std::nullopt;
    const char *begin = name.data() + dot + 1, *last = name.end();
    auto [at, failed] = std::from_chars(begin, last, number);
    if (failed != std::errc() || at != last || number < 0)
      return std::nullopt;
    name = name.substr(0, dot);
  }
  if (!CacheDirectory::isEntryName(name))
    return std::nullopt;
  return static_cast<pid_t>(numbers[1]);
}

/// Calls `visit` with each name in a folder.
template <class Visit> void forEachName(int folder, Visit visit) {
  int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = again < 0 ? nullptr : fdopendir(again);
  if (!list) {
    if (again >= 0)
      close(again);
    return;
  }
  while (const dirent *entry = readdir(list))
    visit(std::string(entry->d_name));
  closedir(list);
}

bool writeAll(int file, CacheDirectory::Bytes bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

/// Makes a folder and those above it, for the user alone.
void makeFolders(const fs::path &path) {
  if (path.has_parent_path() && path.parent_path() != path)
    makeFolders(path.parent_path());
  (void)mkdir(path.c_str(), 0700);
}

} // namespace

CacheDirectory::CacheDirectory(std::string path, CacheOptions options)
    : path(std::move(path)), options(std::move(options)) {}

CacheDirectory::~CacheDirectory() {
  if (folder >= 0)
    close(folder);
}

bool CacheDirectory::isEntryName(std::string_view name) {
  auto ending = std::ranges::find_if(
      endings, [&](std::string_view end) { return name.ends_with(end); });
  if (ending == endings.end() || name.size() == ending->size())
    return false;
  name.remove_suffix(ending->size());
  return name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void CacheDirectory::remark(const std::string &what, const std::string &why) {
  if (options.onRemark && !std::exchange(said, true))
    options.onRemark(
        fmt::format("'{}' {}; the cache does not use it", what, why));
}

/// Whether what was opened is the user's own.
bool CacheDirectory::isUsable(int file, const std::string &what,
                              bool isFolder) {
  struct stat info = {};
  if (fstat(file, &info) != 0)
    return false;
  bool isExpected = isFolder ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode);
  if (!isExpected)
    remark(what, isFolder ? "is no folder" : "is no regular file");
  else if (info.st_uid != geteuid())
    remark(what, fmt::format("belongs to user {}, expected user {}",
                             info.st_uid, geteuid()));
  else if (info.st_mode & (S_IWGRP | S_IWOTH))
    remark(what, fmt::format("has mode {:04o}, expected one that lets nobody "
                             "else write (chmod go-w)",
                             info.st_mode & 07777));
  else
    return true;
  return false;
}

/// Opens the folder, once.
bool CacheDirectory::open(bool create) {
  if (folder >= 0 || refused || path.empty())
    return folder >= 0;
  if (create)
    makeFolders(fs::path(path).lexically_normal());
  int opened = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0)
    return false;
  if (!isUsable(opened, path, /*isFolder=*/true)) {
    close(opened);
    refused = true;
    return false;
  }
  folder = opened;
  removeLeftovers();
  return true;
}

/// Removes temporary files whose writer is no more. Where processes do not see
/// each other, as in containers, one may lose its file; it then stores nothing.
void CacheDirectory::removeLeftovers() {
  std::vector<std::string> leftovers;
  forEachName(folder, [&](const std::string &name) {
    std::optional<pid_t> writer = writerOf(name);
    struct stat info = {};
    if (!writer || fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW))
      return;
    bool isGone = kill(*writer, 0) != 0 && errno == ESRCH;
    if (isGone || info.st_mtime < time(nullptr) - leftoverSeconds)
      leftovers.push_back(name);
  });
  for (const std::string &name : leftovers)
    (void)unlinkat(folder, name.c_str(), 0);
}

/// Whether `bytes` more fit; removes what was not used for longest, but nothing
/// that this object found or stored: a program's weights that are larger than
/// the limit would otherwise displace each other.
bool CacheDirectory::makeRoom(uint64_t bytes) {
  if (bytes > options.limitBytes)
    return false;
  if (usedBytes && *usedBytes <= options.limitBytes - bytes)
    return true;
  // Time of last use, name, size.
  std::vector<std::tuple<int64_t, int64_t, std::string, uint64_t>> entries;
  uint64_t all = 0;
  forEachName(folder, [&](const std::string &name) {
    struct stat info = {};
    if (!isEntryName(name) ||
        fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW))
      return;
    auto size = static_cast<uint64_t>(info.st_size);
    all += size;
    if (!usedNames.contains(name))
      entries.emplace_back(info.st_atim.tv_sec, info.st_atim.tv_nsec, name,
                           size);
  });
  if (all > options.limitBytes - bytes) {
    // A tenth more than needed, so that this is not done each time.
    uint64_t limit = options.limitBytes - options.limitBytes / 10;
    uint64_t kept = limit > bytes ? limit - bytes : 0;
    std::ranges::sort(entries);
    for (const auto &[seconds, nanoseconds, name, size] : entries)
      if (all > kept && unlinkat(folder, name.c_str(), 0) == 0)
        all -= size;
  }
  usedBytes = all;
  return all <= options.limitBytes - bytes;
}

std::shared_ptr<MappedFile> CacheDirectory::find(const std::string &name) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!open(/*create=*/false))
    return nullptr;
  std::string whole = (fs::path(path) / name).string();
  // O_NONBLOCK so that a named pipe is refused below, not waited for.
  int file = openat(folder, name.c_str(),
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    if (errno == ELOOP)
      remark(whole, "is a link");
    return nullptr;
  }
  if (!isUsable(file, whole, /*isFolder=*/false)) {
    close(file);
    return nullptr;
  }
  const timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  (void)futimens(file, times);
  auto mapped = MappedFile::map(file, whole, MappedFile::Descriptor::close);
  if (!mapped)
    return nullptr;
  usedNames.insert(name);
  return mapped.take();
}

bool CacheDirectory::store(const std::string &name,
                           std::initializer_list<Bytes> pieces) {
  std::lock_guard<std::mutex> lock(mutex);
  uint64_t size = 0;
  for (Bytes piece : pieces)
    size += piece.size();
  if (!open(/*create=*/true) || !makeRoom(size))
    return false;
  static std::atomic<unsigned> nextNumber{0};
  std::string temporary;
  int file = -1;
  do {
    temporary = fmt::format(".{}.{}.{}.tmp", name, getpid(), nextNumber++);
    file = openat(folder, temporary.c_str(),
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  } while (file < 0 && errno == EEXIST);
  if (file < 0)
    return false;
  bool isWritten = true;
  for (Bytes piece : pieces)
    isWritten = isWritten && writeAll(file, piece);
  // No sync: after a crash of the machine readers see from the content that it
  // is not what was stored.
  isWritten &= close(file) == 0;
  if (!isWritten ||
      renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
    (void)unlinkat(folder, temporary.c_str(), 0);
    return false;
  }
  usedBytes = usedBytes.value_or(0) + size;
  usedNames.insert(name);
  return true;
}

} // namespace rlx
