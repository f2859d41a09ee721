// Products of plain buffers: panels of one factor, register tiles of the other's rows.
// RUN: rlx-opt %s --rlx-contractions-to-loops --canonicalize --cse | FileCheck %s
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512bf16, avx512vnni]>}" --rlx-contractions-to-loops --canonicalize --cse | FileCheck %s --check-prefix=PAIRS
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 256, vector_registers = 16, features = [avx2]>}" --rlx-contractions-to-loops | FileCheck %s --check-prefix=NARROW
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<deterministic = true>}" --rlx-contractions-to-loops | FileCheck %s --check-prefix=FIXED
// RUN: rlx-opt %s --rlx-contractions-to-loops=print-choices 2>&1 | FileCheck %s --check-prefix=REMARK

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// A whole number of tiles needs no masks; so little work no second thread.
// CHECK-LABEL: func @rows(
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<24x1024xf32>, %[[B:[a-z0-9]+]]: memref<1024x64xf32>, %[[C:[a-z0-9]+]]: memref<24x64xf32>
// CHECK-NOT: scf.forall
// CHECK-NOT: vector.mask
// CHECK: %[[PANEL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x256x16xf32>
// CHECK: %[[ROWS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<12x272xf32>
// CHECK: scf.for {{.*}} to %c1024 step %c256
// CHECK: vector.load %[[B]]
// CHECK: vector.store {{.*}}, %[[PANEL]]
// CHECK: scf.for {{.*}} to %c24 step %c12
// CHECK: vector.load %[[A]]
// CHECK: vector.store {{.*}}, %[[ROWS]]
// CHECK: %[[SUMS:.*]]:24 = scf.for {{.*}} -> (vector<16xf32>
// CHECK-COUNT-2: vector.load %[[PANEL]]
// CHECK-COUNT-24: vector.fma
// CHECK: vector.load %[[C]]
// CHECK-NEXT: arith.addf
// CHECK: vector.store {{.*}}, %[[C]]
// CHECK: memref.dealloc %[[ROWS]]
// CHECK: memref.dealloc %[[PANEL]]
// NARROW-LABEL: func @rows(
// NARROW: vector.fma {{.*}} : vector<8xf32>
// REMARK: remark: contraction in tiles of 12 rows and 32 columns of f32, panels of 64 columns and K 256 packed as f32, 24 rows a unit
func.func @rows(%a: memref<24x1024xf32>, %b: memref<1024x64xf32>, %c: memref<24x64xf32>) {
  linalg.matmul ins(%a, %b : memref<24x1024xf32>, memref<1024x64xf32>) outs(%c : memref<24x64xf32>)
  return
}

