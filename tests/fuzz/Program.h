//===- Program.h - A random program with its inputs -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the generator hands to the driver: the text of a module whose `main` is
// to be run, what it is run on, and how exact its results can be expected.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TESTS_FUZZ_PROGRAM_H
#define RLX_TESTS_FUZZ_PROGRAM_H

#include "runtime/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace rlx::fuzz {

/// A tensor's elements, row after row.
struct Data {
  Data() = default;
  Data(ElementType type, std::vector<int64_t> shape)
      : type(type), shape(std::move(shape)) {
    bytes.resize(size_t(count()) * elementBytes(type));
  }
  int64_t count() const { return *countElements(shape); }
  /// Element `i` as a number. Setting one rounds it to the type.
  double get(int64_t i) const;
  void set(int64_t i, double number);
  /// Copies element `from` of `other`, which has the same type.
  void copy(int64_t i, const Data &other, int64_t from);
  /// The largest magnitude of an element.
  double largest() const;

  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

struct Weight {
  std::string name;
  Data data; ///< As bindWeight takes it.
};

/// What is known of a result before the program runs.
struct Expectation {
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  double magnitude = 0; ///< No element is larger.
  double error = 0;     ///< No element is further from the exact result.
};

struct RandomProgram {
  uint64_t seed = 0;
  std::string text;
  std::vector<Data> inputs;
  std::vector<Weight> weights;
  std::vector<Expectation> results;
  /// Whether inputs were changed so that they need not fit any more: there are
  /// no expectations then.
  bool altered = false;
  /// Whether a run has to end with an error, of the reference too.
  bool mustFail = false;
};

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_PROGRAM_H
