//===- IndexAlgebra.cpp - Indices of elements in one form -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/IndexAlgebra.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

using namespace mlir;
using namespace rlx;

/// A sum of atoms, each once, in the order of `isBefore`, with coefficients
/// that are not 0.
struct IndexAlgebra::Sum {
  struct Term {
    AffineExpr atom;
    int64_t coefficient;
  };
  SmallVector<Term, 4> terms;
  int64_t constant = 0;

  void add(AffineExpr atom, int64_t coefficient);
  void add(const Sum &other, int64_t factor);
};

/// An order of atoms that depends on nothing but what they say: dimensions
/// first, then quotients.
static int compare(AffineExpr a, AffineExpr b) {
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind())
    return a.getKind() > b.getKind() ? -1 : 1;
  if (auto dim = dyn_cast<AffineDimExpr>(a))
    return dim.getPosition() < cast<AffineDimExpr>(b).getPosition() ? -1 : 1;
  if (auto constant = dyn_cast<AffineConstantExpr>(a))
    return constant.getValue() < cast<AffineConstantExpr>(b).getValue() ? -1
                                                                        : 1;
  auto one = cast<AffineBinaryOpExpr>(a), other = cast<AffineBinaryOpExpr>(b);
  if (int order = compare(one.getLHS(), other.getLHS()))
    return order;
  return compare(one.getRHS(), other.getRHS());
}

void IndexAlgebra::Sum::add(AffineExpr atom, int64_t coefficient) {
  auto *place = llvm::find_if(
      terms, [&](const Term &term) { return compare(term.atom, atom) >= 0; });
  if (place == terms.end() || place->atom != atom) {
    if (coefficient != 0)
      terms.insert(place, {atom, coefficient});
    return;
  }
  place->coefficient += coefficient;
  if (place->coefficient == 0)
    terms.erase(place);
}

void IndexAlgebra::Sum::add(const Sum &other, int64_t factor) {
  for (const Term &term : other.terms)
    add(term.atom, term.coefficient * factor);
  constant += other.constant * factor;
}

AffineExpr IndexAlgebra::constant(int64_t value) const {
  return getAffineConstantExpr(value, context);
}
AffineExpr IndexAlgebra::dim(unsigned position) const {
  // A dimension of one element is always 0.
  return sizes[position] == 1 ? constant(0)
                              : getAffineDimExpr(position, context);
}

IndexAlgebra::Sum IndexAlgebra::parse(AffineExpr expr) const {
  Sum sum;
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    sum.constant = value.getValue();
    return sum;
  }
  if (auto dimension = dyn_cast<AffineDimExpr>(expr)) {
    if (sizes[dimension.getPosition()] != 1)
      sum.add(expr, 1);
    return sum;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  sum = parse(binary.getLHS());
  Sum other = parse(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    sum.add(other, 1);
    return sum;
  case AffineExprKind::Mul: {
    // Affine expressions multiply with constants.
    if (!other.terms.empty())
      std::swap(sum, other);
    Sum product;
    product.add(sum, other.constant);
    return product;
  }
  case AffineExprKind::FloorDiv:
    return divide(sum, other.constant);
  case AffineExprKind::CeilDiv:
    sum.constant += other.constant - 1;
    return divide(sum, other.constant);
  case AffineExprKind::Mod: {
    Sum quotient = divide(sum, other.constant);
    sum.add(quotient, -other.constant);
    return sum;
  }
  default:
    llvm_unreachable("not a binary affine expression");
  }
}

