//===- SizeLetters.cpp - Sizes that shapes of tensors say -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/SizeLetters.h"

#include "runtime/weights/RuleText.h"
#include "runtime/weights/WeightFile.h"

#include <algorithm>

namespace rlx {

/// Calls `function` with each factor of a size and whether it divides, until it
/// returns false.
template <class Function>
bool forEachFactor(std::string_view pattern, Function function) {
  bool divides = false;
  while (!pattern.empty()) {
    size_t end = std::min(pattern.find_first_of("*/"), pattern.size());
    if (!function(pattern.substr(0, end), divides))
      return false;
    divides = end < pattern.size() && pattern[end] == '/';
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return true;
}

/// A factor that is a number or a known letter.
std::optional<int64_t> SizeLetters::numberOf(std::string_view factor) const {
  if (factor.ends_with('?'))
    factor.remove_suffix(1);
  std::optional<int64_t> number = parseInteger(factor);
  if (auto known = numbers.find(factor.front());
      !number && known != numbers.end())
    number = known->second;
  return number;
}

/// The size that a pattern of known letters says, rounded up; nothing where a
/// letter is unknown or it does not fit, or has a rest where it must not.
std::optional<int64_t> SizeLetters::evaluate(std::string_view pattern,
                                             bool isExact) const {
  int64_t product = 1, divisor = 1;
  bool isKnown =
      forEachFactor(pattern, [&](std::string_view factor, bool divides) {
        std::optional<int64_t> number = numberOf(factor);
        return number && *number > 0 &&
               !__builtin_mul_overflow(divides ? divisor : product, *number,
                                       divides ? &divisor : &product);
      });
  if (!isKnown || (isExact && product % divisor != 0))
    return std::nullopt;
  return product / divisor + (product % divisor != 0);
}

/// Whether a size is what a pattern says. A pattern with one unknown letter
/// says that letter, where it divides without a rest.
bool SizeLetters::matchSize(std::string_view pattern, int64_t size) {
  if (std::optional<int64_t> known = evaluate(pattern))
    return *known == size;
  char unknown = '\0';
  int64_t product = size, divisor = 1;
  bool isFit =
      forEachFactor(pattern, [&](std::string_view factor, bool divides) {
        std::optional<int64_t> number = numberOf(factor);
        if (!number) {
          bool isFirst = !unknown && !divides;
          unknown = factor.front();
          return isFirst;
        }
        return *number > 0 &&
               !__builtin_mul_overflow(divides ? product : divisor, *number,
                                       divides ? &product : &divisor);
      });
  if (!isFit || product < 1 || product % divisor != 0)
    return false;
  numbers[unknown] = product / divisor;
  return true;
}

bool SizeLetters::matchShape(std::string_view pattern,
                             std::span<const int64_t> shape, bool mayBeFlat) {
  if (pattern == "-")
    return true;
  // A size that not all have: where it was once, or was not, it stays so.
  if (size_t end = pattern.find("? "); end != std::string_view::npos) {
    char letter = pattern.front();
    pattern.remove_prefix(end + 2);
    size_t others = 1 + size_t(std::ranges::count(pattern, ' '));
    bool isThere = shape.size() > others;
    int64_t size = isThere ? shape.front() : 0;
    if (auto known = numbers.find(letter); known != numbers.end()) {
      if (known->second != size)
        return false;
    } else if (isThere && size < 1) {
      return false;
    }
    numbers[letter] = size;
    shape = shape.subspan(isThere);
  }
  size_t rank = 0;
  bool isFit =
      pattern.empty() || forEachPart(pattern, ' ', [&](std::string_view size) {
        return rank < shape.size() && matchSize(size, shape[rank++]);
      });
  if (isFit && rank == shape.size())
    return true;
  // Some writers store one number for several sizes, or several for one.
  std::optional<int64_t> count = countElements(shape), expected = 1;
  bool isFlat = mayBeFlat && pattern.find(' ') == std::string_view::npos;
  if (!isFlat || !count)
    return false;
  expected = pattern.empty() ? 1 : evaluate(pattern);
  return expected == count;
}

/// One of several shapes.
bool SizeLetters::match(std::string_view patterns,
                        std::span<const int64_t> shape) {
  bool isOne = patterns.find('|') == std::string_view::npos;
  std::map<char, int64_t> before = numbers;
  return !forEachPart(patterns, '|', [&](std::string_view pattern) {
    numbers = before;
    return !matchShape(pattern, shape, isOne);
  });
}

/// Shapes with numbers for the letters that are known.
std::vector<std::string>
SizeLetters::describeShapes(std::string_view patterns) const {
  std::vector<std::string> shapes;
  forEachPart(patterns, '|', [&](std::string_view pattern) {
    std::string text;
    if (!pattern.empty())
      forEachPart(pattern, ' ', [&](std::string_view size) {
        if (auto known = numbers.find(size.front());
            size.ends_with('?') && known != numbers.end() && !known->second)
          return true;
        size = size.substr(0, size.find('?'));
        std::optional<int64_t> number = evaluate(size);
        text += text.empty() ? "" : ", ";
        text += number ? std::to_string(*number) : std::string(size);
        return true;
      });
    shapes.push_back("[" + text + "]");
    return true;
  });
  return shapes;
}

std::string SizeLetters::describe(std::string_view pattern) const {
  std::string text;
  for (char letter : pattern)
    if (auto known = numbers.find(letter); known != numbers.end())
      text += (text.empty() ? "" : ", ") + std::string(1, letter) + " = " +
              std::to_string(known->second);
  return text;
}

} // namespace rlx
