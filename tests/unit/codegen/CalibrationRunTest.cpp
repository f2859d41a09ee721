//===- CalibrationRunTest.cpp - Records of compiled programs --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Calibration.h"
#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/SmoothQuant.h"
#include "codegen/reference/Evaluate.h"
#include "passes/Passes.h"
#include "passes/quantize/QuantizePasses.h"
#include "tests/unit/codegen/TestSupport.h"
#include "tests/unit/runtime/TestSupport.h"

#include "mlir/Pass/PassManager.h"

using namespace rlx;
using namespace rlx::test;

namespace {

class CalibrationRunTest : public testing::Test {
protected:
  CalibrationRunTest() : context(createContext()) {}

  mlir::OwningOpRef<mlir::ModuleOp> parsed(const std::string &text) {
    auto module = parseText(*context, text);
    if (module)
      return std::move(*module);
    ADD_FAILURE() << llvm::toString(module.takeError());
    return nullptr;
  }

  std::unique_ptr<mlir::MLIRContext> context;
};

constexpr const char *layers = R"(
func.func @main(%x: tensor<?x16xf32>) -> tensor<?x4xf32> {
  %u = rlx.weight "up" : tensor<8x16xf32>
  %d = rlx.weight "down" : tensor<4x8xf32>
  %h = rlx.matmul %x, %u : (tensor<?x16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
  %r = math.absf %h : tensor<?x8xf32>
  %y = rlx.matmul %r, %d {activations = bf16} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
})";

/// What a weight in the middle is multiplied with is what the program computes
/// there.
TEST_F(CalibrationRunTest, ObservesWhatIsComputed) {
  auto module = parsed(layers);
  Floats up = Floats::random({8, 16}, 1), down = Floats::random({4, 8}, 2);
  CalibrationOptions options;
  options.keepRows = true;
  auto calibration = Calibration::create(*module, options);
  if (!calibration)
    FAIL() << llvm::toString(calibration.takeError());
  EXPECT_EQ(messageOf(calibration->record()),
            "expected at least one batch, but got 0");
  Executable &executable = calibration->executable();
  ASSERT_FALSE(bool(executable.bindWeight("up", up.view())));
  ASSERT_FALSE(bool(executable.bindWeight("down", down.view())));
  std::vector<float> hidden;
  for (int64_t rows : {3, 1, 7}) {
    Floats x = Floats::random({rows, 16}, uint32_t(rows));
    if (llvm::Error error = calibration->run({x.view()}))
      FAIL() << llvm::toString(std::move(error));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t n = 0; n < 8; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < 16; ++k)
          sum += double(x.values[i * 16 + k]) * double(up.values[n * 16 + k]);
        hidden.push_back(float(std::fabs(sum)));
      }
  }
  auto record = calibration->record();
  if (!record)
    FAIL() << llvm::toString(record.takeError());
  EXPECT_EQ(record->batches(), 3);
  ASSERT_EQ(record->values().size(), 2u);
  EXPECT_EQ(record->values()[0].name, "up");
  const ValueStatistics &value = record->values()[1];
  EXPECT_EQ(value.name, "down");
  EXPECT_EQ(value.weights, std::vector<std::string>{"down"});
  EXPECT_EQ(value.rows, 11);
  Activations expected = llvm::cantFail(Activations::create(hidden, 8));
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(value.maxima[i], expected.maxima()[i], 1e-4);
    EXPECT_NEAR(value.meanSquares[i], expected.meanSquares()[i],
                1e-5 * expected.meanSquares()[i]);
  }
  EXPECT_GE(value.least, 0);
  ASSERT_EQ(calibration->rows().size(), 2u);
  EXPECT_EQ(calibration->rows()[1].name, "down");
  EXPECT_EQ(calibration->rows()[1].channels, 8);
  ASSERT_EQ(calibration->rows()[1].values.size(), hidden.size());
  for (auto [got, wanted] : llvm::zip(calibration->rows()[1].values, hidden))
    EXPECT_NEAR(got, wanted, 1e-4);
}

/// What is not observed stays what it was: a function with other names, and
/// options that make no sense.
TEST_F(CalibrationRunTest, SaysWhatIsMissing) {
  auto module = parsed(layers);
  CalibrationOptions options;
  options.function = "other";
  EXPECT_NE(messageOf(Calibration::create(*module, options))
                .find("expected the option 'function' to name a function of "
                      "the program, but got 'other'"),
            std::string::npos);
  options = {};
  options.averaging = 2;
  EXPECT_EQ(messageOf(Calibration::create(*module, options)),
            "expected averaging to be above 0 and at most 1, but got 2");
}

