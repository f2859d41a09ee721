// RUN: rlx-opt %s --rlx-fuse-epilogue --canonicalize --split-input-file | FileCheck %s

// A chain of operations, one of another matmul's result, into the last matmul.
// CHECK: #[[MAP:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @silu_times
// CHECK: %[[GATE:.*]] = rlx.block_matmul
// CHECK-NOT: linalg
// CHECK: %[[R:.*]] = rlx.block_matmul ins(%{{.*}}, %{{.*}}) epilogue(%[[GATE]]) [#[[MAP]]] {
// CHECK-NEXT: ^bb0(%[[UP:.*]]: f32, %[[G:.*]]: f32):
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[G]]
// CHECK-NEXT: %[[E:.*]] = math.exp %[[N]]
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[E]], %[[UP]]
// CHECK-NEXT: rlx.yield %[[P]] : f32
// CHECK: return %[[R]]
func.func @silu_times(%x: tensor<2x64xf32>, %g: tensor<8x68xi8>, %u: tensor<8x68xi8>) -> tensor<2x8xf32> {
  %empty = tensor.empty() : tensor<2x8xf32>
  %gate = rlx.block_matmul ins(%x, %g) outs(%empty) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<2x64xf32>, tensor<8x68xi8>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %up = rlx.block_matmul ins(%x, %u) outs(%empty) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<2x64xf32>, tensor<8x68xi8>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %n = linalg.negf ins(%gate : tensor<2x8xf32>) outs(%empty : tensor<2x8xf32>) -> tensor<2x8xf32>
  %e = linalg.exp ins(%n : tensor<2x8xf32>) outs(%empty : tensor<2x8xf32>) -> tensor<2x8xf32>
  %p = linalg.mul ins(%e, %up : tensor<2x8xf32>, tensor<2x8xf32>) outs(%empty : tensor<2x8xf32>) -> tensor<2x8xf32>
  return %p : tensor<2x8xf32>
}

// -----

// What is the same for a row or for a column, and a destination that is read.
// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[BOTH:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func @broadcast
// CHECK-SAME: %[[S:[a-z0-9]+]]: tensor<?xf32>, %[[C:[a-z0-9]+]]: tensor<8xf16>, %[[Z:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK: rlx.packed_matmul ins(%{{.*}}, %{{.*}}) epilogue(%[[S]], %[[C]], %[[Z]]) [#[[ROW]], #[[COLUMN]], #[[BOTH]]] {
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f16, %{{.*}}: f32):
// CHECK-NOT: linalg
func.func @broadcast(%x: tensor<?x64xf32>, %w: tensor<1088xi8>, %y: tensor<?x8xf32>, %s: tensor<?xf32>, %c: tensor<8xf16>, %z: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (tensor<?x64xf32>, tensor<1088xi8>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]}
      ins(%s, %0, %c : tensor<?xf32>, tensor<?x8xf32>, tensor<8xf16>) outs(%z : tensor<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %d: f16, %o: f32):
    %e = arith.extf %d : f16 to f32
    %f = arith.mulf %a, %b : f32
    %g = arith.addf %f, %e : f32
    %h = arith.addf %g, %o : f32
    linalg.yield %h : f32
  } -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// Results that others read, of another type or transposed, and operations that
// know where they are stay.
// CHECK-LABEL: func @stay
// CHECK-NOT: epilogue
// CHECK-COUNT-4: linalg.generic
func.func @stay(%x: tensor<8x64xf32>, %w: tensor<8x68xi8>, %y: tensor<8x8xf32>, %h: tensor<8x8xf16>) -> (tensor<8x8xf32>, tensor<8x8xf16>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (tensor<8x64xf32>, tensor<8x68xi8>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.exp ins(%0 : tensor<8x8xf32>) outs(%y : tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = bf16} : (tensor<8x64xf32>, tensor<8x68xi8>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%2 : tensor<8x8xf32>) outs(%h : tensor<8x8xf16>) {
  ^bb0(%a: f32, %b: f16):
    %c = arith.truncf %a : f32 to f16
    linalg.yield %c : f16
  } -> tensor<8x8xf16>
  %4 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8} : (tensor<8x64xf32>, tensor<8x68xi8>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (n, m)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%4 : tensor<8x8xf32>) outs(%y : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = arith.negf %a : f32
    linalg.yield %c : f32
  } -> tensor<8x8xf32>
  %6 = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i16} : (tensor<8x64xf32>, tensor<8x68xi8>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %7 = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (m, n)>], iterator_types = ["parallel", "parallel"]} ins(%6 : tensor<8x8xf32>) outs(%y : tensor<8x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i32
    %k = arith.sitofp %j : i32 to f32
    %c = arith.addf %a, %k : f32
    linalg.yield %c : f32
  } -> tensor<8x8xf32>
  return %0, %3, %5, %7, %1 : tensor<8x8xf32>, tensor<8x8xf16>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}
