//===- ProgramElements.cpp - Element by element in random programs --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions of arith and math, written once and used both on whole tensors
// and in the bodies of linalg.generic.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

using ConstantOf = std::function<std::string(double)>;

/// A function may be off by so many roundings of its result.
static constexpr double functionError = 32;

Term ProgramGenerator::assign(const std::string &operation,
                              const std::string &type, double magnitude,
                              double error) {
  Term term{fresh("x"), magnitude, error};
  emit(term.name + " = " + operation + " : " + type);
  return term;
}

/// Something of `x` that is at most `limit` in magnitude.
Term ProgramGenerator::bounded(const Term &x, double limit, ElementType element,
                               const std::string &type,
                               const ConstantOf &constantOf) {
  if (x.magnitude <= limit)
    return x;
  double unit = rounding(element);
  if (x.magnitude <= 60000 && dice.chance(30)) {
    Term y = assign("math.tanh " + x.name, type, 1,
                    std::min(1.0, x.error + functionError * unit));
    return y;
  }
  double factor = limit / x.magnitude;
  std::string scale = constantOf(factor);
  return assign("arith.mulf " + x.name + ", " + scale, type, limit,
                x.error * factor + 4 * unit * limit);
}

Term ProgramGenerator::unary(const Term &given, ElementType element,
                             const std::string &type,
                             const ConstantOf &constantOf) {
  double unit = rounding(element);
  Term x = bounded(given, 8, element, type, constantOf);
  // `slope` bounds the derivative where x lies.
  auto call = [&](const std::string &name, const Term &of, double magnitude,
                  double slope) {
    return assign(name + " " + of.name, type, magnitude,
                  slope * of.error + functionError * unit * magnitude);
  };
  auto plus = [&](const Term &of, double constant) {
    std::string name = constantOf(constant);
    double magnitude = of.magnitude + std::fabs(constant);
    return assign("arith.addf " + of.name + ", " + name, type, magnitude,
                  of.error + 2 * unit * magnitude);
  };
  auto magnitudeOf = [&](const Term &of) {
    return assign("math.absf " + of.name, type, of.magnitude, of.error);
  };
  switch (dice.below(19)) {
  case 0:
    return call("math.tanh", x, 1, 1);
  case 1: {
    x = bounded(x, 4, element, type, constantOf);
    return call("math.exp", x, std::exp(x.magnitude), std::exp(x.magnitude));
  }
  case 2:
    return call("math.sin", x, 1, 1);
  case 3:
    return call("math.cos", x, 1, 1);
  case 4:
    return call("math.log", plus(magnitudeOf(x), 0.5), 3, 2);
  case 5:
    return call("math.sqrt", plus(magnitudeOf(x), 0.5), 3, 1);
  case 6:
    return call("math.rsqrt", plus(magnitudeOf(x), 0.5), 1.5, 1.5);
  case 7:
    return assign("arith.negf " + x.name, type, x.magnitude, x.error);
  case 8:
    return magnitudeOf(x);
  case 9: { // sigmoid, and silu
    Term negative = assign("arith.negf " + x.name, type, x.magnitude, x.error);
    Term power = call("math.exp", negative, std::exp(x.magnitude),
                      std::exp(x.magnitude));
    Term one = plus(power, 1);
    bool silu = dice.chance(60);
    std::string numerator = silu ? x.name : constantOf(1);
    double magnitude = silu ? std::max(1.0, x.magnitude) : 1;
    return assign("arith.divf " + numerator + ", " + one.name, type, magnitude,
                  2 * x.error + functionError * unit * magnitude * 4);
  }
  case 10: { // relu
    std::string zero = constantOf(0);
    return assign("arith." +
                      std::string(dice.chance(50) ? "maximumf " : "maxnumf ") +
                      x.name + ", " + zero,
                  type, x.magnitude, x.error);
  }
  case 11:
    return call("math.erf", x, 1, 1.2);
  case 12:
    return call("math.log1p", magnitudeOf(x), 3, 1);
  case 13:
    return call("math.expm1", bounded(x, 4, element, type, constantOf), 54, 55);
  case 14: {
    std::string constant = constantOf(dice.pick({0.5, -1.5, 3.0, 0.125}));
    double magnitude = 3 * x.magnitude;
    return assign("arith.mulf " + x.name + ", " + constant, type, magnitude,
                  3 * x.error + 2 * unit * magnitude);
  }
  case 15:
    return call("math.exp2", bounded(x, 4, element, type, constantOf), 16, 12);
  case 16: { // a power of something positive
    Term base = plus(magnitudeOf(x), 0.5);
    std::string exponent = constantOf(dice.pick({0.5, 1.5, -0.5, 2.0}));
    return assign("math.powf " + base.name + ", " + exponent, type, 75,
                  20 * x.error + functionError * unit * 75 * 2);
  }
  case 17:
    if (!x.error)
      return assign("math." +
                        std::string(dice.pick(
                            {"floor ", "ceil ", "round ", "roundeven "})) +
                        x.name,
                    type, x.magnitude + 1, 0);
    [[fallthrough]];
  default:
    return plus(x, dice.pick({0.5, -1.0, 2.0, 0.0}));
  }
}