/// x w^T = (x / s) (w s)^T, as far as doubles tell: nothing but the order of
/// products changes.
TEST_F(CalibrationRunTest, SmoothingIsExact) {
  const std::string program = R"(
#id = affine_map<(m, k) -> (m, k)>
#last = affine_map<(m, k) -> (k)>
func.func @main(%x: tensor<5x16xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x4xf32>) {
  %g = rlx.weight "gain" : tensor<16xf32>
  %b = rlx.weight "bias" : tensor<16xf32>
  %e = tensor.empty() : tensor<5x16xf32>
  %n = linalg.generic {indexing_maps = [#id, #last, #last, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %g, %b : tensor<5x16xf32>, tensor<16xf32>, tensor<16xf32>) outs(%e : tensor<5x16xf32>) {
  ^bb0(%in: f32, %gain: f32, %bias: f32, %out: f32):
    %0 = arith.mulf %in, %gain : f32
    %1 = arith.addf %0, %bias : f32
    linalg.yield %1 : f32
  } -> tensor<5x16xf32>
  %q = rlx.weight "q" : tensor<8x16xf32>
  %k = rlx.weight "k" : tensor<8x16xf32>
  %y = rlx.matmul %n, %q : (tensor<5x16xf32>, tensor<8x16xf32>) -> tensor<5x8xf32>
  %z = rlx.matmul %n, %k : (tensor<5x16xf32>, tensor<8x16xf32>) -> tensor<5x8xf32>
  %d = rlx.weight "d" : tensor<4x16xf32>
  %v = rlx.matmul %x, %d : (tensor<5x16xf32>, tensor<4x16xf32>) -> tensor<5x4xf32>
  return %y, %z, %v : tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x4xf32>
})";
  llvm::StringMap<Floats> weights;
  uint32_t seed = 1;
  for (auto [name, shape] : {std::pair("gain", std::vector<int64_t>{16}),
                             {"bias", {16}},
                             {"q", {8, 16}},
                             {"k", {8, 16}},
                             {"d", {4, 16}}})
    weights.try_emplace(name, Floats::random(shape, seed++));
  Floats x = Floats::random({5, 16}, seed);
  // Factors as SmoothQuant has them, far from 1.
  for (const char *name : {"q", "d"}) {
    std::vector<double> sizes(16);
    for (auto [i, size] : llvm::enumerate(sizes))
      size = std::pow(3.0, double(i % 7) - 3);
    auto factors = smoothFactors(
        sizes, columnMaxima(weights.find(name)->second.values, 16), 0.7);
    std::vector<double> numbers = llvm::cantFail(std::move(factors));
    weights.try_emplace(
        std::string(name) + ".input_factors",
        Floats({16}, std::vector<float>(numbers.begin(), numbers.end())));
  }
  auto lookUp = [&](llvm::StringRef name) {
    auto found = weights.find(name);
    return found == weights.end() ? TensorView() : found->second.view();
  };
  auto module = parsed(program), smoothed = parsed(program);
  TemporaryFolder folder;
  writeFile(folder / "c.json",
            R"({"default": {"scheme": "int8/channel", "method": "awq"}})");
  mlir::PassManager passes(context.get());
  SmoothActivationsPassOptions options;
  options.config = folder / "c.json";
  options.shared = options.multiplyWeights = true;
  passes.addPass(createSmoothActivationsPass(options));
  ASSERT_TRUE(succeeded(passes.run(*smoothed)));
  auto before = evaluate(*module, lookUp, "main", {x.view()}),
       after = evaluate(*smoothed, lookUp, "main", {x.view()});
  if (!before || !after)
    FAIL() << llvm::toString(before.takeError())
           << llvm::toString(after.takeError());
  int differences = 0;
  for (auto [a, b] : llvm::zip_equal(*before, *after))
    for (auto [u, v] : llvm::zip_equal(a.numbers.values, b.numbers.values)) {
      EXPECT_NEAR(u, v, 1e-13 * (1 + std::fabs(u)) * 100);
      differences += u != v;
    }
  EXPECT_GT(differences, 0); // Something was divided.
}

} // namespace
