// RUN: rlx-opt %s --rlx-fuse-dequant | FileCheck %s

!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
!s = tensor<8x64xf32, #rlx.quant<int8/32>>

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#km = affine_map<(m, n, k) -> (k, m)>
#mn = affine_map<(m, n, k) -> (m, n)>
#nm = affine_map<(m, n, k) -> (n, m)>

// CHECK-LABEL: func @rlx_matmul(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[W:[a-z0-9]+]]: tensor<8x64xf32, #rlx.quant<int8/32>>, %[[S:[a-z0-9]+]]: tensor<8x2xf32>, %[[B:[a-z0-9]+]]:
func.func @rlx_matmul(%x: tensor<?x64xf32>, %w: !s, %s: tensor<8x2xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK-NOT: rlx.dequantize
  // CHECK: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] scales(%[[S]]) bias(%[[B]]) {activations = i8}
  // CHECK: return %[[Y]]
  %v = rlx.dequantize %w scales(%s) : (!s, tensor<8x2xf32>) -> tensor<8x64xf32>
  %y = rlx.matmul %x, %v bias(%b) {activations = i8} : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @rlx_gather_matmul
func.func @rlx_gather_matmul(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<5x2xi32>) -> tensor<5x2x8xf32> {
  // CHECK-NOT: rlx.dequantize
  // CHECK: rlx.gather_matmul {{.*}} tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>
  %v = rlx.dequantize %w : (tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<4x8x64xf32>
  %y = rlx.gather_matmul %x, %v, %ids : (tensor<5x64xf32>, tensor<4x8x64xf32>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  return %y : tensor<5x2x8xf32>
}

// CHECK-LABEL: func @rlx_embedding
func.func @rlx_embedding(%w: !s, %s: tensor<8x2xf32>, %ids: tensor<7xi32>) -> tensor<7x64xf32> {
  // CHECK-NOT: rlx.dequantize
  // CHECK: rlx.embedding %{{.*}}, %{{.*}} scales(%{{.*}})
  %v = rlx.dequantize %w scales(%s) : (!s, tensor<8x2xf32>) -> tensor<8x64xf32>
  %y = rlx.embedding %v, %ids : (tensor<8x64xf32>, tensor<7xi32>) -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// Zeros vanish.
// CHECK-LABEL: func @matmul_maps(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[W:[a-z0-9]+]]: tensor<8x64xf32, #rlx.quant<int8/32>>, %[[S:[a-z0-9]+]]: tensor<8x2xf32>
func.func @matmul_maps(%x: tensor<?x64xf32>, %w: !s, %s: tensor<8x2xf32>, %empty: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // CHECK-NEXT: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] scales(%[[S]]) : (tensor<?x64xf32>, {{.*}}) -> tensor<?x8xf32>
  // CHECK-NEXT: return %[[Y]]
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x8xf32>) -> tensor<?x8xf32>
  %v = rlx.dequantize %w scales(%s) : (!s, tensor<8x2xf32>) -> tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %v : tensor<?x64xf32>, tensor<8x64xf32>) outs(%zeros : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @transposed_weight(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<3x64xf32>, %[[W:[a-z0-9]+]]:
func.func @transposed_weight(%x: tensor<3x64xf32>, %w: !w, %empty: tensor<64x8xf32>) -> tensor<3x8xf32> {
  // CHECK-NEXT: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] :
  // CHECK-NEXT: return %[[Y]]
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %t = linalg.transpose ins(%v : tensor<8x64xf32>) outs(%empty : tensor<64x8xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %t : tensor<3x64xf32>, tensor<64x8xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A generic transpose, as it is after generalization.
// CHECK-LABEL: func @generic_transpose
func.func @generic_transpose(%x: tensor<3x64xf32>, %w: !w, %empty: tensor<64x8xf32>) -> tensor<3x8xf32> {
  // CHECK-NEXT: rlx.matmul
  %zeros = arith.constant dense<0.0> : tensor<3x8xf32>
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %t = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%v : tensor<8x64xf32>) outs(%empty : tensor<64x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<64x8xf32>
  %y = linalg.matmul ins(%x, %t : tensor<3x64xf32>, tensor<64x8xf32>) outs(%zeros : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// What one row adds to is its bias.
// CHECK-LABEL: func @matvec(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<64xf32>, %[[W:[a-z0-9]+]]: {{.*}}, %[[B:[a-z0-9]+]]: tensor<8xf32>
func.func @matvec(%x: tensor<64xf32>, %w: !w, %b: tensor<8xf32>) -> tensor<8xf32> {
  // CHECK: %[[ROW:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0, 1]] output_shape [1, 64]
  // CHECK: %[[Y:.*]] = rlx.matmul %[[ROW]], %[[W]] bias(%[[B]]) : {{.*}} -> tensor<1x8xf32>
  // CHECK: %[[FLAT:.*]] = tensor.collapse_shape %[[Y]] {{\[\[}}0, 1]]
  // CHECK: return %[[FLAT]]
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.matvec ins(%v, %x : tensor<8x64xf32>, tensor<64xf32>) outs(%b : tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: func @vecmat_transposed
func.func @vecmat_transposed(%x: tensor<64xf32>, %w: !w, %empty: tensor<64x8xf32>) -> tensor<8xf32> {
  // CHECK-NOT: linalg
  // CHECK: rlx.matmul
  %zeros = arith.constant dense<0.0> : tensor<8xf32>
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %t = linalg.transpose ins(%v : tensor<8x64xf32>) outs(%empty : tensor<64x8xf32>) permutation = [1, 0]
  %y = linalg.vecmat ins(%x, %t : tensor<64xf32>, tensor<64x8xf32>) outs(%zeros : tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// Operands in the other order, fast math in the body.
// CHECK-LABEL: func @generic(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<3x64xf32>, %[[W:[a-z0-9]+]]: {{.*}}, %[[B:[a-z0-9]+]]: tensor<8xf32>
func.func @generic(%x: tensor<3x64xf32>, %w: !w, %b: tensor<8xf32>, %empty: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK-NEXT: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] bias(%[[B]])
  // CHECK-NEXT: return %[[Y]]
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %init = linalg.broadcast ins(%b : tensor<8xf32>) outs(%empty : tensor<3x8xf32>) dimensions = [0]
  %y = linalg.generic {indexing_maps = [#nk, #mk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%v, %x : tensor<8x64xf32>, tensor<3x64xf32>) outs(%init : tensor<3x8xf32>) {
  ^bb0(%a: f32, %c: f32, %sum: f32):
    %p = arith.mulf %c, %a fastmath<fast> : f32
    %q = arith.addf %p, %sum fastmath<contract> : f32
    linalg.yield %q : f32
  } -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// CHECK-LABEL: func @generic_bias
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<8xf32>
func.func @generic_bias(%b: tensor<8xf32>, %x: tensor<3x64xf32>, %w: !w, %empty: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // CHECK: rlx.matmul {{.*}} bias(%[[B]])
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %init = linalg.generic {indexing_maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%b : tensor<8xf32>) outs(%empty : tensor<3x8xf32>) {
  ^bb0(%a: f32, %c: f32):
    linalg.yield %a : f32
  } -> tensor<3x8xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%init : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A column for every n is no bias.
// CHECK-LABEL: func @added(
// CHECK-SAME: %[[COLUMN:[a-z0-9]+]]: tensor<8xf32>
func.func @added(%c: tensor<8xf32>, %x: tensor<8x64xf32>, %w: !w, %empty: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // CHECK: %[[INIT:.*]] = linalg.broadcast ins(%[[COLUMN]]
  // CHECK: %[[Y:.*]] = rlx.matmul
  // CHECK-NOT: bias
  // CHECK: %[[SUM:.*]] = linalg.add ins(%[[Y]], %[[INIT]] :
  // CHECK: return %[[SUM]]
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %init = linalg.broadcast ins(%c : tensor<8xf32>) outs(%empty : tensor<8x8xf32>) dimensions = [1]
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %v : tensor<8x64xf32>, tensor<8x64xf32>) outs(%init : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// Batches and tokens are rows.
// CHECK-LABEL: func @leading_dimensions(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x?x64xf32>
func.func @leading_dimensions(%x: tensor<2x?x64xf32>, %w: !w, %b: tensor<8xf32>, %empty: tensor<2x?x8xf32>) -> tensor<2x?x8xf32> {
  // CHECK: %[[TOKENS:.*]] = tensor.dim %[[X]]
  // CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]] : tensor<2x?x64xf32> into tensor<?x64xf32>
  // CHECK: %[[Y:.*]] = rlx.matmul %[[ROWS]], %{{.*}} bias({{.*}}) : {{.*}} -> tensor<?x8xf32>
  // CHECK: tensor.expand_shape %[[Y]] {{\[\[}}0, 1], [2]] output_shape [2, %[[TOKENS]], 8]
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %init = linalg.broadcast ins(%b : tensor<8xf32>) outs(%empty : tensor<2x?x8xf32>) dimensions = [0, 1]
  %y = linalg.contract indexing_maps = [affine_map<(b, t, n, k) -> (b, t, k)>, affine_map<(b, t, n, k) -> (n, k)>, affine_map<(b, t, n, k) -> (b, t, n)>]
      ins(%x, %v : tensor<2x?x64xf32>, tensor<8x64xf32>) outs(%init : tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  return %y : tensor<2x?x8xf32>
}

// Sizes that only the weight knows.
// CHECK-LABEL: func @dynamic_sizes
func.func @dynamic_sizes(%x: tensor<?x?xf32>, %w: !w, %init: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // CHECK: %[[X:.*]] = tensor.cast %{{.*}} : tensor<?x?xf32> to tensor<?x64xf32>
  // CHECK: %[[Y:.*]] = rlx.matmul %[[X]], {{.*}} -> tensor<?x8xf32>
  // CHECK: tensor.cast %[[Y]] : tensor<?x8xf32> to tensor<?x?xf32>
  // CHECK: linalg.add
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %v : tensor<?x?xf32>, tensor<8x64xf32>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// CHECK-LABEL: func @other_user
func.func @other_user(%x: tensor<3x64xf32>, %w: !w) -> (tensor<3x8xf32>, tensor<8x64xf32>) {
  // CHECK: %[[V:.*]] = rlx.dequantize %[[W:.*]] :
  // CHECK: rlx.matmul %{{.*}}, %[[W]] :
  // CHECK: return %{{.*}}, %[[V]]
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = rlx.matmul %x, %v : (tensor<3x64xf32>, tensor<8x64xf32>) -> tensor<3x8xf32>
  return %y, %v : tensor<3x8xf32>, tensor<8x64xf32>
}

// From here on, nothing is fused.

// CHECK-LABEL: func @over_n
// CHECK-NOT: rlx.matmul
// CHECK: linalg.matmul
func.func @over_n(%x: tensor<3x8xf32>, %w: !w, %init: tensor<3x64xf32>) -> tensor<3x64xf32> {
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.matmul ins(%x, %v : tensor<3x8xf32>, tensor<8x64xf32>) outs(%init : tensor<3x64xf32>) -> tensor<3x64xf32>
  return %y : tensor<3x64xf32>
}

// CHECK-LABEL: func @transposed_activations
// CHECK-NOT: rlx.matmul
// CHECK: linalg.generic
func.func @transposed_activations(%x: tensor<64x3xf32>, %w: !w, %init: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.generic {indexing_maps = [#km, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<64x3xf32>, tensor<8x64xf32>) outs(%init : tensor<3x8xf32>) {
  ^bb0(%a: f32, %c: f32, %sum: f32):
    %p = arith.mulf %a, %c : f32
    %q = arith.addf %sum, %p : f32
    linalg.yield %q : f32
  } -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// CHECK-LABEL: func @transposed_result
// CHECK-NOT: rlx.matmul
// CHECK: linalg.generic
func.func @transposed_result(%x: tensor<3x64xf32>, %w: !w, %init: tensor<8x3xf32>) -> tensor<8x3xf32> {
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.generic {indexing_maps = [#mk, #nk, #nm], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%init : tensor<8x3xf32>) {
  ^bb0(%a: f32, %c: f32, %sum: f32):
    %p = arith.mulf %a, %c : f32
    %q = arith.addf %sum, %p : f32
    linalg.yield %q : f32
  } -> tensor<8x3xf32>
  return %y : tensor<8x3xf32>
}

// CHECK-LABEL: func @batches_of_weights
// CHECK-NOT: rlx.matmul
// CHECK: linalg.batch_matmul
func.func @batches_of_weights(%x: tensor<4x3x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, %init: tensor<4x3x8xf32>) -> tensor<4x3x8xf32> {
  %v = rlx.dequantize %w : (tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<4x8x64xf32>
  %y = linalg.batch_matmul indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>]
      ins(%x, %v : tensor<4x3x64xf32>, tensor<4x8x64xf32>) outs(%init : tensor<4x3x8xf32>) -> tensor<4x3x8xf32>
  return %y : tensor<4x3x8xf32>
}

// CHECK-LABEL: func @other_types
// CHECK-NOT: rlx.matmul
// CHECK: linalg.matmul
func.func @other_types(%x: tensor<3x64xf16>, %w: !w, %init: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %v : tensor<3x64xf16>, tensor<8x64xf32>) outs(%init : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// linalg calls this a contraction too: it looks through operations of one operand.
// CHECK-LABEL: func @not_only_a_product
// CHECK-NOT: rlx.matmul
// CHECK: linalg.generic
func.func @not_only_a_product(%x: tensor<3x64xf32>, %w: !w, %init: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %v = rlx.dequantize %w : (!w) -> tensor<8x64xf32>
  %y = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %v : tensor<3x64xf32>, tensor<8x64xf32>) outs(%init : tensor<3x8xf32>) {
  ^bb0(%a: f32, %c: f32, %sum: f32):
    %n = arith.negf %a : f32
    %p = arith.mulf %n, %c : f32
    %q = arith.addf %sum, %p : f32
    linalg.yield %q : f32
  } -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
