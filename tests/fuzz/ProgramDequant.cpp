//===- ProgramDequant.cpp - Quantized weights spelled out -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights as exporters write them: codes that are masked, shifted, converted,
// less a zero point, times scales of all kinds, in the order of rows or of
// columns, and then multiplied.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

void ProgramGenerator::makeDequantized() {
  bool isNibbles = dice.chance(40), isSigned = !isNibbles && dice.chance(60),
       isColumns = dice.chance(30);
  int64_t group = dice.pick<int64_t>({4, 8, 16, 32}),
          k = group * dice.between(1, 5), n = dice.between(1, 20),
          m = dice.pick<int64_t>({1, 2, 3, 5, 8, 17, 33});
  auto fixed = [&](const Data &data) {
    Value value = provide(data);
    Shape known = value.shape;
    for (Size &size : known)
      size.dynamic = false;
    return cast(value, known);
  };
  int64_t parts = isNibbles ? 2 : 1;
  Sizes stored = {n, k / parts};
  // Nibbles lie along K, whichever way the bytes do.
  if (isColumns)
    std::swap(stored[0], stored[1]);
  Value q = fixed(randomData(ElementType::i8, stored, 127));
  std::string byte = isNibbles ? "d1 floordiv 2" : "d1";
  std::vector<std::string> inputs = {q.name}, types = {typeText(q)},
                           maps = {map(
                               2, isColumns
                                      ? std::vector<std::string>{byte, "d0"}
                                      : std::vector<std::string>{"d0", byte})},
                           names = {"%q: i8"};
  auto add = [&](const Value &value, std::vector<std::string> index,
                 const std::string &name) {
    inputs.push_back(value.name);
    types.push_back(typeText(value));
    maps.push_back(map(2, index));
    names.push_back("%" + name + ": " + elementText(value.element));
  };
  std::string ofGroup = "d1 floordiv " + std::to_string(group);
  double largest = isNibbles ? 15 : isSigned ? 128 : 255;

  // Scales of groups, rows, the weight, or none.
  ElementType scaleType =
      dice.pick({ElementType::f32, ElementType::f32, ElementType::f16});
  int64_t kind = dice.below(4);
  double scale = 1;
  if (kind < 3) {
    Sizes sizes = kind == 0   ? Sizes{n, k / group}
                  : kind == 1 ? Sizes{n}
                              : Sizes{1};
    Value scales = fixed(randomData(scaleType, sizes, 0.02));
    scale = scales.magnitude;
    add(scales,
        kind == 0   ? std::vector<std::string>{"d0", ofGroup}
        : kind == 1 ? std::vector<std::string>{"d0"}
                    : std::vector<std::string>{"0"},
        "s");
  }
  // Zero points: none, a constant, integers or floats of groups.
  int64_t zero = dice.below(4);
  if (zero >= 2) {
    ElementType type = zero == 2 ? ElementType::i8 : ElementType::f32;
    Value zeros = fixed(randomData(type, {n, k / group}, 8));
    largest += zeros.magnitude;
    add(zeros, {"d0", ofGroup}, "z");
  } else if (zero == 1) {
    largest += 8;
  }

  Shape shape = {{n, false}, {k, false}};
  std::string into = empty(ElementType::f32, shape), w = fresh("w");
  maps.push_back(map(2, {"d0", "d1"}));
  names.push_back("%o: f32");
  emit(w + " = linalg.generic {indexing_maps = [" + joined(maps) +
       "], iterator_types = [\"parallel\", \"parallel\"]} ins(" +
       joined(inputs) + " : " + joined(types) + ") outs(" + into + " : " +
       typeText(ElementType::f32, shape) + ") {");
  emit("^bb0(" + joined(names) + "):");
  std::string code = "%q";
  if (isNibbles) {
    emit("  %i = linalg.index 1 : index");
    emit("  %j = arith.index_cast %i : index to i8");
    emit("  %one = arith.constant 1 : i8");
    emit("  %four = arith.constant 4 : i8");
    emit("  %mask = arith.constant 15 : i8");
    emit("  %odd = arith.andi %j, %one : i8");
    emit("  %by = arith.muli %odd, %four : i8");
    emit("  %down = arith.shrui %q, %by : i8");
    emit("  %low = arith.andi %down, %mask : i8");
    code = "%low";
  }
  emit("  %f = arith." + std::string(isSigned ? "sitofp " : "uitofp ") + code +
       " : i8 to f32");
  std::string value = "%f";
  if (zero == 1) {
    emit("  %eight = arith.constant 8.0 : f32");
    emit("  %d = arith.subf " + value + ", %eight : f32");
    value = "%d";
  } else if (zero >= 2) {
    std::string less = "%z";
    if (zero == 2) {
      emit("  %zf = arith.sitofp %z : i8 to f32");
      less = "%zf";
    }
    emit("  %d = arith.subf " + value + ", " + less + " : f32");
    value = "%d";
  }
  if (kind < 3) {
    std::string by = "%s";
    if (scaleType != ElementType::f32) {
      emit("  %sf = arith.extf %s : f16 to f32");
      by = "%sf";
    }
    emit("  %m = arith.mulf " + value + ", " + by + " : f32");
    value = "%m";
  }
  emit("  linalg.yield " + value + " : f32");
  emit("} -> " + typeText(ElementType::f32, shape));

  Value x = operand(ElementType::f32, {m, k}, 4);
  largest *= scale;
  Shape result = {x.shape[0], {n, false}};
  double magnitude = x.magnitude * largest * double(k),
         error = x.error * largest * double(k) +
                 4e-6 * x.magnitude * largest * std::sqrt(double(k)) +
                 1e-6 * magnitude;
  std::string zeros = filled(ElementType::f32, result, 0);
  Value y =
      define("linalg.matmul indexing_maps = [" + map(3, {"d0", "d2"}) + ", " +
                 map(3, {"d1", "d2"}) + ", " + map(3, {"d0", "d1"}) + "] ins(" +
                 x.name + ", " + w + " : " + typeText(x) + ", " +
                 typeText(ElementType::f32, shape) + ") outs(" + zeros + " : " +
                 typeText(ElementType::f32, result) + ") -> " +
                 typeText(ElementType::f32, result),
             ElementType::f32, result, magnitude, error);
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}
