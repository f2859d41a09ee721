//===- Passes.td - The passes of RLX -----------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes of all rooms; each room has a file of its own. One idea a pass. The
// pipelines that string them together are in Pipelines.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_PASSES_TD
#define RLX_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

include "passes/import/ImportPasses.td"
include "passes/checks/CheckPasses.td"
include "passes/graph/GraphPasses.td"
include "passes/storage/StoragePasses.td"
include "passes/decode/DecodePasses.td"
include "passes/cpu/CpuPasses.td"
include "passes/gpu/DevicePasses.td"

#endif
