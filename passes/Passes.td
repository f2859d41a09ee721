//===- Passes.td - The passes of RLX -----------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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

def AnnotatePass : Pass<"rlx-annotate", "::mlir::ModuleOp"> {
  let summary = "Set the schemes of weights from a configuration";
  let description = [{
    Reads a JSON file with a default and overrides by weight name. Patterns are
    globs (`*`, `?`, `[a-z]`); the last override that matches decides. A scheme is
    a built-in name, a `#rlx.scheme` attribute or `none`.

    ```json
    { "default": "int8/32", "overrides": [
      {"pattern": "blk.*.attn_v.weight", "scheme": "gguf_q6k"},
      {"pattern": "output*", "scheme": "none"} ] }
    ```

    Of the results of rlx.weight, those of `[N, K]` or `[E, N, K]` floats get the
    scheme. Side operands that it needs become weights `<name>.<operand>`, wired
    into the users. Users that take no quantized weight get rlx.dequantize, and a
    remark says so. The default leaves alone what is quantized already, what
    belongs to another weight (scales, bias) and other shapes; an override that
    cannot be followed is a remark. K that is not a multiple of the scheme's block
    leaves the weight as it is, with a warning.

    Only types change: whoever makes the weight files must follow.

    ```mlir
    %w = rlx.weight "w" : tensor<8x64xf32>
    %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
    ==>
    %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<int8/32>>
    %s = rlx.weight "w.scales" : tensor<8x2xf32>
    %y = rlx.matmul %x, %w scales(%s) : ...
    ```
  }];
  let options = [
    Option<"config", "config", "std::string", "", "the configuration's path">
  ];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect"];
}

def PrepareCallsPass : Pass<"rlx-prepare-calls", "::mlir::ModuleOp"> {
  let summary = "Refuse programs that cannot be linked, before they are inlined";
  let description = [{
    A program is functions (func.func) and constants of theirs (memref.global).
    Other operations beside them, calls of functions that have no body, calls that
    are not func.call, and functions that call themselves, directly or not, are
    errors that name the call. Where a callee has weights or results of dynamic
    sizes, which only exist as a part of the caller, `no_inline` is dropped with a
    remark.

    ```mlir
    func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32> // error
    ```
  }];
}

