//===- QuantMapTest.cpp - Which values carry which scheme -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/ir/TestSupport.h"

#include "ir/QuantMap.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

using namespace rlx;
using namespace rlx::test;

namespace quant_map_test {

class QuantMapTest : public SchemeTest {
protected:
  QuantMapTest() {
    context.loadDialect<mlir::func::FuncDialect, mlir::cf::ControlFlowDialect,
                        mlir::tensor::TensorDialect>();
  }

  void parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    function = *module->getOps<mlir::func::FuncOp>().begin();
  }
  std::string printedModule() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream);
    return text;
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
};

constexpr const char *plain = R"(
  func.func @f(%x: tensor<4x64xf32>, %w: tensor<8x64xf32>) -> tensor<8x64xf32> {
    %v = rlx.weight "v" : tensor<8x64xf32>
    %y = rlx.matmul %x, %v : (tensor<4x64xf32>, tensor<8x64xf32>) -> tensor<4x8xf32>
    return %v : tensor<8x64xf32>
  }
)";

constexpr const char *annotated = R"(
  func.func @f(%x: tensor<4x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) {
    %v = rlx.weight "v" : tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
    %y = rlx.matmul %x, %v
        : (tensor<4x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q4_0>>) -> tensor<4x8xf32>
    return
  }
)";

TEST_F(QuantMapTest, InsertLookupRemove) {
  parse(plain);
  mlir::Value x = function.getArgument(0), w = function.getArgument(1);
  QuantScheme q4 = *builtin("gguf_q4_0"), q8 = *builtin("gguf_q8_0");
  QuantMap map;
  EXPECT_TRUE(map.empty());
  EXPECT_FALSE(map.lookup(w));
  EXPECT_TRUE(map.insert(w, q4));
  EXPECT_FALSE(map.insert(w, q8)); // replaces
  EXPECT_EQ(map.size(), 1u);
  EXPECT_EQ(*map.lookup(w), q8);
  EXPECT_FALSE(map.lookup(x));
  EXPECT_FALSE(map.remove(x));
  EXPECT_TRUE(map.remove(w));
  EXPECT_FALSE(map.remove(w));
  EXPECT_FALSE(map.lookup(w));
  map.insert(x, q4);
  map.clear();
  EXPECT_TRUE(map.empty());
}

TEST_F(QuantMapTest, IteratesInTheOrderOfInsertion) {
  parse(plain);
  mlir::Value x = function.getArgument(0), w = function.getArgument(1);
  mlir::Value v = function.front().front().getResult(0);
  QuantScheme q8 = *builtin("gguf_q8_0");
  QuantMap map;
  for (mlir::Value value : {v, x, w})
    map.insert(value, q8);
  map.insert(v, *builtin("gguf_q4_0")); // keeps its place
  llvm::SmallVector<mlir::Value> seen;
  for (const QuantMap::Entry &entry : map)
    seen.push_back(entry.first);
  EXPECT_EQ(seen, (llvm::SmallVector<mlir::Value>{v, x, w}));
  map.remove(x);
  seen.clear();
  for (auto [value, scheme] : map)
    seen.push_back(value);
  EXPECT_EQ(seen, (llvm::SmallVector<mlir::Value>{v, w}));
}

TEST_F(QuantMapTest, BuildReadsEncodings) {
  parse(annotated);
  QuantMap map = QuantMap::build(*module);
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(map.lookup(function.getArgument(1))->displayName(), "gguf_q8_0");
  EXPECT_EQ(map.lookup(function.front().front().getResult(0))->displayName(),
            "gguf_q4_0");
  EXPECT_FALSE(map.lookup(function.getArgument(0)));
}

TEST_F(QuantMapTest, BuildThenApplyChangesNothing) {
  parse(annotated);
  std::string before = printedModule();
  EXPECT_TRUE(mlir::succeeded(QuantMap::build(*module).apply(*module)));
  EXPECT_EQ(printedModule(), before);
}

