//===- SchemeNames.cpp - Schemes that a command line names ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/SchemeNames.h"

#include "ir/QuantRule.h"
#include "ir/SchemeFile.h"

#include "llvm/Support/FileSystem.h"

using namespace rlx;

llvm::Expected<QuantScheme> quantize::findScheme(mlir::MLIRContext &context,
                                                 llvm::StringRef name) {
  if (llvm::sys::fs::is_regular_file(name))
    return readSchemeFile(&context, name);
  if (std::optional<QuantScheme> scheme = QuantScheme::parse(&context, name))
    return *scheme;
  return llvm::createStringError(QuantScheme::unknownSchemeMessage(name));
}

llvm::Expected<llvm::SmallVector<QuantScheme>>
quantize::readSchemes(mlir::MLIRContext &context, llvm::StringRef given) {
  llvm::SmallVector<QuantScheme> schemes;
  if (given == "all" || given == "gguf") {
    for (const std::string &name : builtinSchemeNames()) {
      QuantScheme scheme = *QuantScheme::parse(&context, name);
      if (llvm::errorToBool(checkQuantizable(scheme)))
        continue;
      if (given == "all" || scheme.isGguf())
        schemes.push_back(scheme);
    }
    return schemes;
  }
  llvm::SmallVector<llvm::StringRef> names;
  given.split(names, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef name : names) {
    llvm::Expected<QuantScheme> scheme = findScheme(context, name);
    if (!scheme)
      return scheme.takeError();
    schemes.push_back(*scheme);
  }
  return schemes;
}
