//===- VerifyGoldenTest.cpp - A pass is right, a failure is wrong ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that ggml wrote, with activations of each type: what is right passes,
// and what a kernel that reads a weight wrongly gives is refused.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "runtime/weights/WeightFile.h"

#include <cmath>
#include <random>

using namespace rlx;
using namespace rlx::test;

namespace verify_golden_test {

constexpr const char *goldenTypes[] = {
    "q4_0",  "q4_1",    "q5_0",  "q5_1",   "q8_0",   "q2_K",    "q3_K",
    "q4_K",  "q5_K",    "q6_K",  "iq4_nl", "iq4_xs", "mxfp4",   "nvfp4",
    "tq2_0", "q8_K",    "q1_0",  "q2_0",   "tq1_0",  "iq2_xxs", "iq2_xs",
    "iq2_s", "iq3_xxs", "iq3_s", "iq1_s",  "iq1_m"};
constexpr int64_t n = 8, k = 512;

/// Student's t with 3 degrees of freedom, 1 in 256 channels 20 times as large:
/// what models have.
Floats activations(int64_t rows, bool isHeavyTailed, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::student_t_distribution<float> heavy(3);
  Floats x({rows, k});
  for (float &value : x.values)
    value = isHeavyTailed ? heavy(random) : normal(random);
  if (isHeavyTailed)
    for (int64_t channel : {77, 300})
      for (int64_t row = 0; row < rows; ++row)
        x.values[row * k + channel] *= 20;
  return x;
}

class VerifyGoldenTest : public testing::TestWithParam<const char *> {
protected:
  VerifyGoldenTest() : context(createContext()) {
    auto opened = openWeightFile(RLX_TEST_DIR "/golden/ggml-types.gguf");
    EXPECT_TRUE(opened.ok()) << opened.message();
    file = opened.take();
  }
  std::string typeOf(const std::string &type) const {
    return "tensor<8x512xf32, #rlx.quant<" +
           QuantScheme::parse(context.get(), type)->displayName().str() + ">>";
  }
  std::string weightOf(const std::string &type) const {
    return "rlx.weight \"" + type + ".quantized\" : " + typeOf(type);
  }
  /// A matmul with each of `types`.
  std::string program(llvm::ArrayRef<std::string> types) const {
    std::string body, names, results;
    for (auto [i, type] : llvm::enumerate(types)) {
      std::string number = std::to_string(i);
      body += "  %w" + number + " = " + weightOf(type) + "\n  %y" + number +
              " = rlx.matmul %x, %w" + number + " " + GetParam() +
              " : (tensor<?x512xf32>, " + typeOf(type) +
              ") -> tensor<?x8xf32>\n";
      names += (i ? ", %y" : "%y") + number;
      results += i ? ", tensor<?x8xf32>" : "tensor<?x8xf32>";
    }
    return "func.func @main(%x: tensor<?x512xf32>) -> (" + results + ") {\n" +
           body + "  return " + names + " : " + results + "\n}";
  }
  WeightLookUp lookUp() { return find; }
  /// What the reference gives for all results of a program.
  std::vector<ReferenceTensor> reference(const std::string &text,
                                         llvm::ArrayRef<TensorView> inputs) {
    auto module = parseText(*context, text);
    if (!module) {
      ADD_FAILURE() << llvm::toString(module.takeError());
      return {};
    }
    auto all = evaluate(**module, lookUp(), "main", inputs);
    if (!all) {
      ADD_FAILURE() << llvm::toString(all.takeError());
      return {};
    }
    return *all;
  }

