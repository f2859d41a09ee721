//===- FileNames.h - Outputs that are none of the inputs --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is read while it is replaced, or written twice, would be lost. Files are
// compared, not their names: a link is what it leads to.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_FILENAMES_H
#define RLX_TOOLS_QUANTIZE_FILENAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace rlx::quantize {

/// A file of a command line: `-o`, `--imatrix`, and the path.
struct NamedFile {
  std::string option, path;
};

/// Errors: an output that is another output or an input. Paths may be empty,
/// which are no files.
llvm::Error checkFileNames(llvm::ArrayRef<NamedFile> outputs,
                           llvm::ArrayRef<NamedFile> inputs);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_FILENAMES_H
