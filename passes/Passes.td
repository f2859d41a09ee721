//===- Passes.td - The passes of RLX -----------------------*- tablegen -*-===//
//
// One idea a pass. The pipelines that string them together are in Pipelines.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_PASSES_TD
#define RLX_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// On tensors
//===----------------------------------------------------------------------===//

def WeightsToArgumentsPass : Pass<"rlx-weights-to-arguments", "::mlir::ModuleOp"> {
  let summary = "Turn rlx.weight into arguments of its function";
  let description = [{
    Every weight of a function that is not private becomes one argument behind
    the function's own, in order of first use, with its name in the argument
    attribute `rlx.weight`. A name used twice is one argument; used with two types
    it is an error. Weights in private functions are errors: inline first.

    ```mlir
    func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
      %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
    ==>
    func.func @main(%x: tensor<1x64xf32>,
        %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<1x8xf32> {
    ```
  }];
}

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

//===----------------------------------------------------------------------===//
// On buffers
//===----------------------------------------------------------------------===//

def BlocksToLoopsPass : Pass<"rlx-blocks-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn operations on stored bytes into tiled loops around rlx.decode";
  let description = [{
    A matmul becomes a parallel loop over tiles of N. For one row of activations
    the loop decodes vectors along K and multiplies them at once. For more, a
    panel of the tile is decoded, transposed so that a lane is an output row, and
    shared by register tiles of activation rows. The whole weight is never in
    memory in decoded form.

    ```mlir
    rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : ...
    ==>
    scf.forall (%tile) in (%tiles) {
      scf.for %n = ... {
        %sum = scf.for %block = ... {
          %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
    ```
  }];
  let options = [
    Option<"vectorLength", "vector-length", "int64_t", "16", "f32 lanes of a vector register">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "32", "vector registers of the target">
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect", "::mlir::math::MathDialect"];
}

def CopiesToLoopsPass : Pass<"rlx-copies-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn copies between strided buffers into linalg operations";
  let description = [{
    Copies of buffers that lie side by side become calls of memcpy later; others
    would need MLIR's runner library, which compiled code does not link.

    ```mlir
    memref.copy %a, %b : memref<8x8xf32, strided<[16, 1]>> to memref<8x8xf32>
    ==>
    linalg.generic ... ins(%a) outs(%b) { yield }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def ExpandDecodePass : Pass<"rlx-expand-decode", "::mlir::func::FuncOp"> {
  let summary = "Expand rlx.decode from the scheme's description";
  let description = [{
    Loads the bytes that hold the elements' bits, shifts and masks every plane of
    every field, turns codes into numbers and applies zero, scale and offset.

    ```mlir
    %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
    ==>
    %bytes = vector.load %w[%n, %first] : memref<8x68xi8>, vector<16xi8>
    %codes = arith.extsi %bytes : vector<16xi8> to vector<16xi32>
    %numbers = arith.sitofp %codes : vector<16xi32> to vector<16xf32>
    %v = arith.mulf %numbers, %scale : vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::affine::AffineDialect",
                           "::mlir::math::MathDialect"];
}

def OutlineParallelPass : Pass<"rlx-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Move the bodies of parallel loops into functions called through the host";
  let description = [{
    The body of each scf.forall that is not inside another becomes a function of a
    range of indices and the values it uses; the loop becomes rlx.parallel_for.

    ```mlir
    scf.forall (%i) in (%n) { use(%i, %x) }
    ==>
    rlx.parallel_for @main.parallel0 count %n captures(%x) : memref<8xf32>

    func.func private @main.parallel0(%begin: index, %end: index, %x: memref<8xf32>) {
      scf.for %i = %begin to %end step %c1 { use(%i, %x) }
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::func::FuncDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect"];
}

#endif
