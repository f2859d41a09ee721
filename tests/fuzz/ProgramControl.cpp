//===- ProgramControl.cpp - Control flow in random programs ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Branches that give tensors of different sizes, loops that carry tensors, and
// calls. Which way a program goes is in its inputs.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <algorithm>
#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

/// What a branch gives: of that type, of any size.
Value ProgramGenerator::branchValue(ElementType element, size_t rank) {
  if (dice.chance(50))
    if (std::optional<Value> value = existing([&](const Value &candidate) {
          return candidate.element == element && candidate.rank() == rank;
        }))
      return *value;
  Value value = operand(element, randomSizes(rank), 4);
  if (!value.isFloat() || dice.chance(40))
    return value;
  std::string type = typeText(value);
  Term y = unary(
      {value.name, value.magnitude, value.error}, element, type,
      [&](double number) { return filled(element, value.shape, number); });
  return add({y.name, element, value.shape, y.magnitude, y.error});
}

void ProgramGenerator::makeIf() {
  if (depth > 2)
    return;
  bool holds = dice.chance(50);
  std::string flag = condition(holds);
  ElementType element = dice.chance(85) ? ElementType::f32 : ElementType::i32;
  size_t rank = size_t(dice.between(0, 3));
  std::string before = std::move(function.body), bodies[2];
  size_t visible = pool.size();
  Value sides[2];
  ++depth;
  for (int side = 0; side < 2; ++side) {
    function.body.clear();
    // What one branch defines, the other does not see; arguments remain.
    sides[side] = branchValue(element, rank);
    if (dice.chance(30) && sides[side].isFloat())
      sides[side] = boundedTensor(sides[side], sides[side].magnitude / 2);
    bodies[side] = std::move(function.body);
    pool.resize(visible);
  }
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    const Size &a = sides[0].shape[i], &b = sides[1].shape[i];
    bool known = !a.dynamic && !b.dynamic && a.value == b.value;
    shape.push_back({(holds ? a : b).value, !known || dice.chance(50)});
  }
  std::string type = typeText(element, shape), name = fresh();
  for (int side = 0; side < 2; ++side) {
    function.body = std::move(bodies[side]);
    Shape own = sides[side].shape;
    for (size_t i = 0; i < rank; ++i)
      own[i].dynamic = shape[i].dynamic;
    Value result = cast(sides[side], own);
    emit("scf.yield " + result.name + " : " + type);
    bodies[side] = std::move(function.body);
  }
  --depth;
  function.body = before;
  emit(name + " = scf.if " + flag + " -> (" + type + ") {");
  function.body += bodies[0];
  emit("} else {");
  function.body += bodies[1];
  emit("}");
  add({name, element, shape, std::max(sides[0].magnitude, sides[1].magnitude),
       std::max(sides[0].error, sides[1].error)});
}

void ProgramGenerator::makeFor() {
  if (depth > 2)
    return;
  Value start = anyFloat(0, 3, 8);
  if (start.element != ElementType::f32 || start.error > 0.01)
    return;
  int64_t count = dice.below(4);
  std::string from = index(0),
              to = dice.chance(50) ? indexFromData(count) : index(count),
              step = index(1), i = fresh("i"), carried = fresh("t"),
              name = fresh(), type = typeText(start);
  double limit = std::max(4.0, start.magnitude);
  // With this error before, there is that one after an iteration.
  Value before{carried, start.element, start.shape, limit,
               std::max(start.error, 1e-7)};
  std::string outer = std::move(function.body);
  function.body.clear();
  size_t visible = pool.size();
  ++depth;
  add(before);
  auto constantOf = [&](double number) {
    return filled(start.element, start.shape, number);
  };
  std::vector<Term> terms = {{carried, before.magnitude, before.error}};
  if (dice.chance(60)) {
    Value other = cast(operand(start.element, start.sizes(), 4), start.shape);
    terms.push_back({other.name, other.magnitude, other.error});
  }
  Term y =
      expression(terms, start.element, type, constantOf, int(dice.below(2)));
  y = bounded(y, limit, start.element, type, constantOf);
  emit("scf.yield " + y.name + " : " + type);
  --depth;
  std::string body = std::move(function.body);
  pool.resize(visible);
  function.body = outer;
  emit(name + " = scf.for " + i + " = " + from + " to " + to + " step " + step +
       " iter_args(" + carried + " = " + start.name + ") -> (" + type + ") {");
  function.body += body;
  emit("}");
  double growth = std::max(1.0, y.error / before.error);
  double error = before.error * std::pow(growth, double(count));
  add({name, start.element, start.shape, limit,
       count == 0 ? start.error : std::min(error, 2 * limit)});
}

