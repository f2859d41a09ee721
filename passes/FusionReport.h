//===- FusionReport.h - What is fused, and what is not ----------*- C++ -*-===//
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_FUSIONREPORT_H
#define RLX_PASSES_FUSIONREPORT_H

#include "passes/Passes.h"

namespace rlx {

/// Import and layout for a CPU up to where operations are fused: remarks say
/// what was recognised and fused, what was not, and why.
void buildFusionReportPipeline(mlir::OpPassManager &pm,
                               const CpuTargetOptions &options);

} // namespace rlx

#endif // RLX_PASSES_FUSIONREPORT_H
