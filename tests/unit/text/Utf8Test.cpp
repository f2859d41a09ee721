//===- Utf8Test.cpp - Characters of UTF-8 text ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Utf8.h"
#include "runtime/text/LetterFolds.h"
#include "runtime/text/SplitPatterns.h"

#include <gtest/gtest.h>

using namespace rlx;

TEST(Utf8, ReadsWhatItWrites) {
  for (char32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 257) {
    if (code >= 0xD800 && code < 0xE000)
      continue;
    std::string text;
    appendUtf8(text, code);
    Utf8Character read = readUtf8(text + "x");
    EXPECT_TRUE(read.valid);
    EXPECT_EQ(read.code, code);
    EXPECT_EQ(read.bytes, text.size());
    for (size_t part = 1; part < text.size(); ++part)
      EXPECT_EQ(unfinishedUtf8("x" + text.substr(0, part)), part);
    EXPECT_EQ(unfinishedUtf8(text), 0u);
  }
  EXPECT_EQ(readUtf8("").bytes, 0u);
}

TEST(Utf8, TakesBytesThatAreNoneOneByOne) {
  // Overlong, a surrogate, above U+10FFFF, cut, a continuation alone.
  for (std::string_view text :
       {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xE2\x96", "\x96", "\xFF"}) {
    Utf8Character read = readUtf8(text);
    EXPECT_FALSE(read.valid);
    EXPECT_EQ(read.bytes, 1u);
  }
  EXPECT_EQ(toValidUtf8("a\xFF\xC3\xA4\xE2\x96"),
            "a\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD");
  // What can never become a character is not waited for.
  EXPECT_EQ(unfinishedUtf8("\xE0\x80"), 0u);
  EXPECT_EQ(unfinishedUtf8("\xFF"), 0u);
}

TEST(LetterFolds, LoseCaseAndAccents) {
  auto fold = [](std::u32string_view from) {
    std::string text;
    for (char32_t code : from)
      appendFolded(text, code);
    return text;
  };
  EXPECT_EQ(fold(U"ÀéÎõÜ Žluťoučký Ångström"), "aeiou zlutoucky angstrom");
  EXPECT_EQ(fold(U"ΆΈ Йё"), "αε ие");
  EXPECT_EQ(fold(U"각"), "\u1100\u1161\u11A8");
  EXPECT_EQ(fold(U"漢字 ß"), "漢字 ß");
}

TEST(SplitPatterns, KeepBytesThatAreNoText) {
  Result<SplitPatterns> words = SplitPatterns::compile("\\p{L}+\n[0-9]");
  ASSERT_TRUE(words.ok()) << words.message();
  std::vector<std::string_view> parts;
  ASSERT_TRUE(words->split("ab12\xFF\xFEö.", parts).ok());
  EXPECT_EQ(parts, (std::vector<std::string_view>{"ab", "1", "2", "\xFF\xFE",
                                                  "ö", "."}));
  parts.clear();
  ASSERT_TRUE(words->split("ab.12", parts, SplitPatterns::Parts::between).ok());
  EXPECT_EQ(parts, (std::vector<std::string_view>{"."}));
  EXPECT_FALSE(SplitPatterns::compile("(").ok());
}
