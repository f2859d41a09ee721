// Codebooks of more than 16 entries are a constant that kernels read: code that chooses among them takes long to compile.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, vector_width = 8>}" | FileCheck %s --check-prefix=LANES --implicit-check-not=arith.select
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan>}" | FileCheck %s --check-prefix=ITEMS

// LANES: memref.global "private" constant @table : memref<32xf32> = dense<[-7.500000e+00, -6.500000e+00,
// LANES: rlx.dispatch @kernels::@matvec_{{.*}} buffers(%[[TABLE:.*]], %{{.*}}, %{{.*}}, %{{.*}})
// LANES: gpu.func @matvec_{{.*}}(%[[BOOK:.*]]: memref<?xf32> {rlx.name = "codebook"}
// LANES: memref.load %[[BOOK]]

// Work-items that are lanes by themselves copy it to memory of the workgroup.
// ITEMS: memref.global "private" constant @table : memref<32xf32>
// ITEMS: gpu.func @matvec_{{.*}}(%[[SOURCE:[^:]*]]: memref<?xf32> {rlx.name = "table"}
// ITEMS-SAME: workgroup(%[[COPY:[^ ]*]] : memref<32xf32, #gpu.address_space<workgroup>>
// ITEMS: scf.for
// ITEMS-NOT: arith.select
// ITEMS: %[[ENTRY:.*]] = memref.load %[[SOURCE]]
// ITEMS: memref.store %[[ENTRY]], %[[COPY]]
#book = #rlx.scheme<"book", block = 32, code = ui5 at (i) -> (0, 5 * i) as [-7.5, -6.5, -5.5, -4.5, -3.5, -2.5, -1.5, -0.25, 0.25, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5, 17.5, 18.5, 19.5, 20.5, 21.5, 22.5, 23.5], scale = f32 at byte 20>
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<#book>>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<#book>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
