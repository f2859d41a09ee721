// RUN: rlx-opt %s --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @sums
func.func @sums(%x: tensor<?x64xi8>, %w: tensor<8x64xi8>, %a: tensor<1xi32>, %z: tensor<8xi32>) -> tensor<?x8xi32> {
  // CHECK: rlx.qmatmul %arg0, %arg1 x_zero_point(%arg2) zero_points(%arg3) : (tensor<?x64xi8>, tensor<8x64xi8>, tensor<1xi32>, tensor<8xi32>) -> tensor<?x8xi32>
  %y = rlx.qmatmul %x, %w x_zero_point(%a) zero_points(%z) : (tensor<?x64xi8>, tensor<8x64xi8>, tensor<1xi32>, tensor<8xi32>) -> tensor<?x8xi32>
  return %y : tensor<?x8xi32>
}

// -----

// CHECK-LABEL: func @codes
func.func @codes(%x: tensor<2x3x64xi8>, %w: tensor<8x64xi8>, %b: tensor<8xi32>, %s: tensor<1xf32>) -> tensor<2x3x8xi8> {
  // CHECK: rlx.qmatmul %arg0, %arg1 bias(%arg2) scales(%arg3) {zero_point = -3 : i64}
  %y = rlx.qmatmul %x, %w bias(%b) scales(%s) {zero_point = -3 : i64} : (tensor<2x3x64xi8>, tensor<8x64xi8>, tensor<8xi32>, tensor<1xf32>) -> tensor<2x3x8xi8>
  return %y : tensor<2x3x8xi8>
}

// -----

func.func @c1_rank(%x: tensor<i8>, %w: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C1) expected 'x' to be [..., K] and 'weight' to be [N, K], but got 'tensor<i8>' and 'tensor<8x64xi8>'}}
  %y = rlx.qmatmul %x, %w : (tensor<i8>, tensor<8x64xi8>) -> tensor<8xi32>
  return
}

// -----

func.func @c1_x(%x: tensor<3x32xi8>, %w: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C1) expected 'x' to be 'tensor<3x64xi8>', but got 'tensor<3x32xi8>'}}
  %y = rlx.qmatmul %x, %w : (tensor<3x32xi8>, tensor<8x64xi8>) -> tensor<3x8xi32>
  return
}

// -----

func.func @c1_result(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>, %s: tensor<8xf32>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C1) expected 'result' to be 'tensor<3x8xi8>', but got 'tensor<3x8xi32>'}}
  %y = rlx.qmatmul %x, %w scales(%s) : (tensor<3x64xi8>, tensor<8x64xi8>, tensor<8xf32>) -> tensor<3x8xi32>
  return
}

// -----

func.func @c2(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>, %z: tensor<4xi32>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C2) expected 'zero_points' to be 'tensor<8xi32>' or 'tensor<1xi32>', but got 'tensor<4xi32>'}}
  %y = rlx.qmatmul %x, %w zero_points(%z) : (tensor<3x64xi8>, tensor<8x64xi8>, tensor<4xi32>) -> tensor<3x8xi32>
  return
}

// -----

func.func @c3(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>, %b: tensor<8xf32>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C3) expected 'bias' to be 'tensor<8xi32>', but got 'tensor<8xf32>'}}
  %y = rlx.qmatmul %x, %w bias(%b) : (tensor<3x64xi8>, tensor<8x64xi8>, tensor<8xf32>) -> tensor<3x8xi32>
  return
}

// -----

func.func @c4_range(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>, %s: tensor<8xf32>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C4) expected 'zero_point' to be -128 to 127, but got 128}}
  %y = rlx.qmatmul %x, %w scales(%s) {zero_point = 128 : i64} : (tensor<3x64xi8>, tensor<8x64xi8>, tensor<8xf32>) -> tensor<3x8xi8>
  return
}

// -----

func.func @c4_unscaled(%x: tensor<3x64xi8>, %w: tensor<8x64xi8>) {
  // expected-error@+1 {{'rlx.qmatmul' op (C4) expected 'zero_point' to be 0 where nothing is scaled, but got 3}}
  %y = rlx.qmatmul %x, %w {zero_point = 3 : i64} : (tensor<3x64xi8>, tensor<8x64xi8>) -> tensor<3x8xi32>
  return
}
