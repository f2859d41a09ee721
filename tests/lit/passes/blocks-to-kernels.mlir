// Operations become kernels and their dispatches; the kernels of a matmul are chosen by its rows.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32>}" | FileCheck %s --implicit-check-not=gpu.subgroup --implicit-check-not=gpu.lane
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, vector_width = 8>}" | FileCheck %s --check-prefix=LANES --implicit-check-not=math.fma
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, vector_width = 8, fma = true>}" | FileCheck %s --check-prefix=FMA
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32, subgroup_arithmetic = true>}" | FileCheck %s --check-prefix=SUBGROUP
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 64, subgroup_arithmetic = true>}" | FileCheck %s --check-prefix=WHOLE
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32>}" | rlx-opt | FileCheck %s
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, integer_dot = true>}" | rlx-opt | FileCheck %s --check-prefix=DOT
// RUN: not rlx-opt %s --rlx-blocks-to-kernels 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: expected the module to have a target, 'rlx.target'; --rlx-interleave-weights sets it

#all = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
// One row: a work-item for each column.
// CHECK-LABEL: func @one(
// CHECK-SAME: %[[X:.*]]: memref<1x64xf32>, %[[W:.*]]: memref<70x68xi8> {rlx.weight = "one.w"}, %[[Y:.*]]: memref<1x70xf32>
// CHECK: rlx.dispatch @kernels::@[[INTERLEAVE:interleave_.*_n70_k64]] groups({{.*}}) buffers(%[[W]], %[[P:.*]]) {once}

// CHECK-NEXT: rlx.dispatch @kernels::@[[ONE:matvec_.*_m1_n70_k64]] groups({{.*}}) buffers(%[[P]], {{.*}}%[[X]], {{.*}}%[[Y]])
// CHECK-NEXT: return
func.func @one(%x: tensor<1x64xf32>) -> tensor<1x70xf32> {
  %w = rlx.weight "one.w" : tensor<70x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<70x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x70xf32>
  return %y : tensor<1x70xf32>
}

// The same weight is interleaved by the same kernel.
// CHECK-LABEL: func @few(
// CHECK: rlx.dispatch @kernels::@[[INTERLEAVE]] {{.*}}once
// CHECK-NEXT: rlx.dispatch @kernels::@[[FEW:matvec_.*_m3_n70_k64]] groups
// CHECK-NEXT: return
func.func @few(%x: tensor<3x64xf32>) -> tensor<3x70xf32> {
  %w = rlx.weight "few.w" : tensor<70x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<3x64xf32>, tensor<70x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x70xf32>
  return %y : tensor<3x70xf32>
}

// CHECK-LABEL: func @many(
// CHECK: rlx.dispatch @kernels::@[[INTERLEAVE]] {{.*}}once
// CHECK-NEXT: rlx.dispatch @kernels::@[[MANY:matmul_.*_n70_k64]] groups
// CHECK-NEXT: return
func.func @many(%x: tensor<64x64xf32>) -> tensor<64x70xf32> {
  %w = rlx.weight "many.w" : tensor<70x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<64x64xf32>, tensor<70x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<64x70xf32>
  return %y : tensor<64x70xf32>
}

