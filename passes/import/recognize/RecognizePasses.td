//===- RecognizePasses.td - Weights in graphs --------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_RECOGNIZEPASSES_TD
#define RLX_PASSES_IMPORT_RECOGNIZE_RECOGNIZEPASSES_TD

include "mlir/Pass/PassBase.td"

def RecognizeWeightsPass : Pass<"rlx-recognize-weights", "::mlir::ModuleOp"> {
  let summary = "Multiply weights that a graph dequantizes as they are stored";
  let description = [{
    Looks at sums of products, named or generic. The element of a weight that they
    multiply is followed back through elementwise operations, reshapes, transposes,
    slices, concatenations and broadcasts. Where it is

    ```
    scale * (code - zero) + offset
    ```

    of codes, scales and zero points that are read from tensors, the places that
    are read are a scheme: the weight becomes rlx.encoded_view of the codes, the
    sum rlx.matmul, or rlx.gather_matmul where each leading index has a weight of
    its own, or names one. Codes that lie in words, or across rows, are put into
    bytes first. Rows of such values that numbers of the program name are
    rlx.embedding; checks of their indices that hold, or that it makes, go. Scales behind the sum are the weight's where it has none. So are
    weights that are rlx.dequantize. Codes are 2 to 16 bits, shifted and masked or
    not, floats of 8 bits or less, or indices into a table of constants.

    Where the activations are dequantized as well, from codes of 8 bits with scales
    for rows or for all of them, integers are multiplied (rlx.qmatmul) and the
    scales of the graph applied to their sums. linalg.quantized_matmul becomes
    rlx.qmatmul too.

    Nothing is rounded otherwise than the program says, but for f32: a value that
    is rounded to f16 or bf16 once, last, has a scheme that says so; one that is
    rounded twice is not of this form. With `unrounded`, rounding is left out.

    Where codes are seen, but the whole is not of this form, a remark says what
    prevented it, at that operation. With `report`, one also says what was
    recognised.

    ```mlir
    %f = linalg.generic {(n, k) -> (n, k), (n, k) -> (n), (n, k) -> (n, k)}
        ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) { sitofp, mulf }
    %y = linalg.matmul (m, k), (n, k) -> (m, n) ins(%x, %f)
    ==>
    #w = #rlx.scheme<"graph si8", block = 1, code = si8 at (i) -> (i, 0), scale = f32 in scales at (n, k) -> (n)>
    %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<#w>>
    %y = rlx.matmul %x, %w scales(%s) : ...
    ```
  }];
  let options = [
    Option<"report", "report", "bool", "false", "say what was recognised, too">,
    Option<"unrounded", "unrounded", "bool", "false",
           "leave out what the program rounds to f16 or bf16 between codes and sum">,
    Option<"floatViews", "float-views", "bool", "true",
           "see tensors of floats of 8 bits as bytes, which kernels of devices cannot; constants always are">
  ];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def LowerQMatmulPass : Pass<"rlx-lower-qmatmul", "::mlir::func::FuncOp"> {
  let summary = "Turn rlx.qmatmul into a contraction of integers";
  let description = [{
    The sum of products is a linalg.generic of i8, which has kernels of its own.
    Zero points are taken out of it, as sums of rows; those of a weight are
    computed once. Bias, scales and rounding follow element by element.

    ```mlir
    %y = rlx.qmatmul %x, %w x_zero_point(%z) scales(%s) : ...
    ==>
    %p = linalg.generic {(m, n, k) -> (m, k), (m, n, k) -> (n, k), (m, n, k) -> (m, n)} ins(%x, %w) ...
    %r = linalg.generic {(n, k) -> (n, k), (n, k) -> (n)} ins(%w) ... // sums of rows
    %y = linalg.generic ins(%p, %z, %r, %s) { round((p - z * r) * s), between -128 and 127 }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif
