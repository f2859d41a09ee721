// RUN: rlx-compile %s --target opencl --emit opencl-c | FileCheck %s
// CHECK: {{^}}void check_ids(
func.func @main(%x: tensor<?x64xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x20xf32> {
  %w = rlx.weight "w" : tensor<4x20x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.gather_matmul %x, %w, %ids
    : (tensor<?x64xf32>, tensor<4x20x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?x2xi32>) -> tensor<?x2x20xf32>
  return %y : tensor<?x2x20xf32>
}