// Any number of rows: kernels for one, few and many, all but one of which get no workgroups.
// CHECK-LABEL: func @any(
// CHECK: rlx.dispatch @kernels::@[[INTERLEAVE]] {{.*}}once
// CHECK: rlx.dispatch @kernels::@matvec_{{.*}}_m1_{{.*}} scalars(%[[M:.*]]) :
// CHECK: rlx.dispatch @kernels::@matvec_{{.*}}_m4_{{.*}} scalars(%[[M]]) :
// CHECK: rlx.dispatch @kernels::@matmul_{{.*}} scalars(%[[M]]) :
// CHECK-NEXT: return
func.func @any(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %w = rlx.weight "any.w" : tensor<70x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<70x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// Ids are checked before they are used, by a kernel that reports to a buffer of four words.
// CHECK-LABEL: func @gather(
// CHECK: %[[STATUS:.*]] = memref.alloc() {rlx.checks = [{bound = 4 : i64, what = "expert id of 'rlx.gather_matmul'"}]} : memref<4xi32>
// CHECK: rlx.dispatch @kernels::@check_ids groups({{.*}}) buffers(%{{.*}}, %[[STATUS]])
// CHECK-NEXT: rlx.dispatch @kernels::@gather_matvec_
// CHECK-NEXT: return
func.func @gather(%x: tensor<?x64xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x8xf32> {
  %w = rlx.weight "gather.w" : tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<?x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?x2xi32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// CHECK-LABEL: func @embedding(
// CHECK: memref.alloc() {rlx.checks = [{bound = 9 : i64, what = "id of 'rlx.embedding'"}]}

// CHECK: rlx.dispatch @kernels::@check_ids
// CHECK: rlx.dispatch @kernels::@embedding_{{.*}}_k64
// CHECK-NEXT: return
func.func @embedding(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = rlx.weight "embedding.w" : tensor<9x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.embedding %w, %ids : (tensor<9x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func @dequantize(
// CHECK-NOT: memref.alloc
// CHECK: rlx.dispatch @kernels::@dequantize_{{.*}}_k64
// CHECK-NEXT: return
func.func @dequantize() -> tensor<5x64xf32> {
  %w = rlx.weight "dequantize.w" : tensor<5x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.dequantize %w : (tensor<5x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<5x64xf32>
  return %y : tensor<5x64xf32>
}

// CHECK-LABEL: func @add(
// CHECK: rlx.dispatch @kernels::@[[ADD:linalg_generic]] groups({{.*}}) buffers(%{{.*}}, %{{.*}}) scalars(%{{.*}})
// CHECK-NEXT: return
func.func @add(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = arith.addf %x, %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A long reduction of few points: a workgroup for each.
// CHECK-LABEL: func @long_rows(
// CHECK: rlx.dispatch @kernels::@[[LONG:linalg_generic_2]] groups(%c2, %c1, %c1)
// CHECK-NEXT: return
func.func @long_rows(%x: tensor<2x9000xf32>, %z: tensor<2xf32>) -> tensor<2xf32> {
  %y = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x9000xf32>) outs(%z : tensor<2xf32>) {
    ^bb0(%v: f32, %sum: f32):
      %n = arith.addf %sum, %v : f32
      linalg.yield %n : f32
  } -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// Activations as bytes, where the device multiplies these: a kernel quantizes them before.
// CHECK-LABEL: func @bytes(
// CHECK: rlx.dispatch @kernels::@matmul_gguf_q4_1_n70_k96 groups
// DOT-LABEL: func @bytes(
// DOT-SAME: %[[X:.*]]: memref<64x96xf32>, %{{.*}}: memref<70x60xi8>
// Three kBlocks of 32: words of four bytes, a scale and a sum of each.
// DOT-DAG: %[[CODES:.*]] = memref.alloc() : memref<3x64x8xi32>
// DOT-DAG: %[[SCALES:.*]] = memref.alloc() : memref<3x64xf32>
// DOT-DAG: %[[SUMS:.*]] = memref.alloc() : memref<3x64xf32>
// DOT: rlx.dispatch @kernels::@[[QUANTIZE:quantize_activations_i8_k96]] groups({{.*}}) buffers(%[[X]], {{.*}}%[[CODES]], {{.*}})
// DOT-NEXT: rlx.dispatch @kernels::@[[BYTES:matmul_i8_gguf_q4_1_n70_k96]] groups({{.*}}) buffers({{.*}}%[[CODES]], {{.*}})
// DOT-NEXT: return
func.func @bytes(%x: tensor<64x96xf32>) -> tensor<64x70xf32> {
  %w = rlx.weight "bytes.w" : tensor<70x96xf32, #rlx.quant<gguf_q4_1>>
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<64x96xf32>, tensor<70x96xf32, #rlx.quant<gguf_q4_1>>) -> tensor<64x70xf32>
  return %y : tensor<64x70xf32>
}

// A single row is computed in f32, two or more as bytes.
// DOT-LABEL: func @any_bytes(
// DOT: rlx.dispatch @kernels::@[[QUANTIZE]]{{.*}} scalars(%[[M:.*]]) :
// DOT: rlx.dispatch @kernels::@matvec_gguf_q4_1_m1_n70_k96 {{.*}} scalars(%[[M]]) :
// DOT: rlx.dispatch @kernels::@[[FEWBYTES:matvec_i8_gguf_q4_1_m4_n70_k96]] {{.*}} scalars(%[[M]]) :
// DOT: rlx.dispatch @kernels::@matmul_i8_gguf_q4_1_n70_k96{{.*}} scalars(%[[M]]) :
// DOT-NEXT: return
func.func @any_bytes(%x: tensor<?x96xf32>) -> tensor<?x70xf32> {
  %w = rlx.weight "any_bytes.w" : tensor<70x96xf32, #rlx.quant<gguf_q4_1>>
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<?x96xf32>, tensor<70x96xf32, #rlx.quant<gguf_q4_1>>) -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// DOT: gpu.func @[[QUANTIZE]](
// DOT-SAME: memref<?xvector<4xi32>> {rlx.name = "codes"}
// DOT: math.roundeven
// DOT: gpu.func @[[BYTES]](
// Four codes of a word at once.
// DOT: arith.constant 252645135 : i32
// DOT: gpu.barrier
// DOT: spirv.SDot %{{.*}}, %{{.*}}, <PackedVectorFormat4x8Bit> : i32 -> i32
// DOT: arith.sitofp
// DOT: gpu.barrier
// DOT: gpu.func @[[FEWBYTES]](
// DOT: spirv.SDot

// CHECK: gpu.module @kernels attributes {rlx.target = #rlx.gpu<vulkan, subgroup_size = 32>}
// CHECK: gpu.func @[[INTERLEAVE]](%{{.*}}: memref<?xi32> {rlx.name = "stored"}, %{{.*}}: memref<?xi32> {rlx.name = "packed"}) kernel
// CHECK: gpu.func @[[ONE]](
// Four words at once.
// CHECK-SAME: memref<?xvector<4xi32>> {rlx.name = "weight"}
// CHECK: gpu.func @[[FEW]](
// CHECK: gpu.func @[[MANY]](
// CHECK-SAME: workgroup(%{{.*}} : memref<{{.*}}xf32, #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK: gpu.func @check_ids(
// CHECK: gpu.func @[[ADD]](
// CHECK-NOT: gpu.barrier
// CHECK: gpu.func @[[LONG]](
// CHECK-SAME: workgroup(
// CHECK: gpu.barrier

// A vector of rows for each work-item.
// LANES: gpu.func @matvec_{{.*}}memref<?xvector<8xi32>> {rlx.name = "weight"}
// LANES: vector<8xf32>
// Vulkan's fma may round twice; OpenCL's, which may not, is for devices that are fast at it.
// FMA: gpu.func @matvec_
// FMA: math.fma {{.*}} : vector<8xf32>

// Across subgroups of 32, then two of them in memory of the workgroup.
// SUBGROUP: rlx.dispatch @kernels::@[[LONG:linalg_generic_2]] groups(%c2, %c1, %c1)
// SUBGROUP: gpu.func @[[LONG]](
// SUBGROUP-SAME: workgroup(%[[SUMS:.*]] : memref<2xf32, #gpu.address_space<workgroup>>
// SUBGROUP-SAME: known_block_size = array<i32: 64, 1, 1>
// SUBGROUP: %[[SUM:.*]] = gpu.subgroup_reduce add %{{.*}} : (f32) -> f32
// SUBGROUP: %[[SLOT:.*]] = gpu.subgroup_id
// SUBGROUP: gpu.lane_id
// SUBGROUP: memref.store %[[SUM]], %[[SUMS]][%[[SLOT]]]
// SUBGROUP: gpu.barrier
// SUBGROUP-NOT: gpu.barrier
// SUBGROUP: gpu.return

// A subgroup that is the workgroup needs no memory.
// WHOLE: rlx.dispatch @kernels::@[[LONG:linalg_generic_2]] groups(%c2, %c1, %c1)
// WHOLE: gpu.func @[[LONG]](
// WHOLE-NOT: workgroup
// WHOLE: gpu.subgroup_reduce add
// WHOLE-NOT: gpu.barrier
// WHOLE: gpu.return
