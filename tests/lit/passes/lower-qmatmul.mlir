// RUN: rlx-opt %s --rlx-lower-qmatmul | FileCheck %s

// Sums are those of a contraction of bytes; nothing else is computed where there is nothing else.
// CHECK-LABEL: func @plain(
func.func @plain(%x: tensor<2x?x64xi8>, %w: tensor<8x64xi8>) -> tensor<2x?x8xi32> {
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%arg0, %arg1 : tensor<2x?x64xi8>, tensor<8x64xi8>) outs(%{{.*}} : tensor<2x?x8xi32>)
  // CHECK: arith.extsi
  // CHECK: arith.extsi
  // CHECK: arith.muli
  // CHECK: arith.addi
  // CHECK: return %[[Y]]
  %y = rlx.qmatmul %x, %w : (tensor<2x?x64xi8>, tensor<8x64xi8>) -> tensor<2x?x8xi32>
  return %y : tensor<2x?x8xi32>
}

// CHECK-LABEL: func @all(
func.func @all(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>, %a: tensor<1xi32>, %z: tensor<1xi32>, %b: tensor<8xi32>, %s: tensor<8xf32>) -> tensor<3x8xi8> {
  // CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%arg0, %arg1 :
  // CHECK: %[[ROWS:.*]] = linalg.generic {{.*}}["parallel", "reduction"]{{.*}} ins(%arg1 :
  // CHECK: %[[X:.*]] = linalg.generic {{.*}}["parallel", "reduction"]{{.*}} ins(%arg0 :
  // CHECK: linalg.generic {{.*}} ins(%[[SUM]], %arg2, %arg3, %[[ROWS]], %[[X]], %arg4, %arg5 :
  // CHECK: arith.sitofp
  // CHECK: math.round
  // CHECK: arith.maximumf
  // CHECK: arith.minimumf
  // CHECK: arith.fptosi {{.*}} : f32 to i8
  // CHECK-NOT: rlx.qmatmul
  %y = rlx.qmatmul %x, %w x_zero_point(%a) zero_points(%z) bias(%b) scales(%s) {zero_point = 5 : i64} : (tensor<3x64xi8>, tensor<8x64xi8>, tensor<1xi32>, tensor<1xi32>, tensor<8xi32>, tensor<8xf32>) -> tensor<3x8xi8>
  return %y : tensor<3x8xi8>
}
