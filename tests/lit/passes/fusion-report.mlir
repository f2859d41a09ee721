// RUN: rlx-opt %s --rlx-fusion-report -o /dev/null 2>&1 | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#nk3 = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// CHECK-DAG: :[[@LINE+5]]:8: remark: the weight is multiplied as it is stored: {{.*}}code = si8
// CHECK-DAG: :[[@LINE+5]]:8: remark: fused: it is applied to the matmul's sums in registers
func.func @fused(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %r: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  %z = arith.addf %y, %r : tensor<3x8xf32>
  return %z : tensor<3x8xf32>
}

// CHECK-DAG: :[[@LINE+5]]:8: remark: the weight is multiplied as it is stored
// CHECK-DAG: :[[@LINE+5]]:8: remark: not fused with the matmul before it: the matmul's result has other uses
func.func @two_uses(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %r: tensor<3x8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk3, #mn] ins(%x, %w : tensor<3x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  %z = arith.addf %y, %r : tensor<3x8xf32>
  return %y, %z : tensor<3x8xf32>, tensor<3x8xf32>
}