Term ProgramGenerator::binary(const Term &x, const Term &y, ElementType element,
                              const std::string &type) {
  double unit = rounding(element), sum = x.magnitude + y.magnitude,
         product = x.magnitude * y.magnitude;
  std::string operands = x.name + ", " + y.name;
  switch (dice.below(8)) {
  case 0:
  case 1:
    return assign("arith.addf " + operands, type, sum,
                  x.error + y.error + 2 * unit * sum);
  case 2:
    return assign("arith.subf " + operands, type, sum,
                  x.error + y.error + 2 * unit * sum);
  case 3:
  case 4:
    return assign("arith.mulf " + operands, type, product,
                  x.magnitude * y.error + y.magnitude * x.error +
                      x.error * y.error + 2 * unit * product);
  case 5:
    return assign("arith." +
                      std::string(dice.pick(
                          {"maximumf ", "minimumf ", "maxnumf ", "minnumf "})) +
                      operands,
                  type, std::max(x.magnitude, y.magnitude),
                  std::max(x.error, y.error));
  case 6:
    return assign("math.fma " + operands + ", " + x.name, type,
                  product + x.magnitude,
                  x.magnitude * y.error + y.magnitude * x.error + x.error +
                      4 * unit * (product + x.magnitude));
  default:
    return assign("math.copysign " + x.name + ", " +
                      (y.error ? x.name : y.name),
                  type, x.magnitude, x.error);
  }
}

Term ProgramGenerator::expression(std::vector<Term> terms, ElementType element,
                                  const std::string &type,
                                  const ConstantOf &constantOf,
                                  int operations) {
  // Every term is used.
  Term result = terms.front();
  for (size_t i = 1; i < terms.size(); ++i) {
    Term other = bounded(terms[i], 100, element, type, constantOf);
    result = bounded(result, 100, element, type, constantOf);
    if (dice.chance(30))
      other = unary(other, element, type, constantOf);
    result = binary(result, other, element, type);
  }
  for (int i = 0; i < operations; ++i) {
    if (dice.chance(70)) {
      result = unary(result, element, type, constantOf);
      continue;
    }
    Term other = bounded(dice.pick(terms), 10, element, type, constantOf);
    result = binary(bounded(result, 10, element, type, constantOf), other,
                    element, type);
  }
  return bounded(result, 1000, element, type, constantOf);
}

/// A tensor with the sizes of `value`, as constants and results of splats need.
static bool isStatic(const Shape &shape) {
  return std::none_of(shape.begin(), shape.end(),
                      [](const Size &size) { return size.dynamic; });
}

Value ProgramGenerator::boundedTensor(const Value &value, double limit) {
  std::string type = typeText(value);
  Term y = bounded({value.name, value.magnitude, value.error}, limit,
                   value.element, type, [&](double number) {
                     return filled(value.element, value.shape, number);
                   });
  return add({y.name, value.element, value.shape, y.magnitude, y.error});
}

void ProgramGenerator::makeElementwise() {
  Value first = anyFloat(0, 3);
  std::string type = typeText(first);
  auto constantOf = [&](double number) -> std::string {
    if (isStatic(first.shape) && dice.chance(60)) {
      std::string name = fresh("k");
      emit(name + " = arith.constant dense<" + numberText(number) +
           "> : " + type);
      return name;
    }
    if (dice.chance(50))
      return filled(first.element, first.shape, number);
    std::string constant = scalar(first.element, number),
                sizes = dynamicSizes(first.shape), name = fresh("k");
    emit(name + " = tensor.splat " + constant +
         (sizes.empty() ? "" : "[" + sizes + "]") + " : " + type);
    return name;
  };
  std::vector<Term> terms = {{first.name, first.magnitude, first.error}};
  for (int64_t i = dice.below(3); i > 0; --i) {
    Value other = operand(first.element, first.sizes(), 1e3);
    other = cast(other, first.shape);
    terms.push_back({other.name, other.magnitude, other.error});
  }
  Term y = expression(terms, first.element, type, constantOf,
                      int(dice.between(1, 4)));
  add({y.name, first.element, first.shape, y.magnitude, y.error});
}

