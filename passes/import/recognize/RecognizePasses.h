//===- RecognizePasses.h - Passes of this room ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_RECOGNIZEPASSES_H
#define RLX_PASSES_IMPORT_RECOGNIZE_RECOGNIZEPASSES_H

#include "passes/PassDetail.h"

namespace rlx {
#define GEN_PASS_DECL
#include "passes/import/recognize/RecognizePasses.h.inc"
} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_RECOGNIZEPASSES_H
