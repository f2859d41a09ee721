//===- ActivationGroup.cpp - What shares a scale of activations -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ActivationGroup.h"

#include "ir/ActivationType.h"
#include "ir/SideIndex.h"

using namespace mlir;
using namespace rlx;

bool rlx::isActivationGroup(int64_t group) {
  return group >= shortestActivationGroup && group <= longestActivationGroup &&
         llvm::isPowerOf2_64(uint64_t(group));
}

int64_t rlx::usualActivationGroup(const std::optional<QuantScheme> &scheme,
                                  int64_t k, Type activations,
                                  bool isReencoded) {
  const ActivationType *type = activationTypeOf(activations);
  if (!type || !type->isInteger || isReencoded)
    return longestActivationGroup;
  if (!scheme || !type->followsWeight)
    return type->usualGroup;
  for (FieldAttr field : scheme->attr().getScale())
    if (!field.isInteger() &&
        groupLength(*scheme, field, k) < std::min(longestActivationGroup, k))
      return shortestActivationGroup;
  return type->usualGroup;
}
