//===- FusedContractionsTest.cpp - What follows products of plain tensors -===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations behind contractions, with sizes that fill tiles and
// blocks of K and sizes that do not, compared with the interpreter; and that
// the sums have no buffer where they need none.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "llvm/Support/FormatVariadic.h"

using namespace rlx;
using namespace rlx::test;

namespace fused_contractions_test {

/// Runs a program on random numbers of these shapes and compares the results
/// with the interpreter's. Gives what a call allocates.
int64_t check(const std::string &text,
              const std::vector<std::vector<int64_t>> &shapes) {
  SCOPED_TRACE(text);
  auto context = createContext();
  auto module = parseText(*context, text);
  if (!module) {
    ADD_FAILURE() << llvm::toString(module.takeError());
    return 0;
  }
  auto executable = compileModule(**module);
  if (!executable) {
    ADD_FAILURE() << llvm::toString(executable.takeError());
    return 0;
  }
  std::vector<Floats> inputs;
  std::vector<TensorView> views;
  for (const auto &shape : shapes)
    inputs.push_back(Floats::random(shape, uint32_t(inputs.size() + 1)));
  for (Floats &input : inputs)
    views.push_back(input);
  ThreadPool pool(2);
  auto outputs = (*executable)->run("main", views, RunOptions{&pool, {}});
  if (!outputs) {
    ADD_FAILURE() << llvm::toString(outputs.takeError());
    return 0;
  }
  std::vector<TensorView> results;
  for (const Tensor &output : *outputs)
    results.push_back(output.view());
  auto verified = verify(**module, **executable, "main", views, results);
  if (!verified)
    ADD_FAILURE() << llvm::toString(verified.takeError());
  else
    EXPECT_SUCCESS(verified->check());
  auto bytes = (*executable)->memoryBytes("main", views);
  if (!bytes) {
    ADD_FAILURE() << llvm::toString(bytes.takeError());
    return 0;
  }
  return *bytes;
}

/// `@main` of x `[M, K]`, w `[K, N]`, bias `[N]` and r `[M, N]`, whose sums
/// `%sums` are of `%zeros`; `rest` is what follows them.
std::string program(const std::string &m, int64_t k, int64_t n,
                    const std::string &rest,
                    const std::string &results = "%y : {1}") {
  std::string text = R"(
#all = affine_map<(m, n) -> (m, n)>
#column = affine_map<(m, n) -> (n)>
#row = affine_map<(m, n) -> (m, 0)>
func.func @main(%x: tensor<{0}x{2}xf32>, %w: tensor<{2}x{3}xf32>, %bias: tensor<{3}xf32>,
                %r: {1}, %rows: tensor<{0}x1xf32>) -> {5} {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<{0}x{2}xf32>
  %empty = tensor.empty({6}) : {1}
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : {1}) -> {1}
  %sums = linalg.matmul ins(%x, %w : tensor<{0}x{2}xf32>, tensor<{2}x{3}xf32>) outs(%zeros : {1}) -> {1}
  {4}
  return )" + results +
                     "\n}\n";
  std::string type = "tensor<" + m + "x" + std::to_string(n) + "xf32>";
  auto replace = [](std::string in, const std::string &from,
                    const std::string &to) {
    for (size_t at = 0; (at = in.find(from, at)) != std::string::npos;
         at += to.size())
      in.replace(at, from.size(), to);
    return in;
  };
  bool isPair = results.find(',') != std::string::npos;
  text = replace(text, "{4}", rest);
  text = replace(text, "{5}", isPair ? "({1}, {1})" : "{1}");
  text = replace(text, "{6}", m == "?" ? "%m" : "");
  text = replace(text, "{0}", m);
  text = replace(text, "{1}", type);
  text = replace(text, "{2}", std::to_string(k));
  return replace(text, "{3}", std::to_string(n));
}

constexpr const char *epilogue = R"(
  %y = linalg.generic {indexing_maps = [#all, #column, #all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sums, %bias, %r, %rows : {1}, tensor<{3}xf32>, {1}, tensor<{0}x1xf32>) outs(%empty : {1}) {
    ^bb0(%sum: f32, %b: f32, %old: f32, %factor: f32, %out: f32):
      %shifted = arith.addf %sum, %b : f32
      %positive = arith.maximumf %shifted, %zero : f32
      %scaled = arith.mulf %positive, %factor : f32
      %next = arith.addf %scaled, %old : f32
      linalg.yield %next : f32
  } -> {1})";

