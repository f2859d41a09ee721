// RUN: rlx-opt %s -split-input-file -verify-diagnostics -allow-unregistered-dialect

// expected-error @+2 {{to be one of: vulkan, opencl}}
// expected-error @+1 {{failed to parse Rlx_GpuAttr parameter 'api'}}
"test.target"() {a = #rlx.gpu<metal>} : () -> ()

// -----

// expected-error @+1 {{expected subgroup_size to be a power of two of at most 128, but got 48}}
"test.target"() {a = #rlx.gpu<vulkan, subgroup_size = 48>} : () -> ()

// -----

// expected-error @+1 {{expected subgroup_size to be a power of two of at most 128, but got 256}}
"test.target"() {a = #rlx.gpu<vulkan, subgroup_size = 256>} : () -> ()

// -----

// expected-error @+1 {{expected vector_width to be a power of two of at most 16, but got 3}}
"test.target"() {a = #rlx.gpu<opencl, vector_width = 3>} : () -> ()

// -----

// expected-error @+1 {{vector_width is for opencl; the work-items of vulkan are lanes}}
"test.target"() {a = #rlx.gpu<vulkan, vector_width = 8>} : () -> ()

// -----

// expected-error @+1 {{expected workgroup_size to be 64 to 65536, but got 32}}
"test.target"() {a = #rlx.gpu<vulkan, workgroup_size = 32>} : () -> ()

// -----

// expected-error @+1 {{expected workgroup_memory to be at least 16384 bytes, but got 0}}
"test.target"() {a = #rlx.gpu<vulkan, workgroup_memory = 0>} : () -> ()

// -----

// expected-error @+1 {{denormals is for vulkan; kernels of opencl do not ask for it}}
"test.target"() {a = #rlx.gpu<opencl, denormals = true>} : () -> ()

// -----

// expected-error @+1 {{nonfinite is for vulkan; kernels of opencl do not ask for it}}
"test.target"() {a = #rlx.gpu<opencl, nonfinite = true>} : () -> ()

// -----

// expected-error-re @+1 {{{{.*}}warp}}
"test.target"() {a = #rlx.gpu<vulkan, warp = 32>} : () -> ()
