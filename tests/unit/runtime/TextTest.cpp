//===- TextTest.cpp - Text of files in messages ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Text.h"

#include <gtest/gtest.h>

using namespace rlx;

namespace text_test {

TEST(Text, QuotesWhatCanBeSeen) {
  EXPECT_EQ(quoted(""), "''");
  EXPECT_EQ(quoted("blk.0.attn_q"), "'blk.0.attn_q'");
  EXPECT_EQ(quoted("б ü 漢 🙂"), "'б ü 漢 🙂'");
  EXPECT_EQ(quoted("a\n\x1b[31m\x7f"), "'a\\x0a\\x1b[31m\\x7f'");
  // C1 controls, marks and changes of direction, ends of lines, a byte order
  // mark.
  EXPECT_EQ(quoted("\u0085"), "'\\xc2\\x85'");
  EXPECT_EQ(quoted("a\u202eb"), "'a\\xe2\\x80\\xaeb'");
  EXPECT_EQ(quoted("\u2028\u2066\ufeff"),
            "'\\xe2\\x80\\xa8\\xe2\\x81\\xa6\\xef\\xbb\\xbf'");
}

TEST(Text, QuotesWhatIsNoUtf8AsBytes) {
  EXPECT_EQ(quoted("\xd0"), "'\\xd0'");
  EXPECT_EQ(quoted("\xd0 x"), "'\\xd0 x'");
  EXPECT_EQ(quoted("\x80\xbf"), "'\\x80\\xbf'");
  EXPECT_EQ(quoted("\xc0\xaf"), "'\\xc0\\xaf'");          // longer than needed
  EXPECT_EQ(quoted("\xe0\x80\xaf"), "'\\xe0\\x80\\xaf'"); // likewise
  EXPECT_EQ(quoted("\xed\xa0\x80"), "'\\xed\\xa0\\x80'"); // half of UTF-16
  EXPECT_EQ(quoted("\xf4\x90\x80\x80"), "'\\xf4\\x90\\x80\\x80'"); // too large
  EXPECT_EQ(quoted("\xff\xfe"), "'\\xff\\xfe'");
}

TEST(Text, CutsBetweenCharacters) {
  EXPECT_EQ(quoted("abcd", 4), "'abcd'");
  EXPECT_EQ(quoted("abcde", 4), "'abcd...'");
  EXPECT_EQ(quoted("abcб", 4), "'abc...'");
  EXPECT_EQ(quoted("абв", 4), "'аб...'");
}

} // namespace text_test
