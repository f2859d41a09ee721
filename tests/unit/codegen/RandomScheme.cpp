//===- RandomScheme.cpp - Descriptions that nobody has written ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/RandomScheme.h"

using namespace rlx::test;

static std::string number(int64_t value) { return std::to_string(value); }

/// The element's number, or that of its group.
static std::string entryOf(int64_t group) {
  return group == 1 ? "i" : "(i floordiv " + number(group) + ")";
}

/// A length that divides the block, of those that kernels know if there is one.
int64_t RandomScheme::group() {
  std::vector<int64_t> all, usual;
  for (int64_t length = 1; length <= block; ++length) {
    if (block % length != 0)
      continue;
    all.push_back(length);
    if (length % 16 == 0 || length == 8 || length == 12 || length == 24)
      usual.push_back(length);
  }
  return dice.pick(usual.empty() || dice.oneIn(4) ? all : usual);
}

std::string RandomScheme::plane(int64_t width, int64_t entries,
                                const std::string &entry) {
  std::string base = number(bytes), w = number(width);
  if (width >= 8) {
    std::string at =
        "(i) -> (" + base + " + " + number(width / 8) + " * " + entry + ", 0)";
    bytes += entries * width / 8;
    return at;
  }
  // Bits one after the other, a byte for each, within bytes in both orders, or
  // in as many parts as there are in a byte.
  int64_t perByte = 8 / width;
  std::vector<int> kinds = {0, 0};
  if (dice.oneIn(6))
    kinds.push_back(1);
  if (8 % width == 0 && entries % perByte == 0)
    kinds.insert(kinds.end(), {2, 3, 4, 4});
  int kind = dice.pick(kinds);
  int64_t used = entries / perByte;
  std::string p = number(perByte), text;
  if (kind == 0) {
    used = (entries * width + 7) / 8;
    text = dice.oneIn(3)
               ? "(0, " + number(8 * bytes) + " + " + w + " * " + entry + ")"
               : "(" + base + ", " + w + " * " + entry + ")";
  } else if (kind == 1) {
    used = entries;
    text =
        "(" + base + " + " + entry + ", " + number(dice.below(9 - width)) + ")";
  } else if (kind == 2) {
    text = "(" + base + " + " + entry + " floordiv " + p + ", " + w + " * (" +
           entry + " mod " + p + "))";
  } else if (kind == 3) {
    text = "(" + base + " + " + entry + " floordiv " + p + ", " +
           number(8 - width) + " - " + w + " * (" + entry + " mod " + p + "))";
  } else {
    std::string part = number(used);
    text = "(" + base + " + " + entry + " mod " + part + ", " + w + " * (" +
           entry + " floordiv " + part + "))";
  }
  bytes += used;
  unused += used * 8 - entries * width;
  return "(i) -> " + text;
}

/// Integers of `group` elements each, in one plane or several, at times with a
/// bias.
std::string RandomScheme::integer(int64_t mostBits, int64_t group,
                                  bool isCode) {
  std::vector<int64_t> widths;
  int64_t total = 0;
  for (int64_t count = dice.pick({1, 1, 2, 2, 3}); count > 0; --count) {
    int64_t width = dice.pick({1, 2, 2, 3, 4, 4, 5, 6, 8});
    if (total + width > mostBits)
      continue;
    widths.push_back(width);
    total += width;
  }
  if (widths.empty())
    widths = {total = 4};
  std::string text;
  bool isSigned = widths.size() == 1 && total > 1 && dice.oneIn(3);
  for (int64_t width : widths)
    text += (text.empty() ? "" : " ++ ") + std::string(isSigned ? "si" : "ui") +
            number(width) + " at " +
            plane(width, block / group, entryOf(group));
  if (isCode && !isSigned && total <= 8 && dice.oneIn(3)) {
    // At most 255 from the least to the most, which tables of bytes hold; or
    // more, or no integers.
    double unit = dice.pick({1.0, 1.0, 0.5, 8.0, 1 / 64.0});
    text += " as [";
    for (int64_t i = 0; i < int64_t(1) << total; ++i)
      text += (i ? ", " : "") +
              std::to_string(double(dice.below(255) - 127) * unit);
    return text + "]";
  }
  if (dice.oneIn(2))
    text += " - " + number(dice.pick<int64_t>(
                        {int64_t(1) << (total - 1), 1, -1, 7, 128, 255, 300,
                         1023, 2000, 2047, 2048, 40000, (1 << 24) - (1 << 16),
                         (1 << 16) - (1 << 24)}));
  return text;
}

