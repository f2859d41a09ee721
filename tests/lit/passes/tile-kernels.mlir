// Kernels for many rows: what the next step needs is loaded before this one is multiplied.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, workgroup_size = 256>}" | FileCheck %s --check-prefix=TWO
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, workgroup_size = 256>}" | FileCheck %s --check-prefix=ONE
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, workgroup_size = 256, workgroup_memory = 65536>}" | FileCheck %s --check-prefix=LARGE

// Two buffers fit: stored into one while the other is read.
// TWO: gpu.func @matmul_gguf_q8_0_
// TWO-SAME: workgroup(%[[W:.*]] : memref<2048xf32, #gpu.address_space<workgroup>>, %[[A:.*]] : memref<2048xf32, #gpu.address_space<workgroup>>)
// TWO: gpu.barrier
// TWO: scf.for
// TWO: memref.load %{{.*}} : memref<?xvector<4xf32>>
// TWO: scf.for
// TWO-COUNT-4: memref.load %[[W]]
// TWO-COUNT-4: memref.load %[[A]]
// TWO: memref.store %{{.*}}, %[[W]]
// TWO: memref.store %{{.*}}, %[[A]]
// TWO: gpu.barrier
// TWO-NOT: gpu.barrier
// TWO: gpu.return
// LARGE: gpu.func @matmul_gguf_q8_0_
// LARGE-SAME: workgroup(%{{.*}} : memref<4096xf32, #gpu.address_space<workgroup>>, %{{.*}} : memref<4096xf32, #gpu.address_space<workgroup>>)
func.func @integers(%x: tensor<128x4096xf32>) -> tensor<128x64xf32> {
  %w = rlx.weight "w" : tensor<64x4096xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<128x4096xf32>, tensor<64x4096xf32, #rlx.quant<gguf_q8_0>>) -> tensor<128x64xf32>
  return %y : tensor<128x64xf32>
}

// Beside a codebook one does: it is stored when nobody reads it.
// ONE: gpu.func @matmul_gguf_iq4_nl_
// ONE-SAME: workgroup(%{{.*}} : memref<16xf32, #gpu.address_space<workgroup>>, %[[W:.*]] : memref<1024xf32, #gpu.address_space<workgroup>>, %[[A:.*]] : memref<1024xf32, #gpu.address_space<workgroup>>)
// ONE: memref.load %[[A]]
// ONE: gpu.barrier
// ONE: memref.store %{{.*}}, %[[W]]
// ONE: gpu.barrier
// ONE: gpu.return
func.func @codebook(%x: tensor<128x4096xf32>) -> tensor<128x64xf32> {
  %w = rlx.weight "c" : tensor<64x4096xf32, #rlx.quant<gguf_iq4_nl>>
  %y = rlx.matmul %x, %w : (tensor<128x4096xf32>, tensor<64x4096xf32, #rlx.quant<gguf_iq4_nl>>) -> tensor<128x64xf32>
  return %y : tensor<128x64xf32>
}
