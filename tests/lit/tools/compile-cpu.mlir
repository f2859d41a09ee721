// What compile-cpu.c calls: a matmul in place, one whose weight is packed, and one that can fail.
// RUN: rlx-opt %s | FileCheck %s
// CHECK: func.func @main

func.func @main(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = rlx.weight "w" : tensor<32x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<32x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

func.func @packed(%x: tensor<3x64xf32>) -> tensor<3x32xf32> {
  %w = rlx.weight "w" : tensor<32x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w {activations = i8}
      : (tensor<3x64xf32>, tensor<32x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x32xf32>
  %e = math.exp %y : tensor<3x32xf32>
  %l = math.log %e : tensor<3x32xf32>
  return %l : tensor<3x32xf32>
}

func.func @sum(%a: tensor<?xf32>, %b: tensor<?xf32>, %c: tensor<f32>) -> tensor<?xf32> {
  %y = arith.addf %a, %b : tensor<?xf32>
  return %y : tensor<?xf32>
}