std::vector<std::vector<int64_t>> shapes(int64_t m, int64_t k, int64_t n) {
  return {{m, k}, {k, n}, {n}, {m, n}, {m, 1}};
}

TEST(FusedContractions, SizesOfAllKinds) {
  for (int64_t m : {1, 5, 50})
    for (auto [k, n] : {std::pair(64, 128), std::pair(33, 37),
                        std::pair(1000, 48), std::pair(513, 100)}) {
      check(program("?", k, n, epilogue), shapes(m, k, n));
      check(program(std::to_string(m), k, n, epilogue), shapes(m, k, n));
    }
}

/// Sums are written where results are: panels of a thread are all there is.
TEST(FusedContractions, SumsHaveNoBuffer) {
  int64_t m = 512, k = 64, n = 512;
  EXPECT_LT(check(program("?", k, n, epilogue), shapes(m, k, n)), m * n * 4);
  std::string both = program("?", k, n, epilogue, "%y, %sums : {1}, {1}");
  EXPECT_LT(check(both, shapes(m, k, n)), m * n * 4);
}

TEST(FusedContractions, SumsThatOthersRead) {
  std::string second = std::string(epilogue) + R"(
  %z = arith.mulf %sums, %y : {1})";
  for (int64_t m : {1, 50})
    check(program("?", 300, 100, second, "%y, %z : {1}, {1}"),
          shapes(m, 300, 100));
}

/// The second product is computed between the first one and what reads both.
TEST(FusedContractions, TwoProducts) {
  std::string two = R"(
  %other = linalg.matmul ins(%x, %w : tensor<{0}x{2}xf32>, tensor<{2}x{3}xf32>) outs(%r : {1}) -> {1}
  %y = arith.mulf %sums, %other : {1})";
  for (int64_t m : {1, 50})
    check(program("?", 300, 100, two), shapes(m, 300, 100));
}

TEST(FusedContractions, ReadTransposed) {
  std::string transposed = R"(
  %square = tensor.empty() : {1}
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #all, #all], iterator_types = ["parallel", "parallel"]}
      ins(%sums, %r : {1}, {1}) outs(%square : {1}) {
    ^bb0(%sum: f32, %old: f32, %out: f32):
      %next = arith.addf %sum, %old : f32
      linalg.yield %next : f32
  } -> {1})";
  check(program("48", 300, 48, transposed), shapes(48, 300, 48));
}

