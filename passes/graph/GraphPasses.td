//===- GraphPasses.td - Rewriting of graphs ----------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GRAPH_GRAPHPASSES_TD
#define RLX_PASSES_GRAPH_GRAPHPASSES_TD

include "mlir/Pass/PassBase.td"

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

def FuseEpiloguePass : Pass<"rlx-fuse-epilogue", "::mlir::func::FuncOp"> {
  let summary = "Move elementwise operations into the matmul before them";
  let description = [{
    Elementwise linalg operations are fused with one another, and where one is
    the only user of a matmul's result and gives f32 of the same shape, with the
    matmul: it becomes the epilogue that is applied to sums in registers. Other
    inputs may be broadcast along leading dimensions or the last. With
    `print-choices`, a remark says why one is not fused.

    ```mlir
    %y = rlx.block_matmul ins(%x, %w) outs(%0) ...
    %z = linalg.generic {...} ins(%y, %residual) outs(%1) { ^bb0(%a: f32, %b: f32, %c: f32): ... }
    ==>
    %z = rlx.block_matmul ins(%x, %w) epilogue(%residual) [#map] { ^bb0(%a: f32, %b: f32): ... } outs(%1) ...
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what is not fused, and why">
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def DecomposeFakeQuantizePass : Pass<"rlx-decompose-fake-quantize", "::mlir::func::FuncOp"> {
  let summary = "Turn rlx.fake_quantize into linalg, for devices";
  let description = [{
    Where a scheme has one scale a group of a row and a rule, a reduction
    finds what the rule reads of each group, and an elementwise operation says
    what its numbers become. Others stay. A CPU makes loops of both
    (--rlx-blocks-to-loops).

    ```mlir
    %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q8_0>} : tensor<?x64xf32>
    ==>
    %groups = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 2, 32] : tensor<?x64xf32> into tensor<?x2x32xf32>
    %largest = linalg.generic {iterator_types = ["parallel", "parallel", "reduction"]} ins(%groups) outs(%zeros) {...}
    %values = linalg.generic {...} ins(%groups, %largest) outs(%empty) {...}
    %y = tensor.collapse_shape %values [[0], [1, 2]] : tensor<?x2x32xf32> into tensor<?x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif
