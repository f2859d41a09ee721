// Annotate, quantize, run: a program with a plain weight, a configuration, a file.

// RUN: rm -rf %t && mkdir %t
// RUN: echo '{"default": "q4_K", "overrides": [{"pattern": "source", "scheme": "q6_K"}]}' > %t/config.json
// RUN: rlx-quantize %golden/ggml-types.gguf -o %t/small.gguf --scheme q4_K --tensor source=q6_K
// RUN: rlx-opt %s --rlx-annotate=%t/config.json -o %t/annotated.mlir
// RUN: FileCheck %s < %t/annotated.mlir
// RUN: rlx-inspect %golden/ggml-types.gguf --dequantize activations -o %t/x.npy
// RUN: rlx-run %t/annotated.mlir --weights %t/small.gguf --input %t/x.npy --output %t/y.npy --verify
// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t/x.npy --output %t/plain.npy
// RUN: python3 %S/npy.py diff %t/y.npy %t/plain.npy | FileCheck %s --check-prefix=DIFF
// DIFF: {{[1-9.]+}}e-02

// CHECK: rlx.weight "source" : tensor<8x512xf32, #rlx.quant<gguf_q6k>>
func.func @main(%x: tensor<3x512xf32>) -> tensor<3x8xf32> {
  %w = rlx.weight "source" : tensor<8x512xf32>
  %y = rlx.matmul %x, %w : (tensor<3x512xf32>, tensor<8x512xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