/// Terms that are multiples of the divisor leave the division; what is left
/// vanishes where it is too small to count.
IndexAlgebra::Sum IndexAlgebra::divide(Sum sum, int64_t divisor) const {
  Sum whole, rest;
  for (const Sum::Term &term : sum.terms)
    if (term.coefficient % divisor == 0)
      whole.add(term.atom, term.coefficient / divisor);
    else
      rest.add(term.atom, term.coefficient);
  whole.constant = llvm::divideFloorSigned(sum.constant, divisor);
  rest.constant = llvm::mod(sum.constant, divisor);
  Range bounds = range(rest);
  if (bounds.low >= 0 && bounds.high < divisor)
    return whole;
  // (2 * a + 1) floordiv 4 is a floordiv 2.
  int64_t common = divisor;
  for (const Sum::Term &term : rest.terms)
    common = std::gcd(common, term.coefficient);
  if (common > 1) {
    for (Sum::Term &term : rest.terms)
      term.coefficient /= common;
    rest.constant = llvm::divideFloorSigned(rest.constant, common);
    divisor /= common;
    whole.add(divide(rest, divisor), 1);
    return whole;
  }
  AffineExpr inner = build(rest);
  // (a floordiv b) floordiv c is a floordiv (b * c).
  auto quotient = dyn_cast<AffineBinaryOpExpr>(inner);
  if (quotient && quotient.getKind() == AffineExprKind::FloorDiv) {
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    whole.add(divide(parse(quotient.getLHS()), by * divisor), 1);
    return whole;
  }
  whole.add(inner.floorDiv(divisor), 1);
  return whole;
}

AffineExpr IndexAlgebra::build(const Sum &sum) const {
  AffineExpr expr;
  auto append = [&](AffineExpr term) { expr = expr ? expr + term : term; };
  SmallVector<Sum::Term> terms(sum.terms.begin(), sum.terms.end());
  // x - c * (x floordiv c) is written as x mod c.
  for (Sum::Term &term : terms) {
    auto quotient = dyn_cast<AffineBinaryOpExpr>(term.atom);
    if (!quotient)
      continue;
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    auto *same = llvm::find_if(terms, [&](const Sum::Term &other) {
      return other.atom == quotient.getLHS() && other.coefficient != 0 &&
             other.coefficient * by == -term.coefficient;
    });
    if (same == terms.end())
      continue;
    append((quotient.getLHS() % by) * same->coefficient);
    same->coefficient = term.coefficient = 0;
  }
  for (const Sum::Term &term : terms)
    if (term.coefficient != 0)
      append(term.atom * term.coefficient);
  if (!expr)
    return constant(sum.constant);
  return sum.constant == 0 ? expr : expr + sum.constant;
}

IndexAlgebra::Range IndexAlgebra::range(const Sum &sum) const {
  // What a quotient takes away from its dividend leaves a remainder.
  for (const Sum::Term &term : sum.terms) {
    auto quotient = dyn_cast<AffineBinaryOpExpr>(term.atom);
    if (!quotient)
      continue;
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    if (term.coefficient % by != 0)
      continue;
    int64_t factor = -term.coefficient / by;
    Sum rest = sum;
    rest.add(term.atom, -term.coefficient);
    rest.add(parse(quotient.getLHS()), -factor);
    if (rest.terms.size() >= sum.terms.size())
      continue;
    Range others = range(rest);
    int64_t reach = factor * (by - 1);
    return {others.low + std::min<int64_t>(reach, 0),
            others.high + std::max<int64_t>(reach, 0)};
  }
  Range result{sum.constant, sum.constant};
  for (const Sum::Term &term : sum.terms) {
    Range atom;
    if (auto dimension = dyn_cast<AffineDimExpr>(term.atom)) {
      atom = {0, sizes[dimension.getPosition()] - 1};
    } else {
      auto quotient = cast<AffineBinaryOpExpr>(term.atom);
      int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
      atom = range(parse(quotient.getLHS()));
      atom = {llvm::divideFloorSigned(atom.low, by),
              llvm::divideFloorSigned(atom.high, by)};
    }
    if (term.coefficient < 0)
      std::swap(atom.low, atom.high);
    result.low += term.coefficient * atom.low;
    result.high += term.coefficient * atom.high;
  }
  return result;
}

