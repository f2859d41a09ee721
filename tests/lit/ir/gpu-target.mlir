// Targets say what a device can do; what is not said is missing.
// RUN: rlx-opt -allow-unregistered-dialect %s | FileCheck %s
// RUN: rlx-opt -allow-unregistered-dialect %s | rlx-opt -allow-unregistered-dialect | FileCheck %s

// CHECK: "test.target"() {least = #rlx.gpu<vulkan>}
"test.target"() {least = #rlx.gpu<vulkan>} : () -> ()
// CHECK: {some = #rlx.gpu<vulkan, storage16 = true, fma = true, denormals = true, nonfinite = true, subgroup_size = 32, subgroup_arithmetic = true, subgroup_shuffle = true>}
"test.target"() {some = #rlx.gpu<vulkan, subgroup_shuffle = true, subgroup_size = 32, storage16 = true, subgroup_arithmetic = true, denormals = true, fma = true, nonfinite = true>} : () -> ()
// CHECK: {all = #rlx.gpu<opencl, storage8 = true, storage16 = true, int8 = true, int16 = true, int64 = true, float16 = true, float64 = true, fma = true, subgroup_size = 64, vector_width = 16, workgroup_size = 1024, workgroup_memory = 65536>}
"test.target"() {all = #rlx.gpu<opencl, storage8 = true, storage16 = true, int8 = true, int16 = true, int64 = true, float16 = true, float64 = true, fma = true, subgroup_size = 64, vector_width = 16, workgroup_size = 1024, workgroup_memory = 65536>} : () -> ()
// CHECK: {subgroups = #rlx.gpu<opencl, subgroup_size = 16, subgroup_arithmetic = true, subgroup_shuffle = true>}
"test.target"() {subgroups = #rlx.gpu<opencl, subgroup_size = 16, subgroup_arithmetic = true, subgroup_shuffle = true>} : () -> ()
// What is the default is not printed.
// CHECK: {defaults = #rlx.gpu<opencl>}
"test.target"() {defaults = #rlx.gpu<opencl, int8 = false, subgroup_size = 1, workgroup_size = 128>} : () -> ()
