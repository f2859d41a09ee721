// RUN: rlx-opt %s --rlx-import --rlx-layout | FileCheck %s

// That operations agree in the number of rows is checked before; it is no second use of the sums.

!w = tensor<64x512xf32, #rlx.quant<gguf_q4k>>

// CHECK-LABEL: func @residual
// CHECK: rlx.check
// CHECK: rlx.block_matmul
// CHECK: arith.addf
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @residual(%x: tensor<?x512xf32>, %w: !w {rlx.weight = "w"}, %r: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x512xf32>, !w) -> tensor<?x64xf32>
  %z = arith.addf %y, %r : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: func @gated
// CHECK-COUNT-2: rlx.block_matmul
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @gated(%x: tensor<?x512xf32>, %w: !w {rlx.weight = "w"}, %v: !w {rlx.weight = "v"}) -> tensor<?x64xf32> {
  %g = rlx.matmul %x, %w : (tensor<?x512xf32>, !w) -> tensor<?x64xf32>
  %u = rlx.matmul %x, %v : (tensor<?x512xf32>, !w) -> tensor<?x64xf32>
  %e = math.tanh %g : tensor<?x64xf32>
  %a = arith.addf %e, %g : tensor<?x64xf32>
  %z = arith.mulf %a, %u : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
