//===- RoundedElements.cpp - What a body rounds to 16 bits ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/ElementEvaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// Integers that an operand may be.
struct Integers {
  double least = 0, most = 0;

  /// Whether `type` has all of them.
  bool fit(FloatType type) const {
    double largest = std::ldexp(1.0, int(type.getFPMantissaWidth()));
    return -largest <= least && most <= largest;
  }
};
} // namespace

static Integers integersOf(unsigned width, bool isSigned) {
  double count = std::ldexp(1.0, int(width));
  return isSigned ? Integers{-count / 2, count / 2 - 1}
                  : Integers{0, count - 1};
}

/// The integers that a value is one of, which are read as signed ones where
/// nothing else is known; nothing where it is no integer.
static std::optional<Integers> integersOf(const ElementValue &value,
                                          bool isSigned) {
  if (auto *bits = std::get_if<Bits>(&value))
    return integersOf(bits->read.width,
                      bits->isRaw() ? isSigned : bits->isSignExtended);
  auto *form = std::get_if<ElementForm>(&value);
  if (!form)
    return std::nullopt;
  if (form->isConstant()) {
    double number = form->scale.coefficient;
    if (number != std::round(number))
      return std::nullopt;
    return Integers{number, number};
  }
  // code - zero, too
  bool isBare = form->scale.isConstant() && form->scale.coefficient == 1 &&
                form->code && !form->offset && !form->rounded;
  if (!form->isRead() && !isBare)
    return std::nullopt;
  auto ofRead = [](const Read &read) -> std::optional<Integers> {
    auto type = dyn_cast<IntegerType>(read.type);
    if (!type || read.codebook)
      return std::nullopt;
    Integers all = integersOf(read.width, type.isSigned());
    return Integers{all.least - double(read.bias),
                    all.most - double(read.bias)};
  };
  if (form->isRead())
    return ofRead(form->scale.reads[0]);
  std::optional<Integers> code = ofRead(*form->code), zero = Integers();
  if (form->zero)
    zero = ofRead(*form->zero);
  if (!code || !zero || form->zeroConstant != std::round(form->zeroConstant))
    return std::nullopt;
  return Integers{code->least - zero->most - form->zeroConstant,
                  code->most - zero->least - form->zeroConstant};
}

bool rlx::roundsNumbers(Operation *op, ArrayRef<ElementValue> operands) {
  auto type =
      dyn_cast<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
  constexpr unsigned wordBits = 32;
  if (!type || type.getWidth() >= wordBits ||
      isa<arith::ExtFOp, arith::NegFOp, arith::BitcastOp>(op))
    return false;
  bool isConversion =
           isa<arith::SIToFPOp, arith::UIToFPOp, arith::TruncFOp>(op),
       isSum = isa<arith::AddFOp, arith::SubFOp>(op);
  if (!isConversion && !isSum)
    return true;
  bool isSigned = !isa<arith::UIToFPOp>(op);
  std::optional<Integers> a = integersOf(operands[0], isSigned);
  if (!a)
    return true;
  if (isConversion)
    return !a->fit(type);
  std::optional<Integers> b = integersOf(operands[1], isSigned);
  if (!b)
    return true;
  Integers sum = isa<arith::AddFOp>(op)
                     ? Integers{a->least + b->least, a->most + b->most}
                     : Integers{a->least - b->most, a->most - b->least};
  return !sum.fit(type);
}
