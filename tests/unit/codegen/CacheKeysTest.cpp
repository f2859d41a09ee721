//===- CacheKeysTest.cpp - What compiled code depends on ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each ingredient of a key changes it, and nothing else does.
//
//===----------------------------------------------------------------------===//

#include "codegen/CacheKeys.h"

#include "tests/unit/codegen/TestSupport.h"
#include "tests/unit/runtime/TestSupport.h"

#include "llvm/Config/llvm-config.h"

#include <functional>

using namespace rlx;
using namespace rlx::test;

namespace cache_keys_test {

/// A program that adds numbers, given as a constant or a resource.
std::string adds(const std::string &constant, const std::string &resources = "",
                 const std::string &name = "main") {
  return "func.func @" + name + R"((%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant )" +
         constant + R"( : tensor<4xf32>
  %y = arith.addf %x, %c : tensor<4xf32>
  return %y : tensor<4xf32>
}
)" +
         (resources.empty() ? ""
                            : "{-# dialect_resources: { builtin: { " +
                                  resources + " } } #-}\n");
}
constexpr const char *ones = "0x04000000"
                             "0000803f0000803f0000803f0000803f";
constexpr const char *mixed = "0x04000000"
                              "0000803f0000803f0000803f00000040";

std::string keyOf(const std::string &text, const CompileOptions &options = {}) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text);
  if (module)
    return objectKey(**module, options);
  ADD_FAILURE() << llvm::toString(module.takeError());
  return "";
}

std::string blob(llvm::StringRef name, llvm::StringRef content) {
  return (name + ": \"" + content + "\"").str();
}

TEST(CacheKeys, EqualProgramsHaveEqualKeys) {
  std::string key = keyOf(adds("dense<1.0>"));
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(keyOf(adds("dense<1.0>")), key);
  // Where it stands in a file does not count.
  EXPECT_EQ(keyOf("// a comment\n\n" + adds("dense<1.0>")), key);
  std::string resource = keyOf(adds("dense_resource<a>", blob("a", ones)));
  EXPECT_EQ(keyOf(adds("dense_resource<a>", blob("a", ones))), resource);
}

TEST(CacheKeys, TheProgramCounts) {
  std::string key = keyOf(adds("dense<1.0>"));
  EXPECT_NE(keyOf(adds("dense<2.0>")), key);
  EXPECT_NE(keyOf(adds("dense<[1.0, 1.0, 1.0, 1.0001]>")), key);
  EXPECT_NE(keyOf(adds("dense<1.0>", "", "other")), key);
}

TEST(CacheKeys, BytesOfResourcesCount) {
  std::string key = keyOf(adds("dense_resource<a>", blob("a", ones)));
  EXPECT_NE(keyOf(adds("dense_resource<a>", blob("a", mixed))), key);
  EXPECT_NE(keyOf(adds("dense_resource<a>")), key); // declared, without bytes
  // Inside other attributes and in attributes of no operand.
  auto nested = [](const char *content) {
    return "func.func private @f() attributes {a = [{b = dense_resource<r> : "
           "tensor<4xf32>}]}\n{-# dialect_resources: { builtin: { " +
           blob("r", content) + " } } #-}\n";
  };
  EXPECT_EQ(keyOf(nested(ones)), keyOf(nested(ones)));
  EXPECT_NE(keyOf(nested(ones)), keyOf(nested(mixed)));
  // Which constant has which.
  auto two = [](const char *first, const char *second) {
    return std::string(R"(
func.func @main() -> (tensor<4xf32>, tensor<4xf32>) {
  %a = arith.constant dense_resource<a> : tensor<4xf32>
  %b = arith.constant dense_resource<b> : tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}
{-# dialect_resources: { builtin: { )") +
           blob("a", first) + ", " + blob("b", second) + " } } #-}\n";
  };
  EXPECT_NE(keyOf(two(ones, mixed)), keyOf(two(mixed, ones)));
}

TEST(CacheKeys, OptionsAndTheTargetCount) {
  std::string program = adds("dense<1.0>"), key = keyOf(program);
  std::map<std::string, std::function<void(CompileOptions &)>> changes = {
      {"triple", [](auto &options) { options.target.triple += "x"; }},
      {"cpu", [](auto &options) { options.target.cpu = "x86-64"; }},
      {"features", [](auto &options) { options.target.features += ",-fma"; }},
      {"deterministic", [](auto &options) { options.deterministic = true; }},
      {"choices", [](auto &options) { options.choices = "vector_bits=128"; }}};
  std::set<std::string> keys = {key}, identities = {compilationIdentity({})};
  for (const auto &[name, change] : changes) {
    CompileOptions options;
    change(options);
    EXPECT_TRUE(keys.insert(keyOf(program, options)).second) << name;
    EXPECT_TRUE(identities.insert(compilationIdentity(options)).second) << name;
  }
  // These change no code.
  CompileOptions options;
  options.cacheDirectory = "elsewhere";
  options.cacheLimitBytes = 1;
  options.cachePackedWeights = false;
  options.printChoices = true;
  options.acceptBytecode = true;
  options.trustProgram = true;
  options.onRemark = [](llvm::StringRef) {};
  EXPECT_EQ(keyOf(program, options), key);
}

TEST(CacheKeys, TheCompilerCounts) {
  llvm::StringRef identity = compilerIdentity();
  EXPECT_TRUE(identity.contains("LLVM " LLVM_VERSION_STRING " "));
  // A version and a build of RLX, a build of MLIR, one of LLVM, each another.
  llvm::SmallVector<llvm::StringRef> lines;
  identity.split(lines, '\n');
  ASSERT_EQ(lines.size(), 3u);
  std::set<std::string> builds;
  for (llvm::StringRef line : lines)
    EXPECT_TRUE(builds.insert(line.rsplit(' ').second.str()).second)
        << line.str();
  EXPECT_FALSE(builds.count(""));
}

TEST(CacheKeys, ContentsCount) {
  auto hash = [](llvm::StringRef text) {
    return hashContent(std::as_bytes(std::span(text.data(), text.size())));
  };
  std::string large(3 << 20, 'x'), other = large;
  other[2 << 20] = 'y';
  EXPECT_EQ(hash(large), hash(large));
  EXPECT_NE(hash(large), hash(other));
  EXPECT_NE(hash(llvm::StringRef(large).drop_back()), hash(large));
  EXPECT_NE(hash(""), hash(llvm::StringRef("\0", 1)));
  std::string expected = hash(large);
  ThreadPool pool(3);
  ExecutionScope scope(&pool);
  EXPECT_EQ(hash(large), expected);
  scope.report("failed"); // Loops of a scope that failed are not run.
  EXPECT_EQ(hash(large), expected);
}

TEST(CacheKeys, EachTextIsKeptApart) {
  auto key = [](std::initializer_list<llvm::StringRef> texts) {
    KeyHash hash;
    for (llvm::StringRef text : texts)
      hash.add(text);
    return hash.text();
  };
  EXPECT_EQ(key({"ab", "c"}), key({"ab", "c"}));
  EXPECT_NE(key({"ab", "c"}), key({"a", "bc"}));
  EXPECT_NE(key({"ab", ""}), key({"ab"}));
}

} // namespace cache_keys_test
