//===- QuantRule.cpp - How scales are chosen from the data ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/QuantRule.h"

#include "ir/NearNames.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

using namespace rlx;

namespace {
/// The words of a rule's text, one after the other.
class Words {
public:
  explicit Words(llvm::StringRef text) : rest(text) {}

  bool done() { return rest.ltrim().empty(); }
  llvm::StringRef next() {
    auto [word, behind] = llvm::getToken(rest);
    rest = behind;
    return word;
  }
  /// A word of a list, as its position in it.
  llvm::Expected<size_t> oneOf(llvm::ArrayRef<std::string> words,
                               const llvm::Twine &what) {
    llvm::StringRef word = next();
    for (size_t i = 0; i < words.size(); ++i)
      if (word == words[i])
        return i;
    return llvm::createStringError("expected " + what + " of a rule to be " +
                                   llvm::join(words, ", ") + ", but got '" +
                                   word + "'" + didYouMean(word, words));
  }
  template <typename T> llvm::Error number(T &value, const llvm::Twine &what) {
    llvm::StringRef word = next();
    if constexpr (std::is_floating_point_v<T>) {
      // Scales are computed in f32.
      constexpr double least = std::numeric_limits<float>::min(),
                       most = std::numeric_limits<float>::max();
      if (!word.getAsDouble(value) && std::fabs(value) >= least &&
          std::fabs(value) <= most)
        return llvm::Error::success();
    } else if (!word.getAsInteger(10, value) && value >= 0) {
      return llvm::Error::success();
    }
    return llvm::createStringError("expected a number " + what +
                                   " in a rule, but got '" + word + "'");
  }

private:
  llvm::StringRef rest;
};
} // namespace

/// What may follow the method.
static llvm::Error parseFurther(Words &words, QuantRule &rule) {
  llvm::Expected<size_t> kind =
      words.oneOf({"by", "ties", "sums", "else"}, "a further word");
  if (!kind)
    return kind.takeError();
  switch (*kind) {
  case 0: {
    auto how =
        words.oneOf({"reciprocal", "inverse", "log2f"}, "what follows 'by'");
    if (!how)
      return how.takeError();
    rule.arithmetic = QuantRule::Arithmetic(*how + 1);
    return llvm::Error::success();
  }
  case 1: {
    auto how = words.oneOf({"up", "away", "even", "first"}, "'ties'");
    if (!how)
      return how.takeError();
    rule.ties = QuantRule::Ties(*how + 1);
    return llvm::Error::success();
  }
  case 2: {
    QuantRule::Sums sums{};
    if (auto error = words.number(sums.length, "of codes behind 'sums'"))
      return error;
    if (llvm::StringRef word = words.next(); word != "at" || sums.length == 0)
      return llvm::createStringError(
          "expected 'sums LENGTH at BYTE' in a rule, but got '" + word + "'");
    if (auto error = words.number(sums.firstByte, "of a byte behind 'at'"))
      return error;
    rule.sums = sums;
    return llvm::Error::success();
  }
  default:
    rule.fallback = words.next().str();
    if (rule.fallback.empty())
      return llvm::createStringError(
          "expected a scheme's name behind 'else' in a rule");
    return llvm::Error::success();
  }
}

llvm::Expected<QuantRule> QuantRule::parse(llvm::StringRef text) {
  Words words(text);
  QuantRule rule;
  llvm::Expected<size_t> method =
      words.oneOf({"search", "signed_max", "absmax", "minmax", "power_of_two"},
                  "the method");
  if (!method)
    return method.takeError();
  rule.method = Method(*method);
  if (rule.method != Method::search && rule.method != Method::minMax) {
    if (auto error = words.number(rule.reach, "behind the method"))
      return error;
    // A signed maximum may become the least code, which has the longer side.
    if (rule.method != Method::signedMax && rule.reach < 0)
      return llvm::createStringError(llvm::formatv(
          "expected a number above 0 behind the method of a rule, but got {0}",
          rule.reach));
  }
  while (!words.done())
    if (auto error = parseFurther(words, rule))
      return error;
  return rule;
}

