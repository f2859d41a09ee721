//===- AnnotateTest.cpp - Damaged configurations of --rlx-annotate --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whatever a configuration holds, it is used or refused with one message.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "tests/unit/codegen/TestSupport.h"

#include "tests/unit/runtime/TestSupport.h"

#include "mlir/Pass/PassManager.h"

using namespace rlx;
using namespace rlx::test;

namespace annotate_test {

TEST(AnnotateTest, DamagedConfigurations) {
  TemporaryFolder folder;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  int messages = 0;
  context->getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    messages += diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
  });
  const std::string path = folder / "config.json";
  auto apply = [&](const std::string &content) {
    writeFile(path, content);
    auto module = parseText(*context, R"(
func.func @main(%x: tensor<2x64xf32>) -> tensor<2x8xf32> {
  %w = rlx.weight "w" : tensor<8x64xf32>
  %y = rlx.matmul %x, %w : (tensor<2x64xf32>, tensor<8x64xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
})");
    if (!module) {
      ADD_FAILURE() << llvm::toString(module.takeError());
      return false;
    }
    mlir::PassManager passes(context.get());
    AnnotatePassOptions options;
    options.config = path;
    passes.addPass(createAnnotatePass(options));
    return succeeded(passes.run(**module));
  };
  const std::string good =
      R"({"default": "none", "overrides": [{"pattern": "w*", "scheme": "int8/32"},)"
      R"( {"pattern": "{a,b}[0-9]", "scheme": "#rlx.scheme<\"s\", block = 4,)"
      R"( bytes = 5, code = si8 at (i) -> (i, 0), scale = ui8 at byte 4>"}]})";
  ASSERT_TRUE(apply(good));
  std::mt19937_64 random(7);
  int accepted = 0;
  constexpr int rounds = 400;
  for (int round = 0; round < rounds; ++round) {
    std::string text = good;
    for (int i = 0, n = 1 + int(random() % 3); i < n; ++i) {
      size_t where = random() % text.size();
      switch (random() % 4) {
      case 0:
        text[where] = char(random());
        break;
      case 1:
        text.erase(where, 1 + random() % 8);
        break;
      case 2:
        text.insert(where, text.substr(where, 1 + random() % 24));
        break;
      default:
        text.insert(where,
                    std::string(1 + random() % 600, "[{(<\"\\"[random() % 6]));
      }
    }
    messages = 0;
    bool isGood = apply(text);
    accepted += isGood;
    EXPECT_EQ(messages, isGood ? 0 : 1) << text;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, rounds);
}

} // namespace annotate_test