std::string RandomScheme::smallFloat(const char *type, int64_t width,
                                     int64_t group) {
  return std::string(type) + " at " +
         plane(width, block / group, entryOf(group));
}

std::string RandomScheme::lookup(int64_t width, int64_t length) {
  std::string v = number(length), vectors = number(block / length);
  // Neighbours share a vector, or elements as far apart as there are vectors.
  bool areNeighbours = dice.oneIn(2);
  std::string vector = areNeighbours ? "(i floordiv " + v + ")"
                                     : "(i mod " + vectors + ")",
              component =
                  areNeighbours ? "i mod " + v : "i floordiv " + vectors;
  bool isParity = width == 1 && length > 1 && dice.oneIn(2),
       areDigits = !isParity && width == 2 && length <= 5 && dice.oneIn(2);
  int64_t bits = isParity    ? length - 1
                 : areDigits ? dice.pick({8, 9, 11})
                             : dice.pick({1, 3, 5, 7, 8, 9, 11});
  std::string table = isParity ? "parity" : "digits 3", planes;
  if (!isParity && !areDigits) {
    table = "[";
    uint64_t all = ~uint64_t(0) >> (64 - width * length);
    for (int64_t i = 0; i < int64_t(1) << bits; ++i)
      // The last one has all components.
      table +=
          (i ? ", " : "") + number(int64_t(i + 1 == int64_t(1) << bits
                                               ? all
                                               : dice.below(int64_t(all) + 1)));
    table += "]";
    if (dice.oneIn(3))
      component = v + " - 1 - (" + component + ")";
  }
  for (int64_t left = bits; left > 0;) {
    int64_t some = left > 8 ? 8 : dice.oneIn(3) ? (left + 1) / 2 : left;
    planes += (planes.empty() ? "ui" : " ++ ui") + number(some) + " at " +
              plane(some, block / length, vector);
    left -= some;
  }
  return "ui" + number(width) + " from " + table + " by (" + planes +
         ") at (i) -> (" + component + ")";
}

std::string RandomScheme::vectorCode() {
  std::vector<int64_t> lengths;
  for (int64_t length : {1, 2, 3, 4, 5, 8, 10, 16})
    if (block % length == 0)
      lengths.push_back(length);
  int64_t length = dice.pick(lengths),
          width = dice.pick<int64_t>({1, 2, 2, 3, 4});
  // A vector has 31 bits at most here.
  width = std::min(width, 31 / length);
  if (length == 10)
    width = 2;
  std::string text = lookup(width, length);
  int64_t total = width;
  if (dice.oneIn(2)) {
    text += " ++ ";
    text += dice.oneIn(2) ? lookup(1, length)
                          : "ui1 at " + plane(1, block, entryOf(1));
    ++total;
  }
  if (dice.oneIn(2))
    return text + " - " + number(dice.pick({1, 3, 8}));
  if (dice.oneIn(4))
    return text + " as 0.5 * code - 1.5";
  text += " as [";
  double unit = dice.pick({1.0, 1.0, 0.125});
  for (int64_t i = 0; i < int64_t(1) << total; ++i)
    text +=
        (i ? ", " : "") + std::to_string(double(dice.below(255) - 127) * unit);
  return text + "]";
}

