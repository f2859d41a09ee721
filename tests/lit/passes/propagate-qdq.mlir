// RUN: split-file %s %t
// RUN: rlx-opt %t/moved.mlir --rlx-propagate-qdq | FileCheck %t/moved.mlir
// RUN: rlx-opt %t/left.mlir --rlx-propagate-qdq --verify-diagnostics | FileCheck %t/left.mlir
// What is moved computes the same, bit for bit.
// RUN: python3 %S/../tools/npy.py write %t/q.npy '|i1' 2,4,4,3 -128 127 -5 0 17 -64 3 99 -100 1 2
// RUN: rlx-run %t/chain.mlir --input %t/q.npy --output %t/plain.npy --verify
// RUN: rlx-opt %t/chain.mlir --rlx-propagate-qdq -o %t/codes.mlir
// RUN: FileCheck %t/chain.mlir --input-file %t/codes.mlir
// RUN: rlx-run %t/codes.mlir --input %t/q.npy --output %t/codes.npy --verify
// RUN: cmp %t/plain.npy %t/codes.npy

//--- moved.mlir
#id2 = affine_map<(a, b) -> (a, b)>
#id3 = affine_map<(a, b, c) -> (a, b, c)>
#last = affine_map<(a, b, c) -> (c)>
// CHECK-DAG: #[[MIDDLE:.*]] = affine_map<(d0, d1, d2) -> (d1)>
// CHECK-LABEL: func @reshapes
func.func @reshapes(%q: tensor<2x?xi8>, %n: index) -> tensor<1x?xf32> {
  %s = arith.constant 0.5 : f32
  %c1 = arith.constant 1 : index
  %size = tensor.dim %q, %c1 : tensor<2x?xi8>
  %e = tensor.empty(%size) : tensor<2x?xf32>
  %x = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<2x?xi8>) outs(%e : tensor<2x?xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %y = arith.mulf %f, %s : f32
    linalg.yield %y : f32
  } -> tensor<2x?xf32>
  // CHECK: %[[C:.*]] = tensor.collapse_shape %arg0 {{\[\[}}0, 1]] : tensor<2x?xi8> into tensor<?xi8>
  // CHECK: %[[E:.*]] = tensor.expand_shape %[[C]] {{\[\[}}0, 1]] output_shape [1, %{{.*}}] : tensor<?xi8> into tensor<1x?xi8>
  // CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[E]] : tensor<1x?xi8>)
  // CHECK: return %[[Y]]
  %c = tensor.collapse_shape %x [[0, 1]] : tensor<2x?xf32> into tensor<?xf32>
  %y = tensor.expand_shape %c [[0, 1]] output_shape [1, %n] : tensor<?xf32> into tensor<1x?xf32>
  return %y : tensor<1x?xf32>
}

