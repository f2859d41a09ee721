//===- ProgramLinalg.cpp - Operations of linalg in random programs --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, contractions, convolutions, and named operations.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rlx;
using namespace rlx::fuzz;

/// The sum of `count` products of that size, rounded each time.
static double sumError(ElementType element, double magnitude, int64_t count) {
  return rounding(element) * magnitude * (4 + 4 * std::sqrt(double(count)));
}

void ProgramGenerator::makeReduction() {
  Value x = anyFloat(1, 3, 100);
  size_t rank = x.rank();
  std::vector<bool> reduced(rank);
  reduced[dice.chance(60) ? rank - 1 : size_t(dice.below(int64_t(rank)))] =
      true;
  for (size_t i = 0; i < rank; ++i)
    if (dice.chance(15))
      reduced[i] = true;
  Shape shape;
  int64_t count = 1;
  std::vector<std::string> all, kept, iterators, dimensions;
  for (size_t i = 0; i < rank; ++i) {
    all.push_back("d" + std::to_string(i));
    iterators.push_back(reduced[i] ? "\"reduction\"" : "\"parallel\"");
    if (reduced[i]) {
      count *= x.shape[i].value;
      dimensions.push_back(std::to_string(i));
    } else {
      kept.push_back(all.back());
      shape.push_back(x.shape[i]);
    }
  }
  if (count == 0 && dice.chance(80))
    return;
  std::string scalarType = elementText(x.element),
              type = typeText(x.element, shape);
  int64_t kind = dice.below(4); // a sum, its squares, the largest, a product
  double unit = rounding(x.element);
  double start = kind == 2 ? -1e4 : 0;
  std::string target = filled(x.element, shape, start), name = fresh();
  if (kind == 2 || (kind == 0 && dice.chance(40))) {
    emit(name + " = linalg.reduce { " +
         (kind == 2 ? "arith.maximumf" : "arith.addf") + " } ins(" + x.name +
         " : " + typeText(x) + ") outs(" + target + " : " + type +
         ") dimensions = [" + joined(dimensions) + "]");
  } else {
    std::string in = fresh("b"), out = fresh("o");
    emit(name + " = linalg.generic {indexing_maps = [" + map(rank, all) + ", " +
         map(rank, kept) + "], iterator_types = [" + joined(iterators) +
         "]} ins(" + x.name + " : " + typeText(x) + ") outs(" + target + " : " +
         type + ") {");
    emit("^bb0(" + in + ": " + scalarType + ", " + out + ": " + scalarType +
         "):");
    ++depth;
    std::string value = in;
    if (kind == 1) {
      value = fresh("x");
      emit(value + " = arith.mulf " + in + ", " + in + " : " + scalarType);
    } else if (kind == 3) {
      value = fresh("x");
      emit(value + " = math.absf " + in + " : " + scalarType);
    }
    std::string sum = fresh("x");
    emit(sum + " = arith.addf " +
         (dice.chance(50) ? out + ", " + value : value + ", " + out) + " : " +
         scalarType);
    emit("linalg.yield " + sum + " : " + scalarType);
    --depth;
    emit("} -> " + type);
  }
  double one = kind == 1 ? x.magnitude * x.magnitude : x.magnitude,
         oneError = kind == 1 ? 2 * x.magnitude * x.error + x.error * x.error
                              : x.error;
  Value y{name, x.element, shape, 0, 0};
  if (kind == 2) {
    y.magnitude = count ? x.magnitude : 1e4;
    y.error = x.error;
  } else {
    y.magnitude = double(count) * one;
    y.error = double(count) * oneError +
              sumError(x.element, y.magnitude, count) + unit * y.magnitude;
  }
  if (x.element == ElementType::f16 && y.magnitude > 30000)
    return; // It may not fit.
  add(y);
  if (y.magnitude > 50)
    y = boundedTensor(y, 4);
  // Back to the size it had, as norms do.
  if (dice.chance(40) && y.magnitude <= 100 && y.element == x.element) {
    std::string e = empty(x.element, x.shape), in = fresh("b"), of = fresh("b"),
                out = fresh("o"), result = fresh();
    emit(result + " = linalg.generic {indexing_maps = [" + map(rank, all) +
         ", " + map(rank, kept) + ", " + map(rank, all) +
         "], iterator_types = [" +
         joined(std::vector<std::string>(rank, "\"parallel\"")) + "]} ins(" +
         x.name + ", " + y.name + " : " + typeText(x) + ", " + typeText(y) +
         ") outs(" + e + " : " + typeText(x) + ") {");
    emit("^bb0(" + in + ": " + scalarType + ", " + of + ": " + scalarType +
         ", " + out + ": " + scalarType + "):");
    ++depth;
    Term z = binary({in, x.magnitude, x.error}, {of, y.magnitude, y.error},
                    x.element, scalarType);
    emit("linalg.yield " + z.name + " : " + scalarType);
    --depth;
    emit("} -> " + typeText(x));
    add({result, x.element, x.shape, z.magnitude, z.error});
  }
}

