//===- DevicePasses.td - The passes for devices ------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A part of Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_DEVICEPASSES_TD
#define RLX_PASSES_GPU_DEVICEPASSES_TD

include "mlir/Pass/PassBase.td"

def InterleaveWeightsPass : Pass<"rlx-interleave-weights", "::mlir::ModuleOp"> {
  let summary = "Give matmuls the layout of a device's kernels";
  let description = [{
    Every rlx.block_matmul becomes rlx.interleaved_matmul on the result of
    rlx.interleave_weight. Sets the module's attribute `rlx.target`.

    ```mlir
    // rlx-opt --rlx-interleave-weights='target=#rlx.gpu<vulkan>'
    %y = rlx.block_matmul ins(%x, %w) outs(%0) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
        : (tensor<1x64xf32>, tensor<8x68xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
    // ==>
    %p = rlx.interleave_weight ins(%w) outs(%1) {scheme = #rlx.quant<gguf_q8_0>, device_block = ..., rows = 16 : i64, words = 4 : i64, once}
        : (tensor<8x68xi8>, tensor<1x320xi32>) -> tensor<1x320xi32>
    %y = rlx.interleaved_matmul ins(%x, %p) outs(%0) {device_block = ..., rows = 16 : i64, words = 4 : i64}
        : (tensor<1x64xf32>, tensor<1x320xi32>, tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"#rlx.gpu<vulkan>\"", "a #rlx.gpu attribute">
  ];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::bufferization::BufferizationDialect"];
}

def BlocksToKernelsPass : Pass<"rlx-blocks-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn operations on buffers into kernels and their dispatches";
  let description = [{
    Operations of rlx, linalg operations and copies each become a gpu.func in the
    module @kernels, or several by the number of rows, and rlx.dispatch. Kernels
    that are the same are kept once. What remains on the host is arithmetic on
    sizes.

    ```mlir
    rlx.interleaved_matmul ins(%x, %p) outs(%y) {...} : (memref<1x64xf32>, memref<1x320xi32>, memref<1x8xf32>) -> ()
    // ==>
    rlx.dispatch @kernels::@matvec groups(%c1, %c1, %c1) buffers(%p, %x, %y)
        : memref<1x320xi32>, memref<1x64xf32>, memref<1x8xf32>
    ```
  }];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def KernelsToSpirvPass : Pass<"rlx-kernels-to-spirv", "::mlir::ModuleOp"> {
  let summary = "Convert kernels to the SPIR-V dialect";
  let description = [{
    Every gpu.module with a target becomes a spirv.module: for Vulkan with the
    scalars of a kernel in one buffer behind the others, for OpenCL with physical
    addresses. A type that the target lacks is an error.

    ```mlir
    gpu.func @k(%x: memref<?xf32>, %m: i32) kernel
    // ==>
    spirv.GlobalVariable @k_arg_0 bind(0, 0) : !spirv.ptr<!spirv.struct<...>, StorageBuffer>
    spirv.GlobalVariable @k_arg_1 bind(0, 1) : !spirv.ptr<!spirv.struct<...>, StorageBuffer>
    ```
  }];
  let dependentDialects = ["::mlir::spirv::SPIRVDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect"];
}

def SpirvRequirementsPass : Pass<"rlx-spirv-requirements", "::mlir::spirv::ModuleOp"> {
  let summary = "Declare what a SPIR-V module needs of a device";
  let description = [{
    MLIR's spirv-update-vce, with corrections. MLIR says of capabilities that
    became part of a version that they need it, but with their extension they
    need not: a driver that has the extension and takes an older version gets
    both. Nor does it look at built-in variables, which need capabilities too.

    ```mlir
    spirv.module Logical GLSL450 attributes {spirv.target_env = ...} {...}
    // ==>
    spirv.module Logical GLSL450 requires #spirv.vce<v1.3, [Shader], [...]> attributes {spirv.target_env = ...} {...}
    ```
  }];
  let dependentDialects = ["::mlir::spirv::SPIRVDialect"];
}

#endif
