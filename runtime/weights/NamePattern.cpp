//===- NamePattern.cpp - Patterns of names in configurations --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Thompson's construction: all ways to read a name are followed at once, so
// that no pattern takes long (Thompson, "Regular Expression Search Algorithm",
// 1968).
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/NamePattern.h"

#include <charconv>
#include <string>
#include <utility>

namespace rlx {
namespace {

using Step = NamePattern::Step;
using Steps = NamePattern::Steps;
using Kind = Step::Kind;
using Characters = std::bitset<256>;

constexpr size_t mostCharacters = 4096, mostSteps = 1 << 14;
constexpr int deepestGroup = 64;

Characters rangeOf(unsigned char first, unsigned char last) {
  Characters all;
  for (unsigned c = first; c <= last; ++c)
    all.set(c);
  return all;
}

/// What `\d` and the like stand for; nothing where `letter` has no meaning.
std::optional<Characters> escaped(char letter) {
  Characters digits = rangeOf('0', '9'), spaces = rangeOf('\t', '\r');
  Characters words =
      digits | rangeOf('a', 'z') | rangeOf('A', 'Z') | rangeOf('_', '_');
  spaces.set(' ');
  switch (letter) {
  case 'd':
    return digits;
  case 'D':
    return ~digits;
  case 'w':
    return words;
  case 'W':
    return ~words;
  case 's':
    return spaces;
  case 'S':
    return ~spaces;
  default:
    break;
  }
  auto code = static_cast<unsigned char>(letter);
  if (words[code]) // a reference, an edge of a word, ...
    return std::nullopt;
  return rangeOf(code, code);
}

/// Each part of the grammar gives steps, or fails for good.
class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  std::optional<Steps> parse() {
    Steps steps = alternatives();
    if (hasFailed || !text.empty())
      return std::nullopt;
    return steps;
  }

private:
  bool take(std::string_view start) {
    bool isThere = text.starts_with(start);
    text.remove_prefix(isThere ? start.size() : 0);
    return isThere;
  }
  Steps fail() {
    hasFailed = true;
    text = {};
    return {};
  }
  void append(Steps &steps, const Steps &more) {
    if (steps.size() + more.size() > mostSteps)
      fail();
    else
      steps.insert(steps.end(), more.begin(), more.end());
  }
  static Step fork(int next, int other) {
    return {Kind::fork, {}, next, other};
  }

  Steps alternatives() {
    Steps first = sequence();
    while (take("|")) {
      Steps second = sequence();
      Steps both = {fork(1, int(first.size()) + 2)};
      append(both, first);
      int behind = int(second.size()) + 1;
      append(both, {fork(behind, behind)});
      append(both, second);
      first = std::move(both);
    }
    return first;
  }

  Steps sequence() {
    Steps steps;
    while (!text.empty() && text[0] != '|' && text[0] != ')')
      append(steps, repeated(atom()));
    return steps;
  }

  Steps optional(const Steps &steps) {
    Steps all = {fork(1, int(steps.size()) + 1)};
    append(all, steps);
    return all;
  }
  Steps anyNumber(const Steps &steps) {
    int size = int(steps.size());
    Steps all = {fork(1, size + 2)};
    append(all, steps);
    append(all, {fork(-size - 1, -size - 1)});
    return all;
  }

  Steps repeated(Steps steps) {
    if (take("*"))
      steps = anyNumber(steps);
    else if (take("+"))
      append(steps, anyNumber(steps));
    else if (take("?"))
      steps = optional(steps);
    else if (text.starts_with('{'))
      steps = counted(steps);
    else
      return steps;
    // The shortest one matches where the longest one does.
    take("?");
    if (text.starts_with('*') || text.starts_with('+') || text.starts_with('{'))
      return fail();
    return steps;
  }

  std::optional<unsigned> number() {
    unsigned value = 0;
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value > 256)
      return std::nullopt;
    text.remove_prefix(size_t(end - text.data()));
    return value;
  }

  /// `{m}`, `{m,}`, `{m,n}`
  Steps counted(const Steps &steps) {
    take("{");
    std::optional<unsigned> least = number(), most = least;
    bool isRange = take(",");
    if (isRange)
      most = number();
    if (!least || !take("}") || (most && *most < *least))
      return fail();
    Steps all;
    for (unsigned i = 0; i < *least && !hasFailed; ++i)
      append(all, steps);
    if (isRange && !most)
      append(all, anyNumber(steps));
    Steps further;
    for (unsigned i = *least; most && i < *most && !hasFailed; ++i) {
      Steps once = steps;
      append(once, further);
      further = optional(once);
    }
    append(all, further);
    return all;
  }