void ProgramGenerator::makeArgmax() {
  Sizes sizes = randomSizes(2);
  if (sizes[1] == 0)
    sizes[1] = 5;
  Value x = operand(ElementType::f32, sizes, 100, true);
  Shape shape = {x.shape[0]};
  std::string values = filled(ElementType::f32, shape, -1e4),
              places = filled(ElementType::i32, shape, 0), name = fresh();
  std::string a = fresh("b"), best = fresh("o"), at = fresh("o"),
              i = fresh("i"), n = fresh("i"), q = fresh("q"), v = fresh("x"),
              p = fresh("x"), f = typeText(ElementType::f32, shape),
              t = typeText(ElementType::i32, shape);
  emit(name + ":2 = linalg.generic {indexing_maps = [" + map(2, {"d0", "d1"}) +
       ", " + map(2, {"d0"}) + ", " + map(2, {"d0"}) +
       "], iterator_types = [\"parallel\", \"reduction\"]} ins(" + x.name +
       " : " + typeText(x) + ") outs(" + values + ", " + places + " : " + f +
       ", " + t + ") {");
  emit("^bb0(" + a + ": f32, " + best + ": f32, " + at + ": i32):");
  ++depth;
  emit(i + " = linalg.index 1 : index");
  emit(n + " = arith.index_cast " + i + " : index to i32");
  emit(q + " = arith.cmpf ogt, " + a + ", " + best + " : f32");
  emit(v + " = arith.select " + q + ", " + a + ", " + best + " : f32");
  emit(p + " = arith.select " + q + ", " + n + ", " + at + " : i32");
  emit("linalg.yield " + v + ", " + p + " : f32, i32");
  --depth;
  emit("} -> (" + f + ", " + t + ")");
  add({name + "#0", ElementType::f32, shape, x.magnitude, 0});
  add({name + "#1", ElementType::i32, shape, double(sizes[1]), 0});
}

void ProgramGenerator::makeSoftmax() {
  Value x = anyFloat(1, 3, 60);
  if (x.element != ElementType::f32 || x.shape.back().value == 0)
    return;
  std::string target = empty(x.element, x.shape);
  define("linalg.softmax dimension(" + std::to_string(x.rank() - 1) + ") ins(" +
             x.name + " : " + typeText(x) + ") outs(" + target + " : " +
             typeText(x) + ") -> " + typeText(x),
         x.element, x.shape, 1, std::min(1.0, std::expm1(2 * x.error) + 1e-5));
}

