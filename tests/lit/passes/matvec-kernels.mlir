// Kernels for few rows: work-items that have parts of K sum within their subgroup, what is left in memory of the workgroup.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32, subgroup_shuffle = true>}" | FileCheck %s --check-prefix=SHUFFLE
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32>}" | FileCheck %s --check-prefix=MEMORY --implicit-check-not=gpu.subgroup
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32, subgroup_shuffle = true>}" --rlx-spirv | FileCheck %s --check-prefix=SPIRV
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, subgroup_size = 32>}" --rlx-spirv | FileCheck %s --check-prefix=PLAIN --implicit-check-not=GroupNonUniform

// The same for OpenCL, as SPIR-V and as OpenCL C.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, subgroup_size = 32, subgroup_shuffle = true>}" | FileCheck %s --check-prefix=SHUFFLE
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, subgroup_size = 32, subgroup_shuffle = true>}" --rlx-spirv | FileCheck %s --check-prefix=KERNEL
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, subgroup_size = 32>}" --rlx-spirv | FileCheck %s --check-prefix=PLAIN-KERNEL --implicit-check-not=GroupNonUniform --implicit-check-not=Subgroup
// RUN: rlx-compile %s --target "#rlx.gpu<opencl, subgroup_size = 32, subgroup_shuffle = true>" --emit opencl-c | FileCheck %s --check-prefix=SOURCE
// RUN: rlx-compile %s --target "#rlx.gpu<opencl, subgroup_size = 32>" --emit opencl-c | FileCheck %s --check-prefix=PLAIN-SOURCE --implicit-check-not=sub_group
// PLAIN-SOURCE: barrier(

// Which kernels count on subgroups, and of what size, is in the manifest.
// RUN: rlx-compile %s --target "#rlx.gpu<opencl, subgroup_size = 32, subgroup_shuffle = true>" --emit manifest | FileCheck %s --check-prefix=MANIFEST
// RUN: rlx-compile %s --target "#rlx.gpu<vulkan, subgroup_size = 32, subgroup_shuffle = true>" --emit manifest | FileCheck %s --check-prefix=MANIFEST
// RUN: rlx-compile %s --target "#rlx.gpu<vulkan, subgroup_size = 32>" --emit manifest | FileCheck %s --check-prefix=PLAIN-MANIFEST --implicit-check-not='"subgroup"'
// MANIFEST: "entry": "matvec_{{.*}}_m1_n64_k4096"
// MANIFEST-NEXT: "scalars":
// MANIFEST-NEXT: "subgroup": 32
// PLAIN-MANIFEST: "entry": "matvec_{{.*}}_m1_n64_k4096"

