//===- StoragePasses.td - Encoded tensors to bytes ---------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_STORAGE_STORAGEPASSES_TD
#define RLX_PASSES_STORAGE_STORAGEPASSES_TD

include "mlir/Pass/PassBase.td"

def LowerEncodingsPass : Pass<"rlx-lower-encodings", "::mlir::ModuleOp"> {
  let summary = "Turn encoded tensors into tensors of their stored bytes";
  let description = [{
    The only pass that knows both sides of an encoding: types lose it here, and
    the operations on quantized tensors become operations on bytes, in
    destination-passing style with the scheme as an attribute. An operation that
    still takes an encoded tensor is an error. Without an encoding, rlx.matmul
    becomes a linalg contraction.

    ```mlir
    %y = rlx.matmul %x, %w
        : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
    ==>
    %init = tensor.empty(%m) : tensor<?x8xf32>
    %y = rlx.block_matmul ins(%x, %bytes) outs(%init) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
        : (tensor<?x64xf32>, tensor<8x68xi8>, tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def HoistPackingPass : Pass<"rlx-hoist-packing", "::mlir::ModuleOp"> {
  let summary = "Move the packing of weights out of functions";
  let description = [{
    Packing that depends on nothing but weights moves into a function of its own,
    which the runtime calls once. The packed tensor becomes an argument with the
    function's name in `rlx.packed`; weights that are no longer used disappear from
    the arguments.

    ```mlir
    func.func @main(%x: tensor<1x64xf32>, %w: tensor<8x68xi8> {rlx.weight = "w"}) -> tensor<1x8xf32> {
      %p = rlx.pack_weight ins(%w) ...
    ==>
    func.func @main(%x: tensor<1x64xf32>, %p: tensor<1088xi8> {rlx.packed = "main.pack0"}) -> tensor<1x8xf32>
    func.func @main.pack0(%w: tensor<8x68xi8> {rlx.weight = "w"}) -> tensor<1088xi8> {
      %p = rlx.pack_weight ins(%w) ...
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def ShapeFunctionsPass : Pass<"rlx-shape-functions", "::mlir::ModuleOp"> {
  let summary = "Derive functions that say how large dynamic results will be";
  let description = [{
    For each function that is not private and has dynamic result sizes, adds
    `@<name>.shapes` of the same arguments. It returns the sizes of all results,
    one after the other, as a `tensor<?xi64>` of static length.

    ```mlir
    func.func @main(%x: tensor<?x64xf32>) -> tensor<?x8xf32>
    ==>
    func.func @main.shapes(%x: tensor<?x64xf32>) -> tensor<2xi64>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def MemoryFunctionsPass : Pass<"rlx-memory-functions", "::mlir::ModuleOp"> {
  let summary = "Derive functions that say how much memory a call allocates";
  let description = [{
    For each function on buffers that has `rlx.memory`, adds `@<name>.memory` of the
    same arguments and a number. It reads how many threads there are from the
    number, and puts the bytes there that a call has allocated at the same time at
    most: what is live in the function and the functions that it calls, and what
    each thread allocates in a parallel loop. Of branches the larger one counts. The
    number is -1 where a size depends on what is computed.

    ```mlir
    func.func @main(%x: memref<?x64xf32>, %y: memref<?x8xf32>) attributes {rlx.memory} {
      %hidden = memref.alloc(%m) : memref<?x32xf32>
    ==>
    func.func @main.memory(%x: memref<?x64xf32>, %y: memref<?x8xf32>, %bytes: memref<1xi64>)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect"];
}

def DistinctResultsPass : Pass<"rlx-distinct-results", "::mlir::func::FuncOp"> {
  let summary = "Copy results that are returned more than once";
  let description = [{
    Each result of a function is written to a buffer of its own, and so is each
    tensor that a loop carries and that begins as an empty one with other uses.
    Operations that write to the same empty or filled tensor get one each.
    Expects tensors, after common values were merged.

    ```mlir
    return %y, %y : tensor<8xf32>, tensor<8xf32>
    ==>
    %copy = bufferization.alloc_tensor() copy(%y) : tensor<8xf32>
    return %y, %copy : tensor<8xf32>, tensor<8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

#endif