def DecomposePass : Pass<"rlx-decompose", "::mlir::func::FuncOp"> {
  let summary = "Turn composite operations into plain linalg";
  let description = [{
    Operations that MLIR knows how to express by others: linalg.softmax as its
    maximum, exponentials, sum and quotient; linalg.pack and linalg.unpack as
    padding, reshapes and transposes; tensor.reshape as tensor.collapse_shape and
    tensor.expand_shape.

    ```mlir
    %y = linalg.softmax dimension(1) ins(%x : tensor<4x16xf32>) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
    ==>
    %max = linalg.generic ... // over dimension 1
    %exp = linalg.generic ... { exp(x - max) }
    %sum = linalg.generic ...
    %y = linalg.generic ... { exp / sum }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def StripQuantPass : Pass<"rlx-strip-quant", "::mlir::ModuleOp"> {
  let summary = "Turn quantized tensors into plain ones";
  let description = [{
    Takes the encoding of every tensor, in functions' signatures too. Side operands
    are dropped, with the rlx.weight that gave them; rlx.dequantize and
    rlx.quantize become their operand. Where the logical element type is not f32,
    a conversion takes their place. Weights keep their names. Operations on stored
    bytes (rlx.block_matmul, ...) are left alone.

    ```mlir
    %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<int8/32>>
    %s = rlx.weight "w.scales" : tensor<8x2xf32>
    %y = rlx.matmul %x, %w scales(%s) : ...
    ==>
    %w = rlx.weight "w" : tensor<8x64xf32>
    %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def FuseDequantPass : Pass<"rlx-fuse-dequant", "::mlir::func::FuncOp"> {
  let summary = "Multiply quantized weights as they are stored";
  let description = [{
    rlx.dequantize before rlx.matmul, rlx.gather_matmul or rlx.embedding
    disappears. Before a contraction of linalg, both become rlx.matmul: any
    operation that linalg knows as a contraction y = x * w^T of f32, named or
    generic, with the operands in either order, the weight perhaps behind
    transposes, x and y of any number of leading dimensions.

    What the contraction adds to decides the rest: zeros vanish, `[N]` repeated for
    every row is the bias, anything else is added by linalg.add.

    Contractions over N, batches of weights, transposed activations or results, and
    other element types are left alone. rlx.dequantize stays where it has other
    users.

    ```mlir
    %v = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
    %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>) -> tensor<?x8xf32>
    %y = linalg.matmul indexing_maps = [(m, n, k) -> (m, k), (m, n, k) -> (n, k), (m, n, k) -> (m, n)]
        ins(%x, %v : tensor<?x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<?x8xf32>) -> tensor<?x8xf32>
    ==>
    %y = rlx.matmul %x, %w
        : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def SetActivationsPass : Pass<"rlx-set-activations", "::mlir::ModuleOp"> {
  let summary = "Set the type that matmuls compute their activations in";
  let description = [{
    Sets `activations` on every rlx.matmul and rlx.gather_matmul with a quantized
    weight that does not say it, with a remark at each: results change within the
    error of the type. What is written stays. With `weights=reencoded` the same
    matmuls get `weights = reencoded`.

    ```mlir
    %y = rlx.matmul %x, %w : ...
    ==>
    %y = rlx.matmul %x, %w {activations = i8} : ...
    ```
  }];
  let options = [
    Option<"activations", "activations", "std::string", "", "f32, bf16, f16, i16 or i8">,
    Option<"weights", "weights", "std::string", "", "reencoded, or nothing: as they are">
  ];
}

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

def PackWeightsPass : Pass<"rlx-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Give matmuls with integer activations a packed weight";
  let description = [{
    A matmul with activations = i8 or i16 whose scheme has integer codes becomes a
    packing of its weight and a matmul on the packed weight. Any other is left to
    --rlx-blocks-to-loops, which rounds the activations and computes in f32. A
    remark says what becomes of weights that are to be reencoded.

    ```mlir
    %y = rlx.block_matmul ins(%x, %w) outs(%init) {scheme = #rlx.quant<gguf_q8_0>, activations = i8} : ...
    ==>
    %p = rlx.pack_weight ins(%w) outs(%empty) {scheme = #rlx.quant<gguf_q8_0>, lanes = 16 : i64}
        : (tensor<8x68xi8>, tensor<1088xi8>) -> tensor<1088xi8>
    %y = rlx.packed_matmul ins(%x, %p) outs(%init) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, lanes = 16 : i64} : ...
    ```
  }];
  let options = [
    Option<"vectorLength", "vector-length", "int64_t", "16", "32-bit lanes of a vector register">,
    Option<"deterministic", "deterministic", "bool", "false",
           "a row's result does not depend on the number of rows, so that weights are never reencoded">,
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
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

def InsertChecksPass : Pass<"rlx-insert-checks", "::mlir::func::FuncOp"> {
  let summary = "Check at run time what types cannot promise";
  let description = [{
    Puts an rlx.check before each operation on tensors that is only defined where
    sizes, indices or divisors fit: sizes of operands that belong together,
    slices and elements inside of their tensor, casts to static sizes, steps of
    loops, new sizes, divisors. cf.assert becomes rlx.check. Nothing is added
    where types and constants say enough. Expects the program as it was written.

    ```mlir
    %y = rlx.matmul %x, %w : (tensor<?x?xf32>, !w) -> tensor<?x8xf32>
    ==>
    %columns = tensor.dim %x, %c1 : tensor<?x?xf32>
    %fits = arith.cmpi eq, %columns, %c64 : index
    rlx.check %fits, "m.mlir:3:8: 'rlx.matmul' expected x to have {} columns, as the weight, but got {}" (%c64, %columns)
    %y = rlx.matmul %x, %w : (tensor<?x?xf32>, !w) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::affine::AffineDialect",
      "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
      "::mlir::tensor::TensorDialect"];
}

def HoistChecksPass : Pass<"rlx-hoist-checks", "::mlir::func::FuncOp"> {
  let summary = "Check a function's arguments before anything is computed";
  let description = [{
    Moves each rlx.check whose condition is arithmetic on arguments and their
    sizes to the front of the function, and erases those whose condition was
    checked before.

    ```mlir
    %y = linalg.generic ...
    rlx.check %fits, "..."
    ==>
    rlx.check %fits, "..."
    %y = linalg.generic ...
    ```
  }];
}

def FoldEmptyMatmulsPass : Pass<"rlx-fold-empty-matmuls", "::mlir::func::FuncOp"> {
  let summary = "Replace matmuls that multiply nothing";
  let description = [{
    A matmul whose weight has no rows, or rows of no elements, becomes its bias or
    zeros: kernels count on one tile at least.

    ```mlir
    %y = rlx.matmul %x, %w : (tensor<?x0xf32>, tensor<8x0xf32>) -> tensor<?x8xf32>
    ==>
    %y = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def SplitRankReductionsPass : Pass<"rlx-split-rank-reductions", "::mlir::func::FuncOp"> {
  let summary = "Say which sizes of 1 a slice leaves out";
  let description = [{
    A slice that leaves out sizes of 1, and keeps others that are or may be 1,
    becomes a slice of the whole rank and a reshape: upstream may take other sizes
    of 1 for those that are left out. Runs before anything is folded.

    ```mlir
    %y = tensor.extract_slice %x[0, 1] [%n, 1] [1, 1] : tensor<4x2xf32> to tensor<?xf32>
    ==>
    %s = tensor.extract_slice %x[0, 1] [%n, 1] [1, 1] : tensor<4x2xf32> to tensor<?x1xf32>
    %y = tensor.collapse_shape %s [[0, 1]] : tensor<?x1xf32> into tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def DenseScalarsPass : Pass<"rlx-dense-scalars", "::mlir::func::FuncOp"> {
  let summary = "Make constants of rank 0 that are resources dense attributes";
  let description = [{
    Upstream's lowering asks for their value, and resources have none. So become
    those of booleans. Other constants stay resources: nothing copies or hashes
    them. That a resource has the bytes of its type is checked.

    ```mlir
    %c = arith.constant dense_resource<c> : tensor<f32>
    ==>
    %c = arith.constant dense<2.0> : tensor<f32>
    ```
  }];
}

def ElementwiseToLinalgPass : Pass<"rlx-elementwise-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "Turn arith and math on tensors into linalg";
  let description = [{
    As --convert-elementwise-to-linalg, but leaves a select of tensors of dynamic
    shape by one condition alone: they may differ in size.

    ```mlir
    %y = arith.addf %a, %b : tensor<?xf32>
    ==>
    %y = linalg.generic {...} ins(%a, %b) outs(%a) {...}
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"];
}

def FuseElementwisePass : Pass<"rlx-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Fuse elementwise operations of linalg with one another";
  let description = [{
    A producer that is used once becomes part of the elementwise operation that
    uses it. It is not moved into a reduction, which would compute it again for
    each of its iterations.

    ```mlir
    %a = linalg.generic {...} ins(%x) { math.exp }
    %b = linalg.generic {...} ins(%a) { arith.addf }
    ==>
    %b = linalg.generic {...} ins(%x) { math.exp, arith.addf }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def CopyStridedOperandsPass : Pass<"rlx-copy-strided-operands", "::mlir::func::FuncOp"> {
  let summary = "Copy operands of kernels that are strided in their rows";
  let description = [{
    Loops of block operations read vectors along the last dimension. Operands on
    buffers whose last dimension has a stride are copied before the operation; a
    result is copied after it.

    ```mlir
    rlx.block_matmul ins(%x, %w) ... : (memref<3x64xf32, strided<[128, 2]>>, ...)
    ==>
    %plain = memref.alloc() : memref<3x64xf32>
    memref.copy %x, %plain
    rlx.block_matmul ins(%plain, %w) ... : (memref<3x64xf32>, ...)
    memref.dealloc %plain
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def ExpandShapesPass : Pass<"rlx-expand-shapes"> {
  let summary = "Lower reshapes with several dynamic sizes in a group";
  let description = [{
    memref.expand_shape with more than one dynamic size in a group becomes
    memref.reinterpret_cast with the sizes that it was given. Others are left to
    --expand-strided-metadata.

    ```mlir
    %y = memref.expand_shape %x [[0, 1]] output_shape [%a, %b] : memref<?xf32> into memref<?x?xf32>
    ==>
    %y = memref.reinterpret_cast %x to offset: [0], sizes: [%a, %b], strides: [%b, 1]
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect"];
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

def CheckTensorsPass : Pass<"rlx-check-tensors", "::mlir::ModuleOp"> {
  let summary = "Refuse operations on tensors that cannot become buffers";
  let description = [{
    Before bufferization: an operation that has tensors but no form on buffers, and
    tensors without a rank, with a layout of their own or with elements that memory
    cannot hold, are errors that name the operation. Changes nothing.

    ```mlir
    %y = affine.for ... iter_args(%x = %0) -> tensor<4xf32> // error
    ```
  }];
}

def DistinctResultsPass : Pass<"rlx-distinct-results", "::mlir::func::FuncOp"> {
  let summary = "Copy results that are returned more than once";
  let description = [{
    Each result of a function is written to a buffer of its own. Expects tensors,
    after common values were merged.

    ```mlir
    return %y, %y : tensor<8xf32>, tensor<8xf32>
    ==>
    %copy = bufferization.alloc_tensor() copy(%y) : tensor<8xf32>
    return %y, %copy : tensor<8xf32>, tensor<8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
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
    Option<"vectorRegisters", "vector-registers", "int64_t", "32", "vector registers of the target">,
    Option<"deterministic", "deterministic", "bool", "false",
           "compute a row in the same order whatever the number of rows">,
    Option<"instructions", "instructions", "std::string", "\"\"",
           "features whose instructions may be used, separated by commas">
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect", "::mlir::math::MathDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def CopiesToLinalgPass : Pass<"rlx-copies-to-linalg", "::mlir::func::FuncOp"> {
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

def ExpandTargetOpsPass : Pass<"rlx-expand-target-ops", "::mlir::func::FuncOp"> {
  let summary = "Expand rlx.dot, rlx.lookup and fields of bytes for a target's instructions";
  let description = [{
    ```mlir
    %s = rlx.dot %codes, %activations, %sum below 16 : vector<64xi8>, vector<16xi32>
    ==>
    %s = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%sum, %codes, %activations) : ...
    ```
    Without such instructions it becomes arith and vector operations. With
    `avx512vbmi`, bits of bytes that are shifted and masked are looked up by one
    instruction where they are among the six that it looks at.
  }];
  let options = [
    Option<"instructions", "instructions", "std::string", "\"\"",
           "features that may be used, separated by commas: avx512vnni, avxvnni, avx512vbmi, avx512bw, avx2, ssse3, i8mm, dotprod, neon">
  ];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def FuseEpiloguePass : Pass<"rlx-fuse-epilogue", "::mlir::func::FuncOp"> {
  let summary = "Move elementwise operations into the matmul before them";
  let description = [{
    Elementwise linalg operations are fused with one another, and where one is
    the only user of a matmul's result and gives f32 of the same shape, with the
    matmul: it becomes the epilogue that is applied to sums in registers. Other
    inputs may be broadcast along leading dimensions or the last.

    ```mlir
    %y = rlx.block_matmul ins(%x, %w) outs(%0) ...
    %z = linalg.generic {...} ins(%y, %residual) outs(%1) { ^bb0(%a: f32, %b: f32, %c: f32): ... }
    ==>
    %z = rlx.block_matmul ins(%x, %w) epilogue(%residual) [#map] { ^bb0(%a: f32, %b: f32): ... } outs(%1) ...
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def ChooseTilesPass : Pass<"rlx-choose-tiles", "::mlir::func::FuncOp"> {
  let summary = "Choose how the loops of matmuls are cut";
  let description = [{
    Sets `tiles` where it is missing, by what a description costs to decode, the
    target's registers and caches, and the shape (passes/cpu/TileChoice.h). Each
    option overrides what it names; 0 leaves it to the choice.

    ```mlir
    rlx.packed_matmul ... {activations = i8, ...}
    ==>
    rlx.packed_matmul ... {activations = i8, ..., tiles = #rlx.tiles<mr = 8, ...>}
    ```
  }];
  let options = [
    Option<"vectorLength", "vector-length", "int64_t", "16", "f32 lanes of a vector register">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "32", "vector registers of the target">,
    Option<"instructions", "instructions", "std::string", "\"\"", "features whose instructions may be used, separated by commas">,
    Option<"mr", "mr", "int64_t", "0", "M of a register tile">,
    Option<"minMPanel", "min-m-panel", "int64_t", "0", "least M for which weights are decoded into a panel">,
    Option<"mrPanel", "mr-panel", "int64_t", "0", "M of a register tile that reads a panel">,
    Option<"mc", "mc", "int64_t", "0", "most M that shares a panel">,
    Option<"nc", "nc", "int64_t", "0", "N of an iteration of the parallel loop">,
    Option<"kc", "kc", "int64_t", "0", "K after which the next columns follow; packed weights have their own">,
    Option<"nrPanel", "nr-panel", "int64_t", "0", "vectors of N of a register tile that reads a panel of packed weights">,
    Option<"prefetchBytes", "prefetch-bytes", "int64_t", "0", "distance, in bytes, at which packed weights are prefetched">,
    Option<"twoVectorPorts", "two-vector-ports", "bool", "false", "products take the place of all other vector operations">,
    Option<"i16Pairs", "i16-pairs", "bool", "true", "let panels for i8 hold groups in pairs, which rounds their scales to 16 bits">,
    Option<"magicNumbers", "magic-numbers", "bool", "true", "let sums of products with i8 be floats from the start, which rounds their last bits">,
    Option<"prescaledWeights", "prescaled-weights", "bool", "true", "multiply codes with integer scales first where the products fit bytes">,
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
}

def ApproximateMathPass : Pass<"rlx-approximate-math", "::mlir::func::FuncOp"> {
  let summary = "Expand functions of f32 into arithmetic that vectors can compute";
  let description = [{
    Formulas of additions, multiplications and operations on bits, right for all of
    f32 (docs/numerics.md has their errors); calls of the C library would take
    vectors apart. Functions of f16 and bf16 are computed in f32 and rounded once;
    those of f64 stay calls, but for log1p and expm1.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def LowerViewsAndVectorsPass : Pass<"rlx-lower-views-and-vectors", "::mlir::ModuleOp"> {
  let summary = "Lower what convert-to-llvm does not take, where there is any";
  let description = [{
    MLIR's expand-strided-metadata for views of buffers, visiting nothing else, and
    its convert-vector-to-scf and convert-vector-to-llvm where operations on vectors
    are not of the kinds that convert-to-llvm takes by itself. Most kernels have
    none, and all three visit each operation to find that.

    ```mlir
    %1 = memref.collapse_shape %0 [[0, 1]] : memref<4x16xf32> into memref<64xf32>
    ==>
    %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %0
    %1 = memref.reinterpret_cast %base to offset: [0], sizes: [64], strides: [1]
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

def CallMathPass : Pass<"rlx-call-math", "::mlir::ModuleOp"> {
  let summary = "Call libm for the operations that LLVM has no intrinsics for";
  let description = [{
    MLIR's convert-math-to-libm, and the calls in the LLVM dialect, where math
    operations are left behind convert-to-llvm; most programs have none, and both
    passes take their time to find that.

    ```mlir
    %0 = math.cbrt %x : f32
    ==>
    %0 = llvm.call @cbrtf(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::vector::VectorDialect"];
}

def CheckLoweredPass : Pass<"rlx-check-lowered", "::mlir::ModuleOp"> {
  let summary = "Refuse operations that have no form in the LLVM dialect";
  let description = [{
    At the end of the lowering for a CPU: an operation that is left of another
    dialect is an error that names it, where it stands in the program. Changes
    nothing.

    ```mlir
    %y = arith.truncf %x : f32 to f8E4M3FN // error
    ```
  }];
}

def OrderStreamsPass : Pass<"rlx-order-streams", "::mlir::ModuleOp"> {
  let summary = "Keep the loads of streams in order";
  let description = [{
    A load that is nontemporal, of data that is read once from the first byte to
    the last, becomes volatile: LLVM then keeps such loads in order, which the
    processor's own prefetching needs.

    ```mlir
    %0 = llvm.load %p {alignment = 1 : i64, nontemporal} : !llvm.ptr -> vector<64xi8>
    ==>
    %0 = llvm.load volatile %p {alignment = 1 : i64} : !llvm.ptr -> vector<64xi8>
    ```
  }];
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
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect", "::rlx::RlxDialect"];
}

include "passes/gpu/DevicePasses.td"

#endif