/// Contractions of linalg, plain and in f32, f16 or f64.
void ProgramGenerator::makeProduct() {
  ElementType element =
      dice.pick({ElementType::f32, ElementType::f32, ElementType::f32,
                 ElementType::f64, ElementType::f16});
  int64_t batch = dice.between(1, 3), m = randomSize(), n = randomSize(),
          k = randomSize();
  struct Form {
    const char *name;
    Sizes a, b, c;
  };
  Form form = dice.pick(std::vector<Form>{
      {"linalg.matmul", {m, k}, {k, n}, {m, n}},
      {"linalg.batch_matmul", {batch, m, k}, {batch, k, n}, {batch, m, n}},
      {"linalg.matvec", {m, k}, {k}, {m}},
      {"linalg.vecmat", {k}, {k, n}, {n}},
      {"linalg.dot", {k}, {k}, {}},
      {"linalg.batch_matvec", {batch, m, k}, {batch, k}, {batch, m}},
      {"transposed", {m, k}, {n, k}, {m, n}},
  });
  if (*countElements(form.a) > 20000 || *countElements(form.b) > 20000 ||
      *countElements(form.c) > 20000)
    return;
  Value a = operand(element, form.a, 4), b = operand(element, form.b, 4);
  // Sizes of the result as those of the operands where there is one.
  Shape shape = typed(form.c);
  double magnitude = double(k) * a.magnitude * b.magnitude;
  if (element == ElementType::f16 && magnitude > 30000)
    return;
  double start = dice.chance(70) ? 0 : 1.5;
  std::string target = filled(element, shape, start),
              type = typeText(element, shape);
  double error = double(k) * (a.error * b.magnitude + b.error * a.magnitude) +
                 sumError(element, magnitude + start, k);
  std::string operands = "ins(" + a.name + ", " + b.name + " : " + typeText(a) +
                         ", " + typeText(b) + ") outs(" + target + " : " +
                         type + ")";
  Value y;
  if (form.name == std::string("transposed")) {
    // What importers give for a linear layer.
    std::string p = fresh("b"), q = fresh("b"), o = fresh("o"), t = fresh("x"),
                s = fresh("x"), name = fresh(),
                scalarType = elementText(element);
    emit(name + " = linalg.generic {indexing_maps = [" + map(3, {"d0", "d2"}) +
         ", " + map(3, {"d1", "d2"}) + ", " + map(3, {"d0", "d1"}) +
         "], iterator_types = [\"parallel\", \"parallel\", \"reduction\"]} " +
         operands + " {");
    emit("^bb0(" + p + ": " + scalarType + ", " + q + ": " + scalarType + ", " +
         o + ": " + scalarType + "):");
    ++depth;
    emit(t + " = arith.mulf " + p + ", " + q + " : " + scalarType);
    emit(s + " = arith.addf " + o + ", " + t + " : " + scalarType);
    emit("linalg.yield " + s + " : " + scalarType);
    --depth;
    emit("} -> " + type);
    y = add({name, element, shape, magnitude + start, error});
  } else {
    y = define(std::string(form.name) + " " + operands + " -> " + type, element,
               shape, magnitude + start, error);
  }
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}

void ProgramGenerator::makeConvolution() {
  bool plane = dice.chance(60);
  if (!plane) {
    int64_t window = dice.between(1, 5), count = dice.between(1, 20);
    Value x = operand(ElementType::f32, {count + window - 1}, 4),
          w = operand(ElementType::f32, {window}, 4);
    Shape shape = typed({count});
    double magnitude = double(window) * x.magnitude * w.magnitude;
    std::string target = filled(ElementType::f32, shape, 0),
                type = typeText(ElementType::f32, shape);
    define("linalg.conv_1d ins(" + x.name + ", " + w.name + " : " +
               typeText(x) + ", " + typeText(w) + ") outs(" + target + " : " +
               type + ") -> " + type,
           ElementType::f32, shape, magnitude,
           double(window) * (x.error * w.magnitude + w.error * x.magnitude) +
               sumError(ElementType::f32, magnitude, window));
    return;
  }
  int64_t stride = dice.between(1, 2), dilation = dice.between(1, 2),
          batch = dice.between(1, 2), height = dice.between(1, 5),
          width = dice.between(1, 5), window = dice.between(1, 3),
          channels = dice.between(1, 4), filters = dice.between(1, 5);
  auto span = [&](int64_t size) {
    return (size - 1) * stride + (window - 1) * dilation + 1;
  };
  Value x = operand(ElementType::f32,
                    {batch, span(height), span(width), channels}, 4),
        w = operand(ElementType::f32, {window, window, channels, filters}, 4);
  Shape shape = typed({batch, height, width, filters});
  std::string target = filled(ElementType::f32, shape, 0),
              type = typeText(ElementType::f32, shape);
  int64_t count = window * window * channels;
  double magnitude = double(count) * x.magnitude * w.magnitude;
  Value y = define(
      "linalg.conv_2d_nhwc_hwcf {dilations = dense<" +
          std::to_string(dilation) + "> : tensor<2xi64>, strides = dense<" +
          std::to_string(stride) + "> : tensor<2xi64>} ins(" + x.name + ", " +
          w.name + " : " + typeText(x) + ", " + typeText(w) + ") outs(" +
          target + " : " + type + ") -> " + type,
      ElementType::f32, shape, magnitude,
      double(count) * (x.error * w.magnitude + w.error * x.magnitude) +
          sumError(ElementType::f32, magnitude, count));
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}