void ProgramGenerator::makeGeneric() {
  ElementType element = dice.chance(85)
                            ? ElementType::f32
                            : dice.pick({ElementType::f16, ElementType::f64});
  Value first = anyFloat(1, 3);
  element = first.element;
  size_t rank = first.rank();
  Sizes sizes = first.sizes();
  // The first operand is read as it is or with its dimensions permuted.
  std::vector<size_t> order(rank);
  for (size_t i = 0; i < rank; ++i)
    order[i] = i;
  if (dice.chance(30))
    std::rotate(order.begin(), order.begin() + 1, order.end());
  // Dimension order[i] of the loops is dimension i of the operand.
  Sizes loops(rank);
  Shape shape(rank);
  for (size_t i = 0; i < rank; ++i) {
    loops[order[i]] = sizes[i];
    shape[order[i]] = first.shape[i];
  }
  std::vector<Value> operands = {first};
  std::vector<std::string> maps, dims;
  for (size_t i = 0; i < rank; ++i)
    dims.push_back("d" + std::to_string(order[i]));
  maps.push_back(map(rank, dims));
  for (int64_t count = dice.below(3); count > 0; --count) {
    Sizes part;
    dims.clear();
    for (size_t i = 0; i < rank; ++i)
      if (dice.chance(65)) {
        part.push_back(loops[i]);
        dims.push_back("d" + std::to_string(i));
      } else if (dice.chance(20)) {
        part.push_back(1);
        dims.push_back("0");
      }
    if (part.size() == 2 && dice.chance(25)) {
      std::swap(part[0], part[1]);
      std::swap(dims[0], dims[1]);
    }
    operands.push_back(operand(element, part, 1e3));
    maps.push_back(map(rank, dims));
  }
  dims.clear();
  for (size_t i = 0; i < rank; ++i)
    dims.push_back("d" + std::to_string(i));
  maps.push_back(map(rank, dims));
  std::vector<std::string> names, types, arguments,
      iterators(rank, "\"parallel\"");
  std::vector<Term> terms;
  std::string scalarType = elementText(element);
  for (const Value &operand : operands) {
    names.push_back(operand.name);
    types.push_back(typeText(operand));
    terms.push_back({fresh("b"), operand.magnitude, operand.error});
    arguments.push_back(terms.back().name + ": " + scalarType);
  }
  std::string target = empty(element, shape), type = typeText(element, shape),
              name = fresh();
  arguments.push_back(fresh("o") + ": " + scalarType);
  emit(name + " = linalg.generic {indexing_maps = [" + joined(maps) +
       "], iterator_types = [" + joined(iterators) + "]} ins(" + joined(names) +
       " : " + joined(types) + ") outs(" + target + " : " + type + ") {");
  emit("^bb0(" + joined(arguments) + "):");
  ++depth;
  if (dice.chance(10)) {
    std::string at = fresh("i"), wide = fresh("i"), number = fresh("x");
    emit(at + " = linalg.index " + std::to_string(dice.below(int64_t(rank))) +
         " : index");
    emit(wide + " = arith.index_cast " + at + " : index to i32");
    emit(number + " = arith.sitofp " + wide + " : i32 to " + scalarType);
    terms.push_back({number, 20000, 0});
  }
  Term y = expression(
      terms, element, scalarType,
      [&](double number) { return scalar(element, number); },
      int(dice.between(0, 3)));
  emit("linalg.yield " + y.name + " : " + scalarType);
  --depth;
  emit("} -> " + type);
  add({name, element, shape, y.magnitude, y.error});
}

