//===- FileNames.cpp - Outputs that are none of the inputs ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/FileNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"

#include <filesystem>

using namespace rlx::quantize;

/// Whether two names are of the same file, which need not be there yet.
static bool isSameFile(const std::string &a, const std::string &b) {
  if (a.empty() || b.empty())
    return false;
  llvm::sys::fs::UniqueID first, second;
  bool isFirst = !llvm::sys::fs::getUniqueID(a, first),
       isSecond = !llvm::sys::fs::getUniqueID(b, second);
  if (isFirst && isSecond)
    return first == second;
  if (isFirst != isSecond)
    return false;
  std::error_code failedFirst, failedSecond;
  auto firstPath = std::filesystem::weakly_canonical(
      std::filesystem::absolute(a), failedFirst);
  auto secondPath = std::filesystem::weakly_canonical(
      std::filesystem::absolute(b), failedSecond);
  return !failedFirst && !failedSecond && firstPath == secondPath;
}

llvm::Error rlx::quantize::checkFileNames(llvm::ArrayRef<NamedFile> outputs,
                                          llvm::ArrayRef<NamedFile> inputs) {
  for (auto [index, output] : llvm::enumerate(outputs)) {
    for (const NamedFile &other : outputs.take_front(index))
      if (isSameFile(output.path, other.path))
        return llvm::createStringError(
            "expected another file for " + output.option + " than for " +
            other.option + ", but both are '" + output.path + "'");
    for (const NamedFile &input : inputs)
      if (isSameFile(output.path, input.path))
        return llvm::createStringError("expected " + output.option +
                                       " to name a new file, but '" +
                                       output.path + "' is " + input.option +
                                       " '" + input.path + "', which is read");
  }
  return llvm::Error::success();
}
