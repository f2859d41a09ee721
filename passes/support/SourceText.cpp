//===- SourceText.cpp - Where an operation stands, for messages -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/SourceText.h"

#include "mlir/IR/Location.h"

using namespace mlir;

/// The first place in a file that `location` names: of a call, that of the
/// callee.
static FileLineColLoc findFile(Location location) {
  FileLineColLoc found;
  location->walk([&](Location part) {
    found = dyn_cast<FileLineColLoc>(part);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

std::string rlx::sourceText(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (FileLineColLoc file = findFile(op->getLoc()))
    stream << file.getFilename().strref() << ":" << file.getLine() << ":"
           << file.getColumn() << ": ";
  // A message has {} where a number is to stand.
  for (size_t at = 0; (at = text.find("{}", at)) != std::string::npos;)
    text.replace(at, 2, "()");
  stream << "'" << op->getName() << "' ";
  return text;
}