  std::unique_ptr<mlir::MLIRContext> context;
  std::shared_ptr<const WeightFile> file;
  std::function<TensorView(llvm::StringRef)> find =
      [this](llvm::StringRef name) {
        const WeightEntry *entry = file->find(name.str());
        return TensorView{ElementType::u8,
                          {n, int64_t(entry->bytes.size()) / n},
                          const_cast<std::byte *>(entry->bytes.data())};
      };
};

TEST_P(VerifyGoldenTest, WhatIsRightPasses) {
  std::vector<std::string> types(std::begin(goldenTypes),
                                 std::end(goldenTypes));
  std::string text = program(types);
  auto module = parseText(*context, text);
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  auto executable = compileModule(**module);
  ASSERT_TRUE(bool(executable)) << llvm::toString(executable.takeError());
  EXPECT_SUCCESS((*executable)->bindWeights(file));
  for (bool isHeavyTailed : {false, true})
    for (int64_t rows : {1, 3, 40}) {
      SCOPED_TRACE(std::to_string(rows) +
                   (isHeavyTailed ? " rows, heavy tailed" : " rows"));
      Floats x = activations(rows, isHeavyTailed, 100 + uint32_t(rows));
      auto outputs = (*executable)->run("main", {x});
      ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
      std::vector<TensorView> views;
      for (const Tensor &output : *outputs)
        views.push_back(output.view());
      auto verification = verify(**module, **executable, "main", {x}, views);
      ASSERT_TRUE(bool(verification))
          << llvm::toString(verification.takeError());
      EXPECT_SUCCESS(verification->check());
    }
}

TEST_P(VerifyGoldenTest, WhatIsWrongFails) {
  // Re-encoding rounds 256 elements alike, by more than a tenth of 32 of them.
  bool isReencoded = llvm::StringRef(GetParam()).contains("reencoded");
  int64_t rows = 40, block = isReencoded ? 256 : 32;
  Floats x = activations(rows, false, 7);
  for (std::string type : goldenTypes) {
    SCOPED_TRACE(type);
    std::vector<double> weight =
        reference("func.func @main() -> tensor<8x512xf32> {\n  %w = " +
                      weightOf(type) + "\n  %v = rlx.dequantize %w : (" +
                      typeOf(type) +
                      ") -> tensor<8x512xf32>\n  return %v : "
                      "tensor<8x512xf32>\n}",
                  {})[0]
            .numbers.values;
    ReferenceTensor right = reference(program({type}), {x})[0];
    auto passes = [&](llvm::ArrayRef<double> used) {
      std::vector<double> product = test::product(x.values, used, rows, n, k);
      Floats y({rows, n}, std::vector<float>(product.begin(), product.end()));
      return measureError(y, right).passes();
    };
    EXPECT_TRUE(passes(weight));
    auto changed = [&](auto change) {
      std::vector<double> used = weight;
      change(used);
      return passes(used);
    };
    int64_t row = 3, begin = isReencoded ? block : 5 * block;
    EXPECT_FALSE(changed([&](std::vector<double> &w) {
      // Rows with a number far larger than others are reencoded badly.
      for (int64_t n0 = 0; n0 < n; ++n0)
        for (int64_t i = 0; (n0 == row || isReencoded) && i < block; ++i)
          w[n0 * k + begin + i] *= 1.1;
    })) << "one block's scale wrong by 10 %";
    EXPECT_FALSE(changed([&](std::vector<double> &w) {
      for (int64_t i = 0; i < block; ++i)
        w[row * k + begin + i] = 0;
    })) << "one block of K missing";
    EXPECT_FALSE(changed([&](std::vector<double> &w) {
      std::swap_ranges(w.begin() + 2 * k, w.begin() + 3 * k, w.begin() + 5 * k);
    })) << "two rows swapped";
    EXPECT_FALSE(changed([&](std::vector<double> &w) {
      auto group = w.begin() + row * k + begin;
      double offset =
          *std::max_element(group, group + block, [](double a, double b) {
            return std::fabs(a) < std::fabs(b);
          });
      for (int64_t i = 0; i < block; ++i)
        group[i] -= offset;
    })) << "one group's offset dropped";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Activations, VerifyGoldenTest,
    testing::Values("", "{activations = f16}", "{activations = bf16}",
                    "{activations = i24}", "{activations = i16}",
                    "{activations = i8}",
                    "weights = reencoded {activations = i8}"));

} // namespace verify_golden_test
