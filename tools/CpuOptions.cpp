//===- CpuOptions.cpp - What rlx-run and rlx-compile do alike -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CpuOptions.h"

#include "ir/SchemeFile.h"
#include "runtime/OutputFile.h"

using namespace rlx;

llvm::Error rlx::readSchemeFiles(mlir::MLIRContext &context,
                                 const cl::list<std::string> &paths) {
  for (const std::string &path : paths) {
    auto scheme = readSchemeFile(&context, path);
    if (!scheme)
      return scheme.takeError();
  }
  return llvm::Error::success();
}

static llvm::Error writeToStdout(llvm::StringRef text) {
  llvm::outs() << text;
  llvm::outs().flush();
  std::error_code error = llvm::outs().error();
  llvm::outs().clear_error();
  return error ? llvm::createStringError("cannot write to stdout: " +
                                         error.message())
               : llvm::Error::success();
}

llvm::Error rlx::writeOutputs(llvm::ArrayRef<OutputText> outputs) {
  std::vector<OutputFile> files;
  for (const auto &[path, text] : outputs) {
    if (path == "-")
      continue;
    Result<OutputFile> file = OutputFile::create(path);
    if (!file)
      return toError(file.status());
    files.push_back(file.take());
    if (Status status = files.back().write(std::string_view(text)); !status)
      return toError(status);
  }
  for (const auto &[path, text] : outputs)
    if (path == "-")
      if (auto error = writeToStdout(text))
        return error;
  return toError(OutputFile::commitAll(files));
}

llvm::Error rlx::writeOutput(const std::string &path, llvm::StringRef text) {
  return writeOutputs(OutputText{path, text});
}
