// Where subgroups multiply matrices of f16, many rows of activations that may be rounded to f16 do.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, float16 = true, subgroup_size = 32, cooperative_matrix = [16, 16, 16], workgroup_size = 1024, workgroup_memory = 49152>}" -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: rlx-opt %t --rlx-spirv | FileCheck %s --check-prefix=SPIRV
// Less memory makes tiles smaller, larger subgroups take more of one.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, float16 = true, subgroup_size = 64, cooperative_matrix = [16, 16, 16], workgroup_size = 1024, workgroup_memory = 32768>}" 2>/dev/null \
// RUN:   | FileCheck %s --check-prefix=SMALL
// Such kernels compute with f16.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32, cooperative_matrix = [16, 16, 16]>}" 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE "--implicit-check-not=mma"
// NONE-DAG: remark: activations are computed in f32 on this device, more exactly than in 'f16'
// NONE-DAG: gpu.func @matmul_gguf_q4_0_n256_k512

// The dispatch of few rows, and that of many: as many workgroups along x as there are tiles of rows.
// CHECK-LABEL: func.func @any
// CHECK: rlx.dispatch @kernels::@matvec_gguf_q4_0_m1_n256_k512
// CHECK: rlx.dispatch @kernels::@matvec_gguf_q4_0_m4_n256_k512
// CHECK: rlx.dispatch @kernels::@matrix_matmul_gguf_q4_0_n256_k512
// REMARK: remark: activations are rounded to 'f16' and multiplied as matrices by subgroups, but computed in f32 where there are at most 8 rows
func.func @any(%x: tensor<?x512xf32>) -> tensor<?x256xf32> {
  %w = rlx.weight "w" : tensor<256x512xf32, #rlx.quant<gguf_q4_0>>
  %y = rlx.matmul %x, %w {activations = f16} : (tensor<?x512xf32>, tensor<256x512xf32, #rlx.quant<gguf_q4_0>>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// CHECK-LABEL: func.func @few
// CHECK: rlx.dispatch @kernels::@matvec_gguf_q4_0_m4_n256_k512
// CHECK-NOT: dispatch
// REMARK: remark: activations are computed in f32 on this device, more exactly than in 'f16'
func.func @few(%x: tensor<8x512xf32>) -> tensor<8x256xf32> {
  %w = rlx.weight "w" : tensor<256x512xf32, #rlx.quant<gguf_q4_0>>
  %y = rlx.matmul %x, %w {activations = f16} : (tensor<8x512xf32>, tensor<256x512xf32, #rlx.quant<gguf_q4_0>>) -> tensor<8x256xf32>
  return %y : tensor<8x256xf32>
}

// Other types are computed in f32, as ever.
// CHECK-LABEL: func.func @others
// CHECK: rlx.dispatch @kernels::@matmul_gguf_q4_0_n256_k512
// CHECK: rlx.dispatch @kernels::@matmul_gguf_q4_0_n256_k512
// REMARK: remark: activations are computed in f32 on this device, more exactly than in 'bf16'
// REMARK-NOT: remark
func.func @others(%x: tensor<128x512xf32>) -> (tensor<128x256xf32>, tensor<128x256xf32>) {
  %w = rlx.weight "w" : tensor<256x512xf32, #rlx.quant<gguf_q4_0>>
  %y = rlx.matmul %x, %w : (tensor<128x512xf32>, tensor<256x512xf32, #rlx.quant<gguf_q4_0>>) -> tensor<128x256xf32>
  %z = rlx.matmul %x, %w {activations = bf16} : (tensor<128x512xf32>, tensor<256x512xf32, #rlx.quant<gguf_q4_0>>) -> tensor<128x256xf32>
  return %y, %z : tensor<128x256xf32>, tensor<128x256xf32>
}

// 128 x 128 results of 8 subgroups, each of 4 x 2 matrices. Two buffers of 256 rows of 4 + 1 chunks: while one is
// multiplied, the other is written; one barrier a step.
// CHECK: gpu.func @matrix_matmul_gguf_q4_0_n256_k512({{.*}} workgroup(%[[FACTORS:[a-z0-9]*]] : memref<128xf32, #gpu.address_space<workgroup>>, %[[MEMORY:[a-z0-9]*]] : memref<2560xvector<4xi32>, #gpu.address_space<workgroup>>,
// CHECK-SAME: known_block_size = array<i32: 256, 1, 1>
// CHECK: scf.for %{{.*}} = %{{.*}} to %c16 step %{{.*}} iter_args(
// What the next step needs is loaded first and decoded last.
// CHECK-NOT: {{gpu.barrier|arith.truncf}}
// CHECK: memref.load %{{.*}} : memref<?xvector<4xf32>>
// CHECK-NOT: {{gpu.barrier|arith.truncf}}
// CHECK: memref.load %{{.*}} : memref<?xi32>
// CHECK-NOT: {{gpu.barrier|arith.truncf}}
// CHECK-COUNT-4: gpu.subgroup_mma_load_matrix %[[MEMORY]][%{{.*}}] {leadDimension = 5 : index} : {{.*}} -> !gpu.mma_matrix<16x16xf16, "AOp">
// CHECK-COUNT-2: gpu.subgroup_mma_load_matrix %[[MEMORY]][%{{.*}}] {leadDimension = 5 : index, transpose} : {{.*}} -> !gpu.mma_matrix<16x16xf16, "BOp">
// CHECK-COUNT-8: gpu.subgroup_mma_compute {{.*}} -> !gpu.mma_matrix<16x16xf32, "COp">
// CHECK-COUNT-6: gpu.subgroup_mma_load_matrix
// CHECK-COUNT-8: gpu.subgroup_mma_compute
// CHECK-NOT: gpu.barrier
// CHECK: memref.load %[[FACTORS]]
// CHECK: arith.truncf %{{.*}} : vector<2xf32> to vector<2xf16>
// CHECK-NOT: gpu.barrier
// CHECK: memref.store %{{.*}}, %[[MEMORY]]
// CHECK: gpu.barrier
// CHECK-NEXT: scf.yield
// CHECK-COUNT-2: gpu.subgroup_mma_store_matrix %{{.*}}, %[[MEMORY]][%{{.*}}] {leadDimension = 33 : index}
// CHECK: gpu.barrier

// SMALL: gpu.func @matrix_matmul_gguf_q4_0_n256_k512({{.*}} %[[MEMORY:[a-z0-9]*]] : memref<1280xvector<4xi32>,
// SMALL-SAME: known_block_size = array<i32: 256, 1, 1>
// SMALL: scf.for %{{.*}} iter_args(
// SMALL-COUNT-16: gpu.subgroup_mma_compute
// SMALL-COUNT-16: gpu.subgroup_mma_compute
// One buffer: it is read before the next step is written.
// SMALL: gpu.barrier
// SMALL: memref.store %{{.*}}, %[[MEMORY]]
// SMALL: gpu.barrier
// SMALL-NEXT: scf.yield

// SPIRV: spirv.module {{.*}} Logical Vulkan requires #spirv.vce<v1.6, [{{.*}}CooperativeMatrixKHR{{.*}}GroupNonUniform], [{{.*}}SPV_KHR_cooperative_matrix
// SPIRV: spirv.func @matrix_matmul_gguf_q4_0_n256_k512
// What work-items share is marked, and made visible at barriers.
// SPIRV: spirv.Store "Workgroup" %{{.*}} ["NonPrivatePointer"] : f32
// SPIRV: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|WorkgroupMemory|MakeAvailable|MakeVisible>
// SPIRV: spirv.KHR.CooperativeMatrixLoad %{{.*}}, %{{.*}}, <RowMajor>, <NonPrivatePointer> : !spirv.ptr<vector<4xi32>, Workgroup>, i32 -> !spirv.coopmatrix<16x16xf16, Subgroup, MatrixA>
// SPIRV: spirv.KHR.CooperativeMatrixLoad %{{.*}}, %{{.*}}, <ColumnMajor>, <NonPrivatePointer> : !spirv.ptr<vector<4xi32>, Workgroup>, i32 -> !spirv.coopmatrix<16x16xf16, Subgroup, MatrixB>
// SPIRV: spirv.KHR.CooperativeMatrixMulAdd {{.*}} -> !spirv.coopmatrix<16x16xf32, Subgroup, MatrixAcc>
// SPIRV: spirv.KHR.CooperativeMatrixStore %{{.*}}, <RowMajor>, <NonPrivatePointer> : !spirv.ptr<vector<4xi32>, Workgroup>, !spirv.coopmatrix<16x16xf32, Subgroup, MatrixAcc>, i32