  Steps atom() {
    if (take("("))
      return group();
    if (take("["))
      return characters(characterClass());
    if (take("^"))
      return {{Kind::atStart}};
    if (take("$"))
      return {{Kind::atEnd}};
    if (take("."))
      return characters(~rangeOf('\n', '\n'));
    if (take("\\"))
      return characters(escape());
    char letter = text[0];
    text.remove_prefix(1);
    if (letter == '*' || letter == '+' || letter == '?' || letter == '{')
      return fail();
    auto code = static_cast<unsigned char>(letter);
    return characters(rangeOf(code, code));
  }

  Steps characters(const std::optional<Characters> &some) {
    if (!some)
      return fail();
    return {{Kind::characters, *some}};
  }

  std::optional<Characters> escape() {
    if (text.empty())
      return std::nullopt;
    char letter = text[0];
    text.remove_prefix(1);
    return escaped(letter);
  }

  Steps group() {
    if (text.starts_with('?') && !take("?:"))
      return fail();
    if (++depth > deepestGroup)
      return fail();
    Steps steps = alternatives();
    --depth;
    return take(")") ? steps : fail();
  }

  /// Behind `[`.
  std::optional<Characters> characterClass() {
    bool isNegative = take("^");
    Characters all;
    for (bool isFirst = true; isFirst || !text.starts_with(']');
         isFirst = false) {
      if (text.empty())
        return std::nullopt;
      auto first = static_cast<unsigned char>(text[0]);
      text.remove_prefix(1);
      std::optional<Characters> some = rangeOf(first, first);
      if (first == '\\')
        some = escape();
      else if (text.size() > 1 && text[0] == '-' && text[1] != ']') {
        auto last = static_cast<unsigned char>(text[1]);
        if (last == '\\' || last < first)
          return std::nullopt;
        some = rangeOf(first, last);
        text.remove_prefix(2);
      }
      if (!some)
        return std::nullopt;
      all |= *some;
    }
    take("]");
    return isNegative ? ~all : all;
  }

  std::string_view text;
  int depth = 0;
  bool hasFailed = false;
};

/// The steps that are reached without reading a character.
class Reached {
public:
  explicit Reached(size_t count) : isIn(count + 1) {}

  void add(const Steps &steps, size_t step, bool isStart, bool isEnd) {
    pending.push_back(step);
    while (!pending.empty()) {
      size_t at = pending.back();
      pending.pop_back();
      if (isIn[at])
        continue;
      isIn[at] = true;
      list.push_back(at);
      if (at == steps.size())
        continue;
      const Step &of = steps[at];
      bool isPassed = of.kind == Kind::fork ||
                      (of.kind == Kind::atStart && isStart) ||
                      (of.kind == Kind::atEnd && isEnd);
      if (!isPassed)
        continue;
      pending.push_back(at + of.next);
      if (of.kind == Kind::fork)
        pending.push_back(at + of.other);
    }
  }
  bool hasEnd() const { return isIn.back(); }
  void clear() {
    for (size_t at : list)
      isIn[at] = false;
    list.clear();
  }

  std::vector<size_t> list;

private:
  std::vector<bool> isIn;
  std::vector<size_t> pending;
};

} // namespace

std::optional<NamePattern> NamePattern::parse(std::string_view text) {
  if (text.size() > mostCharacters)
    return std::nullopt;
  std::optional<Steps> steps = Parser(text).parse();
  if (!steps)
    return std::nullopt;
  return NamePattern(std::move(*steps));
}

bool NamePattern::matchesStart(std::string_view name) const {
  // Large checkpoints ask for each of their weights: two lists do for a name.
  Reached now(steps.size()), next(steps.size());
  now.add(steps, 0, true, name.empty());
  for (size_t i = 0; i < name.size() && !now.hasEnd(); ++i) {
    next.clear();
    auto code = static_cast<unsigned char>(name[i]);
    for (size_t at : now.list)
      if (at < steps.size() && steps[at].kind == Kind::characters &&
          steps[at].characters[code])
        next.add(steps, at + 1, false, i + 1 == name.size());
    std::swap(now, next);
  }
  return now.hasEnd();
}

} // namespace rlx
