//===- ProgramMatmuls.cpp - Operations of rlx in random programs ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of every scheme of the table and of made-up ones, plain weights,
// every type of activations. Names of schemes are read from the table.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include "ir/ActivationType.h"
#include "tests/unit/codegen/RandomWeight.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"

#include <cmath>

using namespace rlx;
using namespace rlx::fuzz;

/// A description of codes that follow each other, with a scale, and perhaps an
/// offset or a zero point, behind them.
std::string ProgramGenerator::randomScheme() {
  int64_t block = dice.pick<int64_t>({1, 2, 4, 8, 16, 20, 24, 32, 40, 64, 96}),
          width = dice.between(1, 8), bits = block * width,
          bytes = (bits + 7) / 8, unused = 8 * bytes - bits;
  std::string code, fields;
  bool isSigned = width > 1 && dice.chance(40);
  code = (isSigned ? "si" : "ui") + std::to_string(width) + " at (i) -> (0, " +
         std::to_string(width) + " * i)";
  if (!isSigned && dice.chance(width <= 3 ? 25 : 10)) {
    std::vector<std::string> entries;
    for (int64_t i = 0; i < int64_t(1) << width; ++i)
      entries.push_back(numberText(4 * dice.number()));
    code += " as [" + joined(entries) + "]";
  } else if (!isSigned && dice.chance(50)) {
    code += " - " + std::to_string(int64_t(1) << (width - 1));
  }
  if (dice.chance(70)) {
    std::string type = dice.pick({"f16", "f32", "bf16", "f8E4M3FN"});
    fields += ", scale = " + type + " at byte " + std::to_string(bytes);
    bytes += type == "f32" ? 4 : type == "f8E4M3FN" ? 1 : 2;
  } else {
    int64_t group = block * dice.between(1, 3);
    fields += ", scale = f32 in scales at (n, k) -> (n, k floordiv " +
              std::to_string(group) + ")";
  }
  if (dice.chance(25)) {
    fields += ", offset = f16 at byte " + std::to_string(bytes);
    bytes += 2;
  } else if (dice.chance(20)) {
    fields += ", zero = ui8 at byte " + std::to_string(bytes);
    bytes += 1;
  }
  return "#rlx.scheme<\"made up\", block = " + std::to_string(block) +
         ", bytes = " + std::to_string(bytes) +
         (unused ? ", unused = " + std::to_string(unused) : "") +
         ", code = " + code + fields + ">";
}

/// A scheme, built in or not, or the element type of a plain weight.
std::string ProgramGenerator::pickScheme(int64_t &block) {
  block = 1;
  if (dice.chance(25))
    return dice.pick({"f32", "f32", "f16", "bf16"});
  for (;;) {
    std::string text;
    std::optional<QuantScheme> scheme;
    if (dice.chance(25)) {
      text = randomScheme();
      mlir::ScopedDiagnosticHandler silent(
          &context, [](mlir::Diagnostic &) { return mlir::success(); });
      if (auto parsed = llvm::dyn_cast_or_null<SchemeAttr>(
              mlir::parseAttribute(text, &context)))
        scheme = QuantScheme(parsed);
    } else {
      static const auto names = builtinSchemeNames();
      text = names[size_t(dice.below(int64_t(names.size())))];
      scheme = QuantScheme::parse(&context, text);
    }
    if (!scheme)
      continue;
    block = scheme->block();
    return text;
  }
}

/// A scheme that is called as a type is told from it by a word before it.
static llvm::StringRef schemeName(llvm::StringRef name) {
  name.consume_front("quant ");
  return name;
}

