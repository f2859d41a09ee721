// What only shows at run time is checked before it is relied on.
// RUN: rlx-opt %s --rlx-insert-checks --split-input-file | FileCheck %s

// CHECK-LABEL: func @matmul
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>, %{{.*}}, %{{.*}}, %[[B:.*]]: tensor<?xf32>)
// CHECK: %[[COLUMNS:.*]] = tensor.dim %[[X]], %c1
// CHECK: %[[FITS:.*]] = arith.cmpi eq, %[[COLUMNS]], %[[K:.*]] : index
// CHECK: rlx.check %[[FITS]], "{{.*}}insert-checks.mlir:[[#@LINE+6]]:8: 'rlx.matmul' expected x to have {} columns, as the weight, but got {}"(%[[K]], %[[COLUMNS]])
// CHECK: 'rlx.matmul' expected dimension 0 of the bias to be {}, as of the weight, but got {}
// CHECK: 'rlx.matmul' expected dimension 0 of scales to be {}, but got {}
// CHECK: 'rlx.matmul' expected dimension 0 of its result to be {}, but got {}
// CHECK-NEXT: rlx.matmul
func.func @matmul(%x: tensor<?x?xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>, %s: tensor<?x2xf32>, %b: tensor<?xf32>) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w scales(%s) bias(%b) : (tensor<?x?xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<?x2xf32>, tensor<?xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// -----
// Types that say everything need no check.
// CHECK-LABEL: func @known
// CHECK-NOT: rlx.check
func.func @known(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %i: tensor<4xi32>, %c: tensor<5x64xf32>) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %y, %c0 : tensor<?x8xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %s = tensor.extract_slice %y[0, 0] [%n, 4] [1, 1] : tensor<?x8xf32> to tensor<?x4xf32>
  %a = tensor.extract %i[%c0] : tensor<4xi32>
  %two = arith.constant 2 : i32
  %h = arith.divsi %a, %two : i32
  return %y : tensor<?x8xf32>
}

// -----
// CHECK-LABEL: func @gather
// CHECK: 'rlx.gather_matmul' expected dimension 0 of x to be {}, as of the ids, but got {}
// CHECK: 'rlx.gather_matmul' expected dimension 1 of x to be {}, as of the ids, but got {}
// CHECK-NOT: rlx.check
func.func @gather(%x: tensor<?x?x64xf32>, %w: tensor<4x8x64xf32>, %ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<?x?x64xf32>, tensor<4x8x64xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----
// A division of tensors is checked element by element.
// CHECK-LABEL: func @division
// CHECK: 'arith.divsi' expected dimension 0 of operand 1 to be {}, as of the first tensor, but got {}
// CHECK: linalg.map
// CHECK: rlx.check %{{.*}}, "{{.*}}'arith.divsi' expected a divisor that is not 0"
// CHECK: rlx.check %{{.*}}, "{{.*}}'arith.divsi' expected a quotient that fits, but got the least number divided by -1"
// CHECK: arith.divsi %{{.*}} : i32
func.func @division(%x: tensor<?xi32>, %y: tensor<?xi32>) -> tensor<?xi32> {
  %z = arith.divsi %x, %y : tensor<?xi32>
  return %z : tensor<?xi32>
}

// -----
// Indices of loops that are known to be inside are not checked.
// CHECK-LABEL: func @gathered_rows
// CHECK: 'tensor.extract' expected 0 <= index < {} in dimension 0, but got {}
// CHECK-NOT: in dimension 1
func.func @gathered_rows(%t: tensor<5x3xf32>, %i: tensor<4xi32>) -> tensor<4x3xf32> {
  %e = tensor.empty() : tensor<4x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%i : tensor<4xi32>) outs(%e : tensor<4x3xf32>) {
  ^bb0(%a: i32, %o: f32):
    %k = arith.index_cast %a : i32 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %t[%k, %j] : tensor<5x3xf32>
    linalg.yield %v : f32
  } -> tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

// -----
// CHECK-LABEL: func @moved
// CHECK: 'tensor.insert_slice' expected a slice inside of {} elements in dimension 0, but got {} elements from {} on with a stride of {}
// CHECK: 'tensor.cast' expected dimension 0 to be {}, but got {}
// CHECK: rlx.check %{{.*}}, "{{.*}}'cf.assert' as one says"
// CHECK-NOT: cf.assert
func.func @moved(%cache: tensor<64x4xf32>, %rows: tensor<?x4xf32>, %at: index, %ok: i1) -> tensor<64x4xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %rows, %c0 : tensor<?x4xf32>
  %y = tensor.insert_slice %rows into %cache[%at, 0] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<64x4xf32>
  %z = tensor.cast %rows : tensor<?x4xf32> to tensor<64x4xf32>
  cf.assert %ok, "as one says"
  return %y : tensor<64x4xf32>
}

// -----
// Tensors that one condition chooses from may differ in size.
// CHECK-LABEL: func @choice
// CHECK-NOT: rlx.check
func.func @choice(%c: i1, %x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %z = arith.select %c, %x, %y : tensor<?xf32>
  return %z : tensor<?xf32>
}

