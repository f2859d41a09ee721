//===- ImportPasses.td - Graphs as people write them -------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_IMPORT_IMPORTPASSES_TD
#define RLX_PASSES_IMPORT_IMPORTPASSES_TD

include "mlir/Pass/PassBase.td"

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

    An entry may have a `"method"` (`nearest`, `smoothquant` with `"alpha"`, `awq`,
    `gptq`), and the default be an object with both: how weights are made is for
    rlx-quantize, which reads the same file.

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

def KeepUnwrittenPass : Pass<"rlx-keep-unwritten", "::mlir::func::FuncOp"> {
  let summary = "Read outputs that are not written as a whole";
  let description = [{
    Where the body of a linalg.generic does not read an output, upstream's passes
    give it a buffer without its elements. Those that the operation may not write
    stay: where an index is no loop of its own, or a reduction may have no
    iterations, the body chooses between its result and the output.

    ```mlir
    %y = linalg.generic {indexing_maps = [(a) -> (a), (a) -> (a, a)], ...} ins(%x) outs(%c) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    ==>
      %i = linalg.index 0
      %always = arith.cmpi sge, %i, %zero : index
      %z = arith.select %always, %in, %out : f32
      linalg.yield %z : f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def NormalizeMatmulsPass : Pass<"rlx-normalize-matmuls", "::mlir::func::FuncOp"> {
  let summary = "Give operations on weights the types that kernels take";
  let description = [{
    Kernels multiply `[M, K]` of f32. Leading dimensions of rlx.matmul become one
    before and several behind; x, bias and result of f16 or bf16 are converted in
    operations of their own, which fuse into the matmul and its neighbours. So are
    the results of rlx.dequantize and rlx.embedding.

    ```mlir
    %y = rlx.matmul %x, %w : (tensor<?x?x64xbf16>, tensor<8x64xf32>) -> tensor<?x?x8xbf16>
    ==>
    %1 = arith.extf %x : tensor<?x?x64xbf16> to tensor<?x?x64xf32>
    %2 = tensor.collapse_shape %1 [[0, 1], [2]] : tensor<?x?x64xf32> into tensor<?x64xf32>
    %3 = rlx.matmul %2, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
    %4 = tensor.expand_shape %3 [[0, 1], [2]] ... : tensor<?x8xf32> into tensor<?x?x8xf32>
    %y = arith.truncf %4 : tensor<?x?x8xf32> to tensor<?x?x8xbf16>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
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
    Option<"activations", "activations", "std::string", "", "f32, bf16, f16, i24, i16 or i8">,
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

#endif