ProgramGenerator::Matrix ProgramGenerator::matrix(Sizes sizes,
                                                  const std::string &name) {
  Matrix result;
  auto bound = [&](const std::vector<double> &values) {
    int64_t k = sizes.back();
    for (size_t row = 0; k && row < values.size(); row += size_t(k)) {
      double squares = 0, sum = 0;
      for (int64_t i = 0; i < k; ++i) {
        double value = values[row + size_t(i)];
        squares += value * value;
        sum += std::fabs(value);
        result.largest = std::max(result.largest, std::fabs(value));
      }
      result.rowNorm = std::max(result.rowNorm, std::sqrt(squares));
      result.rowSum = std::max(result.rowSum, sum);
    }
  };
  if (name == "f32" || name == "f16" || name == "bf16") {
    Data data = randomData(*parseElementType(name), sizes, 2);
    Value value = provide(data);
    Shape known = value.shape;
    for (Size &size : known)
      size.dynamic = false;
    value = cast(value, known);
    std::vector<double> values;
    for (int64_t i = 0, e = data.count(); i < e; ++i)
      values.push_back(data.get(i));
    bound(values);
    result.name = value.name;
    result.type = typeText(value);
    return result;
  }

  std::optional<QuantScheme> scheme;
  if (name[0] == '#')
    scheme = QuantScheme(
        llvm::cast<SchemeAttr>(mlir::parseAttribute(name, &context)));
  else
    scheme = QuantScheme::parse(&context, schemeName(name));
  test::RandomWeight weight(*scheme, sizes, uint32_t(dice.seed()),
                            test::Content::random, /*subnormals=*/false);
  bound(weight.values());
  result.quantized = true;
  std::vector<std::string> types = weight.types();
  std::vector<TensorView> views = weight.views();
  auto stored = [&](size_t i) {
    Data data(views[i].type, views[i].shape);
    if (!data.bytes.empty())
      std::memcpy(data.bytes.data(), views[i].data, data.bytes.size());
    return data;
  };
  result.type = types[0];
  bool isWeight = dice.chance(70) || !function.isMain;
  result.name = fresh(isWeight ? "w" : "a");
  if (isWeight) {
    std::string given = "q" + std::to_string(counter++);
    weights.push_back({given, stored(0)});
    emit(result.name + " = rlx.weight \"" + given + "\" : " + types[0]);
  } else {
    encoded.push_back({result.name, types[0]});
    quantizedInputs.push_back(stored(0));
  }
  for (size_t i = 1; i < types.size(); ++i) {
    const test::RandomWeight::Side &side = weight.sides[i - 1];
    std::string operand;
    if (side.type.isF32() && dice.chance(60)) {
      Value value = provide(stored(i));
      operand = value.name;
      types[i] = typeText(value);
    } else {
      std::string given = "q" + std::to_string(counter++);
      operand = fresh("w");
      weights.push_back({given, stored(i)});
      emit(operand + " = rlx.weight \"" + given + "\" : " + types[i]);
    }
    result.sideOperands += " " + side.name + "(" + operand + ")";
    result.sideTypes += ", " + types[i];
  }
  return result;
}

/// What activations of a type may add to the error, over |x| |w|.
static double activationError(const std::string &type) {
  return type == "i8"     ? 4e-2
         : type == "bf16" ? 2e-2
         : type == "f16"  ? 4e-3
         : type == "i16"  ? 4e-4
         : type == "i24"  ? 5e-6
                          : 4e-6;
}

/// What activations, a bias or a result is stored as: mostly f32.
static ElementType floatType(Dice &dice) {
  return dice.chance(80) ? ElementType::f32
                         : dice.pick({ElementType::f16, ElementType::bf16});
}

/// Half an ulp of 1.
static double roundingOf(ElementType type) {
  return type == ElementType::bf16  ? 1.0 / 256
         : type == ElementType::f16 ? 1.0 / 2048
                                    : 0;
}

void ProgramGenerator::makeMatmul() {
  int64_t block;
  std::string scheme = pickScheme(block);
  // A quantized tensor has elements.
  bool isPlain = scheme == "f32" || scheme == "f16" || scheme == "bf16";
  Value x;
  std::optional<Value> found;
  if (dice.chance(60))
    found = existing([&](const Value &value) {
      return (value.element == ElementType::f32 ||
              roundingOf(value.element) > 0) &&
             value.rank() > 0 && value.shape.back().value % block == 0 &&
             value.shape.back().value > 0 && value.magnitude <= 100 &&
             value.error <= 0.01 * value.magnitude;
    });
  if (found) {
    x = *found;
  } else {
    int64_t blocks = block >= 128 ? dice.between(1, 3)
                     : block >= 8 ? dice.between(1, 8)
                                  : dice.pick<int64_t>({1, 3, 16, 33, 64, 100});
    if (isPlain && dice.chance(4))
      blocks = 0;
    int64_t m = dice.pick<int64_t>({1, 1, 2, 3, 5, 7, 8, 9, 12, 17, 33, 65});
    if (dice.chance(2))
      m = 0;
    Sizes sizes = {m, blocks * block};
    if (dice.chance(15))
      sizes.insert(sizes.begin(), dice.between(1, 4));
    else if (dice.chance(5))
      sizes = {blocks * block};
    x = operand(floatType(dice), sizes, 4);
  }
  int64_t k = x.shape.back().value, n = isPlain && dice.chance(5) ? 0
                                        : dice.chance(70)
                                            ? dice.between(1, 20)
                                            : dice.between(21, 70);
  Matrix w = matrix({n, k}, scheme);
  std::string activations =
      dice.pick({"f32", "f32", "f32", "bf16", "f16", "i24", "i16", "i8", "i8"});
  bool reencoded = mayReencodeWeights(activations) && dice.chance(25);
  std::string bias, biasType;
  double biasMagnitude = 0, biasError = 0;
  if (dice.chance(25)) {
    Value value = operand(floatType(dice), {n}, 4);
    bias = " bias(" + value.name + ")";
    biasType = ", " + typeText(value);
    biasMagnitude = value.magnitude;
    biasError = value.error;
  }
  double magnitude = x.magnitude * w.rowSum + biasMagnitude,
         factor = activationError(activations) + (reencoded ? 4e-2 : 0),
         error = x.error * w.rowSum + biasError +
                 (factor * x.magnitude * w.rowNorm + 1e-6 * magnitude);
  Shape shape = x.shape;
  shape.back() = {n, dice.chance(4)};
  if (shape.size() > 1 && dice.chance(5))
    shape[0].dynamic = !shape[0].dynamic;
  ElementType stored = floatType(dice);
  error += roundingOf(stored) * (magnitude + error);
  std::string attribute = activations == "f32" && dice.chance(50)
                              ? ""
                              : " {activations = " + activations + "}";
  Value y =
      define("rlx.matmul " + x.name + ", " + w.name + w.sideOperands + bias +
                 (reencoded ? " weights = reencoded" : "") + attribute +
                 " : (" + typeText(x) + ", " + w.type + w.sideTypes + biasType +
                 ") -> " + typeText(stored, shape),
             stored, shape, magnitude, error);
  // What follows is applied to its sums in registers.
  if (y.magnitude > 50 && dice.chance(90))
    boundedTensor(y, 4);
  if (dice.chance(50))
    makeElementwise();
}

