//===- Graph.h - A feed-forward layer, as a program and as a formula ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// y = x + (silu(rms(x) W1^T) * (rms(x) W3^T)) W2^T, mixed from linalg, arith,
// math and three quantized weights, one with scales beside it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_GRAPH_H
#define RLX_TESTS_UNIT_CODEGEN_GRAPH_H

#include "tests/unit/codegen/TestSupport.h"

namespace rlx::test {

inline constexpr const char *feedForward = R"(
#all = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
#column = affine_map<(m, k) -> (k)>
func.func @main(%x: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %gamma = rlx.weight "norm" : tensor<256xf32>
  %w1 = rlx.weight "gate" : tensor<96x256xf32, #rlx.quant<gguf_q4k>>
  %w3 = rlx.weight "up" : tensor<96x256xf32, #rlx.quant<gguf_q6k>>
  %w2 = rlx.weight "down" : tensor<256x96xf32, #rlx.quant<int8/32>>
  %s2 = rlx.weight "down.scales" : tensor<256x3xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x256xf32>
  %zero = arith.constant 0.0 : f32
  %sums = tensor.empty(%m) : tensor<?xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%sums : tensor<?xf32>) -> tensor<?xf32>
  %squares = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x256xf32>) outs(%zeros : tensor<?xf32>) {
    ^bb0(%v: f32, %sum: f32):
      %square = arith.mulf %v, %v : f32
      %next = arith.addf %sum, %square : f32
      linalg.yield %next : f32
  } -> tensor<?xf32>
  %empty = tensor.empty(%m) : tensor<?x256xf32>
  %normed = linalg.generic {indexing_maps = [#all, #row, #column, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %squares, %gamma : tensor<?x256xf32>, tensor<?xf32>, tensor<256xf32>) outs(%empty : tensor<?x256xf32>) {
    ^bb0(%v: f32, %sum: f32, %g: f32, %old: f32):
      %size = arith.constant 256.0 : f32
      %epsilon = arith.constant 1.0e-5 : f32
      %mean = arith.divf %sum, %size : f32
      %shifted = arith.addf %mean, %epsilon : f32
      %factor = math.rsqrt %shifted : f32
      %scaled = arith.mulf %v, %factor : f32
      %out = arith.mulf %scaled, %g : f32
      linalg.yield %out : f32
  } -> tensor<?x256xf32>
  %gate = rlx.matmul %normed, %w1 : (tensor<?x256xf32>, tensor<96x256xf32, #rlx.quant<gguf_q4k>>) -> tensor<?x96xf32>
  %up = rlx.matmul %normed, %w3 : (tensor<?x256xf32>, tensor<96x256xf32, #rlx.quant<gguf_q6k>>) -> tensor<?x96xf32>
  %ones = arith.constant dense<1.0> : tensor<1x96xf32>
  %hidden = linalg.generic {indexing_maps = [#all, #all, affine_map<(m, k) -> (0, k)>, #all], iterator_types = ["parallel", "parallel"]}
      ins(%gate, %up, %ones : tensor<?x96xf32>, tensor<?x96xf32>, tensor<1x96xf32>) outs(%gate : tensor<?x96xf32>) {
    ^bb0(%g: f32, %u: f32, %one: f32, %old: f32):
      %negative = arith.negf %g : f32
      %power = math.exp %negative : f32
      %divisor = arith.addf %power, %one : f32
      %silu = arith.divf %g, %divisor : f32
      %out = arith.mulf %silu, %u : f32
      linalg.yield %out : f32
  } -> tensor<?x96xf32>
  %down = rlx.matmul %hidden, %w2 scales(%s2)
      : (tensor<?x96xf32>, tensor<256x96xf32, #rlx.quant<int8/32>>, tensor<256x3xf32>) -> tensor<?x256xf32>
  %y = arith.addf %down, %x : tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
)";

/// Random weights of that program, and what it must give.
struct FeedForward {
  static constexpr int64_t width = 256, hidden = 96;

  template <typename ExecutableT>
  FeedForward(mlir::MLIRContext *context, ExecutableT &executable)
      : gate(*QuantScheme::parse(context, "gguf_q4k"), {hidden, width}, 1),
        up(*QuantScheme::parse(context, "gguf_q6k"), {hidden, width}, 2),
        down(*QuantScheme::parse(context, "int8/32"), {width, hidden}, 3),
        norm(Floats::random({width}, 4)) {
    // Small enough for exp not to overflow.
    for (float &value : norm.values)
      value *= 1e-4f;
    gate.bind(executable, "gate");
    up.bind(executable, "up");
    down.bind(executable, "down");
    EXPECT_SUCCESS(executable.bindWeight("norm", norm));
  }

  std::vector<double> expected(const Floats &x) const {
    std::vector<double> w1 = gate.values(), w3 = up.values(),
                        w2 = down.values(), y;
    for (int64_t m = 0; m < x.shape[0]; ++m) {
      const float *row = &x.values[m * width];
      double squares = 0;
      for (int64_t k = 0; k < width; ++k)
        squares += double(row[k]) * row[k];
      double factor = 1 / std::sqrt(squares / width + double(1e-5f));
      std::vector<double> inner(hidden);
      for (int64_t n = 0; n < hidden; ++n) {
        double g = 0, u = 0;
        for (int64_t k = 0; k < width; ++k) {
          double normed = row[k] * factor * norm.values[k];
          g += normed * w1[n * width + k];
          u += normed * w3[n * width + k];
        }
        inner[n] = g / (1 + std::exp(-g)) * u;
      }
      for (int64_t n = 0; n < width; ++n) {
        double sum = row[n];
        for (int64_t k = 0; k < hidden; ++k)
          sum += inner[k] * w2[n * hidden + k];
        y.push_back(sum);
      }
    }
    return y;
  }

  RandomWeight gate, up, down;
  Floats norm;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_GRAPH_H
