//===- ActivationGroup.h - What shares a scale of activations ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many elements of K share a scale where activations are rounded to
// integers. It is part of what a program means, so that kernels of any target
// and the reference read it here.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_ACTIVATIONGROUP_H
#define RLX_IR_ACTIVATIONGROUP_H

#include "ir/Scheme.h"

#include <optional>

namespace rlx {

constexpr int64_t shortestActivationGroup = 32, longestActivationGroup = 256;
/// That of kernels for devices, whatever a program allows beyond it.
constexpr int64_t deviceActivationGroup = 32;

/// Whether a program may ask for groups of so many: 32, 64, 128 or 256.
bool isActivationGroup(int64_t group);

/// The most elements of a row of `k` that share a scale, for a matmul that does
/// not say it: that of the type (ir/ActivationType.h); 32 for i8 where scales
/// of the weight that are no integers are for fewer than 256 elements of K, so
/// that activations are rounded no more coarsely than the weight. Else 256, as
/// also where it is reencoded.
int64_t usualActivationGroup(const std::optional<QuantScheme> &scheme,
                             int64_t k, mlir::Type activations,
                             bool isReencoded);

} // namespace rlx

#endif // RLX_IR_ACTIVATIONGROUP_H
