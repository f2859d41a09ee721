// Kernels as SPIR-V: for Vulkan with scalars in a buffer, for OpenCL with arguments.
// RUN: rlx-opt %s "--rlx-gpu=target=#rlx.gpu<vulkan>" --rlx-spirv | FileCheck %s --check-prefix=VULKAN
// RUN: rlx-opt %s "--rlx-gpu=target=#rlx.gpu<opencl>" --rlx-spirv | FileCheck %s --check-prefix=OPENCL
// A target without 16-bit storage: elements of f16 are halves of words. Buffers with a stride of 32 bits for them, as
// MLIR emulates them, would be read wrong.
// RUN: rlx-opt %s "--rlx-gpu=target=#rlx.gpu<vulkan>" --rlx-spirv | sed -n '/spirv.module/,$p' \
// RUN:   | FileCheck %s --check-prefix=WORDS "--implicit-check-not=f16" "--implicit-check-not=i16"
// The same where elements can be loaded but nothing else be done with them: modules would declare more.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, storage16 = true>}" --rlx-spirv | sed -n '/spirv.module/,$p' \
// RUN:   | FileCheck %s --check-prefix=WORDS "--implicit-check-not=f16" "--implicit-check-not=i16"
// With all that it takes, elements are elements: by their bits, or as numbers where all of these are kept.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, storage16 = true, int16 = true, float16 = true>}" --rlx-spirv | sed -n '/spirv.module/,$p' \
// RUN:   | FileCheck %s --check-prefix=BITS "--implicit-check-not=f16" "--implicit-check-not=Atomic" "--implicit-check-not=Preserve"
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, storage16 = true, float16 = true, denormals = true, nonfinite = true>}" --rlx-spirv | sed -n '/spirv.module/,$p' \
// RUN:   | FileCheck %s --check-prefix=HALVES "--implicit-check-not=i16" "--implicit-check-not=Atomic"
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, denormals = true>}" --rlx-spirv | FileCheck %s --check-prefix=MODES "--implicit-check-not=SignedZero"
// RUN: not rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, vector_width = 8>}" --rlx-spirv 2>&1 | FileCheck %s --check-prefix=VECTORS
// Products of bytes need an extension, but no later version of SPIR-V.
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<vulkan, integer_dot = true>}" --rlx-spirv | FileCheck %s --check-prefix=DOT
// RUN: rlx-opt %s "--rlx-gpu=target={#rlx.gpu<opencl, integer_dot = true>}" --rlx-spirv | FileCheck %s --check-prefix=DOT
// VECTORS: error: kernels for a vector_width of 8 are OpenCL C; expected 1 for SPIR-V

// VULKAN: spirv.module {{.*}}Logical GLSL450 requires #spirv.vce<v1.0, [Shader
// VULKAN: spirv.GlobalVariable @{{.*}} bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<f32, stride=4> [0])>, StorageBuffer>
// VULKAN: spirv.GlobalVariable @{{.*}} bind(0, 1) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<f32, stride=4> [0])>, StorageBuffer>
// The scalars.
// VULKAN: spirv.GlobalVariable @{{.*}} bind(0, 2) : !spirv.ptr<!spirv.struct<(!spirv.rtarray<i32, stride=4> [0])>, StorageBuffer>
// VULKAN: spirv.func @[[KERNEL:[a-z_]*]]() "None"
// VULKAN: spirv.EntryPoint "GLCompute" @[[KERNEL]]
// VULKAN: spirv.ExecutionMode @[[KERNEL]] "LocalSize", 64, 1, 1

// OPENCL: spirv.module {{.*}}Physical64 OpenCL requires #spirv.vce<v1.0, [{{.*}}Kernel
// OPENCL: spirv.func @[[KERNEL:[a-z_]*]](%{{[a-z0-9]*}}: !spirv.ptr<f32, CrossWorkgroup>{{.*}}, %{{[a-z0-9]*}}: !spirv.ptr<f32, CrossWorkgroup>{{.*}}, %{{[a-z0-9]*}}: i32
// OPENCL: spirv.AtomicAnd {{.*}} : !spirv.ptr<i32, CrossWorkgroup>
// OPENCL: spirv.AtomicOr {{.*}} : !spirv.ptr<i32, CrossWorkgroup>
// OPENCL: spirv.EntryPoint "Kernel" @[[KERNEL]],
func.func @any(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = arith.addf %x, %x : tensor<?xf32>
  return %y : tensor<?xf32>
}

// BITS: requires #spirv.vce<v1.0, [{{.*}}StorageBuffer16BitAccess{{.*}}], [{{.*}}SPV_KHR_16bit_storage
// BITS: !spirv.rtarray<i16, stride=2>
// BITS: spirv.UConvert {{.*}} : i16 to i32
// BITS: spirv.SConvert {{.*}} : i32 to i16

// HALVES: requires #spirv.vce<v1.0, [{{.*}}DenormPreserve{{.*}}], [{{.*}}SPV_KHR_float_controls
// HALVES: !spirv.rtarray<f16, stride=2>
// HALVES: spirv.FConvert {{.*}} : f16 to f32
// HALVES: spirv.FConvert {{.*}} : f32 to f16
// HALVES: spirv.ExecutionMode @[[KERNEL:[a-z_0-9]*]] "DenormPreserve", 32
// HALVES: spirv.ExecutionMode @[[KERNEL]] "SignedZeroInfNanPreserve", 32
// HALVES: spirv.ExecutionMode @[[KERNEL]] "DenormPreserve", 16
// HALVES: spirv.ExecutionMode @[[KERNEL]] "SignedZeroInfNanPreserve", 16

// MODES: spirv.ExecutionMode @{{.*}} "DenormPreserve", 32
// MODES-NOT: "DenormPreserve", 16

// WORDS: spirv.module
// WORDS: !spirv.rtarray<i32, stride=4>
// WORDS: spirv.AtomicAnd
// WORDS: spirv.AtomicOr
func.func @halves(%x: tensor<7xf16>) -> tensor<7xf16> {
  %y = arith.addf %x, %x : tensor<7xf16>
  return %y : tensor<7xf16>
}

// DOT: spirv.module {{.*}}requires #spirv.vce<v1.{{[03]}}, [{{.*}}DotProduct{{.*}}SPV_KHR_integer_dot_product
// DOT: spirv.SDot %{{.*}}, %{{.*}}, <PackedVectorFormat4x8Bit> : i32 -> i32
func.func @bytes(%x: tensor<64x96xf32>) -> tensor<64x70xf32> {
  %w = rlx.weight "bytes.w" : tensor<70x96xf32, #rlx.quant<gguf_q4_1>>
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<64x96xf32>, tensor<70x96xf32, #rlx.quant<gguf_q4_1>>) -> tensor<64x70xf32>
  return %y : tensor<64x70xf32>
}
