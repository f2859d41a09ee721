//===- EncodedCacheTest.cpp - Keys and values that are encoded ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of a model append to caches of several schemes and attend to them,
// compiled, against the formula on what the bytes of the caches stand for.
//
//===----------------------------------------------------------------------===//

#include "ir/Reference.h"
#include "tests/unit/codegen/AttentionFormula.h"

#include "llvm/Support/FormatVariadic.h"

using namespace rlx;
using namespace rlx::test;
using llvm::StringRef;

namespace encoded_cache_test {

constexpr double f32Bound = 1e-6;

/// A step of a model: rows are appended to both caches, then attended to.
std::string stepText(StringRef scheme, StringRef rows, StringRef rule) {
  return llvm::formatv(R"(
#row = #rlx.scheme<"row", block = 64, bytes = 66, code = si8 at (i) -> (i, 0), scale = f16 at byte 64>
func.func @main(%q: tensor<{1}x6x64xf32>, %k: tensor<{1}x2x64xf32>, %v: tensor<{1}x2x64xf32>, %p: index,
    %kc: tensor<?x2x64xf32{0}> {{rlx.state = "k"}, %vc: tensor<?x2x64xf32{0}> {{rlx.state = "v"})
    -> (tensor<{1}x6x64xf32>, tensor<?x2x64xf32{0}> {{rlx.state = "k"}, tensor<?x2x64xf32{0}> {{rlx.state = "v"}) {{
  %c0 = arith.constant 0 : index
  %t = tensor.dim %q, %c0 : tensor<{1}x6x64xf32>
  %n = arith.addi %p, %t : index
  %kn = rlx.append %k into %kc at %p{2} : tensor<{1}x2x64xf32> into tensor<?x2x64xf32{0}>
  %vn = rlx.append %v into %vc at %p{2} : tensor<{1}x2x64xf32> into tensor<?x2x64xf32{0}>
  %y = rlx.attention %q, %kn, %vn length(%n) {{causal}
      : (tensor<{1}x6x64xf32>, tensor<?x2x64xf32{0}>, tensor<?x2x64xf32{0}>, index) -> tensor<{1}x6x64xf32>
  return %y, %kn, %vn : tensor<{1}x6x64xf32>, tensor<?x2x64xf32{0}>, tensor<?x2x64xf32{0}>
})",
                       scheme, rows, rule);
}

struct CacheScheme {
  const char *text, *rule;
  int64_t rowBytes;
  double bound; ///< Of what rows become, over 4; of q4_0 a step, at one end.
};

struct EncodedCacheTest : SchemeTest, testing::WithParamInterface<CacheScheme> {
  void stepsAppendAndAttend(bool deterministic);
};
INSTANTIATE_TEST_SUITE_P(
    Schemes, EncodedCacheTest,
    testing::Values(CacheScheme{"", "", 256, 0},
                    CacheScheme{", #rlx.quant<f16>", "", 128, 5e-4},
                    CacheScheme{", #rlx.quant<bf16>", "", 128, 4e-3},
                    CacheScheme{", #rlx.quant<gguf_q8_0>", "", 68, 8e-3},
                    CacheScheme{", #rlx.quant<gguf_q4_0>", "", 36, 0.126},
                    CacheScheme{", #rlx.quant<#row>", " rule \"absmax 127\"",
                                66, 1e-2}));

/// Rows of 64 numbers that bytes of a cache stand for.
std::vector<double> decoded(const CacheScheme &scheme,
                            const std::vector<uint8_t> &bytes,
                            mlir::MLIRContext *context) {
  std::vector<double> values;
  if (scheme.rowBytes == 256) {
    std::vector<float> floats(bytes.size() / 4);
    std::memcpy(floats.data(), bytes.data(), bytes.size());
    values.assign(floats.begin(), floats.end());
    return values;
  }
  StringRef name = StringRef(scheme.text)
                       .drop_front(StringRef(", #rlx.quant<").size())
                       .drop_back();
  std::optional<QuantScheme> found;
  if (name != "#row") {
    found = QuantScheme::parse(context, name);
  } else {
    // An int8 a number, and an f16 behind them.
    for (size_t row = 0; row < bytes.size() / 66; ++row) {
      uint16_t scale;
      std::memcpy(&scale, &bytes[row * 66 + 64], 2);
      llvm::APFloat number(llvm::APFloat::IEEEhalf(), llvm::APInt(16, scale));
      for (int i = 0; i < 64; ++i)
        values.push_back(double(int8_t(bytes[row * 66 + i])) *
                         number.convertToDouble());
    }
    return values;
  }
  int64_t rows = int64_t(bytes.size()) / scheme.rowBytes;
  auto decoder =
      ReferenceDecoder::create(*found, {rows, 64}, {bytes, {}, {}, {}});
  EXPECT_TRUE(bool(decoder));
  values.resize(rows * 64);
  for (int64_t row = 0; row < rows; ++row)
    decoder->decodeRow(row, &values[row * 64]);
  return values;
}

void EncodedCacheTest::stepsAppendAndAttend(bool deterministic) {
  const CacheScheme &scheme = GetParam();
  constexpr int64_t capacity = 200, heads = 6, depth = 64;
  CompileOptions options;
  options.deterministic = deterministic;
  std::unique_ptr<Executable>
      many = compiled(stepText(scheme.text, "?", scheme.rule), options),
      one = compiled(stepText(scheme.text, "1", scheme.rule), options);
  ASSERT_TRUE(many && one);
  ElementType element =
      scheme.rowBytes == 256 ? ElementType::f32 : ElementType::u8;
  int64_t columns = scheme.rowBytes == 256 ? 64 : scheme.rowBytes;
  // Bytes of both caches, for batches and for rows one by one.
  std::vector<std::vector<uint8_t>> caches(
      4, std::vector<uint8_t>(capacity * 2 * scheme.rowBytes));
  auto view = [&](size_t i) {
    return TensorView{element, {capacity, 2, columns}, caches[i].data()};
  };
  AttentionCase shape = {2, 3, depth, depth};
  Floats none({heads});
  int64_t position = 0;
  for (int64_t count : {70, 1, 5, 60, 64}) {
    Floats q = Floats::random({count, heads, depth}, uint32_t(count)),
           k = Floats::random({count, 2, depth}, uint32_t(count + 1)),
           v = Floats::random({count, 2, depth}, uint32_t(count + 2)),
           y({count, heads, depth}), other({count, heads, depth});
    Index p(position);
    EXPECT_SUCCESS(many->run("main", {q, k, v, p, view(0), view(1)}, {y}));
    std::vector<double> ofK = decoded(scheme, caches[0], &context),
                        ofV = decoded(scheme, caches[1], &context);
    for (int64_t i = 0; i < count * 2 * depth; ++i) {
      EXPECT_NEAR(ofK[position * 2 * depth + i], k.values[i], 4 * scheme.bound);
      EXPECT_NEAR(ofV[position * 2 * depth + i], v.values[i], 4 * scheme.bound);
    }
    Floats kNumbers({capacity, 2, depth}, {ofK.begin(), ofK.end()}),
        vNumbers({capacity, 2, depth}, {ofV.begin(), ofV.end()});
    EXPECT_TRUE(isClose(
        y, attention(shape, q, kNumbers, vNumbers, position + count, none),
        f32Bound, uint32_t(count)))
        << scheme.text;
    // The same, row by row.
    for (int64_t t = 0; t < count; ++t) {
      Index at(position + t);
      auto row = [&](Floats &all) {
        int64_t size = all.shape[1] * all.shape[2];
        return TensorView{ElementType::f32,
                          {1, all.shape[1], all.shape[2]},
                          &all.values[t * size]};
      };
      EXPECT_SUCCESS(one->run("main",
                              {row(q), row(k), row(v), at, view(2), view(3)},
                              {row(other)}));
    }
    if (deterministic)
      EXPECT_EQ(y.values, other.values) << scheme.text << count;
    double difference = 0, norm = 0;
    for (auto [a, b] : llvm::zip_equal(y.values, other.values)) {
      difference += (double(a) - b) * (double(a) - b);
      norm += double(a) * a;
    }
    // Sums are added up in another order.
    EXPECT_LE(difference, 1e-6 * 1e-6 * norm) << scheme.text << count;
    EXPECT_EQ(caches[0], caches[2]);
    EXPECT_EQ(caches[1], caches[3]);
    position += count;
  }
  // The context is full: an error, and states as they were.
  std::vector<std::vector<uint8_t>> before = caches;
  Floats q = Floats::random({1, heads, depth}, 1),
         k = Floats::random({1, 2, depth}, 2), y({1, heads, depth});
  Index full(capacity);
  for (Executable *executable : {many.get(), one.get()}) {
    std::string message = messageOf(
        executable->run("main", {q, k, k, full, view(0), view(1)}, {y}));
    EXPECT_CONTAINS(message, "expected 1 rows to fit a cache of 200 positions "
                             "from position 200 on; nothing was appended");
    EXPECT_EQ(caches, before);
  }
}

TEST_P(EncodedCacheTest, StepsAppendAndAttend) {
  stepsAppendAndAttend(/*deterministic=*/false);
}

TEST_P(EncodedCacheTest, StepsHaveTheSameBitsWhereDeterministic) {
  stepsAppendAndAttend(/*deterministic=*/true);
}

} // namespace encoded_cache_test