// Scales of channels go where the channels go.
// CHECK-LABEL: func @channels
func.func @channels(%q: tensor<4x5x2xi8>) -> tensor<2x2x3xf32> {
  %scales = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %zeros = arith.constant dense<[3.0, -1.0]> : tensor<2xf32>
  %e = tensor.empty() : tensor<4x5x2xf32>
  %x = linalg.generic {indexing_maps = [#id3, #last, #last, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%q, %scales, %zeros : tensor<4x5x2xi8>, tensor<2xf32>, tensor<2xf32>) outs(%e : tensor<4x5x2xf32>) {
  ^bb0(%in: i8, %scale: f32, %zero: f32, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.subf %f, %zero : f32
    %y = arith.mulf %d, %scale : f32
    linalg.yield %y : f32
  } -> tensor<4x5x2xf32>
  // CHECK: tensor.extract_slice %arg0[1, 0, 0] [2, 3, 2] [1, 1, 1] : tensor<4x5x2xi8> to tensor<2x3x2xi8>
  // CHECK: linalg.transpose ins(%{{.*}} : tensor<2x3x2xi8>) outs(%{{.*}} : tensor<2x2x3xi8>) permutation = [0, 2, 1]
  // CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[MIDDLE]], #[[MIDDLE]], #{{.*}}]
  %s = tensor.extract_slice %x[1, 0, 0] [2, 3, 2] [1, 1, 1] : tensor<4x5x2xf32> to tensor<2x3x2xf32>
  %t = tensor.empty() : tensor<2x2x3xf32>
  %y = linalg.transpose ins(%s : tensor<2x3x2xf32>) outs(%t : tensor<2x2x3xf32>) permutation = [0, 2, 1]
  return %y : tensor<2x2x3xf32>
}

//--- chain.mlir
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
// CHECK-LABEL: func @main
// CHECK: linalg.pooling_nhwc_max {{.*}} tensor<2x4x4x3xi8>
// CHECK: arith.constant -7 : i8
// CHECK: arith.maxsi
// CHECK: tensor.concat dim(2) {{.*}}xi8>
// CHECK: arith.sitofp
// CHECK: return
func.func @main(%q: tensor<2x4x4x3xi8>) -> tensor<2x2x4x3xf32> {
  %s = arith.constant 0.3 : f32
  %z = arith.constant -7.0 : f32
  %zero = arith.constant 0.0 : f32
  %least = arith.constant 0xFF800000 : f32
  %e = tensor.empty() : tensor<2x4x4x3xf32>
  %x = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%q : tensor<2x4x4x3xi8>) outs(%e : tensor<2x4x4x3xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %d = arith.subf %f, %z : f32
    %y = arith.mulf %d, %s : f32
    linalg.yield %y : f32
  } -> tensor<2x4x4x3xf32>
  %window = tensor.empty() : tensor<2x2xf32>
  %p = tensor.empty() : tensor<2x2x2x3xf32>
  %f = linalg.fill ins(%least : f32) outs(%p : tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %m = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>} ins(%x, %window : tensor<2x4x4x3xf32>, tensor<2x2xf32>) outs(%f : tensor<2x2x2x3xf32>) -> tensor<2x2x2x3xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%m : tensor<2x2x2x3xf32>) outs(%p : tensor<2x2x2x3xf32>) {
  ^bb0(%in: f32, %out: f32):
    %isAbove = arith.cmpf ugt, %in, %zero : f32
    %y = arith.select %isAbove, %in, %zero : f32
    linalg.yield %y : f32
  } -> tensor<2x2x2x3xf32>
  %y = tensor.concat dim(2) %r, %m : (tensor<2x2x2x3xf32>, tensor<2x2x2x3xf32>) -> tensor<2x2x4x3xf32>
  return %y : tensor<2x2x4x3xf32>
}

//--- left.mlir
#id2 = affine_map<(a, b) -> (a, b)>
#last = affine_map<(a, b) -> (b)>
// CHECK-LABEL: func @left
func.func @left(%q: tensor<4x2xi8>, %other: tensor<4x2xf32>) -> (tensor<8xf32>, tensor<4x1xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %scales = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %s = arith.constant 0.5 : f32
  %one = arith.constant dense<1.0> : tensor<4x2xf32>
  %e = tensor.empty() : tensor<4x2xf32>
  %x = linalg.generic {indexing_maps = [#id2, #last, #id2], iterator_types = ["parallel", "parallel"]} ins(%q, %scales : tensor<4x2xi8>, tensor<2xf32>) outs(%e : tensor<4x2xf32>) {
  ^bb0(%in: i8, %scale: f32, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %y = arith.mulf %f, %scale : f32
    linalg.yield %y : f32
  } -> tensor<4x2xf32>
  %v = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%q : tensor<4x2xi8>) outs(%e : tensor<4x2xf32>) {
  ^bb0(%in: i8, %out: f32):
    %f = arith.sitofp %in : i8 to f32
    %y = arith.mulf %f, %s : f32
    linalg.yield %y : f32
  } -> tensor<4x2xf32>
  // CHECK: tensor.collapse_shape %{{.*}} : tensor<4x2xf32>
  // expected-remark@+1 {{numbers of codes are not moved as codes: channels with scales of their own would be put together}}
  %a = tensor.collapse_shape %x [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  // CHECK: tensor.extract_slice %{{.*}} : tensor<4x2xf32>
  // expected-remark@+1 {{channels with scales of their own are cut off}}
  %b = tensor.extract_slice %x[0, 1] [4, 1] [1, 1] : tensor<4x2xf32> to tensor<4x1xf32>
  // CHECK: tensor.concat {{.*}} : (tensor<4x2xf32>
  // expected-remark@+1 {{only some of the operands are numbers of codes}}
  %c = tensor.concat dim(1) %v, %other : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  // CHECK: tensor.concat {{.*}} : (tensor<4x2xf32>
  // expected-remark@+1 {{scales follow different dimensions}}
  %d = tensor.concat dim(1) %v, %x : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  // CHECK: arith.maximumf %{{.*}} : tensor<4x2xf32>
  // expected-remark@+1 {{a maximum with another number than 0 need not have a code}}
  %g = arith.maximumf %v, %one : tensor<4x2xf32>
  // Not what is looked for.
  // CHECK: arith.addf %{{.*}} : tensor<4x2xf32>
  %h = arith.addf %v, %one : tensor<4x2xf32>
  return %a, %b, %c, %d, %g, %h : tensor<8xf32>, tensor<4x1xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}
