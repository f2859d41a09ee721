// Sums over nothing are their bias, or zero.
// RUN: rlx-opt %s --rlx-fold-empty-matmuls | FileCheck %s

// CHECK-LABEL: func @sums
// CHECK: linalg.fill {{.*}} -> tensor<?x8xf32>
// CHECK-NOT: rlx.matmul
func.func @sums(%x: tensor<?x0xf32>, %w: tensor<8x0xf32>) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x0xf32>, tensor<8x0xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @bias
// CHECK: linalg.broadcast ins(%arg2 : tensor<8xf32>) {{.*}} dimensions = [0]
// CHECK-NOT: rlx.matmul
func.func @bias(%x: tensor<3x0xf32>, %w: tensor<8x0xf32>, %b: tensor<8xf32>) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w bias(%b) : (tensor<3x0xf32>, tensor<8x0xf32>, tensor<8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// CHECK-LABEL: func @experts
// CHECK: tensor<?x2x0xf32>
// CHECK-NOT: rlx.gather_matmul
func.func @experts(%x: tensor<?x64xf32>, %w: tensor<4x0x64xf32>, %i: tensor<?x2xi32>) -> tensor<?x2x0xf32> {
  %y = rlx.gather_matmul %x, %w, %i : (tensor<?x64xf32>, tensor<4x0x64xf32>, tensor<?x2xi32>) -> tensor<?x2x0xf32>
  return %y : tensor<?x2x0xf32>
}

// CHECK-LABEL: func @others
// CHECK: rlx.matmul
func.func @others(%x: tensor<0x64xf32>, %w: tensor<8x64xf32>) -> tensor<0x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<0x64xf32>, tensor<8x64xf32>) -> tensor<0x8xf32>
  return %y : tensor<0x8xf32>
}