void ProgramGenerator::makeIntegers() {
  ElementType element = dice.pick(
      {ElementType::i32, ElementType::i32, ElementType::i64, ElementType::i8});
  Sizes sizes = randomSizes(size_t(dice.between(0, 3)));
  Value x = provide(randomData(element, sizes, 100));
  std::string type = typeText(x), result = x.name;
  auto next = [&](const std::string &operation) {
    std::string name = fresh("x");
    emit(name + " = " + operation + " : " + type);
    result = name;
  };
  for (int64_t count = dice.between(1, 3); count > 0; --count) {
    if (dice.chance(25)) {
      Data divisors = randomData(element, sizes, 100);
      for (int64_t i = 0; i < divisors.count(); ++i)
        if (divisors.get(i) == 0 || divisors.get(i) == -1)
          divisors.set(i, 7);
      Value y = cast(provide(divisors), x.shape);
      next("arith." +
           std::string(dice.pick({"divsi ", "remsi ", "floordivsi "})) +
           result + ", " + y.name);
      continue;
    }
    Value y = cast(provide(randomData(element, sizes, 100)), x.shape);
    next("arith." +
         std::string(dice.pick({"addi ", "subi ", "muli ", "andi ", "ori ",
                                "xori ", "maxsi ", "minsi ", "minui "})) +
         result + ", " + y.name);
  }
  add({result, element, x.shape, 1e18, 0});
}

void ProgramGenerator::makeCasts() {
  std::optional<Value> found = existing([](const Value &value) {
    return value.isFloat() && value.magnitude <= 1000;
  });
  if (found && dice.chance(60)) {
    // To another float, and perhaps back.
    Value x = *found;
    ElementType to = dice.pick({ElementType::f16, ElementType::bf16,
                                ElementType::f64, ElementType::f32});
    unsigned before = elementBits(x.element), after = elementBits(to);
    if (before == after)
      return;
    define((after > before ? "arith.extf " : "arith.truncf ") + x.name + " : " +
               typeText(x) + " to " + typeText(to, x.shape),
           to, x.shape, x.magnitude,
           x.error + (after > before ? 0 : 2 * rounding(to) * x.magnitude));
    return;
  }
  // Between integers, and from and to floats.
  Sizes sizes = randomSizes(size_t(dice.between(0, 3)));
  if (dice.chance(40)) {
    Value x = provide(randomData(ElementType::f32, sizes, 100));
    ElementType to =
        dice.pick({ElementType::i32, ElementType::i8, ElementType::i64});
    define("arith.fptosi " + x.name + " : " + typeText(x) + " to " +
               typeText(to, x.shape),
           to, x.shape, 100, 0);
    return;
  }
  ElementType from = dice.pick({ElementType::i8, ElementType::i32,
                                ElementType::i64, ElementType::boolean});
  Value x = provide(randomData(from, sizes, 100));
  if (from == ElementType::boolean) {
    define("arith.uitofp " + x.name + " : " + typeText(x) + " to " +
               typeText(ElementType::f32, x.shape),
           ElementType::f32, x.shape, 1, 0);
    return;
  }
  if (dice.chance(50)) {
    define("arith." +
               std::string(dice.chance(70) || from != ElementType::i8
                               ? "sitofp "
                               : "uitofp ") +
               x.name + " : " + typeText(x) + " to " +
               typeText(ElementType::f32, x.shape),
           ElementType::f32, x.shape, 256, 0);
    return;
  }
  ElementType to = from == ElementType::i32
                       ? dice.pick({ElementType::i8, ElementType::i64})
                       : ElementType::i32;
  bool wider = elementBits(to) > elementBits(from);
  define(std::string(!wider            ? "arith.trunci "
                     : dice.chance(60) ? "arith.extsi "
                                       : "arith.extui ") +
             x.name + " : " + typeText(x) + " to " + typeText(to, x.shape),
         to, x.shape, 1e10, 0);
}

/// A choice between elements by elements that are exact.
void ProgramGenerator::makeSelect() {
  Value x = anyFloat(0, 3, 100);
  Value a = cast(operand(x.element, x.sizes(), 4, true), x.shape),
        b = cast(operand(x.element, x.sizes(), 4, true), x.shape),
        y = cast(operand(x.element, x.sizes(), 100), x.shape);
  Shape shape = x.shape;
  Value q = define("arith.cmpf " +
                       std::string(dice.pick({"ogt", "ole", "ult", "une"})) +
                       ", " + a.name + ", " + b.name + " : " + typeText(a),
                   ElementType::boolean, shape, 1, 0);
  define("arith.select " + q.name + ", " + x.name + ", " + y.name + " : " +
             typeText(q) + ", " + typeText(x),
         x.element, shape, std::max(x.magnitude, y.magnitude),
         std::max(x.error, y.error));
}
