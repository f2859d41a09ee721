//===- SchemeNamesTest.cpp - Parsing and printing names of schemes --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/NearNames.h"
#include "tests/unit/ir/TestSupport.h"

#include "llvm/ADT/StringSet.h"

using namespace rlx;
using namespace rlx::test;

namespace scheme_names_test {

TEST_F(SchemeTest, EveryBuiltinNameIsItsDisplayName) {
  llvm::StringSet<> seen;
  for (const std::string &name : builtinSchemeNames()) {
    EXPECT_TRUE(seen.insert(name).second) << name << " is listed twice";
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    EXPECT_EQ(scheme->displayName(), name);
    EXPECT_TRUE(scheme->isBuiltin());
    EXPECT_EQ(*QuantScheme::parse(&context, name), *scheme);
  }
}

TEST_F(SchemeTest, EveryBuiltinPatternIsListed) {
  llvm::SmallVector<std::string> names = builtinSchemeNames();
  for (const BuiltinScheme &scheme : builtinSchemes()) {
    llvm::StringRef beforeParameter =
        scheme.pattern.take_until([](char c) { return c == '$'; });
    EXPECT_TRUE(llvm::any_of(names, [&](llvm::StringRef name) {
      return name.starts_with(beforeParameter);
    })) << scheme.pattern.str();
  }
}

TEST_F(SchemeTest, EveryDescriptionRoundTrips) {
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    EXPECT_EQ(mlir::parseAttribute(printed(scheme->attr()), &context),
              scheme->attr())
        << printed(scheme->attr());
  }
}

TEST_F(SchemeTest, EveryEncodingPrintsTheNameAndRoundTrips) {
  for (const std::string &name : builtinSchemeNames()) {
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    auto encoding = QuantAttr::get(&context, scheme->attr());
    EXPECT_EQ(printed(encoding), "#rlx.quant<" + name + ">");
    EXPECT_EQ(mlir::parseAttribute(printed(encoding), &context), encoding)
        << name;
  }
}

TEST_F(SchemeTest, GgmlSpellingsInAnyCase) {
  const std::pair<const char *, const char *> spellings[] = {
      {"q4_0", "gguf_q4_0"},     {"Q4_0", "gguf_q4_0"},
      {"q4_1", "gguf_q4_1"},     {"Q5_0", "gguf_q5_0"},
      {"q5_1", "gguf_q5_1"},     {"Q8_0", "gguf_q8_0"},
      {"q2_K", "gguf_q2k"},      {"q2_k", "gguf_q2k"},
      {"Q3_K", "gguf_q3k"},      {"q4_K", "gguf_q4k"},
      {"Q4_k", "gguf_q4k"},      {"q5_k", "gguf_q5k"},
      {"Q6_K", "gguf_q6k"},      {"q8_K", "gguf_q8k"},
      {"IQ4_NL", "gguf_iq4_nl"}, {"iq4_xs", "gguf_iq4_xs"},
      {"MXFP4", "gguf_mxfp4"},   {"NVFP4", "gguf_nvfp4"},
      {"nvfp4", "gguf_nvfp4"},   {"TQ2_0", "gguf_tq2_0"},
      {"IQ1_S", "gguf_iq1_s"},   {"tq1_0", "gguf_tq1_0"},
      {"iq2_k", "gguf_iq2_k"},   {"IQ6_K", "gguf_iq6_k"}};
  for (auto [spelling, name] : spellings) {
    std::optional<QuantScheme> scheme = builtin(spelling);
    ASSERT_TRUE(scheme);
    EXPECT_EQ(scheme->displayName(), name) << spelling;
    EXPECT_EQ(*scheme, *builtin(name));
  }
}

TEST_F(SchemeTest, ParametersStandForAnySize) {
  EXPECT_EQ(builtin("int8/48")->block(), 48);
  EXPECT_EQ(builtin("int8/1")->block(), 1);
  EXPECT_EQ(builtin("int4a/256")->blockBytes(), 128);
  EXPECT_EQ(builtin("affine3/32")->blockBytes(), 12);
  EXPECT_EQ(builtin("affine5/8")->blockBytes(), 5);
  std::optional<SideOperand> scales =
      builtin("fp8e4m3/64x32")->findSide("scales");
  ASSERT_TRUE(scales);
  EXPECT_EQ(scales->shape({100, 96}), (llvm::SmallVector<int64_t>{2, 3}));
}

TEST_F(SchemeTest, UnknownNames) {
  // The last ones are patterns with a parameter that does not fit.
  for (const char *name : {"",
                           "q4",
                           "gguf_q4_k",
                           "gguf_q4_0 ",
                           " int8/32",
                           "int8",
                           "int8/",
                           "int8/0",
                           "int8/-32",
                           "int8/32x",
                           "int8/032",
                           "int8/$b",
                           "affine$w/$b",
                           "int8/1000000000",
                           "gguf_iq2_ks",
                           "iq4_kss",
                           "q8_1",
                           "nvfp4/32",
                           "fp8e4m3/128",
                           "fp8e4m3/128x",
                           "fp8e4m3/128x128x128",
                           "INT8/32",
                           "int4/7",
                           "affine3/3",
                           "affine17/32",
                           "int8/100000"})
    EXPECT_FALSE(QuantScheme::parse(&context, name)) << name;
}

TEST_F(SchemeTest, FailedParsingSaysNothing) {
  int diagnostics = 0;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &) { ++diagnostics; });
  EXPECT_FALSE(QuantScheme::parse(&context, "int4/7"));
  EXPECT_EQ(diagnostics, 0);
}

TEST_F(SchemeTest, UnknownNameNamesTheNearest) {
  std::string message = QuantScheme::unknownSchemeMessage("gguf_q4_k");
  EXPECT_EQ(message.find(
                "unknown scheme 'gguf_q4_k', expected a built-in name such as"),
            0u)
      << message;
  EXPECT_NE(message.find("'gguf_q4k'"), std::string::npos) << message;
}

// A part of a name is nearer than a short name of other letters.
TEST_F(SchemeTest, PartsOfNamesAreNear) {
  auto first = [](llvm::StringRef name) {
    return nearestNames(name, builtinSchemeNames(), 1).front();
  };
  EXPECT_EQ(first("q4k"), "gguf_q4k");
  EXPECT_EQ(first("Q4-K"), "gguf_q4k");
  EXPECT_EQ(llvm::StringRef(first("nf4")).split('/').first, "nf4");
  EXPECT_EQ(first("iq4"), "gguf_iq4_nl");
  EXPECT_EQ(llvm::StringRef(first("fp8")).take_front(3), "fp8");
  EXPECT_EQ(llvm::StringRef(first("q4")).take_front(7), "gguf_q4");
  EXPECT_EQ(didYouMean("objct", {"object", "header"}),
            "; did you mean 'object'?");
  EXPECT_EQ(didYouMean("obect", {"object", "objects", "header"}),
            "; did you mean 'object' or 'objects'?");
  EXPECT_EQ(didYouMean("wasm", {"object", "header"}), "");
}

} // namespace scheme_names_test