TEST_F(QuantMapTest, ApplyWritesEncodingsAndFunctionTypes) {
  parse(plain);
  mlir::Value w = function.getArgument(1),
              v = function.front().front().getResult(0);
  QuantMap map;
  map.insert(w, *builtin("gguf_q8_0"));
  map.insert(v, *builtin("int4/32"));
  ASSERT_TRUE(mlir::succeeded(map.apply(*module)));
  EXPECT_EQ(QuantScheme::of(w.getType())->displayName(), "gguf_q8_0");
  EXPECT_EQ(QuantScheme::of(v.getType())->displayName(), "int4/32");
  mlir::FunctionType type = function.getFunctionType();
  EXPECT_EQ(type.getInput(1), w.getType());
  EXPECT_EQ(type.getResult(0), v.getType());
  EXPECT_FALSE(QuantScheme::of(type.getInput(0)));
}

TEST_F(QuantMapTest, ApplyRemovesEncodingsThatAreNotInTheMap) {
  parse(annotated);
  QuantMap map = QuantMap::build(*module);
  map.clear();
  ASSERT_TRUE(mlir::succeeded(map.apply(*module)));
  EXPECT_TRUE(QuantMap::build(*module).empty());
  EXPECT_EQ(printedModule().find("rlx.quant"), std::string::npos);
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
}

TEST_F(QuantMapTest, ApplyToAFunctionLeavesOthersAlone) {
  parse(R"(
    func.func @f(%w: tensor<8x64xf32>) { return }
    func.func @g(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) { return }
  )");
  QuantMap map;
  map.insert(function.getArgument(0), *builtin("gguf_q4_0"));
  ASSERT_TRUE(mlir::succeeded(map.apply(function)));
  EXPECT_TRUE(QuantScheme::of(function.getFunctionType().getInput(0)));
  auto other = module->lookupSymbol<mlir::func::FuncOp>("g");
  EXPECT_EQ(QuantScheme::of(other.getArgument(0).getType())->displayName(),
            "gguf_q8_0");
}

TEST_F(QuantMapTest, ApplyReachesBlockArguments) {
  parse(R"(
    func.func @f(%w: tensor<8x64xf32>) -> tensor<8x64xf32> {
      cf.br ^end(%w : tensor<8x64xf32>)
    ^end(%v: tensor<8x64xf32>):
      return %v : tensor<8x64xf32>
    }
  )");
  QuantMap map;
  for (mlir::Block &block : function.getBody())
    map.insert(block.getArgument(0), *builtin("gguf_q8_0"));
  ASSERT_TRUE(mlir::succeeded(map.apply(*module)));
  EXPECT_TRUE(QuantScheme::of(function.getFunctionType().getResult(0)));
  EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
}

TEST_F(QuantMapTest, AFailingApplyChangesNothing) {
  parse(R"(
    func.func @f(%w: tensor<8x64xf32>, %x: tensor<8x300xf32>, %i: index) { return }
  )");
  std::string before = printedModule();
  auto failsWith = [&](const char *scheme, unsigned argument,
                       llvm::StringRef expected) {
    std::string message;
    mlir::ScopedDiagnosticHandler handler(
        &context,
        [&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
    QuantMap map;
    map.insert(function.getArgument(0), *builtin("gguf_q8_0")); // fits
    map.insert(function.getArgument(argument), *builtin(scheme));
    EXPECT_TRUE(mlir::failed(map.apply(*module)));
    EXPECT_EQ(message, expected);
    EXPECT_EQ(printedModule(), before);
  };
  failsWith("gguf_q4k", 1,
            "expected K to be a multiple of the block size 256 of 'gguf_q4k', "
            "but got 300");
  failsWith(
      "gguf_q4k", 2,
      "expected a ranked tensor to carry scheme 'gguf_q4k', but got 'index'");
}

} // namespace quant_map_test
