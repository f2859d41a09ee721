//===- SchemeMutationTest.cpp - Damaged descriptions of schemes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built-in descriptions with signs lost, repeated and changed. Each is refused
// with a message, or prints as a text that reads as the same scheme.
//
//===----------------------------------------------------------------------===//

#include "ir/Nesting.h"
#include "tests/unit/ir/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace scheme_mutation_test {

class SchemeMutationTest : public SchemeTest {
protected:
  /// The scheme that a text describes, or null with a message.
  SchemeAttr parse(const std::string &text) {
    message.clear();
    if (llvm::Error error = checkNesting(text, "scheme")) {
      message = llvm::toString(std::move(error));
      return {};
    }
    mlir::ScopedDiagnosticHandler handler(&context,
                                          [&](mlir::Diagnostic &diagnostic) {
                                            message += diagnostic.str();
                                            return mlir::success();
                                          });
    mlir::Attribute attribute = mlir::parseAttribute(text, &context);
    if (attribute && !llvm::isa<SchemeAttr>(attribute))
      message = "another attribute";
    return llvm::dyn_cast_or_null<SchemeAttr>(attribute);
  }
  std::string message;
};

TEST_F(SchemeMutationTest, IsRefusedOrMeansSomething) {
  std::vector<std::string> texts = {
      "#rlx.scheme<\"q5\", block = 40, bytes = 27, unused = 4, code = ui4 at "
      "(i) -> (i floordiv 2, 4 * (i mod 2)) ++ ui1 at (i) -> (20 + i floordiv "
      "8, i mod 8), zero = ui4 at byte 26, scale = f8E4M3FN at byte 25>",
      "#rlx.scheme<\"v\", block = 8, code = ui2 from [27, 0x1b] by (ui1 at (i) "
      "-> (0, i floordiv 4)) at (i) -> (i mod 4) ++ ui1 from parity by (ui3 at "
      "(i) -> (0, 2) ++ ui4 at (i) -> (1, 0)) at (i) -> (i), scale = ui5 at "
      "(i) "
      "-> (1, 4) as 0.5 * code + 2, unused = 7>"};
  for (const char *name :
       {"gguf_q4k", "gguf_iq4_nl", "int8/32", "nvfp4/16", "gguf_tq1_0"}) {
    std::string text;
    llvm::raw_string_ostream(text) << builtin(name)->attr();
    texts.push_back(text);
  }
  const std::string pieces[] = {"-1",
                                "0",
                                "9223372036854775807",
                                "65536",
                                "(",
                                ")",
                                "<",
                                ">",
                                ",",
                                " ++ ",
                                "i",
                                "256",
                                "- ",
                                " * ",
                                "f16",
                                "at byte 3",
                                "until 3 else ",
                                "from digits 3 by (",
                                "as 2 * code + "};
  std::mt19937_64 random(20240601);
  int accepted = 0;
  constexpr int rounds = 1500;
  for (int round = 0; round < rounds; ++round) {
    std::string text = texts[random() % texts.size()];
    for (int i = 0, n = 1 + int(random() % 3); i < n; ++i) {
      size_t where = random() % text.size();
      switch (random() % 4) {
      case 0:
        text[where] = char(' ' + random() % 95);
        break;
      case 1:
        text.erase(where, 1 + random() % 8);
        break;
      case 2:
        text.insert(where, text.substr(where, 1 + random() % 24));
        break;
      default:
        text.insert(where, pieces[random() % std::size(pieces)]);
      }
    }
    SchemeAttr scheme = parse(text);
    accepted += bool(scheme);
    if (!scheme) {
      EXPECT_FALSE(message.empty()) << text;
      continue;
    }
    std::string printed;
    llvm::raw_string_ostream(printed) << scheme;
    EXPECT_EQ(parse(printed), scheme) << text << "\n" << printed << message;
  }
  // Both happen.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, rounds);
}

} // namespace scheme_mutation_test
