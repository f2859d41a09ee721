// RUN: split-file %s %t
// RUN: rlx-opt %t/values.mlir --rlx-observe --verify-diagnostics | FileCheck %t/values.mlir
// RUN: rlx-opt %t/values.mlir "--rlx-observe=values=blk.1.*" 2>/dev/null | FileCheck %t/values.mlir --check-prefix=SOME
// RUN: rlx-opt %t/loop.mlir --rlx-observe --verify-diagnostics | FileCheck %t/loop.mlir
// RUN: not rlx-opt %t/none.mlir --rlx-observe 2>&1 | FileCheck %t/none.mlir
// RUN: not rlx-opt %t/values.mlir "--rlx-observe=values=nothing" 2>&1 | FileCheck %t/none.mlir --check-prefix=GLOB
// RUN: not rlx-opt %t/values.mlir "--rlx-observe=function=other" 2>&1 | FileCheck %t/none.mlir --check-prefix=FUNCTION
// RUN: not rlx-opt %t/values.mlir "--rlx-observe=values=[" 2>&1 | FileCheck %t/none.mlir --check-prefix=MALFORMED

//--- values.mlir
// Weights of one value share its name, the first of them; a value that is named, or that shares a weight with another,
// as well. Contractions of linalg have weights behind dequantizations and transposes.
// CHECK-LABEL: func @main
// CHECK-SAME: -> (tensor<?x8xf32>,
// CHECK-SAME: tensor<?x64xf32> {rlx.channels = 1 : i64, rlx.observed = "blk.0.q", rlx.weights = ["blk.0.q", "blk.0.k"]},
// CHECK-SAME: tensor<?x8xf32> {rlx.channels = 1 : i64, rlx.observed = "hidden", rlx.weights = ["blk.0.down", "blk.1.down"]},
// CHECK-SAME: tensor<?x8xf32> {rlx.channels = 1 : i64, rlx.observed = "hidden", rlx.weights = ["blk.0.down", "blk.1.down"]},
// CHECK-SAME: tensor<64x3xf32> {rlx.channels = 0 : i64, rlx.observed = "head", rlx.weights = ["head"]})
// SOME: rlx.observed = "hidden"
// SOME: rlx.observed = "hidden"
// SOME-NOT: rlx.observed
// expected-remark@+1 {{'ids' is not observed: expected a tensor of floats, but it is 'tensor<3xi32>'}}
func.func @main(%x: tensor<?x64xf32>, %t: tensor<64x3xf32>, %ids: tensor<3xi32> {rlx.observe = "ids"}) -> tensor<?x8xf32> {
  %q = rlx.weight "blk.0.q" : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  %k = rlx.weight "blk.0.k" : tensor<8x64xf32>
  %a = rlx.matmul %x, %q : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
  // CHECK: %[[B:.*]] = rlx.matmul
  // CHECK: %[[B:.*]] = rlx.matmul
  %b = rlx.matmul %x, %k : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  // CHECK: %[[H:.*]] = arith.addf
  %h = arith.addf %a, %b {rlx.observe = "hidden"} : tensor<?x8xf32>
  %d0 = rlx.weight "blk.0.down" : tensor<8x8xf32>
  %d1 = rlx.weight "blk.1.down" : tensor<8x8xf32>
  %y0 = rlx.matmul %h, %d0 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  // CHECK: %[[Y:.*]] = rlx.matmul %[[H]]
  // CHECK: %[[Z:.*]] = rlx.matmul %[[Y]]
  %y1 = rlx.matmul %y0, %d1 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %y2 = rlx.matmul %h, %d1 : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %y3 = arith.addf %y1, %y2 : tensor<?x8xf32>

  %w = rlx.weight "head" : tensor<5x64xf32, #rlx.quant<gguf_q8_0>>
  %v = rlx.dequantize %w : (tensor<5x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<5x64xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<5x3xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<5x3xf32>) -> tensor<5x3xf32>
  %c = linalg.matmul ins(%v, %t : tensor<5x64xf32>, tensor<64x3xf32>) outs(%f : tensor<5x3xf32>) -> tensor<5x3xf32>
  // CHECK: return %{{.*}}, %arg0, %[[H]], %[[Y]], %arg1
  return %y3 : tensor<?x8xf32>
}

//--- loop.mlir
// CHECK-LABEL: func @main
// CHECK-SAME: -> (tensor<2x8xf32>, tensor<2x8xf32> {rlx.channels = 1 : i64, rlx.observed = "w", rlx.weights = ["w"]})
func.func @main(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %w = rlx.weight "w" : tensor<8x8xf32>
  // expected-remark@+1 {{'w' is not observed: it is computed in a loop or a branch}}
  %y = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %x) -> tensor<2x8xf32> {
    %z = rlx.matmul %a, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
    scf.yield %z : tensor<2x8xf32>
  }
  %z = rlx.matmul %x, %w : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  return %z : tensor<2x8xf32>
}

//--- none.mlir
// CHECK: error: 'main' has no values to observe, expected products with weights, or values that say rlx.observe
// GLOB: error: 'main' has no values to observe, expected products with weights, or values that say rlx.observe, of names like 'nothing'
// FUNCTION: error: expected the option 'function' to name a function of the program, but got 'other'
// MALFORMED: error: expected the option 'values' to be a glob, but got '[': invalid glob pattern, unmatched '['
func.func @main(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  return %x : tensor<2x8xf32>
}
