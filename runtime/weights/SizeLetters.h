//===- SizeLetters.h - Sizes that shapes of tensors say ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of rules have letters for sizes (CheckpointKinds.h). What a letter is
// follows from the first tensor whose shape has it; later ones have to agree.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_SIZELETTERS_H
#define RLX_RUNTIME_WEIGHTS_SIZELETTERS_H

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

class SizeLetters {
public:
  int64_t &operator[](char letter) { return numbers[letter]; }
  auto find(char letter) const { return numbers.find(letter); }
  auto end() const { return numbers.end(); }

  /// The size that a pattern of known letters says, rounded up; nothing where a
  /// letter is unknown or it does not fit, or has a rest where it must not.
  std::optional<int64_t> evaluate(std::string_view pattern,
                                  bool isExact = false) const;
  /// Whether a shape is one of several, separated by `|`. Letters that were not
  /// known are, if it is.
  bool match(std::string_view patterns, std::span<const int64_t> shape);

  /// Shapes with numbers for the letters that are known.
  std::vector<std::string> describeShapes(std::string_view patterns) const;
  /// `b = 4, K = 128`, of the letters of a pattern that are known.
  std::string describe(std::string_view pattern) const;

private:
  std::optional<int64_t> numberOf(std::string_view factor) const;
  bool matchSize(std::string_view pattern, int64_t size);
  bool matchShape(std::string_view pattern, std::span<const int64_t> shape,
                  bool mayBeFlat);

  std::map<char, int64_t> numbers;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_SIZELETTERS_H
