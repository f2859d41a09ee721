//===- Inspect.h - What rlx-inspect shows -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function writes to the stream or says in one sentence why it cannot;
// options are read in rlx-inspect.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_INSPECT_H
#define RLX_TOOLS_INSPECT_H

#include "runtime/Status.h"
#include "runtime/weights/WeightFile.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace rlx::inspect {

/// The metadata and the tensors of a file, for people or as JSON.
void listFile(const WeightFile &file, mlir::MLIRContext &context, bool json,
              llvm::raw_ostream &stream);

/// What each weight takes in memory, and all of them, as plain floats too.
void listMemory(const WeightFile &file, mlir::MLIRContext &context, bool json,
                llvm::raw_ostream &stream);
/// The same of the weights of a program, a file of MLIR.
llvm::Error listProgramMemory(const std::string &path, bool json,
                              llvm::raw_ostream &stream);

/// Writes the values of a tensor of any rank to an npy file of f32.
Status dequantize(const WeightFile &file, const std::string &tensor,
                  const std::string &output, mlir::MLIRContext &context);

/// The built-in schemes, for people or as JSON.
void listSchemes(mlir::MLIRContext &context, bool json,
                 llvm::raw_ostream &stream);

/// The description of one scheme, in the language of #rlx.scheme.
Status describeScheme(const std::string &name, mlir::MLIRContext &context,
                      llvm::raw_ostream &stream);

} // namespace rlx::inspect

#endif // RLX_TOOLS_INSPECT_H
