//===- UserSchemes.h - Schemes that RLX has never heard of ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions as a user would write them in a module.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_USERSCHEMES_H
#define RLX_TESTS_UNIT_CODEGEN_USERSCHEMES_H

#include "ir/Scheme.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rlx::test {

/// Blocks of 40: an e4m3 scale, a 4-bit zero point, low nibbles, high bits.
inline constexpr const char *fiveBits =
    R"(#rlx.scheme<"five bits", block = 40, bytes = 27, unused = 4,
  code = ui4 at (i) -> (2 + i floordiv 2, 4 * (i mod 2)) ++ ui1 at (i) -> (22, i),
  zero = ui4 at byte 1,
  scale = f8E4M3FN at byte 0>)";

/// Blocks of 64: 3-bit indices into eight values, an f16 and four 4-bit
/// factors.
inline constexpr const char *threeBits =
    R"(#rlx.scheme<"three bits", block = 64,
  code = ui3 at (i) -> (0, 3 * i) as [-1.5, -0.75, -0.25, -0.0, 0.1, 0.3, 0.75, 2],
  scale = f16 at byte 24 * ui4 at (i) -> (26 + i floordiv 32, 4 * ((i floordiv 16) mod 2)) - 7>)";

/// Scales of 12 bits that integer sums have no room for, and signed codes.
inline constexpr const char *wideScales =
    R"(#rlx.scheme<"wide scales", block = 32,
  code = si8 at (i) -> (i, 0),
  scale = ui12 at (i) -> (32 + 2 * (i floordiv 16), 0) * f16 at byte 36, unused = 8>)";

/// Signed codes of 7 bits, two factors of 3 bits that fit one byte.
inline constexpr const char *sevenBits =
    R"(#rlx.scheme<"seven bits", block = 32,
  code = ui7 at (i) -> (0, 7 * i) - 64, unused = 2,
  scale = f16 at byte 28 * ui3 at (i) -> (30, 3 * (i floordiv 16))>)";

/// Codes whose products with their scales, -56 to 64, fit a byte.
inline constexpr const char *smallProducts =
    R"(#rlx.scheme<"small products", block = 256,
  code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)) - 8,
  scale = si4 at (i) -> (128, 4 * (i floordiv 32)) * f16 at byte 132>)";

/// The same of a codebook: from -105 to 120, and a minimum.
inline constexpr const char *smallCodebook =
    R"(#rlx.scheme<"small codebook", block = 256,
  code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)) as
    [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  scale = f16 at byte 128 * ui4 at (i) -> (130, 4 * (i floordiv 16)),
  offset = f16 at byte 138>)";

/// Codes of a bit and a minimum.
inline constexpr const char *oneBit =
    R"(#rlx.scheme<"one bit", block = 32, code = ui1 at (i) -> (0, i),
  scale = f16 at byte 4, offset = f16 at byte 6>)";

/// Values that are rounded to a shorter type.
inline constexpr const char *roundedValues =
    R"(#rlx.scheme<"rounded values", block = 32, code = si8 at (i) -> (i, 0),
  scale = f16 at byte 32, rounded = bf16>)";

/// The name in a description.
inline std::string schemeName(const std::string &description) {
  size_t begin = description.find('"') + 1;
  return description.substr(begin, description.find('"', begin) - begin);
}

/// Every built-in scheme by name, and the three descriptions that any test can
/// take. Sums with `wideScales` need not fit the 24 bits that f32 holds
/// exactly.
inline std::vector<std::string> allSchemes() {
  std::vector<std::string> schemes;
  for (const std::string &name : builtinSchemeNames())
    schemes.push_back(name);
  schemes.insert(schemes.end(), {fiveBits, threeBits, roundedValues});
  return schemes;
}

/// The name of a test of one of them.
inline std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param[0] == '#' ? schemeName(info.param) : info.param;
  for (char &c : name)
    c = isalnum(c) ? c : '_';
  return name;
}

/// Whether codes or scales mean numbers that sums in f32 may round, of small
/// integers too: no multiples of 1/8.
inline bool hasOddCodebook(const std::string &scheme) {
  return scheme == threeBits || scheme.rfind("nf4", 0) == 0 ||
         scheme.rfind("bnb_fp4", 0) == 0 || scheme == "f8q8" ||
         scheme.rfind("mxint8", 0) == 0;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_USERSCHEMES_H
