//===- MagicNumbers.cpp - Sums of products that are floats ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/MagicNumbers.h"

using namespace mlir;
using namespace rlx;

Value MagicNumbers::correct(LoopBuilder &b, Value numbers, Value scales) {
  Value factor = arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<ShapedType>(scales.getType()), -start));
  return vector::FMAOp::create(b, scales, factor, numbers);
}
