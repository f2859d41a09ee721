//===- CheckPasses.td - What is refused, and when ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CHECKS_CHECKPASSES_TD
#define RLX_PASSES_CHECKS_CHECKPASSES_TD

include "mlir/Pass/PassBase.td"

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

#endif
