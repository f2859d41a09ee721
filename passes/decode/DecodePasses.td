//===- DecodePasses.td - Stored bytes to numbers -----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DECODE_DECODEPASSES_TD
#define RLX_PASSES_DECODE_DECODEPASSES_TD

include "mlir/Pass/PassBase.td"

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

#endif
