//===- ProgramGenerator.h - Random programs that are right ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a program and its inputs from a seed. The generator knows every size at
// run time and bounds every magnitude, so that what it writes has one right
// result, finite and well conditioned; what compiles it sees static sizes and
// dynamic ones, tensors that are arguments, weights, constants, views of
// larger tensors, and control flow.
//
// A value carries the largest magnitude of its elements and how far they may be
// from exact numbers. Operations that are not continuous (comparisons, argmax,
// rounding) take exact values only.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TESTS_FUZZ_PROGRAMGENERATOR_H
#define RLX_TESTS_FUZZ_PROGRAMGENERATOR_H

#include "tests/fuzz/Program.h"

#include "mlir/IR/MLIRContext.h"

#include <functional>
#include <optional>
#include <random>
#include <utility>

namespace rlx::fuzz {

/// Numbers that depend on nothing but the seed.
class Dice {
public:
  explicit Dice(uint64_t seed) : engine(seed) {}
  /// 0 <= number < bound
  int64_t below(int64_t bound) { return int64_t(engine() % uint64_t(bound)); }
  int64_t between(int64_t first, int64_t last) {
    return first + below(last - first + 1);
  }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T> const T &pick(const std::vector<T> &all) {
    return all[size_t(below(int64_t(all.size())))];
  }
  template <typename T> T pick(std::initializer_list<T> all) {
    return all.begin()[below(int64_t(all.size()))];
  }
  /// -1 <= number <= 1
  double number() { return double(int64_t(engine() >> 11)) * 0x1p-52 - 1; }
  uint64_t seed() { return engine(); }

private:
  std::mt19937_64 engine;
};

/// A size: what it is at run time, and whether types say `?`.
struct Size {
  int64_t value = 0;
  bool dynamic = false;
};
using Shape = std::vector<Size>;
using Sizes = std::vector<int64_t>;

struct Value {
  std::string name;
  ElementType element = ElementType::f32;
  Shape shape;
  double magnitude = 0, error = 0;

  bool isExact() const { return error == 0; }
  bool isFloat() const;
  Sizes sizes() const;
  int64_t count() const;
  size_t rank() const { return shape.size(); }
};

/// A scalar or tensor of an expression: its name in the text, and its bounds.
struct Term {
  std::string name;
  double magnitude = 0, error = 0;
};

std::string elementText(ElementType type);
std::string typeText(ElementType element, const Shape &shape);
inline std::string typeText(const Value &value) {
  return typeText(value.element, value.shape);
}
/// How far one rounding to the type moves 1.
double rounding(ElementType type);
/// `a, b, c`
std::string joined(const std::vector<std::string> &parts);
std::string numberText(double number);

class ProgramGenerator {
public:
  /// With `straight`, programs have no control flow, and all sizes follow from
  /// the shapes of the inputs.
  ProgramGenerator(mlir::MLIRContext &context, uint64_t seed,
                   bool straight = false)
      : context(context), dice(seed), seed(seed), straight(straight) {}
  RandomProgram generate();

private:
  //===--------------------------------------------------------------------===//
  // Text (ProgramGenerator.cpp)
  //===--------------------------------------------------------------------===//
  std::string fresh(const char *prefix = "v");
  void emit(const std::string &line);
  /// Emits `%name = operation` and adds the value to those that may be used.
  Value define(const std::string &operation, ElementType element, Shape shape,
               double magnitude, double error);
  Value add(Value value);
  /// An SSA value of type index; a size may be read from a tensor that has it.
  std::string index(int64_t value);
  std::string sizeOf(int64_t value);
  /// The same, read from an input, so that nobody knows it before.
  std::string indexFromData(int64_t value);
  std::string condition(bool holds);
  std::string scalar(ElementType type, double number);
  /// The SSA sizes of the dynamic dimensions: `%a, %b`.
  std::string dynamicSizes(const Shape &shape);
  std::string empty(ElementType element, const Shape &shape);
  std::string filled(ElementType element, const Shape &shape, double number);
  std::string map(size_t dims, const std::vector<std::string> &results);
  Value sizedLike(const Value &value);

  //===--------------------------------------------------------------------===//
  // Operands (ProgramOperands.cpp)
  //===--------------------------------------------------------------------===//
  Sizes randomSizes(size_t rank);
  int64_t randomSize();
  Shape typed(const Sizes &sizes, int dynamicPercent = 40);
  Data randomData(ElementType element, const Sizes &sizes, double magnitude);
  /// A value that holds `data`: an argument, weight, constant or view.
  Value provide(const Data &data);
  Value argument(const Data &data, const Shape &shape);
  Value constant(const Data &data);
  Value sliced(const Data &data);
  Value transposed(const Data &data);
  Value reshaped(const Data &data);
  Value cast(const Value &value, const Shape &shape);
  /// A value of these sizes: one there is, a broadcast, or a new one. `exact`
  /// where it must have no error; its magnitude is at most `magnitude`.
  Value operand(ElementType element, const Sizes &sizes, double magnitude = 1e3,
                bool exact = false);
  /// One there is; the last ones are more likely.
  std::optional<Value> existing(const std::function<bool(const Value &)> &fits);
  Value anyFloat(size_t lowestRank, size_t highestRank, double magnitude = 1e3);