AffineExpr IndexAlgebra::simplify(AffineExpr expr) const {
  return build(parse(expr));
}
AffineExpr IndexAlgebra::add(AffineExpr a, AffineExpr b) const {
  Sum sum = parse(a);
  sum.add(parse(b), 1);
  return build(sum);
}
AffineExpr IndexAlgebra::mul(AffineExpr a, int64_t factor) const {
  Sum sum;
  sum.add(parse(a), factor);
  return build(sum);
}
AffineExpr IndexAlgebra::floorDiv(AffineExpr a, int64_t divisor) const {
  return build(divide(parse(a), divisor));
}
AffineExpr IndexAlgebra::mod(AffineExpr a, int64_t divisor) const {
  Sum sum = parse(a), quotient = divide(sum, divisor);
  sum.add(quotient, -divisor);
  return build(sum);
}
IndexAlgebra::Range IndexAlgebra::range(AffineExpr expr) const {
  return range(parse(expr));
}

std::optional<IndexAlgebra::Split>
IndexAlgebra::split(AffineExpr expr, unsigned position) const {
  Sum sum = parse(expr);
  int64_t coefficient = 0;
  for (const Sum::Term &term : llvm::to_vector(sum.terms)) {
    if (!term.atom.isFunctionOfDim(position))
      continue;
    if (!isa<AffineDimExpr>(term.atom))
      return std::nullopt;
    coefficient = term.coefficient;
    sum.add(term.atom, -term.coefficient);
  }
  return Split{coefficient, build(sum)};
}

std::pair<AffineExpr, AffineExpr>
IndexAlgebra::splitMultiples(AffineExpr expr, int64_t divisor) const {
  Sum sum = parse(expr);
  AffineExpr whole = constant(llvm::divideFloorSigned(sum.constant, divisor)),
             rest = constant(llvm::mod(sum.constant, divisor));
  // What is less than the divisor is a part of the rest, whatever its sign.
  auto add = [&](AffineExpr atom, int64_t coefficient) {
    if (std::abs(coefficient) >= divisor) {
      whole = whole + atom * llvm::divideFloorSigned(coefficient, divisor);
      coefficient = llvm::mod(coefficient, divisor);
    }
    if (coefficient != 0)
      rest = rest + atom * coefficient;
  };
  // m x + a (x floordiv c) is m (x mod c) + (a + m c) (x floordiv c).
  for (Sum::Term &term : sum.terms) {
    auto quotient = dyn_cast<AffineBinaryOpExpr>(term.atom);
    if (!quotient)
      continue;
    int64_t by = cast<AffineConstantExpr>(quotient.getRHS()).getValue();
    auto *dividend = llvm::find_if(sum.terms, [&](const Sum::Term &other) {
      return other.atom == quotient.getLHS() && other.coefficient != 0;
    });
    if (dividend == sum.terms.end())
      continue;
    add(quotient.getLHS() % by, dividend->coefficient);
    term.coefficient += dividend->coefficient * by;
    dividend->coefficient = 0;
  }
  for (const Sum::Term &term : sum.terms)
    if (term.coefficient != 0)
      add(term.atom, term.coefficient);
  return {whole, rest};
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

AffineExpr rlx::fitTable(ArrayRef<int64_t> values, AffineExpr index) {
  if (values.empty())
    return nullptr;
  int64_t first = values.front(), size = values.size();
  int64_t step = size > 1 ? values[1] - first : 0;
  bool isLine = llvm::all_of(llvm::seq<int64_t>(0, size), [&](int64_t i) {
    return values[i] == first + step * i;
  });
  if (isLine)
    return index * step + first;
  // values[i] = inner[i mod p] + step * (i floordiv p), for the shortest p.
  for (int64_t period = 1; period < size; ++period) {
    if (size % period != 0)
      continue;
    int64_t outer = values[period] - first;
    bool repeats = llvm::all_of(llvm::seq(period, size), [&](int64_t i) {
      return values[i] == values[i % period] + outer * (i / period);
    });
    if (!repeats)
      continue;
    AffineExpr inner = fitTable(values.take_front(period), index % period);
    return inner ? inner + index.floorDiv(period) * outer : nullptr;
  }
  return nullptr;
}