llvm::Error rlx::checkQuantizable(QuantScheme scheme) {
  auto fail = [&](const llvm::Twine &why) {
    return llvm::createStringError("scheme '" + scheme.displayName() +
                                   "' cannot be quantized: " + why);
  };
  if (scheme.attr().getRounded())
    return fail("its values are rounded, and the code of the nearest one is "
                "not searched for");
  llvm::SmallVector<FieldAttr> fields = scheme.fields();
  for (FieldAttr field : llvm::drop_begin(fields))
    if (field.hasLookups())
      return fail("a scale, zero or offset is looked up in a table of vectors, "
                  "expected codes alone to be");
  if (fields.front().hasLookups() &&
      (fields.size() == 1 || !scheme.sideOperands().empty()))
    return fail("its codes name vectors of a table, expected scales in the "
                "block and none beside it");
  return llvm::Error::success();
}

llvm::Error rlx::checkOwnCodes(QuantScheme scheme) {
  if (!scheme.attr().getCode().hasLookups())
    return llvm::Error::success();
  return llvm::createStringError(
      "the codes of scheme '" + scheme.displayName() +
      "' name vectors of a table, expected a scheme whose elements have codes "
      "of their own");
}

/// Whether a field of the block reads one of the bits from `begin` to `end`.
static bool readsBits(QuantScheme scheme, int64_t begin, int64_t end) {
  return llvm::any_of(scheme.fields(), [&](FieldAttr field) {
    if (field.isSide())
      return false;
    for (PlaneAttr plane : field.getPlanes())
      for (int64_t i = 0; i < scheme.block(); ++i)
        if (int64_t first = firstBit(plane, i);
            first < end && first + int64_t(plane.width()) > begin)
          return true;
    return false;
  });
}

llvm::Error rlx::checkRule(const QuantRule &rule, QuantScheme scheme) {
  if (!rule.fallback.empty() &&
      !QuantScheme::parse(scheme.attr().getContext(), rule.fallback))
    return llvm::createStringError(
        "'else' of a rule: " +
        QuantScheme::unknownSchemeMessage(rule.fallback));
  auto fail = [&](const llvm::Twine &expected) {
    return llvm::createStringError("expected scheme '" + scheme.displayName() +
                                   "' to have " + expected + " for its rule");
  };
  if (rule.sums &&
      (scheme.block() % rule.sums->length != 0 || rule.sums->firstByte < 0 ||
       rule.sums->firstByte >
           scheme.blockBytes() - 2 * (scheme.block() / rule.sums->length)))
    return llvm::createStringError(
        "expected the sums of a rule to lie in the block of '" +
        scheme.displayName() + "'");
  if (rule.sums) {
    int64_t begin = 8 * rule.sums->firstByte,
            end = begin + 16 * (scheme.block() / rule.sums->length);
    if (readsBits(scheme, begin, end))
      return llvm::createStringError(
          "expected the sums of a rule to lie where no field of '" +
          scheme.displayName() + "' does");
  }
  if (rule.method == QuantRule::Method::search)
    return llvm::Error::success();
  SchemeAttr attribute = scheme.attr();
  if (attribute.getCode().hasLookups())
    return fail("a code for each element");
  FieldAttr zero = attribute.getZero();
  size_t further = attribute.getOffset().size() + (zero ? 1 : 0);
  if (attribute.getScale().size() != 1 || further > 1)
    return fail("one scale, and at most one zero or offset,");
  bool hasRange = rule.method == QuantRule::Method::minMax;
  if (further == 1 && !hasRange)
    return fail("a scale and nothing else");
  if (further == 0 && hasRange)
    return fail("a zero or an offset");
  bool computesIntegers =
      rule.arithmetic == QuantRule::Arithmetic::reciprocal ||
      rule.arithmetic == QuantRule::Arithmetic::inverse;
  if (computesIntegers && !attribute.getCode().isInteger())
    return fail("integers as codes");
  if (attribute.getOffsetNegative())
    return fail("an offset that is added");
  FieldAttr scale = attribute.getScale().front(),
            other = zero      ? zero
                    : further ? attribute.getOffset().front()
                              : FieldAttr();
  if (other && scale.getOperand() && scale.getOperand() == other.getOperand())
    return fail("a scale and a zero of their own");
  return llvm::Error::success();
}

QuantRule QuantRule::of(QuantScheme scheme) {
  std::optional<size_t> index;
  if (scheme.isBuiltin())
    index = findBuiltinScheme(scheme.displayName());
  if (!index || builtinRules()[*index].empty())
    return {};
  // The table is tested to hold no other text.
  return llvm::cantFail(parse(builtinRules()[*index]));
}
