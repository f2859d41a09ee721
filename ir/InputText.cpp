//===- InputText.cpp - Files that hold text -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/InputText.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

#include <algorithm>

namespace fs = llvm::sys::fs;

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
rlx::readInputText(llvm::StringRef path, uint64_t maxBytes) {
  auto failed = [&](const llvm::Twine &reason) {
    return llvm::createStringError("'" + path + "': " + reason);
  };
  auto tooLong = [&](uint64_t limit, const llvm::Twine &from) {
    return failed("expected at most " + llvm::Twine(limit) + " bytes" + from +
                  ", but got more");
  };
  fs::file_t file = fs::getStdinHandle();
  if (path != "-") {
    llvm::Expected<fs::file_t> opened = fs::openNativeFileForRead(path);
    if (!opened)
      return failed(llvm::toString(opened.takeError()));
    file = *opened;
  }
  llvm::scope_exit close([&] {
    if (path != "-")
      fs::closeFile(file);
  });
  fs::file_status status;
  if (std::error_code error = fs::status(file, status))
    return failed(error.message());
  if (fs::is_directory(status))
    return failed("expected a file, but got a directory");
  if (path != "-" && fs::is_regular_file(status)) {
    if (status.getSize() > maxBytes)
      return tooLong(maxBytes, "");
    auto buffer = llvm::MemoryBuffer::getOpenFile(file, path, status.getSize());
    if (!buffer)
      return failed(buffer.getError().message());
    return std::move(*buffer);
  }

  uint64_t limit = std::min(maxBytes, maxStreamedBytes);
  constexpr size_t step = 1 << 16;
  llvm::SmallVector<char, 0> text;
  while (true) {
    size_t size = text.size();
    text.resize_for_overwrite(size + step);
    llvm::Expected<size_t> got = fs::readNativeFile(
        file, llvm::MutableArrayRef<char>(text).drop_front(size));
    if (!got)
      return failed(llvm::toString(got.takeError()));
    text.truncate(size + *got);
    if (*got == 0)
      break;
    if (text.size() > limit)
      return tooLong(limit, " from what is no regular file");
  }
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(text), path == "-" ? "<stdin>" : path,
      /*RequiresNullTerminator=*/true);
}
