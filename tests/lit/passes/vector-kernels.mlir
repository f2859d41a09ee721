// Vectors that codes name are a constant, which the kernel reads that interleaves a weight: kernels of matmuls see the
// codes of elements alone. Maps of parts of a block are chosen between.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl>}" | FileCheck %s

#vectors = #rlx.scheme<"vectors", block = 32, bytes = 6,
  code = ui2 from [0, 0x5555, 0x9184, 0x2a15, 1, 2, 3, 0xffff]
      by (ui2 at (i) -> (i floordiv 8, 0) ++ ui1 at (i) -> (4, i floordiv 8)) at (i) -> (i mod 8)
      ++ ui1 at (i) -> (i floordiv 8, 2) as [1, 2, 3, 4, -1, -2, -3, -5],
  scale = ui5 at (i) -> (i floordiv 8, 3) * ui4 at (i) -> (4, 4) * f8E4M3FN at byte 5>

// CHECK: #rlx.scheme<"vectors.device64", block = 64, bytes = 32, code = ui2 at
// CHECK-NOT: from
// CHECK-SAME: as [1.000000e+00,
// CHECK: memref.global "private" constant @{{.*}} : memref<8xi32> = dense<[0, 21845, 37252, 10773, 1, 2, 3, 65535]>
// CHECK: gpu.func @interleave_vectors_n8_k64(%{{.*}}: memref<?xi32> {rlx.name = "stored"}, %{{.*}}: memref<?xi32> {rlx.name = "vectors"}
// CHECK: gpu.return
// CHECK: gpu.func @matvec_{{[^(]*}}(
// CHECK-NOT: "vectors"
// CHECK-SAME: kernel attributes
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<#vectors>>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<#vectors>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

#pieces = #rlx.scheme<"pieces", block = 12, bytes = 4,
  code = ui2 from digits 3
    by (ui8 at (i) -> (i mod 2, 0) until 10 else (i) -> (2, 0))
    at (i) -> (i floordiv 2) until 10 else (i) -> (i - 10) - 1,
  scale = f8E4M3FN at byte 3>

// CHECK: gpu.func @dequantize_pieces_k24
// CHECK-DAG: %[[BOUND:.*]] = arith.constant 10 : index
// CHECK: %[[IS_FIRST:.*]] = arith.cmpi ult, %{{.*}}, %[[BOUND]] : index
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : index
func.func @all(%w: tensor<4x24xf32, #rlx.quant<#pieces>>) -> tensor<4x24xf32> {
  %v = rlx.dequantize %w : (tensor<4x24xf32, #rlx.quant<#pieces>>) -> tensor<4x24xf32>
  return %v : tensor<4x24xf32>
}
