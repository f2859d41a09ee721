//===- ModeCreators.h - The modes of integer kernels ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes each mode, or says why it cannot be. Files have their names.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_MODECREATORS_H
#define RLX_PASSES_CPU_PACKED_MODECREATORS_H

#include "passes/cpu/packed/PackedMode.h"

namespace rlx {

using PackedModeCreator = std::unique_ptr<PackedMode>(
    const PackedKernel &kernel, std::string &reason);

PackedModeCreator createI32Sums, createF32Sums; // ScaledSums.cpp
PackedModeCreator createMagicNumbers, createI16Pairs, createPrescaledWeights,
    createReencodedWeights;

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_MODECREATORS_H
