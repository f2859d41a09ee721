//===- ProgramGenerator.cpp - Random programs that are right --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text of a program: names, types, constants, functions; and the menu of
// operations. What each operation looks like is in the other files.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

//===----------------------------------------------------------------------===//
// Types and numbers
//===----------------------------------------------------------------------===//

bool Value::isFloat() const {
  return element == ElementType::f32 || element == ElementType::f16 ||
         element == ElementType::bf16 || element == ElementType::f64;
}

Sizes Value::sizes() const {
  Sizes sizes;
  for (const Size &size : shape)
    sizes.push_back(size.value);
  return sizes;
}

int64_t Value::count() const { return *countElements(sizes()); }

std::string rlx::fuzz::elementText(ElementType type) {
  return type == ElementType::boolean ? "i1" : std::string(elementName(type));
}

std::string rlx::fuzz::typeText(ElementType element, const Shape &shape) {
  std::string text = "tensor<";
  for (const Size &size : shape)
    text += (size.dynamic ? "?" : std::to_string(size.value)) + "x";
  return text + elementText(element) + ">";
}

double rlx::fuzz::rounding(ElementType type) {
  switch (type) {
  case ElementType::f64:
    return 0x1p-52;
  case ElementType::f16:
    return 0x1p-11;
  case ElementType::bf16:
    return 0x1p-8;
  case ElementType::f32:
    return 0x1p-24;
  default:
    return 0;
  }
}