// Two rows a work-item, eight work-items beside each other, sixteen parts of K: four in each of four subgroups.
// SHUFFLE: gpu.func @matvec_{{.*}}_m1_n64_k4096(
// SHUFFLE-SAME: workgroup(%[[SUMS:.*]] : memref<64xf32, #gpu.address_space<workgroup>>)
// SHUFFLE-SAME: known_block_size = array<i32: 128, 1, 1>
// SHUFFLE: %[[LANE:.*]] = gpu.lane_id
// SHUFFLE: arith.remui %[[LANE]],
// SHUFFLE: gpu.subgroup_id
// SHUFFLE: %[[A:.*]] = gpu.subgroup_reduce add %{{.*}} cluster(size = 4, stride = 8) : (f32) -> f32
// SHUFFLE: %[[B:.*]] = gpu.subgroup_reduce add %{{.*}} cluster(size = 4, stride = 8) : (f32) -> f32
// SHUFFLE: scf.if
// SHUFFLE: memref.store %[[A]], %[[SUMS]]
// SHUFFLE: memref.store %[[B]], %[[SUMS]]
// SHUFFLE: gpu.barrier
// SHUFFLE-NOT: gpu.barrier
// SHUFFLE: gpu.return
// MEMORY: gpu.func @matvec_{{.*}}_m1_n64_k4096(
// MEMORY-SAME: workgroup(%{{.*}} : memref<256xf32, #gpu.address_space<workgroup>>)
// MEMORY-SAME: known_block_size = array<i32: 128, 1, 1>
// MEMORY: gpu.barrier
// MEMORY: gpu.return
func.func @long(%x: tensor<1x4096xf32>) -> tensor<1x64xf32> {
  %w = rlx.weight "long.w" : tensor<64x4096xf32, #rlx.quant<gguf_q4k>>
  %y = rlx.matmul %x, %w : (tensor<1x4096xf32>, tensor<64x4096xf32, #rlx.quant<gguf_q4k>>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}

// KERNEL: requires #spirv.vce<v1.3, [
// KERNEL-NOT: DeviceEnqueue,
// KERNEL-SAME: GroupNonUniformShuffle,
// KERNEL: built_in("SubgroupId") : !spirv.ptr<i32, Input>
// KERNEL: built_in("SubgroupLocalInvocationId") : !spirv.ptr<i32, Input>
// KERNEL: spirv.func @matvec_{{.*}}_m1_n64_k4096(
// KERNEL-COUNT-4: spirv.GroupNonUniformShuffleXor <Subgroup>
// KERNEL: spirv.ExecutionMode @matvec_{{.*}}_m1_n64_k4096 "SubgroupSize", 32
// PLAIN-KERNEL: requires #spirv.vce<v1.0,
// SOURCE: #pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable
// SOURCE: intel_reqd_sub_group_size(32)
// SOURCE: void matvec_{{.*}}_m1_n64_k4096(
// SOURCE: int [[LANE:.*]] = (int)get_sub_group_local_id();
// SOURCE: int [[SPLIT:.*]] = (int)get_sub_group_id() * 4 + [[LANE]] / 8;
// SOURCE: float [[A:.*]] = sub_group_shuffle_xor([[B:.*]], 8u);
// SOURCE: float [[C:.*]] = [[B]] + [[A]];
// SOURCE: sub_group_shuffle_xor([[C]], 16u);
// SOURCE: if ([[SPLIT]] % 4 == 0) {
// SOURCE: barrier(

// A single subgroup needs no memory.
// SHUFFLE: gpu.func @matvec_{{.*}}_m1_n64_k1024(
// SHUFFLE-SAME: known_block_size = array<i32: 32, 1, 1>
// SHUFFLE-COUNT-2: gpu.subgroup_reduce add %{{.*}} cluster(size = 4, stride = 8) : (f32) -> f32
// SHUFFLE-NOT: gpu.barrier
// SHUFFLE: gpu.return
// SPIRV: requires #spirv.vce<v1.3, [Shader, GroupNonUniformShuffle, {{.*}}GroupNonUniform], [SPV_KHR_storage_buffer_storage_class]>
// SPIRV: spirv.func @matvec_{{.*}}_m1_n64_k1024(
// SPIRV-COUNT-4: spirv.GroupNonUniformShuffleXor <Subgroup>
// SPIRV-NOT: ShuffleXor
// SOURCE: void matvec_{{.*}}_m1_n64_k1024(
// SOURCE-NOT: get_sub_group_id
// SOURCE-COUNT-4: sub_group_shuffle_xor(
// SOURCE-NOT: barrier(
// PLAIN: requires #spirv.vce<v1.{{[0-9]}}, [Shader{{.*}}], [SPV_KHR_storage_buffer_storage_class]>
func.func @short(%x: tensor<1x1024xf32>) -> tensor<1x64xf32> {
  %w = rlx.weight "short.w" : tensor<64x1024xf32, #rlx.quant<gguf_q4k>>
  %y = rlx.matmul %x, %w : (tensor<1x1024xf32>, tensor<64x1024xf32, #rlx.quant<gguf_q4k>>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}