/// Other types of sums, factors and results, and batches with windows of
/// neither.
TEST(FusedContractions, OtherTypes) {
  std::string text = R"(
#a = affine_map<(b, m, n, k) -> (b, m, k)>
#b = affine_map<(b, m, n, k) -> (b, n, k)>
#c = affine_map<(b, m, n, k) -> (b, m, n)>
#all = affine_map<(b, m, n) -> (b, m, n)>
#mask = affine_map<(b, m, n) -> (m, n)>
func.func @main(%p: tensor<3x?x65xf32>, %q: tensor<3x70x65xf32>, %mask: tensor<?x70xf32>) -> tensor<3x?x70xf32> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %p, %c1 : tensor<3x?x65xf32>
  %ea = tensor.empty(%m) : tensor<3x?x65xTYPE>
  %a = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%p : tensor<3x?x65xf32>) outs(%ea : tensor<3x?x65xTYPE>) {
    ^bb0(%v: f32, %o: TYPE):
      %t = arith.truncf %v : f32 to TYPE
      linalg.yield %t : TYPE
  } -> tensor<3x?x65xTYPE>
  %eb = tensor.empty() : tensor<3x70x65xTYPE>
  %b = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%q : tensor<3x70x65xf32>) outs(%eb : tensor<3x70x65xTYPE>) {
    ^bb0(%v: f32, %o: TYPE):
      %t = arith.truncf %v : f32 to TYPE
      linalg.yield %t : TYPE
  } -> tensor<3x70x65xTYPE>
  %z = arith.constant 0.0 : SUM
  %ec = tensor.empty(%m) : tensor<3x?x70xSUM>
  %zeros = linalg.fill ins(%z : SUM) outs(%ec : tensor<3x?x70xSUM>) -> tensor<3x?x70xSUM>
  %c = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%a, %b : tensor<3x?x65xTYPE>, tensor<3x70x65xTYPE>) outs(%zeros : tensor<3x?x70xSUM>) {
    ^bb0(%i: TYPE, %j: TYPE, %o: SUM):
      BODY
      %s = arith.addf %o, %t : SUM
      linalg.yield %s : SUM
  } -> tensor<3x?x70xSUM>
  %ey = tensor.empty(%m) : tensor<3x?x70xf32>
  %y = linalg.generic {indexing_maps = [#all, #mask, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c, %mask : tensor<3x?x70xSUM>, tensor<?x70xf32>) outs(%ey : tensor<3x?x70xf32>) {
    ^bb0(%v: SUM, %w: f32, %o: f32):
      WIDEN
      %t = arith.addf %u, %w : f32
      linalg.yield %t : f32
  } -> tensor<3x?x70xf32>
  return %y : tensor<3x?x70xf32>
})";
  auto with = [&](const char *type, const char *sum, const char *body,
                  const char *widen) {
    std::string result;
    for (llvm::StringRef rest = text; !rest.empty();) {
      auto take = [&](llvm::StringRef name, const char *value) {
        if (!rest.consume_front(name))
          return false;
        result += value;
        return true;
      };
      if (!take("TYPE", type) && !take("SUM", sum) && !take("BODY", body) &&
          !take("WIDEN", widen)) {
        result += rest.front();
        rest = rest.drop_front();
      }
    }
    return result;
  };
  const char *extended = "%i1 = arith.extf %i : bf16 to f32\n"
                         "%j1 = arith.extf %j : bf16 to f32\n"
                         "%t = arith.mulf %i1, %j1 : f32";
  for (int64_t m : {1, 20}) {
    std::vector<std::vector<int64_t>> sizes = {
        {3, m, 65}, {3, 70, 65}, {m, 70}};
    check(with("bf16", "f32", extended, "%u = arith.addf %v, %zero : f32"),
          sizes);
    check(with("f16", "f16", "%t = arith.mulf %i, %j : f16",
               "%u = arith.extf %v : f16 to f32"),
          sizes);
  }
}

/// A number that multiplies all products, in the body, wherever it stands.
TEST(FusedContractions, NumbersInTheBody) {
  std::string with = R"(
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @main(%p: tensor<{0}x300xf32>, %q: tensor<300x40xf32>, %s: tensor<f32>) -> tensor<{0}x40xf32> {
  %half = arith.constant 0.3 : f32
  %zero = arith.constant 0.0 : f32
  %given = tensor.extract %s[] : tensor<f32>
  %e = tensor.empty() : tensor<{0}x40xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<{0}x40xf32>) -> tensor<{0}x40xf32>
  %y = linalg.generic {indexing_maps = [#a, #b, #c], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%p, %q : tensor<{0}x300xf32>, tensor<300x40xf32>) outs(%zeros : tensor<{0}x40xf32>) {
    ^bb0(%i: f32, %j: f32, %o: f32):
      {1}
      %n = arith.addf %t, %o : f32
      linalg.yield %n : f32
  } -> tensor<{0}x40xf32>
  return %y : tensor<{0}x40xf32>
})";
  for (const char *m : {"1", "25"})
    for (const char *body :
         {"%u = arith.mulf %i, %j : f32\n%t = arith.mulf %u, %half : f32",
          "%u = arith.mulf %i, %j : f32\n%v = arith.mulf %given, %u : f32\n"
          "%t = arith.mulf %v, %half : f32",
          "%u = arith.mulf %j, %half : f32\n%t = arith.mulf %u, %i : f32",
          "%u = arith.subf %i, %given : f32\n%t = arith.mulf %u, %j : f32"}) {
      std::string text = with;
      for (auto [from, to] : {std::pair("{0}", m), std::pair("{1}", body)})
        for (size_t at; (at = text.find(from)) != std::string::npos;)
          text.replace(at, 3, to);
      std::string remarks;
      CompileOptions options;
      options.printChoices = true;
      options.onRemark = [&](llvm::StringRef remark) { remarks += remark; };
      ASSERT_TRUE(compiled(text, options));
      EXPECT_CONTAINS(remarks, "contraction");
      check(text, {{std::stoll(m), 300}, {300, 40}, {}});
    }
}

} // namespace fused_contractions_test
