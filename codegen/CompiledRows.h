//===- CompiledRows.h - Quantizers as machine code --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rlx.quantize, compiled for this processor, in the place of rlx::Quantizer's
// own loops: the same bytes in a fraction of the time, where loops follow a
// scheme's rule (passes/rules/RulePlan.h).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_COMPILEDROWS_H
#define RLX_CODEGEN_COMPILEDROWS_H

#include "codegen/Executable.h"
#include "codegen/quantize/Quantizer.h"

#include <map>

namespace rlx {

class CompiledRows {
public:
  /// Lets `quantizer` run code that is compiled for its scheme and the length
  /// of its rows; a quantizer that searches, has a rule of its own or writes
  /// side tensors stays as it is. What was compiled once is used again. Errors:
  /// those of the compiler. `quantizer` may outlive this.
  llvm::Error use(Quantizer &quantizer);

private:
  std::map<std::string, std::shared_ptr<Executable>> known; ///< By program.
};

} // namespace rlx

#endif // RLX_CODEGEN_COMPILEDROWS_H
