// RUN: rlx-opt %s --rlx-recognize-weights | FileCheck %s

#mk = affine_map<(m, k) -> (m, k)>
#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>
// Both factors are dequantized (PT2E): sums of integers are scaled.
// CHECK-LABEL: func @static(
func.func @static(%x: tensor<?x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8xf32>, %init: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[X:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<?x64xf32>)
  // CHECK: %[[ZERO:.*]] = arith.constant dense<3> : tensor<1xi32>
  // CHECK: %[[SUM:.*]] = rlx.qmatmul %[[X]], %arg1 x_zero_point(%[[ZERO]]) : (tensor<?x64xi8>, tensor<8x64xi8>, tensor<1xi32>) -> tensor<?x8xi32>
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[SUM]], %arg2 : tensor<?x8xi32>, tensor<8xf32>)
  // CHECK: linalg.add ins(%[[Y]], %arg3
  %scale = arith.constant 0.02 : f32
  %zero = arith.constant 3.0 : f32
  %lo = arith.constant -128.0 : f32
  %hi = arith.constant 127.0 : f32
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x64xf32>
  %xe = tensor.empty(%d) : tensor<?x64xi8>
  %xq = linalg.generic {indexing_maps = [#mk, #mk], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x64xf32>) outs(%xe : tensor<?x64xi8>) {
  ^bb0(%a: f32, %o: i8):
    %v = arith.divf %a, %scale : f32
    %r = math.roundeven %v : f32
    %z = arith.addf %r, %zero : f32
    %c = arith.maximumf %z, %lo : f32
    %c1 = arith.minimumf %c, %hi : f32
    %i = arith.fptosi %c1 : f32 to i8
    linalg.yield %i : i8
  } -> tensor<?x64xi8>
  %fe = tensor.empty(%d) : tensor<?x64xf32>
  %xf = linalg.generic {indexing_maps = [#mk, #mk], iterator_types = ["parallel", "parallel"]} ins(%xq : tensor<?x64xi8>) outs(%fe : tensor<?x64xf32>) {
  ^bb0(%a: i8, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %z = arith.subf %f, %zero : f32
    %m = arith.mulf %z, %scale : f32
    linalg.yield %m : f32
  } -> tensor<?x64xf32>
  %we = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, #n, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8xf32>) outs(%we : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64xf32>
  %te = tensor.empty() : tensor<64x8xf32>
  %t = linalg.transpose ins(%w : tensor<8x64xf32>) outs(%te : tensor<64x8xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%xf, %t : tensor<?x64xf32>, tensor<64x8xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
// A scale for each row of activations; unsigned codes are signed ones with another zero point.
// CHECK-LABEL: func @dynamic(
func.func @dynamic(%x: tensor<4x64xi8>, %xs: tensor<4x1xf32>, %q: tensor<8x64xi8>) -> tensor<4x8xf32> {
  // CHECK: %[[X:.*]] = arith.xori %arg0,
  // CHECK: %[[ZERO:.*]] = arith.constant dense<-128> : tensor<1xi32>
  // CHECK: %[[SUM:.*]] = rlx.qmatmul %[[X]], %arg2 x_zero_point(%[[ZERO]])
  // CHECK: linalg.generic {{.*}} ins(%[[SUM]], %arg1 : tensor<4x8xi32>, tensor<4x1xf32>)
  // CHECK-NOT: linalg.matmul
  %zeros = arith.constant dense<0.0> : tensor<4x8xf32>
  %xe = tensor.empty() : tensor<4x64xf32>
  %xf = linalg.generic {indexing_maps = [#mk, affine_map<(m, k) -> (m, 0)>, #mk], iterator_types = ["parallel", "parallel"]} ins(%x, %xs : tensor<4x64xi8>, tensor<4x1xf32>) outs(%xe : tensor<4x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.uitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<4x64xf32>
  %w = arith.sitofp %q : tensor<8x64xi8> to tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%xf, %w : tensor<4x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Scales along K are none that sums can have: the weight is quantized, the activations are numbers.
// CHECK-LABEL: func @groups(
func.func @groups(%x: tensor<4x64xi8>, %q: tensor<8x64xi8>, %s: tensor<8x2xf32>) -> tensor<4x8xf32> {
  // CHECK-NOT: rlx.qmatmul
  // CHECK: rlx.matmul {{.*}} scales(%arg2)
  %zeros = arith.constant dense<0.0> : tensor<4x8xf32>
  %xf = arith.sitofp %x : tensor<4x64xi8> to tensor<4x64xf32>
  %e = tensor.empty() : tensor<8x64xf32>
  %w = linalg.generic {indexing_maps = [#nk, affine_map<(n, k) -> (n, k floordiv 32)>, #nk], iterator_types = ["parallel", "parallel"]} ins(%q, %s : tensor<8x64xi8>, tensor<8x2xf32>) outs(%e : tensor<8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %f = arith.sitofp %a : i8 to f32
    %m = arith.mulf %f, %b : f32
    linalg.yield %m : f32
  } -> tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%xf, %w : tensor<4x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: func @named(
func.func @named(%a: tensor<6x32xi8>, %b: tensor<32x10xi8>, %init: tensor<6x10xi32>) -> tensor<6x10xi32> {
  // CHECK: %[[W:.*]] = linalg.transpose ins(%arg1 : tensor<32x10xi8>)
  // CHECK: %[[ZERO:.*]] = tensor.from_elements %c3_i32
  // CHECK: %[[SUM:.*]] = rlx.qmatmul %arg0, %[[W]] x_zero_point(%[[ZERO]]) : (tensor<6x32xi8>, tensor<10x32xi8>, tensor<1xi32>) -> tensor<6x10xi32>
  // CHECK: linalg.add ins(%[[SUM]], %arg2
  %za = arith.constant 3 : i32
  %zb = arith.constant 0 : i32
  %c = linalg.quantized_matmul ins(%a, %b, %za, %zb : tensor<6x32xi8>, tensor<32x10xi8>, i32, i32) outs(%init : tensor<6x10xi32>) -> tensor<6x10xi32>
  return %c : tensor<6x10xi32>
}
