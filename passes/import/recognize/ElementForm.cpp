//===- ElementForm.cpp - What an element of a tensor is -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/ElementForm.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

bool Read::isSame(const Read &other) const {
  return tensor == other.tensor && index == other.index && bit == other.bit &&
         width == other.width && type == other.type &&
         codebook == other.codebook && bias == other.bias &&
         isActivation == other.isActivation;
}

int64_t Read::numElements() const {
  auto shaped = dyn_cast<RankedTensorType>(tensor.getType());
  if (!shaped || width == 0)
    return 0;
  if (!shaped.hasStaticShape())
    return std::numeric_limits<int64_t>::max();
  return shaped.getNumElements() *
         (shaped.getElementType().getIntOrFloatBitWidth() / width);
}

void Product::multiply(const Product &other) {
  coefficient *= other.coefficient;
  reads.append(other.reads.begin(), other.reads.end());
}

ElementForm ElementForm::constant(double value) {
  ElementForm form;
  form.scale.coefficient = value;
  return form;
}

ElementForm ElementForm::of(Read read) {
  ElementForm form;
  form.scale.reads.push_back(std::move(read));
  return form;
}

bool ElementForm::isRead() const {
  return isProduct() && scale.coefficient == 1 && scale.reads.size() == 1;
}

bool FormArithmetic::isDense(const Read &read) const {
  return read.isActivation || read.numElements() >= elements;
}

bool FormArithmetic::findCode(ElementForm &form) const {
  if (form.code)
    return true;
  auto dense = [&](const Read &read) { return isDense(read); };
  SmallVector<Read, 2> &reads = form.scale.reads;
  if (llvm::count_if(reads, dense) != 1)
    return false;
  Read *found = llvm::find_if(reads, dense);
  form.code = *found;
  reads.erase(found);
  return true;
}

std::optional<ElementForm> FormArithmetic::round(const ElementForm &form,
                                                 Type type) const {
  if (form.rounded == type)
    return form;
  ElementForm result = form;
  if (form.rounded || !(type.isF16() || type.isBF16()) || !findCode(result))
    return std::nullopt;
  // What is dequantized already has a scheme, which rounds or does not.
  if (result.code->tensor.getDefiningOp<DequantizeOp>())
    return std::nullopt;
  result.rounded = type;
  return result;
}

std::optional<ElementForm>
FormArithmetic::multiply(const ElementForm &a, const ElementForm &b) const {
  if (!b.isProduct()) {
    if (!a.isProduct())
      return std::nullopt;
    return multiply(b, a);
  }
  // Factors behind a rounding are none of the weight's.
  bool isSign = b.isConstant() && std::abs(b.scale.coefficient) == 1;
  if (a.rounded && !isSign && !(b.isRead() && b.scale.reads[0].isActivation))
    return std::nullopt;
  ElementForm product = a;
  product.scale.multiply(b.scale);
  if (product.offset)
    product.offset->multiply(b.scale);
  return product;
}

std::optional<ElementForm> FormArithmetic::add(const ElementForm &a,
                                               const ElementForm &b,
                                               int sign) const {
  if (b.isZero())
    return a;
  auto negated = [&](ElementForm form) {
    form.scale.coefficient *= sign;
    if (form.offset)
      form.offset->coefficient *= sign;
    return form;
  };
  if (a.isZero())
    return negated(b);
  if (a.rounded || b.rounded)
    return std::nullopt;
  if (a.isConstant() && b.isConstant())
    return ElementForm::constant(a.scale.coefficient +
                                 sign * b.scale.coefficient);
  // A number beside the codes less a constant is one with a bias.
  auto biased = [&](const ElementForm &form,
                    double constant) -> std::optional<ElementForm> {
    const Read *read = form.isRead() ? &form.scale.reads[0] : nullptr;
    constexpr double most = 1 << 16;
    if (!read || isDense(*read) || read->codebook ||
        !isa<IntegerType>(read->type) || constant != std::round(constant) ||
        std::abs(constant) > most)
      return std::nullopt;
    ElementForm result = form;
    result.scale.reads[0].bias -= int64_t(constant);
    return result;
  };
  if (b.isConstant())
    if (auto result = biased(a, sign * b.scale.coefficient))
      return result;
  if (a.isConstant() && sign > 0)
    if (auto result = biased(b, a.scale.coefficient))
      return result;
  // The one that has the code comes first.
  ElementForm first = a, second = b;
  if (!findCode(first)) {
    if (!findCode(second))
      return std::nullopt;
    second = negated(second);
    std::swap(first, second);
    sign = 1;
  }
  // What is added is a product without a code.
  ElementForm other = second;
  if (!second.isProduct() || findCode(other))
    return std::nullopt;
  bool isBare = first.scale.isConstant() && !first.offset && !first.zero &&
                (first.scale.coefficient == 1 || first.scale.coefficient == -1);
  // code - zero
  if (isBare && second.isConstant()) {
    first.zeroConstant -=
        sign * second.scale.coefficient * first.scale.coefficient;
    return first;
  }
  if (isBare && first.zeroConstant == 0 && second.isRead() &&
      sign * first.scale.coefficient < 0) {
    first.zero = second.scale.reads.front();
    return first;
  }
  if (first.offset) {
    if (!first.offset->isConstant() || !second.isConstant())
      return std::nullopt;
    first.offset->coefficient += sign * second.scale.coefficient;
    return first;
  }
  first.offset = second.scale;
  first.offset->coefficient *= sign;
  return first;
}
