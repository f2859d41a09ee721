//===- RandomScheme.h - Descriptions that nobody has written --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the text of a scheme by chance: blocks of any length, codes in several
// planes, codebooks, small floats, scales and zero points in the block and
// beside it, in groups that divide nothing, and biases up to their bounds. With
// vectors, codes are components of them, whose signs may be of another table.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_RANDOMSCHEME_H
#define RLX_TESTS_UNIT_CODEGEN_RANDOMSCHEME_H

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace rlx::test {

/// The same every time for the same seed, on any machine.
class Dice {
public:
  explicit Dice(uint32_t seed) : engine(seed) {}
  int64_t below(int64_t count) { return int64_t(engine() % uint64_t(count)); }
  bool oneIn(int64_t count) { return below(count) == 0; }
  template <typename T> T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(int64_t(choices.size()))];
  }
  template <typename T> T pick(const std::vector<T> &choices) {
    return choices[below(int64_t(choices.size()))];
  }

private:
  std::mt19937 engine;
};

struct RandomScheme {
  explicit RandomScheme(Dice &dice, bool hasVectors = false);

  std::string text; ///< a `#rlx.scheme` attribute
  int64_t block = 0;

private:
  /// Some entries of the same width, placed in the block.
  std::string plane(int64_t width, int64_t entries, const std::string &entry);
  std::string integer(int64_t mostBits, int64_t group, bool isCode);
  std::string smallFloat(const char *type, int64_t width, int64_t group);
  std::string code();
  /// A term of `width` bits that vectors of `length` components give.
  std::string lookup(int64_t width, int64_t length);
  std::string vectorCode();
  std::string factor();
  std::string side(const std::string &operand);
  int64_t group();

  Dice &dice;
  int64_t bytes = 0, unused = 0;
  bool hasScales = false, hasVectors = false;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_RANDOMSCHEME_H