void ProgramGenerator::makePooling() {
  int64_t window = dice.between(1, 3), stride = dice.between(1, 3),
          height = dice.between(1, 5), width = dice.between(1, 5);
  bool largest = dice.chance(50);
  Value x = operand(ElementType::f32,
                    {dice.between(1, 2), (height - 1) * stride + window,
                     (width - 1) * stride + window, dice.between(1, 4)},
                    4);
  Shape shape = typed({x.shape[0].value, height, width, x.shape[3].value});
  Shape windowShape = {{window, false}, {window, false}};
  std::string windows = empty(ElementType::f32, windowShape),
              target = filled(ElementType::f32, shape, largest ? -1e4 : 0),
              type = typeText(ElementType::f32, shape);
  double count = largest ? 1 : double(window * window);
  define("linalg.pooling_nhwc_" + std::string(largest ? "max" : "sum") +
             " {dilations = dense<1> : tensor<2xi64>, strides = dense<" +
             std::to_string(stride) + "> : tensor<2xi64>} ins(" + x.name +
             ", " + windows + " : " + typeText(x) + ", " +
             typeText(ElementType::f32, windowShape) + ") outs(" + target +
             " : " + type + ") -> " + type,
         ElementType::f32, shape, count * x.magnitude,
         count * x.error + sumError(ElementType::f32, count * x.magnitude, 9));
}

void ProgramGenerator::makeNamedElementwise() {
  Value x = anyFloat(0, 3, 8);
  std::string type = typeText(x), target = empty(x.element, x.shape),
              ins = "ins(" + x.name;
  double unit = rounding(x.element);
  switch (dice.below(5)) {
  case 0:
    define("linalg.exp " + ins + " : " + type + ") outs(" + target + " : " +
               type + ") -> " + type,
           x.element, x.shape, 3000, 3000 * (x.error + 32 * unit));
    return;
  case 1:
    define("linalg.negf " + ins + " : " + type + ") outs(" + target + " : " +
               type + ") -> " + type,
           x.element, x.shape, x.magnitude, x.error);
    return;
  case 2:
    define("linalg.copy " + ins + " : " + type + ") outs(" + target + " : " +
               type + ") -> " + type,
           x.element, x.shape, x.magnitude, x.error);
    return;
  case 3: {
    Value y = cast(operand(x.element, x.sizes(), 8), x.shape);
    std::string name = fresh(), a = fresh("b"), b = fresh("b");
    define("linalg.map { arith.subf } " + ins + ", " + y.name + " : " + type +
               ", " + type + ") outs(" + target + " : " + type + ")",
           x.element, x.shape, x.magnitude + y.magnitude,
           x.error + y.error + 2 * unit * (x.magnitude + y.magnitude));
    return;
  }
  default: {
    Value y = cast(operand(x.element, x.sizes(), 8), x.shape);
    bool sum = dice.chance(50);
    double magnitude =
        sum ? x.magnitude + y.magnitude : x.magnitude * y.magnitude;
    define("linalg." + std::string(sum ? "add " : "mul ") + ins + ", " +
               y.name + " : " + type + ", " + type + ") outs(" + target +
               " : " + type + ") -> " + type,
           x.element, x.shape, magnitude,
           (sum ? x.error + y.error
                : x.magnitude * y.error + y.magnitude * x.error +
                      x.error * y.error) +
               2 * unit * magnitude);
  }
  }
}

void ProgramGenerator::makePermutation() {
  std::optional<Value> x =
      existing([](const Value &value) { return value.rank() > 1; });
  if (!x)
    return;
  Value from = *x;
  std::vector<int64_t> order(from.rank());
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(),
              order.begin() + 1 + dice.below(int64_t(order.size()) - 1),
              order.end());
  Shape shape;
  std::vector<std::string> texts;
  for (int64_t position : order) {
    shape.push_back(from.shape[size_t(position)]);
    texts.push_back(std::to_string(position));
  }
  std::string target = empty(from.element, shape);
  define("linalg.transpose ins(" + from.name + " : " + typeText(from) +
             ") outs(" + target + " : " + typeText(from.element, shape) +
             ") permutation = [" + joined(texts) + "]",
         from.element, shape, from.magnitude, from.error);
}
