// Operations across subgroups as OpenCL C 2.0. Each is a statement where it
// stands, before the branches that follow it.

// RUN: rlx-compile --emit opencl-c %s | FileCheck %s

// CHECK:      #pragma OPENCL FP_CONTRACT OFF
// CHECK-NEXT: #ifdef cl_khr_subgroups
// CHECK-NEXT: #pragma OPENCL EXTENSION cl_khr_subgroups : enable
// CHECK-NEXT: #endif
// CHECK-NEXT: #pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable
gpu.module @kernels attributes {rlx.target = #rlx.gpu<opencl, subgroup_size = 16, subgroup_arithmetic = true, subgroup_shuffle = true>} {

// CHECK:      #ifdef cl_intel_required_subgroup_size
// CHECK-NEXT: __attribute__((intel_reqd_sub_group_size(16)))
// CHECK-NEXT: #endif
// CHECK-NEXT: __kernel __attribute__((reqd_work_group_size(64, 1, 1)))
// CHECK-NEXT: void sums(
gpu.func @sums(%x: memref<?xf32> {rlx.name = "x"}, %y: memref<?xf32> {rlx.name = "y"}) kernel
    attributes {known_block_size = array<i32: 64, 1, 1>} {
  %g = gpu.subgroup_id : index
  %l = gpu.lane_id
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : i32
  %c16 = arith.constant 16 : i32
  %t = gpu.thread_id x
  %v = memref.load %x[%t] : memref<?xf32>
  // CHECK: float [[S:.*]] = sub_group_shuffle_xor({{.*}}, 4u);
  %s, %there = gpu.shuffle xor %v, %c4, %c16 : f32
  // CHECK: float [[R:.*]] = sub_group_reduce_add({{.*}});
  %r = gpu.subgroup_reduce add %v uniform : (f32) -> f32
  // CHECK-NEXT: if ((int)get_sub_group_local_id() == 0) {
  %first = arith.cmpi eq, %l, %c0 : index
  scf.if %first {
    // CHECK-NEXT: y[(int)get_sub_group_id()] = [[S]] + [[R]];
    %sum = arith.addf %s, %r : f32
    memref.store %sum, %y[%g] : memref<?xf32>
  }
  gpu.return
}

// CHECK: void bounds(
gpu.func @bounds(%x: memref<?xi32>, %y: memref<?xi32>) kernel {
  %c0 = arith.constant 0 : index
  %t = gpu.thread_id x
  %v = memref.load %x[%t] : memref<?xi32>
  // CHECK: sub_group_reduce_max([[V:[^()]*]]);
  %a = gpu.subgroup_reduce maxsi %v : (i32) -> i32
  // CHECK: (int)sub_group_reduce_min((uint)[[V]]);
  %b = gpu.subgroup_reduce minui %v : (i32) -> i32
  %c = arith.addi %a, %b : i32
  memref.store %c, %y[%t] : memref<?xi32>
  gpu.return
}

// Others take any size.
// CHECK-NOT:  required_subgroup_size
// CHECK:      __kernel void alone(
gpu.func @alone(%y: memref<?xi32>) kernel {
  %c0 = arith.constant 0 : index
  %one = arith.constant 1 : i32
  memref.store %one, %y[%c0] : memref<?xi32>
  gpu.return
}
}
