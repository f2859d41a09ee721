//===- KeptDataTest.cpp - Constants and states between calls --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the executable holds when the program is gone, what calls hand on, and
// that an append to a large state moves no more than what is appended.
//
//===----------------------------------------------------------------------===//

#include "codegen/StateMemory.h"
#include "tests/unit/codegen/TestSupport.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"

#include <chrono>

using namespace rlx;
using namespace rlx::test;

namespace kept_data_test {

/// y = x w^T with a constant w, whose digits follow the text.
std::string product(const std::string &constant, int64_t n, int64_t k) {
  std::string w = "tensor<" + std::to_string(n) + "x" + std::to_string(k) +
                  "xf32>",
              x = "tensor<?x" + std::to_string(k) + "xf32>",
              y = "tensor<?x" + std::to_string(n) + "xf32>";
  return "func.func @main(%x: " + x + ") -> " + y +
         " {\n  %w = arith.constant " + constant + " : " + w +
         "\n  %y = rlx.matmul %x, %w : (" + x + ", " + w + ") -> " + y +
         "\n  return %y : " + y + "\n}\n";
}

std::string digitsOf(const Floats &numbers) {
  return llvm::toHex(
      llvm::StringRef(reinterpret_cast<const char *>(numbers.values.data()),
                      numbers.values.size() * sizeof(float)));
}

void expectProduct(const Executable &executable, Floats &w) {
  Floats x = Floats::random({3, w.shape[1]}, 2);
  std::vector<double> values(w.values.begin(), w.values.end());
  auto outputs = executable.run("main", {x});
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_TRUE(isClose(
      (*outputs)[0].view(),
      test::product(x.values, values, 3, w.shape[0], w.shape[1]), 1e-6, 2));
}

TEST(ConstantsTest, OutliveTheProgram) {
  Floats w = Floats::random({40, 33}, 1);
  std::string digits = digitsOf(w);
  // compileText ends its context, and with it the program.
  auto dense = compiled(product("dense<\"0x" + digits + "\">", 40, 33));
  ASSERT_TRUE(dense);
  expectProduct(*dense, w);
  auto resource =
      compiled(product("dense_resource<w>", 40, 33) +
               "{-#\n dialect_resources: { builtin: { w: \"0x04000000" +
               digits + "\" } }\n#-}\n");
  ASSERT_TRUE(resource);
  ASSERT_EQ(resource->functions()[0].weights.size(), 1u);
  EXPECT_EQ(resource->functions()[0].weights[0].weight, "w");
  expectProduct(*resource, w);
  // Memory of the caller takes its place.
  Floats other = Floats::random({40, 33}, 3);
  EXPECT_SUCCESS(resource->bindWeight("w", other));
  expectProduct(*resource, other);
}

TEST(ConstantsTest, ShareTheMemoryOfResources) {
  Floats w = Floats::random({40, 33}, 1);
  auto context = createContext();
  auto module = parseText(
      *context, product("dense_resource<w>", 40, 33) +
                    "{-#\n dialect_resources: { builtin: { w: \"0x04000000" +
                    digitsOf(w) + "\" } }\n#-}\n");
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  const void *data = nullptr;
  (*module)->walk([&](mlir::arith::ConstantOp op) {
    if (auto value =
            mlir::dyn_cast<mlir::DenseResourceElementsAttr>(op.getValue()))
      data = value.getRawHandle().getBlob()->getData().data();
  });
  // Twice: the first time must leave the program whole.
  for (int i = 0; i < 2; ++i) {
    auto executable = compileModule(**module);
    ASSERT_TRUE(bool(executable)) << llvm::toString(executable.takeError());
    EXPECT_EQ((*executable)->boundWeight("w").data, data);
    if (i == 1)
      module->release()->destroy(), context.reset();
    expectProduct(**executable, w);
  }
}

constexpr const char *append = R"(
func.func @main(%row: tensor<1x1024xf32>, %at: tensor<i32>, %cache: tensor<?x1024xf32> {rlx.state = "cache"})
    -> (tensor<1x1024xf32>, tensor<?x1024xf32> {rlx.state = "cache"}) {
  %i = tensor.extract %at[] : tensor<i32>
  %p = arith.index_cast %i : i32 to index
  %next = tensor.insert_slice %row into %cache[%p, 0] [1, 1024] [1, 1] : tensor<1x1024xf32> into tensor<?x1024xf32>
  %back = tensor.extract_slice %next[%p, 0] [1, 1024] [1, 1] : tensor<?x1024xf32> to tensor<1x1024xf32>
  return %back, %next : tensor<1x1024xf32>, tensor<?x1024xf32>
})";