void ProgramGenerator::makeGatherMatmul() {
  int64_t block;
  std::string scheme = pickScheme(block);
  int64_t k = block * (block >= 128 ? dice.between(1, 2)
                       : block >= 8 ? dice.between(1, 6)
                                    : dice.between(1, 66)),
          experts = dice.between(1, 5), n = dice.between(1, 24),
          tokens = dice.pick<int64_t>({0, 1, 2, 3, 5, 17}),
          slots = dice.between(1, 3);
  if (tokens == 0 && dice.chance(70))
    tokens = 4;
  bool shared = dice.chance(50);
  Value x = operand(floatType(dice),
                    shared ? Sizes{tokens, k} : Sizes{tokens, slots, k}, 4);
  Data picked(ElementType::i32, {tokens, slots});
  for (int64_t i = 0; i < picked.count(); ++i)
    picked.set(i, double(dice.below(experts)));
  Value ids = provide(picked);
  Matrix w = matrix({experts, n, k}, scheme);
  std::string activations =
                  dice.pick({"f32", "f32", "bf16", "f16", "i24", "i16", "i8"}),
              bias, biasType;
  bool reencoded = mayReencodeWeights(activations) && dice.chance(25);
  double biasMagnitude = 0, biasError = 0;
  if (dice.chance(25)) {
    Value value = operand(floatType(dice), {experts, n}, 4);
    bias = " bias(" + value.name + ")";
    biasType = ", " + typeText(value);
    biasMagnitude = value.magnitude;
    biasError = value.error;
  }
  Shape shape = {ids.shape[0], ids.shape[1], {n, false}};
  double magnitude = x.magnitude * w.rowSum + biasMagnitude,
         factor = activationError(activations) + (reencoded ? 4e-2 : 0);
  ElementType stored = floatType(dice);
  double error = x.error * w.rowSum + biasError +
                 factor * x.magnitude * w.rowNorm + 1e-6 * magnitude;
  error += roundingOf(stored) * (magnitude + error);
  Value y = define(
      "rlx.gather_matmul " + x.name + ", " + w.name + ", " + ids.name +
          w.sideOperands + bias + (reencoded ? " weights = reencoded" : "") +
          " {activations = " + activations + "} : (" + typeText(x) + ", " +
          w.type + ", " + typeText(ids) + w.sideTypes + biasType + ") -> " +
          typeText(stored, shape),
      stored, shape, magnitude, error);
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}

void ProgramGenerator::makeEmbedding() {
  int64_t block;
  std::string scheme = pickScheme(block);
  int64_t k = block * dice.between(1, block > 8 ? 3 : 20),
          rows = dice.between(1, 30);
  Sizes sizes = {dice.pick<int64_t>({0, 1, 2, 5, 9})};
  if (dice.chance(30))
    sizes.push_back(dice.between(1, 4));
  Data picked(ElementType::i32, sizes);
  for (int64_t i = 0; i < picked.count(); ++i)
    picked.set(i, double(dice.below(rows)));
  Value ids = provide(picked);
  Matrix table = matrix({rows, k}, scheme);
  Shape shape = ids.shape;
  shape.push_back({k, false});
  Value y = define(
      "rlx.embedding " + table.name + ", " + ids.name + table.sideOperands +
          " : (" + table.type + ", " + typeText(ids) + table.sideTypes +
          ") -> " + typeText(ElementType::f32, shape),
      ElementType::f32, shape, table.largest, 1e-6 * table.largest);
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}

void ProgramGenerator::makeDequantize() {
  int64_t block;
  std::string scheme;
  do {
    scheme = pickScheme(block);
  } while (scheme == "f32" || scheme == "f16" || scheme == "bf16");
  int64_t k = block * dice.between(1, block > 8 ? 3 : 20),
          n = dice.between(1, 12);
  Sizes sizes = {n, k};
  if (dice.chance(20))
    sizes.insert(sizes.begin(), dice.between(1, 3));
  Matrix w = matrix(sizes, scheme);
  Shape shape;
  for (int64_t size : sizes)
    shape.push_back({size, false});
  Value y =
      define("rlx.dequantize " + w.name + w.sideOperands + " : (" + w.type +
                 w.sideTypes + ") -> " + typeText(ElementType::f32, shape),
             ElementType::f32, shape, w.largest, 1e-6 * w.largest);
  if (y.magnitude > 50)
    boundedTensor(y, 4);
}