std::string rlx::fuzz::joined(const std::vector<std::string> &parts) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string rlx::fuzz::numberText(double number) {
  char buffer[64];
  snprintf(buffer, sizeof(buffer), "%.9e", number);
  return buffer;
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

std::string ProgramGenerator::fresh(const char *prefix) {
  return "%" + std::string(prefix) + std::to_string(counter++);
}

void ProgramGenerator::emit(const std::string &line) {
  function.body += std::string(2 * depth, ' ') + line + "\n";
}

Value ProgramGenerator::add(Value value) {
  pool.push_back(value);
  return value;
}

Value ProgramGenerator::define(const std::string &operation,
                               ElementType element, Shape shape,
                               double magnitude, double error) {
  Value value{fresh(), element, std::move(shape), magnitude, error};
  emit(value.name + " = " + operation);
  return add(value);
}

std::string ProgramGenerator::index(int64_t value) {
  std::string name = fresh("c");
  emit(name + " = arith.constant " + std::to_string(value) + " : index");
  return name;
}

std::string ProgramGenerator::indexFromData(int64_t value) {
  constexpr size_t capacity = 16;
  if (straight || !function.isMain || numbers.size() >= capacity ||
      value > INT32_MAX)
    return index(value);
  std::string at = index(int64_t(numbers.size())), number = fresh("n"),
              name = fresh("i");
  numbers.push_back(int32_t(value));
  emit(number + " = tensor.extract %numbers[" + at + "] : tensor<16xi32>");
  emit(name + " = arith.index_cast " + number + " : i32 to index");
  return name;
}

std::string ProgramGenerator::sizeOf(int64_t value) {
  if (dice.chance(75)) {
    std::vector<std::pair<const rlx::fuzz::Value *, size_t>> found;
    for (const rlx::fuzz::Value &candidate : pool)
      for (size_t i = 0; i < candidate.rank(); ++i)
        if (candidate.shape[i].dynamic && candidate.shape[i].value == value)
          found.push_back({&candidate, i});
    if (!found.empty()) {
      auto [tensor, dimension] = dice.pick(found);
      std::string type = typeText(*tensor), source = tensor->name,
                  position = index(int64_t(dimension)), name = fresh("d");
      emit(name + " = tensor.dim " + source + ", " + position + " : " + type);
      return name;
    }
  }
  if (dice.chance(15))
    return indexFromData(value);
  if (dice.chance(20)) {
    int64_t part = dice.between(0, 5);
    std::string a = sizeOf(value + part), b = index(part), name = fresh("d");
    emit(name + " = arith.subi " + a + ", " + b + " : index");
    return name;
  }
  return index(value);
}

std::string ProgramGenerator::condition(bool holds) {
  std::string name = fresh("q");
  if (dice.chance(15)) {
    emit(name + " = arith.constant " + (holds ? "true" : "false"));
    return name;
  }
  int64_t bound = dice.between(-3, 3);
  std::string a = indexFromData(holds ? bound + 1 + dice.below(3)
                                      : bound - dice.below(3)),
              b = index(bound);
  emit(name + " = arith.cmpi sgt, " + a + ", " + b + " : index");
  return name;
}

std::string ProgramGenerator::scalar(ElementType type, double number) {
  std::string name = fresh("k");
  if (type == ElementType::boolean)
    emit(name + " = arith.constant " + (number != 0 ? "true" : "false"));
  else if (rounding(type) == 0)
    emit(name + " = arith.constant " + std::to_string(int64_t(number)) + " : " +
         elementText(type));
  else
    emit(name + " = arith.constant " + numberText(number) + " : " +
         elementText(type));
  return name;
}

std::string ProgramGenerator::dynamicSizes(const Shape &shape) {
  std::vector<std::string> sizes;
  for (const Size &size : shape)
    if (size.dynamic)
      sizes.push_back(sizeOf(size.value));
  return joined(sizes);
}

std::string ProgramGenerator::empty(ElementType element, const Shape &shape) {
  std::string sizes = dynamicSizes(shape), name = fresh("e");
  emit(name + " = tensor.empty(" + sizes + ") : " + typeText(element, shape));
  return name;
}

std::string ProgramGenerator::filled(ElementType element, const Shape &shape,
                                     double number) {
  std::string start = scalar(element, number), target = empty(element, shape),
              name = fresh("f"), type = typeText(element, shape);
  emit(name + " = linalg.fill ins(" + start + " : " + elementText(element) +
       ") outs(" + target + " : " + type + ") -> " + type);
  return name;
}

std::string ProgramGenerator::map(size_t dims,
                                  const std::vector<std::string> &results) {
  std::vector<std::string> names;
  for (size_t i = 0; i < dims; ++i)
    names.push_back("d" + std::to_string(i));
  return "affine_map<(" + joined(names) + ") -> (" + joined(results) + ")>";
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

void ProgramGenerator::makeOperation() {
  using Maker = void (ProgramGenerator::*)();
  static const std::pair<int, Maker> menu[] = {
      {30, &ProgramGenerator::makeMatmul},
      {8, &ProgramGenerator::makeDequantized},
      {4, &ProgramGenerator::makeGatherMatmul},
      {4, &ProgramGenerator::makeEmbedding},
      {3, &ProgramGenerator::makeDequantize},
      {18, &ProgramGenerator::makeElementwise},
      {14, &ProgramGenerator::makeGeneric},
      {3, &ProgramGenerator::makeIntegers},
      {4, &ProgramGenerator::makeCasts},
      {3, &ProgramGenerator::makeSelect},
      {9, &ProgramGenerator::makeReduction},
      {2, &ProgramGenerator::makeArgmax},
      {2, &ProgramGenerator::makeSoftmax},
      {6, &ProgramGenerator::makeProduct},
      {2, &ProgramGenerator::makeConvolution},
      {2, &ProgramGenerator::makePooling},
      {3, &ProgramGenerator::makeNamedElementwise},
      {3, &ProgramGenerator::makePermutation},
      {5, &ProgramGenerator::makeSlice},
      {4, &ProgramGenerator::makeInsertSlice},
      {4, &ProgramGenerator::makeExpand},
      {4, &ProgramGenerator::makeCollapse},
      {2, &ProgramGenerator::makePad},
      {3, &ProgramGenerator::makeConcat},
      {2, &ProgramGenerator::makeFromElements},
      {2, &ProgramGenerator::makeInsert},
      {2, &ProgramGenerator::makeGenerate},
      {3, &ProgramGenerator::makeCastOfShape},
      {4, &ProgramGenerator::makeIf},
      {3, &ProgramGenerator::makeFor},
      {2, &ProgramGenerator::makeResizingFor},
      {3, &ProgramGenerator::makeCall},
      {2, &ProgramGenerator::makeTensorSelect},
      {3, &ProgramGenerator::makeNorm},
      {3, &ProgramGenerator::makeRope},
      {6, &ProgramGenerator::makeAttention},
      {2, &ProgramGenerator::makeAppend},
      {2, &ProgramGenerator::makeTopk},
  };
  int total = 0;
  for (const auto &[weight, maker] : menu)
    total += weight;
  int64_t at = dice.below(total);
  for (const auto &[weight, maker] : menu) {
    bool branches = maker == &ProgramGenerator::makeIf ||
                    maker == &ProgramGenerator::makeFor ||
                    maker == &ProgramGenerator::makeResizingFor ||
                    maker == &ProgramGenerator::makeTensorSelect;
    if (at < weight && straight && branches)
      return;
    if (at < weight)
      return (this->*maker)();
    at -= weight;
  }
}

/// Other sizes and indices than the program expects.
void ProgramGenerator::alterInputs(RandomProgram &program) {
  program.altered = true;
  Data &input = program.inputs[size_t(dice.below(program.inputs.size()))];
  if (rounding(input.type) == 0 && input.count() > 0 && dice.chance(70)) {
    int64_t last = &input == &program.inputs.back() && !numbers.empty()
                       ? int64_t(numbers.size())
                       : input.count();
    input.set(dice.below(last),
              double(dice.pick<int64_t>({-1, 0, 1, 2, 7, 1000, 2147483647})));
    return;
  }
  if (input.shape.empty())
    return;
  Sizes sizes = input.shape;
  int64_t &size = sizes[size_t(dice.below(int64_t(sizes.size())))];
  size = dice.chance(60) ? std::max<int64_t>(0, size + dice.pick({-1, 1, 2}))
                         : dice.pick<int64_t>({0, 1, 3, 2 * size});
  input = randomData(input.type, sizes, 1);
}

RandomProgram ProgramGenerator::generate() {
  RandomProgram program;
  program.seed = seed;
  for (int64_t i = 0, count = dice.between(1, 8); i < count; ++i)
    makeOperation();

  // Results: the last value and others, types and sizes as they come.
  auto returnable = [](const Value &value) { return value.count() <= 1 << 16; };
  std::vector<Value> results;
  if (!pool.empty())
    results.push_back(pool.back());
  while (dice.chance(40))
    if (std::optional<Value> value = existing(returnable))
      results.push_back(*value);
  if (results.empty())
    results.push_back(provide(randomData(ElementType::f32, {3}, 1)));

  auto returned = [&](const std::vector<Value> &values) {
    std::vector<std::string> names, types;
    for (const Value &value : values) {
      names.push_back(value.name);
      types.push_back(typeText(value));
    }
    emit("return " + joined(names) + " : " + joined(types));
  };
  if (!straight && dice.chance(5)) {
    // Two blocks that return, with sizes of their own.
    bool first = dice.chance(50);
    std::string holds = condition(first);
    emit("cf.cond_br " + holds + ", ^first, ^second");
    std::vector<Value> common, taken;
    std::vector<std::vector<Value>> sides(2);
    std::vector<std::string> bodies;
    std::string before = std::move(function.body);
    size_t visible = pool.size();
    for (int side = 0; side < 2; ++side) {
      function.body.clear();
      pool.resize(visible);
      for (const Value &result : results)
        sides[side].push_back(dice.chance(50)
                                  ? result
                                  : branchValue(result.element, result.rank()));
      bodies.push_back(std::move(function.body));
    }
    for (size_t i = 0; i < results.size(); ++i) {
      Shape shape = results[i].shape;
      for (size_t d = 0; d < shape.size(); ++d)
        shape[d].dynamic = true;
      common.push_back(sides[first ? 0 : 1][i]);
      common.back().shape = shape;
    }
    function.body = before;
    for (int side = 0; side < 2; ++side) {
      function.body += side ? "^second:\n" : "^first:\n";
      function.body += bodies[side];
      std::vector<Value> values;
      for (size_t i = 0; i < results.size(); ++i) {
        Shape shape = sides[side][i].shape;
        for (Size &size : shape)
          size.dynamic = true;
        values.push_back(cast(sides[side][i], shape));
        if ((side == 0) == first)
          taken.push_back(values.back());
      }
      returned(values);
    }
    results = taken;
  } else {
    returned(results);
  }

  std::vector<std::string> arguments, types;
  for (const Value &argument : function.arguments)
    arguments.push_back(argument.name + ": " + typeText(argument));
  for (const Value &result : results)
    types.push_back(typeText(result));
  program.inputs = function.data;
  for (const auto &[name, type] : encoded)
    arguments.push_back(name + ": " + type);
  program.inputs.insert(program.inputs.end(), quantizedInputs.begin(),
                        quantizedInputs.end());
  if (!numbers.empty()) {
    arguments.push_back("%numbers: tensor<16xi32>");
    Data data(ElementType::i32, {16});
    for (size_t i = 0; i < numbers.size(); ++i)
      data.set(int64_t(i), numbers[i]);
    program.inputs.push_back(data);
  }
  program.text = functions + "func.func @main(" + joined(arguments) + ") -> (" +
                 joined(types) + ") {\n" + function.body + "}\n";
  if (!resources.empty())
    program.text += "{-#\n  dialect_resources: {\n    builtin: {\n" +
                    resources + "\n    }\n  }\n#-}\n";
  program.weights = weights;
  for (const Value &result : results)
    program.results.push_back(
        {result.element, result.sizes(), result.magnitude, result.error});
  if (dice.chance(10) && !program.inputs.empty())
    alterInputs(program);
  return program;
}