// Where k is contiguous in both, squares are transposed; what is not known is cut at run time and shared out.
// CHECK-LABEL: func @transposed(
// CHECK: %[[ISONE:.*]] = arith.cmpi eq
// CHECK: scf.if %[[ISONE]]
// CHECK: vector.reduction <add>, {{.*}} fastmath<reassoc>
// CHECK: else
// CHECK: scf.forall
// CHECK: vector.shuffle
// CHECK: vector.create_mask
// CHECK: vector.maskedstore
// FIXED-LABEL: func @transposed(
// FIXED-NOT: vector.reduction
// FIXED: vector.maskedstore
// REMARK: remark: contraction in tiles of 12 rows and 32 columns of f32, panels of 256 columns and K 256 packed as f32, 240 rows a unit; one row is multiplied without panels, 128 columns a unit
func.func @transposed(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// PAIRS-LABEL: func @pairs(
// PAIRS: vector.interleave {{.*}} : vector<16xbf16> -> vector<32xbf16>
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// CHECK-LABEL: func @pairs(
// CHECK: arith.extf {{.*}} : vector<16xbf16> to vector<16xf32>
// CHECK: vector.fma
func.func @pairs(%a: memref<24x64xbf16>, %b: memref<64x64xbf16>, %c: memref<24x64xf32>) {
  linalg.matmul ins(%a, %b : memref<24x64xbf16>, memref<64x64xbf16>) outs(%c : memref<24x64xf32>)
  return
}

// PAIRS-LABEL: func @integers(
// PAIRS: vector.interleave {{.*}} : vector<32xi8> -> vector<64xi8>
// PAIRS: %[[COLUMNS:.*]] = scf.for
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// PAIRS: arith.muli {{.*}} : vector<16xi32>
// PAIRS: arith.xori {{.*}} : vector<64xi8>
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK-LABEL: func @integers(
// CHECK: arith.extsi {{.*}} : vector<16xi8> to vector<16xi32>
// CHECK: arith.muli {{.*}} : vector<16xi32>
func.func @integers(%a: memref<24x64xi8>, %b: memref<64x64xi8>, %c: memref<24x64xi32>) {
  linalg.matmul ins(%a, %b : memref<24x64xi8>, memref<64x64xi8>) outs(%c : memref<24x64xi32>)
  return
}

// PAIRS-LABEL: func @unsigned(
// PAIRS-NOT: arith.xori
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
func.func @unsigned(%a: memref<24x64xi8>, %b: memref<64x64xi8>, %c: memref<24x64xi32>) {
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<24x64xi8>, memref<64x64xi8>) outs(%c : memref<24x64xi32>) {
  ^bb0(%x: i8, %y: i8, %o: i32):
    %u = arith.extui %x : i8 to i32
    %v = arith.extsi %y : i8 to i32
    %p = arith.muli %u, %v : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  }
  return
}

// PAIRS-LABEL: func @longer(
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"
func.func @longer(%a: memref<24x64xi16>, %b: memref<64x64xi16>, %c: memref<24x64xi32>) {
  linalg.matmul ins(%a, %b : memref<24x64xi16>, memref<64x64xi16>) outs(%c : memref<24x64xi32>)
  return
}

// Sums of f16 are kept in f32, and rounded once.
// CHECK-LABEL: func @short(
// CHECK: %[[SUMS:.*]] = memref.alloc() {{.*}} : memref<{{.*}}xf32>
// CHECK: arith.extf {{.*}} : vector<16xf16> to vector<16xf32>
// CHECK: vector.fma
// CHECK: arith.truncf {{.*}} : vector<16xf32> to vector<16xf16>
func.func @short(%a: memref<24x64xf16>, %b: memref<64x64xf16>, %c: memref<24x64xf16>) {
  linalg.matmul ins(%a, %b : memref<24x64xf16>, memref<64x64xf16>) outs(%c : memref<24x64xf16>)
  return
}

// A convolution is a product for each place in its window: rows of the input, from where the window is, times a slice
// of the filter.
// CHECK-LABEL: func @window(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<1x10x26x64xf32>, %[[W:[a-z0-9]+]]: memref<3x3x64x32xf32>
// CHECK: scf.for %[[H:[a-z0-9]+]] = %c0 to %c3 step %c1
// CHECK: scf.for %[[V:[a-z0-9]+]] = %c0 to %c3 step %c1
// CHECK: vector.load %[[W]][%[[H]], %[[V]],
// CHECK: affine.apply
// CHECK: vector.load %[[X]]
// CHECK: vector.fma
func.func @window(%x: memref<1x10x26x64xf32>, %w: memref<3x3x64x32xf32>, %y: memref<1x8x24x32xf32>) {
  linalg.conv_2d_nhwc_hwcf ins(%x, %w : memref<1x10x26x64xf32>, memref<3x3x64x32xf32>) outs(%y : memref<1x8x24x32xf32>)
  return
}

// With a filter for each channel there is little to add up for one: vectors along channels do more.
// CHECK-LABEL: func @depthwise(
// CHECK: linalg.depthwise_conv_2d_nhwc_hwc
func.func @depthwise(%x: memref<1x10x26x64xf32>, %w: memref<3x3x64xf32>, %y: memref<1x8x24x64xf32>) {
  linalg.depthwise_conv_2d_nhwc_hwc ins(%x, %w : memref<1x10x26x64xf32>, memref<3x3x64xf32>) outs(%y : memref<1x8x24x64xf32>)
  return
}

// Two dimensions of k that lie side by side are one; a batch is outside of the tiles.
// CHECK-LABEL: func @collapsed(
// CHECK: memref.collapse_shape {{.*}} : memref<4x24x8x32xf32> into memref<4x24x256xf32>
// CHECK: memref.collapse_shape {{.*}} : memref<4x64x8x32xf32> into memref<4x64x256xf32>
// CHECK: vector.fma
func.func @collapsed(%a: memref<4x24x8x32xf32>, %b: memref<4x64x8x32xf32>, %c: memref<4x24x64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, m, n, k, h) -> (b, m, k, h)>, affine_map<(b, m, n, k, h) -> (b, n, k, h)>, affine_map<(b, m, n, k, h) -> (b, m, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%a, %b : memref<4x24x8x32xf32>, memref<4x64x8x32xf32>) outs(%c : memref<4x24x64xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}

// A vector times a matrix is read once, some rows of the matrix at a time.
// CHECK-LABEL: func @vector(
// CHECK: scf.for {{.*}} step %c8
// CHECK-COUNT-8: vector.broadcast
// CHECK-COUNT-8: vector.fma
func.func @vector(%a: memref<512xf32>, %b: memref<512x64xf32>, %c: memref<64xf32>) {
  linalg.vecmat ins(%a, %b : memref<512xf32>, memref<512x64xf32>) outs(%c : memref<64xf32>)
  return
}

// A result whose columns are apart has a buffer of its own until it is complete.
// CHECK-LABEL: func @apart(
// CHECK: %[[SUMS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<{{.*}}xf32>
// CHECK: vector.fma
func.func @apart(%a: memref<24x64xf32>, %b: memref<64x64xf32>, %c: memref<24x64xf32, strided<[1, 24]>>) {
  linalg.matmul ins(%a, %b : memref<24x64xf32>, memref<64x64xf32>) outs(%c : memref<24x64xf32, strided<[1, 24]>>)
  return
}

// Few numbers are not worth packing, and a sum of anything else than products is none of these.
// CHECK-LABEL: func @stay(
// CHECK: linalg.matmul {{.*}}memref<4x4xf32>
// CHECK: linalg.generic
// CHECK-NOT: vector.fma
func.func @stay(%d: memref<4x4xf32>, %e: memref<24x64xf32>, %f: memref<64x64xf32>, %g: memref<24x64xf32>) {
  linalg.matmul ins(%d, %d : memref<4x4xf32>, memref<4x4xf32>) outs(%d : memref<4x4xf32>)
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%e, %f : memref<24x64xf32>, memref<64x64xf32>) outs(%g : memref<24x64xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.subf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