  //===--------------------------------------------------------------------===//
  // Operations of rlx (ProgramMatmuls.cpp)
  //===--------------------------------------------------------------------===//
  /// A quantized or plain weight with its operands and norms.
  struct Matrix {
    std::string name, type;
    std::string sideOperands, sideTypes;
    double rowNorm = 0;     ///< The largest sqrt(sum w^2) of a row.
    double rowSum = 0;      ///< The largest sum |w| of a row.
    double largest = 0;     ///< The largest |w|.
    bool quantized = false; ///< Whether it has a scheme.
  };
  std::string randomScheme();
  Matrix matrix(Sizes sizes, const std::string &scheme);
  std::string pickScheme(int64_t &block);
  void makeMatmul();
  void makeGatherMatmul();
  /// A weight spelled out (ProgramDequant.cpp).
  void makeDequantized();
  void makeEmbedding();
  void makeDequantize();

  //===--------------------------------------------------------------------===//
  // What transformers need (ProgramTransformer.cpp)
  //===--------------------------------------------------------------------===//
  /// Rows of heads, quantized or plain.
  struct Cache {
    std::string name, type;
    double magnitude = 0, error = 0;
    bool dynamic = false;
  };
  Cache cache(const Sizes &sizes, const std::string &scheme);
  void append(Cache &into, const Sizes &sizes, bool isEncoded);
  void makeNorm();
  void makeRope();
  void makeAttention();
  void makeAppend();
  void makeTopk();

  //===--------------------------------------------------------------------===//
  // Element by element (ProgramElements.cpp)
  //===--------------------------------------------------------------------===//
  /// Writes an expression of floats over `terms`; `type` is that of the text,
  /// scalars or tensors; `constantOf` gives constants of it.
  Term expression(std::vector<Term> terms, ElementType element,
                  const std::string &type,
                  const std::function<std::string(double)> &constantOf,
                  int operations);
  Term unary(const Term &x, ElementType element, const std::string &type,
             const std::function<std::string(double)> &constantOf);
  Term binary(const Term &x, const Term &y, ElementType element,
              const std::string &type);
  Term bounded(const Term &x, double limit, ElementType element,
               const std::string &type,
               const std::function<std::string(double)> &constantOf);
  Term assign(const std::string &operation, const std::string &type,
              double magnitude, double error);
  Value boundedTensor(const Value &value, double limit);
  void makeElementwise();
  void makeGeneric();
  void makeIntegers();
  void makeCasts();
  void makeSelect();

  //===--------------------------------------------------------------------===//
  // Named and reducing operations (ProgramLinalg.cpp)
  //===--------------------------------------------------------------------===//
  void makeReduction();
  void makeArgmax();
  void makeSoftmax();
  void makeProduct();
  void makeConvolution();
  void makePooling();
  void makeNamedElementwise();
  void makePermutation();

  //===--------------------------------------------------------------------===//
  // Operations of tensor (ProgramShapes.cpp)
  //===--------------------------------------------------------------------===//
  void makeSlice();
  void makeInsertSlice();
  void makeExpand();
  void makeCollapse();
  void makePad();
  void makeConcat();
  void makeFromElements();
  void makeInsert();
  void makeGenerate();
  void makeCastOfShape();

  //===--------------------------------------------------------------------===//
  // Control flow (ProgramControl.cpp)
  //===--------------------------------------------------------------------===//
  void makeIf();
  void makeFor();
  void makeResizingFor();
  void makeCall();
  void makeTensorSelect();
  Value branchValue(ElementType element, size_t rank);

  void makeOperation();
  void alterInputs(RandomProgram &program);

  /// A function that is being written.
  struct Function {
    std::string name = "main";
    std::vector<Value> arguments;
    std::vector<Data> data; ///< What each argument must hold.
    std::string body;
    bool isMain = true;
  };

  mlir::MLIRContext &context;
  Dice dice;
  uint64_t seed;
  bool straight;
  Function function;
  std::string functions; ///< Those that are written already.
  std::string resources;
  std::vector<Weight> weights;
  /// Arguments of main with an encoding, by name and type, behind the others.
  std::vector<std::pair<std::string, std::string>> encoded;
  std::vector<Data> quantizedInputs;
  std::vector<Value> pool; ///< What may be used here.
  std::vector<int32_t> numbers;
  int counter = 0, depth = 1;
};

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_PROGRAMGENERATOR_H