/// A loop whose tensor has other sizes after each iteration: it grows, is
/// halved or is turned around.
void ProgramGenerator::makeResizingFor() {
  Value start = anyFloat(2, 2, 8);
  if (depth > 2 || start.count() > 1000)
    return;
  int64_t count = dice.below(4);
  std::string from = index(0),
              to = dice.chance(50) ? indexFromData(count) : index(count),
              step = index(1), i = fresh("i"), carried = fresh("t"),
              zero = index(0), one = index(1), two = index(2), name = fresh();
  enum { grows, halves, turns } how = dice.pick({grows, halves, turns});
  size_t changed = size_t(dice.below(2));
  Shape shape = start.shape;
  for (size_t d = 0; d < 2; ++d)
    shape[d].dynamic |= how == turns || d == changed || dice.chance(30);
  start = cast(start, shape);
  std::string type = typeText(start), next = fresh();
  emit(name + " = scf.for " + i + " = " + from + " to " + to + " step " + step +
       " iter_args(" + carried + " = " + start.name + ") -> (" + type + ") {");
  std::string sizes[2];
  for (size_t d = 0; d < 2 && how != grows; ++d) {
    sizes[d] = shape[d].dynamic ? fresh() : std::to_string(shape[d].value);
    if (shape[d].dynamic)
      emit(sizes[d] + " = tensor.dim " + carried + ", " + (d ? one : zero) +
           " : " + type);
  }
  if (how == grows) {
    emit(next + " = tensor.concat dim(" + std::to_string(changed) + ") " +
         carried + ", " + carried + " : (" + type + ", " + type + ") -> " +
         type);
  } else if (how == halves) {
    std::string half = fresh();
    emit(half + " = arith.ceildivui " + sizes[changed] + ", " + two +
         " : index");
    sizes[changed] = half;
    emit(next + " = tensor.extract_slice " + carried + "[0, 0] [" + sizes[0] +
         ", " + sizes[1] + "] [" + (changed ? "1, 2" : "2, 1") + "] : " + type +
         " to " + type);
  } else {
    std::string blank = fresh();
    emit(blank + " = tensor.empty(" + sizes[1] + ", " + sizes[0] +
         ") : " + type);
    emit(next + " = linalg.transpose ins(" + carried + " : " + type +
         ") outs(" + blank + " : " + type + ") permutation = [1, 0]");
  }
  emit("scf.yield " + next + " : " + type);
  emit("}");
  for (int64_t round = 0; round < count; ++round)
    if (how == turns)
      std::swap(shape[0], shape[1]);
    else if (how == grows)
      shape[changed].value *= 2;
    else
      shape[changed].value = (shape[changed].value + 1) / 2;
  add({name, start.element, shape, start.magnitude, start.error});
}

void ProgramGenerator::makeCall() {
  if (!function.isMain || depth > 1)
    return;
  Function caller = std::move(function);
  std::vector<Value> visible = std::move(pool);
  pool.clear();
  function = Function();
  function.isMain = false;
  function.name = "part" + std::to_string(counter++);
  for (int64_t i = dice.between(1, 3); i > 0; --i)
    makeOperation();
  std::vector<Value> results;
  if (!pool.empty())
    results.push_back(pool.back());
  if (dice.chance(30) && !pool.empty())
    results.push_back(dice.pick(pool));
  Function callee = std::move(function);
  function = std::move(caller);
  pool = std::move(visible);
  if (results.empty())
    return;

  std::vector<std::string> parameters, operands, operandTypes, types, names;
  for (size_t i = 0; i < callee.arguments.size(); ++i) {
    const Value &argument = callee.arguments[i];
    parameters.push_back(argument.name + ": " + typeText(argument));
    Value given = cast(provide(callee.data[i]), argument.shape);
    operands.push_back(given.name);
    operandTypes.push_back(typeText(argument));
  }
  for (const Value &result : results) {
    types.push_back(typeText(result));
    names.push_back(result.name);
  }
  functions += "func.func private @" + callee.name + "(" + joined(parameters) +
               ") -> (" + joined(types) + ") {\n" + callee.body + "  return " +
               joined(names) + " : " + joined(types) + "\n}\n";
  std::string name = fresh();
  emit(name + ":" + std::to_string(results.size()) + " = call @" + callee.name +
       "(" + joined(operands) + ") : (" + joined(operandTypes) + ") -> (" +
       joined(types) + ")");
  for (size_t i = 0; i < results.size(); ++i) {
    Value result = results[i];
    result.name = name + "#" + std::to_string(i);
    add(result);
  }
}

/// A choice between whole tensors, which may have other sizes than each other.
void ProgramGenerator::makeTensorSelect() {
  std::optional<Value> found = existing(
      [](const Value &value) { return value.rank() > 0 && value.isFloat(); });
  if (!found)
    return;
  bool first = dice.chance(50);
  std::string flag = condition(first);
  Value a = *found, b = branchValue(a.element, a.rank());
  Shape shapeA = a.shape, shapeB = b.shape;
  for (size_t i = 0; i < a.rank(); ++i)
    if (shapeA[i].dynamic || shapeB[i].dynamic ||
        shapeA[i].value != shapeB[i].value)
      shapeA[i].dynamic = shapeB[i].dynamic = true;
  a = cast(a, shapeA);
  b = cast(b, shapeB);
  define("arith.select " + flag + ", " + a.name + ", " + b.name + " : " +
             typeText(a),
         a.element, first ? shapeA : shapeB, std::max(a.magnitude, b.magnitude),
         std::max(a.error, b.error));
}