// -----
// Elements are gathered one by one, where their indices are checked.
// CHECK-LABEL: func @gather_elements
// CHECK: linalg.generic
// CHECK: %[[I:.*]] = tensor.extract %arg1
// CHECK: %[[AT:.*]] = arith.index_cast %[[I]] : i32 to index
// CHECK: rlx.check %{{.*}}, "{{.*}}expected 0 <= index < {} in dimension 0, but got {}"(%{{.*}}, %[[AT]])
// CHECK-NOT: rlx.check
// CHECK: tensor.extract %arg0[%[[AT]], %{{.*}}] : tensor<?x4xf32>
func.func @gather_elements(%x: tensor<?x4xf32>, %i: tensor<2x1xi32>) -> tensor<2x4xf32> {
  %y = tensor.gather %x[%i] gather_dims([0]) : (tensor<?x4xf32>, tensor<2x1xi32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----
// CHECK-LABEL: func @scatter_elements
// CHECK: 'tensor.scatter' expected dimension 0 of the source to be {}, but got {}
// CHECK: scf.for
// CHECK: rlx.check %{{.*}}, "{{.*}}expected 0 <= index < {} in dimension 0, but got {}"
// CHECK: tensor.insert
func.func @scatter_elements(%x: tensor<?x4xf32>, %y: tensor<4x4xf32>, %i: tensor<?x1xindex>) -> tensor<4x4xf32> {
  %z = tensor.scatter %x into %y[%i] scatter_dims([0]) unique : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<?x1xindex>) -> tensor<4x4xf32>
  return %z : tensor<4x4xf32>
}

// Where nothing reads a result, no kernel checks its ids.
// CHECK-LABEL: func @unread
// CHECK: linalg.map ins(%[[IDS:.*]] : tensor<3xi32>)
// CHECK: arith.cmpi ult
// CHECK: rlx.check %{{.*}}, "{{.*}}'rlx.embedding' expected 0 <= id < {}, but got {}"
// CHECK: rlx.embedding
// CHECK: linalg.map
// CHECK: rlx.check %{{.*}}, "{{.*}}'rlx.gather_matmul' expected 0 <= id < {}, but got {}"
// CHECK-NOT: linalg.map
// CHECK: return
func.func @unread(%t: tensor<8x64xf32>, %w: tensor<4x8x64xf32>, %ids: tensor<3xi32>, %experts: tensor<3x1xi32>) -> (tensor<3x64xf32>, index) {
  %c0 = arith.constant 0 : index
  %read = rlx.embedding %t, %ids : (tensor<8x64xf32>, tensor<3xi32>) -> tensor<3x64xf32>
  %x = rlx.embedding %t, %ids : (tensor<8x64xf32>, tensor<3xi32>) -> tensor<3x64xf32>
  %y = rlx.gather_matmul %x, %w, %experts : (tensor<3x64xf32>, tensor<4x8x64xf32>, tensor<3x1xi32>) -> tensor<3x1x8xf32>
  %n = tensor.dim %y, %c0 : tensor<3x1x8xf32>
  return %read, %n : tensor<3x64xf32>, index
}

// -----
// CHECK-LABEL: func @softmax
// CHECK: 'linalg.softmax' expected dimension 0 of operand 1 to be {}, as of operand 0, but got {}
// CHECK: 'linalg.softmax' expected dimension 1 of operand 1 to be {}, as of operand 0, but got {}
func.func @softmax(%x: tensor<?x?xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %z = linalg.softmax dimension(1) ins(%x : tensor<?x?xf32>) outs(%y : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// -----
// CHECK-LABEL: func @pack
// CHECK: 'linalg.pack' expected a tile of at least 1, but got {}
// CHECK: 'linalg.pack' expected dimension 2 of the packed tensor to be {}, as the tile, but got {}
// CHECK: 'linalg.pack' expected dimension 1 to be a multiple of {}, as there is no padding value, but got {}
// CHECK: 'linalg.pack' expected dimension 0 of the packed tensor to be {}, but got {}
// CHECK: 'linalg.pack' expected dimension 1 of the packed tensor to be {}, but got {}
// CHECK: 'linalg.unpack' expected dimension 2 of the packed tensor to be {}, as the tile, but got {}
// CHECK-NOT: multiple
// CHECK: 'linalg.unpack' expected dimension 1 of the packed tensor to be {}, but got {}
// CHECK: 'bufferization.materialize_in_destination' expected dimension 0 of the source to be {}, as of the destination, but got {}
func.func @pack(%x: tensor<?x?xf32>, %p: tensor<?x?x?xf32>, %y: tensor<?x?xf32>, %n: index) -> tensor<?x?xf32> {
  %q = linalg.pack %x inner_dims_pos = [1] inner_tiles = [%n] into %p : tensor<?x?xf32> -> tensor<?x?x?xf32>
  %z = linalg.unpack %q inner_dims_pos = [1] inner_tiles = [%n] into %y : tensor<?x?x?xf32> -> tensor<?x?xf32>
  %r = bufferization.materialize_in_destination %z in %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}

// -----

// Of buffers, nothing is checked.
// CHECK-LABEL: func @buffers(
// CHECK-NEXT: linalg.softmax
// CHECK-NEXT: return
func.func @buffers(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  linalg.softmax dimension(1) ins(%x : memref<?x8xf32>) outs(%y : memref<?x8xf32>)
  return
}
