//===- ProgramPasses.td - What calls share -----------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_PROGRAM_PROGRAMPASSES_TD
#define RLX_PASSES_PROGRAM_PROGRAMPASSES_TD

include "mlir/Pass/PassBase.td"

def ReadGlobalsPass : Pass<"rlx-read-globals", "::mlir::ModuleOp"> {
  let summary = "Turn globals that nothing writes to into constants and weights";
  let description = [{
    What reads an ml_program.global becomes its value: a constant where that is
    small, else rlx.weight of the global's name with its bytes in `rlx.value`. A
    global that the program only declares is a weight that a file has to give.
    Reading one that the program also writes is an error: what calls change is a
    state.

    Globals of IREE's `util` are read in the same way; one that is
    `#flow.parameter.named<"scope"::"name">` is a weight of that name.

    ```mlir
    ml_program.global private @"fc.weight"(dense_resource<w> : tensor<1024x1024xf32>) : tensor<1024x1024xf32>
    ...
    %w = ml_program.global_load_const @"fc.weight" : tensor<1024x1024xf32>
    ==>
    %w = rlx.weight "fc.weight" {rlx.value = dense_resource<w> : tensor<1024x1024xf32>} : tensor<1024x1024xf32>
    ```
  }];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::ml_program::MLProgramDialect"];
}

def ConstantsToWeightsPass : Pass<"rlx-constants-to-weights", "::mlir::ModuleOp"> {
  let summary = "Turn large constants into weights that have their bytes";
  let description = [{
    Constants of 4 KiB and more, whose elements are whole bytes and not all the
    same, become rlx.weight in functions that the runtime calls: compiled code
    takes them as arguments, so that neither the time nor the memory of
    compilation depends on how large they are, and what is computed of them alone
    is computed once. A resource gives the weight its name; its bytes are in
    `rlx.value`. A resource that the program does not have becomes a weight that a
    file has to give. With `in-code`, weights that have their bytes become
    constants again.

    ```mlir
    %w = arith.constant dense_resource<w> : tensor<1024x1024xf32>
    ==>
    %w = rlx.weight "w" {rlx.value = dense_resource<w> : tensor<1024x1024xf32>} : tensor<1024x1024xf32>
    ```
  }];
  let options = [
    Option<"inCode", "in-code", "bool", "false", "the other way round: constants stay in the code">
  ];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::arith::ArithDialect"];
}

def PackContractionsPass : Pass<"rlx-pack-contractions", "::mlir::ModuleOp"> {
  let summary = "Give contractions of linalg their weights in panels";
  let description = [{
    A contraction packs one of its factors in panels (--rlx-contractions-to-loops).
    Where that is a weight, a matrix of known sizes, perhaps behind transposes,
    packing becomes reshapes and a transpose, which --rlx-hoist-packing moves out
    of the function; the contraction reads their result by an indexing map that
    says how panels lie. A single row is multiplied with the weight as it is bound.
    With `print-choices`, a remark says what was packed.

    ```mlir
    %t = linalg.transpose ins(%w : tensor<512x1024xf32>) ... // %w has rlx.weight
    %y = linalg.matmul ins(%x, %t : tensor<?x1024xf32>, tensor<1024x512xf32>) ...
    ==>
    %e = tensor.expand_shape %w [[0, 1], [2, 3, 4]] ... into tensor<32x16x4x256x1xf32>
    %t = linalg.transpose ins(%e) ... permutation = [2, 0, 3, 1, 4]
    %p = tensor.collapse_shape %t [[0], [1], [2], [3, 4]] ... into tensor<4x32x256x16xf32>
    %y = linalg.generic {indexing_maps = [(m, n, k) -> (m, k),
        (m, n, k) -> (k floordiv 256, n floordiv 16, k mod 256, n mod 16),
        (m, n, k) -> (m, n)], ...} ins(%x, %p : tensor<?x1024xf32>, tensor<4x32x256x16xf32>) ...
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what was packed">
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def CheckStatesPass : Pass<"rlx-check-states", "::mlir::ModuleOp"> {
  let summary = "Refuse states that are not what they are said to be";
  let description = [{
    An argument with `rlx.state` is a tensor that calls read and write in place;
    the result of the same name is what it holds after a call. Each state has one
    argument and one result of one type, in a function that the runtime calls.
    Anything else is an error.

    ```mlir
    func.func @main(%x: tensor<1x64xf32>, %cache: tensor<?x64xf32> {rlx.state = "cache"})
        -> (tensor<64xf32>, tensor<?x64xf32> {rlx.state = "cache"})
    ```
  }];
}

def TieStatesPass : Pass<"rlx-tie-states", "::mlir::ModuleOp"> {
  let summary = "Write states where they are";
  let description = [{
    Behind bufferization: results with `rlx.state` disappear. What they return is
    the state's own buffer, or is copied to it at the end of the function, behind
    copies of results that may be in the buffer of a state.

    ```mlir
    func.func @main(%x: memref<4xf32>, %s: memref<4xf32> {rlx.state = "s"}) -> (memref<4xf32> {rlx.state = "s"}) {
      linalg.add ins(%x, %s : ...) outs(%s : memref<4xf32>)
      return %s : memref<4xf32>
    ==>
    func.func @main(%x: memref<4xf32>, %s: memref<4xf32> {rlx.state = "s"}) {
      linalg.add ins(%x, %s : ...) outs(%s : memref<4xf32>)
      return
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def OutlineEqualPass : Pass<"rlx-outline-equal", "::mlir::ModuleOp"> {
  let summary = "Let equal operations share their loops";
  let description = [{
    Operations of linalg and matmuls on buffers that are the same but for their
    operands, whose types are the same, move into one private function, which is
    called for each: what follows is done once. Constants are part of the
    operation. What says in its loops where it stands in the program is left
    alone, and what there is once, but in functions of many such operations,
    which so become lists of calls.

    ```mlir
    linalg.add ins(%a, %b : memref<4xf32>, memref<4xf32>) outs(%c : memref<4xf32>)
    linalg.add ins(%c, %b : memref<4xf32>, memref<4xf32>) outs(%d : memref<4xf32>)
    ==>
    call @rlx.shared.add(%a, %b, %c) : (memref<4xf32>, memref<4xf32>, memref<4xf32>) -> ()
    call @rlx.shared.add(%c, %b, %d) : ...
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif
