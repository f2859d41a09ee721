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

llvm::Error rlx::writeOutput(const std::string &path, llvm::StringRef text) {
  if (path == "-") {
    llvm::outs() << text;
    llvm::outs().flush();
    if (std::error_code error = llvm::outs().error()) {
      llvm::outs().clear_error();
      return llvm::createStringError("cannot write to stdout: " +
                                     error.message());
    }
    return llvm::Error::success();
  }
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return toError(file.status());
  OutputFile output = file.take();
  if (Status status = output.write(std::string_view(text)); !status)
    return toError(status);
  return toError(output.commit());
}
