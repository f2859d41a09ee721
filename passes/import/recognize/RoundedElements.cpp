//===- RoundedElements.cpp - What a body rounds to 16 bits ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/ElementEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

/// Bits of the largest integer below which `type` has all integers.
static unsigned integerBits(FloatType type) {
  return type.getFPMantissaWidth();
}

bool rlx::roundsNumbers(Operation *op, ArrayRef<ElementValue> operands) {
  auto type =
      dyn_cast<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
  constexpr unsigned wordBits = 32;
  if (!type || type.getWidth() >= wordBits ||
      isa<arith::ExtFOp, arith::NegFOp, arith::BitcastOp>(op))
    return false;
  auto bitsOf = [&](const ElementValue &value) -> unsigned {
    constexpr unsigned many = 64;
    if (auto *bits = std::get_if<Bits>(&value))
      return bits->read.width;
    auto *form = std::get_if<ElementForm>(&value);
    if (!form)
      return many;
    if (form->isConstant()) {
      double size = std::abs(form->scale.coefficient);
      return size == std::round(size) && size < 0x1p20
                 ? llvm::Log2_64_Ceil(uint64_t(size) + 1)
                 : many;
    }
    if (!form->isRead() || !isa<IntegerType>(form->scale.reads[0].type) ||
        form->scale.reads[0].codebook)
      return many;
    return form->scale.reads[0].width;
  };
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op))
    return bitsOf(operands[0]) > integerBits(type);
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return std::max(bitsOf(operands[0]), bitsOf(operands[1])) + 1 >
           integerBits(type);
  return true;
}
