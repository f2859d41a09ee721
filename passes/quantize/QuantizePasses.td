//===- QuantizePasses.td - What a program computes ---------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_QUANTIZE_QUANTIZEPASSES_TD
#define RLX_PASSES_QUANTIZE_QUANTIZEPASSES_TD

include "mlir/Pass/PassBase.td"

def ObservePass : Pass<"rlx-observe", "::mlir::ModuleOp"> {
  let summary = "Return the values that calibration looks at";
  let description = [{
    What weights are multiplied with, and values that say `rlx.observe = "name"`
    (an attribute of the operation that gives them, or of an argument), become
    results of `function` behind its own. A result attribute has the name, another
    one the dimension that counts channels: K where there is a weight, else the
    last. Values have the name of the first weight that they are multiplied with;
    those that share a weight share a name.

    `rlx-run --calibrate` runs this on the inlined program. Values inside loops
    cannot be returned, and those that are no floats have nothing to be quantized:
    a remark says so.

    ```mlir
    func.func @main(%x: tensor<?x64xf32>) -> tensor<?x8xf32> {
      %w = rlx.weight "w" : tensor<8x64xf32>
      %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    ==>
    func.func @main(%x: tensor<?x64xf32>)
        -> (tensor<?x8xf32>, tensor<?x64xf32> {rlx.channels = 1 : i64, rlx.observed = "w"}) {
      ...
      return %y, %x : tensor<?x8xf32>, tensor<?x64xf32>
    ```
  }];
  let options = [
    Option<"function", "function", "std::string", "\"main\"", "the function to observe">,
    Option<"values", "values", "std::string", "\"*\"",
           "a glob: only values of these names, or multiplied with weights of these names">
  ];
}

def InsertQdqPass : Pass<"rlx-insert-qdq", "::mlir::ModuleOp"> {
  let summary = "Quantize activations statically, from a calibration record";
  let description = [{
    Behind each value that the record names stand two loops: one computes codes
    for a scale that is a constant, the other numbers from the codes. Where the
    value is named by a weight, the matmuls of weights use these numbers; where
    the program names it, all its users do.

    ```
    code = clamp(round(x / scale) + zero, least, most)
    y = (code - zero) * scale
    ```

    `config` names the scheme of each value as for weights (`--rlx-annotate`);
    without it all become `scheme`. The scheme says what a code is, whether
    there is a zero point, and whether there is one scale for all of a value, `(n,
    k) -> (0)`, or one for each channel, `(n, k) -> (k)`. Schemes that need others
    and those whose codes are no integers are left alone, with a remark; so are
    values that the record does not have. A value of the record that the program
    does not have is an error.

    `range` says what of the record the scale follows from: `minmax`, `average`
    (moving), `percentile` or `entropy` (least divergence). With a zero point, 0
    has a code; without one, signed codes reach as far below 0 as above.

    ```mlir
    %y = rlx.matmul %x, %w : ...
    ==>
    %q = linalg.generic ... ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xi8>) { divf, round, clamp, fptosi }
    %d = linalg.generic ... ins(%q : tensor<?x64xi8>) outs(%f : tensor<?x64xf32>) { sitofp, mulf }
    %y = rlx.matmul %d, %w : ...
    ```
  }];
  let options = [
    Option<"record", "record", "std::string", "", "the calibration record's path">,
    Option<"config", "config", "std::string", "", "a configuration's path, in place of `scheme`">,
    Option<"scheme", "scheme", "std::string", "\"int8/tensor\"", "what all values become">,
    Option<"range", "range", "std::string", "\"minmax\"", "minmax, average, percentile or entropy">,
    Option<"percent", "percent", "double", "99.99", "how many numbers a percentile has within the range">
  ];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def PropagateQdqPass : Pass<"rlx-propagate-qdq", "::mlir::func::FuncOp"> {
  let summary = "Move codes instead of numbers";
  let description = [{
    Operations that only move numbers, or choose one of them, do so with the codes
    of a static quantization as well, and exactly: reshapes
    (tensor.collapse_shape, tensor.expand_shape), casts, linalg.transpose,
    tensor.extract_slice, tensor.concat of equal scales, max-pooling, and relu,
    whose 0 has the code of the zero point.

    A remark says why one is left as it is: scales that differ, channels that
    would be put together, pooling that begins with a number that counts.

    ```mlir
    %d = linalg.generic ... ins(%q : tensor<4x64xi8>) { sitofp, mulf }
    %y = tensor.collapse_shape %d [[0, 1]] : tensor<4x64xf32> into tensor<256xf32>
    ==>
    %p = tensor.collapse_shape %q [[0, 1]] : tensor<4x64xi8> into tensor<256xi8>
    %y = linalg.generic ... ins(%p : tensor<256xi8>) { sitofp, mulf }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def RemoveRedundantQdqPass : Pass<"rlx-remove-redundant-qdq", "::mlir::func::FuncOp"> {
  let summary = "Do not quantize again what has been quantized alike";
  let description = [{
    Codes of numbers that codes gave, with the same scales and zero points, are
    the same codes, if the range of the second quantization holds them. After
    `--rlx-propagate-qdq` this also finds pairs with reshapes, transposes, slices,
    concatenations, max-pooling or relu between them. A remark says what keeps a
    pair: a scale, a zero point or a range that differs.

    ```mlir
    %d = linalg.generic ... ins(%q : tensor<4x64xi8>) { sitofp, mulf }
    %p = linalg.generic ... ins(%d : tensor<4x64xf32>) { divf, round, clamp, fptosi }
    ==>
    %q
    ```
  }];
}

def SmoothActivationsPass : Pass<"rlx-smooth-activations", "::mlir::ModuleOp"> {
  let summary = "Divide activations by what weights were multiplied with";
  let description = [{
    SmoothQuant and AWQ multiply the columns of a weight by factors before it is
    quantized. For each weight that `config` says this of, the activations of its
    matmuls are divided by the weight `<name>.input_factors`, which rlx-quantize
    writes beside it.

    Where the activations are the product of a norm and its gain `[K]`, perhaps
    with a bias `[K]` added, and nothing but matmuls of the same factors uses
    them, gain and bias are divided instead. Elsewhere a division is inserted, and
    a remark says why. With `shared`, weights that are multiplied with the same
    value have the factors of the first of them, as `rlx-quantize --calibration`
    makes them.

    With `multiply-weights`, the weights of the files are as they were, and are
    multiplied here, where they are not quantized: the program computes the same
    as before.

    ```mlir
    %n = linalg.generic ... ins(%x, %gain : tensor<?x64xf32>, tensor<64xf32>) { mulf }
    %y = rlx.matmul %n, %w : ...
    ==>
    %f = rlx.weight "w.input_factors" : tensor<64xf32>
    %g = arith.divf %gain, %f : tensor<64xf32>
    %n = linalg.generic ... ins(%x, %g : tensor<?x64xf32>, tensor<64xf32>) { mulf }
    %y = rlx.matmul %n, %w : ...
    ```
  }];
  let options = [
    Option<"config", "config", "std::string", "", "the configuration's path">,
    Option<"shared", "shared", "bool", "false", "one set of factors for all weights of a value">,
    Option<"multiplyWeights", "multiply-weights", "bool", "false", "multiply plain weights here">
  ];
  let dependentDialects = ["::rlx::RlxDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

#endif
