//===- DialectPasses.td - Programs that others write -------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DIALECTS_DIALECTPASSES_TD
#define RLX_PASSES_DIALECTS_DIALECTPASSES_TD

include "mlir/Pass/PassBase.td"

def LowerDialectsPass : Pass<"rlx-lower-dialects", "::mlir::ModuleOp"> {
  let summary = "Lower dialects that programs may be written in";
  let description = [{
    Runs the passes that MLIR has for a dialect where a program has operations of
    it: tosa and quant become linalg, tensor and arith; complex becomes arith and
    math on parts of numbers. What these passes leave over of tosa and quant is an
    error.

    ```mlir
      %y = tosa.exp %x : (tensor<1x3xf32>) -> tensor<1x3xf32>
    ==>
      %y = linalg.generic ... { math.exp }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def AdaptSignaturesPass : Pass<"rlx-adapt-signatures", "::mlir::ModuleOp"> {
  let summary = "Give functions arguments and results that callers can pass";
  let description = [{
    In functions that are not private, numbers become tensors of rank 0, and
    tensors of i2 and i4 become bytes: the first element of a row lies in the
    lowest bits of its first byte, and each row begins with a byte of its own. The
    types that the program has are kept in the attribute `rlx.type`.

    ```mlir
    func.func @main(%s: f32, %q: tensor<8x5xi4>)
    ==>
    func.func @main(%arg0: tensor<f32> {rlx.type = f32}, %arg1: tensor<8x3xi8> {rlx.type = tensor<8x5xi4>}) {
      %s = tensor.extract %arg0[] : tensor<f32>
      %q = linalg.generic ... // tensor<8x5xi4>, of maps (i, j) -> (i, j floordiv 2) and (i, j) -> (i, j)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LowerTmTensorPass : Pass<"rlx-lower-tm-tensor", "::mlir::func::FuncOp"> {
  let summary = "Lower what torch-mlir writes beside linalg";
  let description = [{
    tm_tensor.scan, scatter, sort and topk become loops over elements that write
    where their outputs are, with their regions inlined; sort merges runs. Lines of
    scan, sort and topk are shared by threads where there is enough to do; updates
    of scatter that are rows become an elementwise operation each.
    tm_tensor.attention becomes two contractions and a softmax of linalg. Sizes are
    checked before, indices of scatter are checked here.

    ```mlir
    %y:2 = tm_tensor.scan dimension(0) inclusive(true) ins(%x) outs(%e, %a) {
    ^bb0(%total: f32, %in: f32):
      %t = arith.addf %total, %in : f32
      tm_tensor.yield %t : f32
    } -> tensor<?xf32>, tensor<f32>
    ==>
    scf.for %i = %c1 to %n step %c1 iter_args(%out = ..., %total = %first) {
      %in = tensor.extract %x[%i]
      %t = arith.addf %total, %in : f32
      tensor.insert %t into %out[%i]
    ```
  }];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif
