//===- CodesTest.cpp - Codes are written where they are read --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// decode(encode(codes)) for all codes of all built-in schemes and of random
// ones, and the nearest code against all codes.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/Rules.h"
#include "tests/unit/codegen/RandomScheme.h"
#include "tests/unit/quantize/TestSupport.h"

#include "llvm/ADT/DenseMap.h"

using namespace rlx;
using namespace rlx::quantize;
using namespace rlx::test;

namespace codes_test {

/// Writes codes into all fields of a block, a different one each `round`, and
/// expects the reference decoder to read their numbers.
void expectCodesComeBack(QuantScheme scheme, uint32_t round, Random &random) {
  FieldList list(scheme);
  FieldAttr code = scheme.attr().getCode();
  FieldBits codeBits(scheme, code);
  std::vector<uint8_t> block(scheme.blockBytes());
  int64_t elements = scheme.block();
  auto codeOf = [&](int64_t i) {
    uint32_t mask = uint32_t((uint64_t(1) << code.width()) - 1);
    return uint32_t(round + 37 * i) & mask;
  };
  for (int64_t i = 0; i < elements; ++i)
    codeBits.write(block.data(), i, codeOf(i));

  // A code for each place where a field lies.
  std::vector<std::vector<uint32_t>> fieldCodes;
  for (FieldAttr field : list.fields) {
    auto &codes = fieldCodes.emplace_back(elements);
    if (field.isSide())
      continue;
    FieldBits bits(scheme, field);
    llvm::DenseMap<int64_t, uint32_t> byPlace;
    for (int64_t i = 0; i < elements; ++i) {
      int64_t place = firstBit(field.getPlanes().front(), i);
      auto [entry, inserted] = byPlace.try_emplace(place, 0);
      if (inserted) {
        uint32_t drawn;
        std::memcpy(&drawn, random.bytes(4).data(), sizeof(drawn));
        entry->second = drawn & uint32_t((uint64_t(1) << field.width()) - 1);
        bits.write(block.data(), i, entry->second);
      }
      codes[i] = entry->second;
    }
    for (int64_t i = 0; i < elements; ++i)
      ASSERT_EQ(bits.read(block.data(), i), codes[i]);
  }
  for (int64_t i = 0; i < elements; ++i)
    ASSERT_EQ(codeBits.read(block.data(), i), codeOf(i))
        << scheme.displayName().str() << " element " << i;
  if (!hasBlocksOnly(scheme))
    return;

  llvm::Expected<ReferenceDecoder> decoder =
      ReferenceDecoder::create(scheme, {1, elements}, {block, {}, {}, {}});
  if (!decoder)
    FAIL() << llvm::toString(decoder.takeError());
  for (int64_t i = 0; i < elements; ++i) {
    double scale = 1, number = numberOf(code, codeOf(i)), offset = 1;
    bool hasOffset = false;
    for (auto [index, field] : llvm::enumerate(list.fields)) {
      double value = numberOf(field, fieldCodes[index][i]);
      if (list.isScale(int(index)))
        scale *= value;
      else if (list.isZero(int(index)))
        number -= value;
      else {
        offset *= value;
        hasOffset = true;
      }
    }
    double expected = scale * number;
    if (hasOffset)
      expected += scheme.attr().getOffsetNegative() ? -offset : offset;
    ASSERT_TRUE(sameNumber(decoder->value(0, i), expected))
        << scheme.displayName().str() << " element " << i;
  }
}

/// Enough rounds that every element has every code, of at most 8 bits.
uint32_t roundsFor(QuantScheme scheme) {
  return uint32_t(1) << std::min(scheme.attr().getCode().width(), 8u);
}

TEST_F(SchemeTest, AllCodesComeBack) {
  Random random(3);
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    if (!hasOwnCodes(*scheme))
      continue;
    for (uint32_t round = 0; round < roundsFor(*scheme); ++round)
      ASSERT_NO_FATAL_FAILURE(expectCodesComeBack(*scheme, round, random))
          << name;
  }
}

TEST_F(SchemeTest, CodesOfRandomSchemesComeBack) {
  Dice dice(11);
  Random random(5);
  for (int i = 0; i < 300; ++i) {
    RandomScheme text(dice);
    std::optional<QuantScheme> scheme = described(text.text);
    ASSERT_TRUE(scheme);
    for (uint32_t round = 0; round < 4; ++round)
      ASSERT_NO_FATAL_FAILURE(expectCodesComeBack(*scheme, 61 * round, random))
          << text.text;
  }
}

/// No other code means a number that is nearer.
void expectNearest(const FieldNumbers &numbers, const Solver::Parts &parts,
                   double x) {
  auto error = [&](uint32_t code) {
    return std::fabs(parts.scale * (numbers.number(code) - parts.zero) +
                     parts.offset - x);
  };
  uint32_t chosen = exactCode(numbers, parts, x);
  ASSERT_TRUE(std::isfinite(numbers.number(chosen)));
  for (uint32_t code = 0; code < uint32_t(1) << numbers.attr().width(); ++code)
    if (std::isfinite(numbers.number(code))) {
      ASSERT_LE(error(chosen), error(code))
          << printed(numbers.attr()) << " x " << x << " code " << code
          << " scale " << parts.scale << " zero " << parts.zero << " offset "
          << parts.offset;
    }
}

TEST_F(SchemeTest, TheNearestCodeIsChosen) {
  Dice dice(23);
  Random random(29);
  for (int i = 0; i < 200; ++i) {
    std::optional<QuantScheme> scheme = described(RandomScheme(dice).text);
    ASSERT_TRUE(scheme);
    FieldNumbers numbers(scheme->attr().getCode());
    if (numbers.attr().width() > 8)
      continue;
    std::vector<float> drawn = random.floats(16);
    for (int j = 0; j < 8; ++j) {
      Solver::Parts parts{drawn[2 * j] / 3, dice.below(9) / 2.0,
                          drawn[2 * j + 1]};
      double low = numbers.lowest(), range = numbers.highest() - low;
      for (float t : random.floats(12)) {
        // Inside the range, in the middle between two, and beyond.
        double number = low + range * (t + 4) / 6;
        for (double at : {number, std::round(2 * number) / 2})
          ASSERT_NO_FATAL_FAILURE(expectNearest(
              numbers, parts, parts.scale * (at - parts.zero) + parts.offset));
      }
    }
  }
}

TEST_F(SchemeTest, SmallNumbersKeepTheirSign) {
  for (const char *name : {"f16", "bf16", "f32", "fp8e4m3", "fp8e5m2"}) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    std::vector<float> x = {0.0f, -0.0f, 1e-45f, -1e-45f, 1e-9f, -1e-9f};
    std::vector<uint8_t> bytes(scheme->storageBytes({1, 6}));
    ASSERT_EQ(messageOf(quantizeRows(*scheme, {1, 6}, x, 0, 1, {}, bytes)), "");
    auto decoder =
        ReferenceDecoder::create(*scheme, {1, 6}, {bytes, {}, {}, {}});
    if (!decoder)
      FAIL() << llvm::toString(decoder.takeError());
    for (int64_t k = 0; k < 6; ++k)
      EXPECT_EQ(std::signbit(decoder->value(0, k)), std::signbit(x[k]))
          << name << " " << x[k];
  }
}

} // namespace codes_test