TEST(StatesTest, AreKeptOrBorrowed) {
  auto executable = compiled(append);
  ASSERT_TRUE(executable);
  const FunctionSignature &function = executable->functions()[0];
  ASSERT_EQ(function.states.size(), 1u);
  EXPECT_EQ(function.results.size(), 1u);
  States kept(function);
  EXPECT_CONTAINS(messageOf(kept.allocateAll()),
                  "state 'cache' is f32 [?, 1024], expected sizes for it, or a "
                  "tensor");
  EXPECT_CONTAINS(messageOf(kept.allocate("cahce", {4, 1024})),
                  "'main' has no state 'cahce', expected one of 'cache'");
  EXPECT_CONTAINS(messageOf(kept.allocate("cache", {4, 1000})),
                  "expected state 'cache' to be f32 [?, 1024]");
  Floats row = Floats::random({1, 1024}, 1);
  Ids at({}, {2});
  EXPECT_CONTAINS(messageOf(kept.inputs({row, at})),
                  "state 'cache' (tensor<?x1024xf32>) is not given");
  EXPECT_SUCCESS(kept.allocate("cache", {4, 1024}));
  EXPECT_CONTAINS(messageOf(kept.inputs({row})),
                  "expected 2 inputs for 'main' beside its states, but got 1");
  auto inputs = kept.inputs({row, at});
  ASSERT_TRUE(bool(inputs)) << llvm::toString(inputs.takeError());
  auto outputs = executable->run("main", *inputs);
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  auto *cache = static_cast<const float *>(kept.find("cache").data);
  for (int64_t i = 0; i < 4 * 1024; ++i)
    ASSERT_EQ(cache[i], i / 1024 == 2 ? row.values[i % 1024] : 0);

  Floats memory({3, 1024});
  States borrowed(function);
  EXPECT_SUCCESS(borrowed.borrow("cache", memory));
  auto others = borrowed.inputs({row, at});
  ASSERT_TRUE(bool(others)) << llvm::toString(others.takeError());
  EXPECT_SUCCESS(executable->run("main", *others, {(*outputs)[0].view()}));
  EXPECT_EQ(memory.values[2 * 1024], row.values[0]);
  EXPECT_EQ(memory.values[0], 0);
  // Memory of its own, as outputs have.
  EXPECT_CONTAINS(messageOf(executable->run("main", {row, at, row},
                                            {(*outputs)[0].view()})),
                  "state 'cache' shares memory with input 0");
}

TEST(StatesTest, OfASchemeHaveRowsOfBytes) {
  auto executable = compiled(R"(
func.func @main(%rows: tensor<?x2x32xf32>, %at: tensor<i32>,
    %cache: tensor<?x2x32xf32, #rlx.quant<gguf_q8_0>> {rlx.state = "cache"})
    -> (tensor<?x2x32xf32, #rlx.quant<gguf_q8_0>> {rlx.state = "cache"}) {
  %number = tensor.extract %at[] : tensor<i32>
  %position = arith.index_cast %number : i32 to index
  %next = rlx.append %rows into %cache at %position
      : tensor<?x2x32xf32> into tensor<?x2x32xf32, #rlx.quant<gguf_q8_0>>
  return %next : tensor<?x2x32xf32, #rlx.quant<gguf_q8_0>>
}
)");
  ASSERT_TRUE(executable);
  States kept(executable->functions()[0]);
  EXPECT_CONTAINS(messageOf(kept.allocateAll()), "expected sizes for it");
  // A scale of f16 and 32 codes.
  EXPECT_SUCCESS(kept.allocate("cache", {4, 2, 34}));
  Floats row({1, 2, 32}, std::vector<float>(64, 127.0f));
  Ids at({}, {3});
  auto inputs = kept.inputs({row, at});
  ASSERT_TRUE(bool(inputs)) << llvm::toString(inputs.takeError());
  auto outputs = executable->run("main", *inputs);
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
  auto *cache = static_cast<const uint8_t *>(kept.find("cache").data);
  for (int64_t i = 0; i < 3 * 68; ++i)
    ASSERT_EQ(cache[i], 0);
  EXPECT_EQ(cache[3 * 68 + 1], 0x3c); // 1.0
  EXPECT_EQ(cache[3 * 68 + 2], 127);
}

TEST(StatesTest, AnAppendCopiesWhatIsAppended) {
  auto executable = compiled(append);
  ASSERT_TRUE(executable);
  Floats row = Floats::random({1, 1024}, 1), back({1, 1024});
  Ids at({}, {1});
  // The least time of many calls, in a small cache and in one of 16 MiB.
  auto leastTime = [&](int64_t rows) {
    Floats cache({rows, 1024});
    auto least = std::chrono::nanoseconds::max();
    for (int i = 0; i < 200; ++i) {
      auto start = std::chrono::steady_clock::now();
      EXPECT_SUCCESS(executable->run("main", {row, at, cache}, {back}));
      least = std::min<std::chrono::nanoseconds>(
          least, std::chrono::steady_clock::now() - start);
    }
    return double(least.count());
  };
  // A copy of 16 MiB takes some hundred times as long as the call.
  EXPECT_LT(leastTime(4096), 10 * leastTime(4));
}

TEST(StatesTest, TwoFunctionsShareAPackedWeight) {
  auto executable = compiled(R"(
func.func @one(%x: tensor<1x64xf32>, %w: tensor<48x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<1x48xf32> {
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<1x64xf32>, tensor<48x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x48xf32>
  return %y : tensor<1x48xf32>
}
func.func @two(%x: tensor<2x64xf32>, %w: tensor<48x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<2x48xf32> {
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<2x64xf32>, tensor<48x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<2x48xf32>
  return %y : tensor<2x48xf32>
})");
  ASSERT_TRUE(executable);
  auto context = createContext();
  RandomWeight w(*QuantScheme::parse(context.get(), "gguf_q8_0"), {48, 64}, 1);
  w.bind(*executable, "w");
  Floats x = Floats::random({2, 64}, 2), first({1, 64});
  std::copy_n(x.values.begin(), 64, first.values.begin());
  auto one = executable->run("one", {first});
  auto two = executable->run("two", {x});
  ASSERT_TRUE(bool(one)) << llvm::toString(one.takeError());
  ASSERT_TRUE(bool(two)) << llvm::toString(two.takeError());
  EXPECT_GT(executable->packReport("two").packedBytes, 0);
  EXPECT_EQ(executable->packReport("one").sharedBytes, 0);
  EXPECT_EQ(executable->packReport("two").sharedBytes,
            executable->packReport("one").packedBytes);
}

} // namespace kept_data_test
