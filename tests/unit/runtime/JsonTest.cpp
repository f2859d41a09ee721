//===- JsonTest.cpp - JSON texts, right and wrong -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/Json.h"

#include "tests/unit/runtime/TestSupport.h"

#include <random>

using namespace rlx;
using namespace rlx::test;

namespace {

Result<JsonValue>
parse(std::string_view text,
      JsonCursor::Numbers numbers = JsonCursor::Numbers::any) {
  return JsonValue::parse("x.json", text, numbers);
}

TEST(Json, ValuesOfEveryKind) {
  Result<JsonValue> value =
      parse(" {\"a\": [1, -2.5e1, true, false, null, \"x\"], \"b\": {\"c\": "
            "{\"d\": 7}}, \"big\": 18446744073709551616 } \n");
  ASSERT_TRUE(value) << value.message();
  const JsonValue::Array &items = *value->find("a")->asArray();
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[0].asInteger(), 1);
  EXPECT_EQ(items[1].asInteger(), std::nullopt);
  EXPECT_EQ(items[1].asNumber(), -25);
  EXPECT_EQ(items[2].asBool(), true);
  EXPECT_EQ(items[3].asBool(), false);
  EXPECT_TRUE(items[4].isNull());
  EXPECT_EQ(*items[5].asString(), "x");
  EXPECT_EQ(items[5].asArray(), nullptr);
  EXPECT_EQ(value->findPath("b.c.d")->asInteger(), 7);
  EXPECT_EQ(value->findPath("b.*.d")->asInteger(), 7);
  EXPECT_EQ(*value->findPath("a.5")->asString(), "x");
  for (std::string_view path : {"a.c", "a.6", "a.-1", "a.5x", "b.0"})
    EXPECT_EQ(value->findPath(path), nullptr) << path;
  EXPECT_EQ(value->findPath("b.*.*.*"), nullptr);
  EXPECT_EQ(value->find("big")->asInteger(), std::nullopt);
  EXPECT_GT(*value->find("big")->asNumber(), 1.8e19);
  EXPECT_EQ(value->find("b")->describe(), "an object");
}

TEST(Json, Strings) {
  Result<JsonValue> value = parse(
      "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e9\\u20ac\\ud83d\\ude00\", "
      "\"größe\"]");
  ASSERT_TRUE(value) << value.message();
  const JsonValue::Array &items = *value->asArray();
  EXPECT_EQ(*items[0].asString(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(*items[1].asString(), "\u00e9\u20ac\U0001f600");
  EXPECT_EQ(*items[2].asString(), "größe");
}

TEST(Json, PythonsNumbers) {
  EXPECT_TRUE(parse("[NaN, Infinity, -Infinity]").ok());
  EXPECT_EQ(parse("[Infinity]")->asArray()->front().asNumber(), std::nullopt);
  expectError(parse("[NaN]", JsonCursor::Numbers::finite), "'x.json'",
              "expected a value as a number at offset 1, got 'NaN]'");
}

TEST(Json, WrongTexts) {
  auto refuse = [](std::string_view text, std::string_view message) {
    SCOPED_TRACE(text);
    expectError(parse(text), "'x.json'", message);
  };
  refuse("", "expected a value as a number at offset 0, got the end of the");
  refuse("{\"a\":1,}", "expected a name as a string at offset 7, got '}'");
  refuse("[1,]", "expected a value at offset 3, got ']'");
  refuse("[1 2]", "expected ',' or ']' at offset 3, got '2]'");
  refuse("{\"a\" 1}", "expected ':' at offset 5, got '1}'");
  refuse("{a: 1}", "expected a name as a string at offset 1");
  refuse("{\"a\":1,\"a\":2}", "'a' at offset 7 is a duplicate");
  refuse("[1] x", "nothing but spaces behind the JSON text at offset 4");
  refuse("[01]", "a number at offset 1");
  refuse("[1.]", "a number at offset 1");
  refuse("[-]", "a number at offset 1");
  refuse("[- 1]", "a number at offset 1");
  refuse("[1e]", "a number at offset 1");
  refuse("[+1]", "a number at offset 1");
  refuse("[.5]", "a number at offset 1");
  refuse("[0x1]", "expected ',' or ']'");
  refuse("[tru]", "true or false");
  refuse("[nul]", "null");
  refuse("'a'", "a number at offset 0");
  refuse("\"a", "a value at offset 0 has no end");
  refuse("\"a\nb\"", "0x0a at offset 2 is a control character");
  refuse("\"a\xff\"", "0xff at offset 2 is not UTF-8");
  refuse("\"\xc0\x80\"", "not UTF-8");
  refuse("\"\\x\"", "the character behind the backslash at offset 2 is 'x'");
  refuse("\"\\u12g4\"", "four hexadecimal digits");
  refuse("\"\\u12", "four hexadecimal digits");
  refuse("\"\\ud800\"", "half of a character");
  refuse("\"\\ud800\\u0041\"", "half of a character");
  refuse("\"\\udc00\"", "half of a character");
  refuse("{\"a\": /* no */ 1}", "a number at offset 6");
  refuse(std::string(129, '['), "nests deeper than 128 at offset 128");
  EXPECT_TRUE(parse(std::string(128, '[') + std::string(128, ']')).ok());
}

TEST(Json, EveryTruncationIsRefused) {
  std::string text = "{\"a\": [1.5e3, true, null, \"\\u00e9\\n\"], \"b\": {}}";
  ASSERT_TRUE(parse(text).ok());
  for (size_t size = 0; size < text.size(); ++size)
    expectError(parse(text.substr(0, size)), "'x.json'");
}

TEST(Json, RandomDamage) {
  std::string text = "{\"a\": [1.5e3, true, null, \"\\u00e9\\n\"], \"b\": "
                     "{\"c\": false, \"d\": \"größe\"}}";
  std::mt19937_64 random(20240601);
  int accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    damaged[random() % text.size()] = static_cast<char>(random());
    Result<JsonValue> value = parse(damaged);
    accepted += value.ok();
    if (!value) {
      EXPECT_NE(value.message().find("'x.json'"), std::string::npos);
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 2000);
}

} // namespace