std::string RandomScheme::code() {
  if (hasVectors)
    return vectorCode();
  if (!dice.oneIn(4))
    return integer(dice.oneIn(8) ? 16 : 8, 1, /*isCode=*/true);
  auto [type, width] =
      dice.pick<std::pair<const char *, int64_t>>({{"f8E4M3FN", 8},
                                                   {"f8E5M2", 8},
                                                   {"f4E2M1FN", 4},
                                                   {"f6E2M3FN", 6},
                                                   {"f6E3M2FN", 6},
                                                   {"f16", 16},
                                                   {"bf16", 16}});
  return smallFloat(type, width, 1);
}

std::string RandomScheme::side(const std::string &operand) {
  std::string type =
      dice.pick({"f32", "f32", "f16", "f8E4M3FN", "f8E8M0FNU", "ui8", "si8"});
  int64_t length = dice.pick<int64_t>({block, 2 * block, block * 3 / 2, 5, 16,
                                       24, 32, 48, 64, 80, 96, 128, 300, 384});
  std::string g = number(std::max<int64_t>(1, length)), index;
  switch (dice.below(7)) {
  case 0:
    index = "(n)";
    break;
  case 1:
    index = "(0)";
    break;
  case 2:
    index = "(n floordiv " + number(dice.pick({2, 3, 128})) + ", k floordiv " +
            g + ")";
    break;
  case 3:
    index = "(k floordiv " + g + ", n)";
    break;
  case 4:
    index = "((n + k) floordiv " + g + ")";
    break;
  default:
    index = "(n, k floordiv " + g + ")";
  }
  return type + " in " + operand + " at (n, k) -> " + index;
}

/// A factor of a scale or an offset.
std::string RandomScheme::factor() {
  if (!hasScales && dice.oneIn(3)) {
    hasScales = true;
    return side("scales");
  }
  int64_t length = dice.oneIn(3) ? group() : block;
  if (dice.oneIn(2))
    return integer(dice.oneIn(4) ? 12 : 8, group(), /*isCode=*/false);
  auto [type, width] =
      dice.pick<std::pair<const char *, int64_t>>({{"f16", 16},
                                                   {"f16", 16},
                                                   {"f32", 32},
                                                   {"bf16", 16},
                                                   {"f8E4M3FN", 8},
                                                   {"f8E8M0FNU", 8}});
  return smallFloat(type, width, length);
}

RandomScheme::RandomScheme(Dice &dice, bool hasVectors)
    : dice(dice), hasVectors(hasVectors) {
  block = dice.pick({1,  2,   4,   4,   7,   8,   8,   10,  12,  16,  20,
                     24, 32,  32,  32,  33,  40,  48,  64,  64,  80,  96,
                     96, 100, 128, 160, 192, 256, 256, 320, 512, 1024});
  std::string scale, offset, zero, codes;
  bool codesFirst = dice.oneIn(2);
  if (codesFirst)
    codes = code();
  for (int64_t count = dice.pick({0, 1, 1, 1, 2, 2, 3}); count > 0; --count)
    scale += (scale.empty() ? "" : " * ") + factor();
  if (dice.oneIn(4))
    zero = dice.oneIn(2) ? side("zero_points")
                         : integer(8, group(), /*isCode=*/false);
  if (dice.oneIn(3)) {
    offset = dice.oneIn(2) ? "- " : "";
    offset += factor();
    if (dice.oneIn(2))
      offset += " * " + factor();
  }
  if (!codesFirst)
    codes = code();
  text = "#rlx.scheme<\"random\", block = " + number(block) +
         ", bytes = " + number(bytes);
  if (unused)
    text += ", unused = " + number(unused);
  text += ", code = " + codes;
  if (!zero.empty())
    text += ", zero = " + zero;
  if (!scale.empty())
    text += ", scale = " + scale;
  if (!offset.empty())
    text += ", offset = " + offset;
  text += ">";
}
