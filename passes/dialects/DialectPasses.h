//===- DialectPasses.h - Programs that others write -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DIALECTS_DIALECTPASSES_H
#define RLX_PASSES_DIALECTS_DIALECTPASSES_H

#include "mlir/Pass/Pass.h"

namespace rlx {

#define GEN_PASS_DECL
#include "passes/dialects/DialectPasses.h.inc"

} // namespace rlx

#endif // RLX_PASSES_DIALECTS_DIALECTPASSES_H
