// RUN: rlx-opt %s --split-input-file --rlx-blocks-to-loops --canonicalize --verify-diagnostics | FileCheck %s
// Fewer lanes: more decodes, shorter vectors.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 128, vector_registers = 16>}" --rlx-blocks-to-loops --verify-diagnostics | FileCheck %s --check-prefix=NARROW
// Pairs of bf16 where the target multiplies them.
// RUN: rlx-opt %s --split-input-file "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512bf16]>}" --rlx-blocks-to-loops --verify-diagnostics | FileCheck %s --check-prefix=PAIRS

// One row of activations multiplies as it decodes.
// CHECK-LABEL: func @one_row(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<1x64xf32>, %[[W:[a-z0-9]+]]: memref<100x68xi8>, %[[B:[a-z0-9]+]]: memref<100xf32>, %[[Y:[a-z0-9]+]]:
// NARROW-LABEL: func @one_row(
func.func @one_row(%x: memref<1x64xf32>, %w: memref<100x68xi8>, %b: memref<100xf32>, %y: memref<1x100xf32>) {
  // CHECK-NOT: memref.alloc
  // CHECK: scf.forall (%{{.*}}) in (2)
  // CHECK: %[[SUMS:.*]]:{{[0-9]+}} = scf.for %[[K:.*]] = %c0 to %c64 step %c32 iter_args
  // CHECK: vector.load %[[X]][%c0, %[[K]]] : memref<1x64xf32>, vector<16xf32>
  // CHECK: rlx.decode %[[W]][%{{.*}}, %{{.*}}] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<100x68xi8> -> vector<16xf32>
  // CHECK: vector.fma
  // CHECK: rlx.decode %[[W]][%{{.*}}, %{{.*}}] at 16
  // CHECK: vector.reduction <add>, %[[SUMS]]#0 fastmath<reassoc>
  // CHECK: memref.load %[[B]]
  // CHECK: memref.store %{{.*}}, %[[Y]]
  // NARROW: rlx.decode {{.*}} at 28 {{.*}} -> vector<4xf32>
  rlx.block_matmul ins(%x, %w) bias(%b) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
      : (memref<1x64xf32>, memref<100x68xi8>, memref<100xf32>, memref<1x100xf32>) -> ()
  return
}

// More rows share a decoded panel; the last columns are masked.
// CHECK-LABEL: func @many_rows
// CHECK-SAME: %[[Y:[a-z0-9]+]]: memref<37x100xf32>
func.func @many_rows(%y: memref<37x100xf32>, %x: memref<37x64xf32>, %w: memref<100x68xi8>) {
  // CHECK: scf.forall
  // CHECK: %[[PANEL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x80x16xf32>
  // CHECK: rlx.decode
  // CHECK: vector.shuffle
  // CHECK: vector.store %{{.*}}, %[[PANEL]]
  // CHECK: vector.create_mask
  // CHECK: vector.load %[[PANEL]]
  // CHECK: vector.fma
  // CHECK: vector.maskedstore %[[Y]]
  // CHECK: memref.dealloc %[[PANEL]]
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
      : (memref<37x64xf32>, memref<100x68xi8>, memref<37x100xf32>) -> ()
  return
}

// How many rows there are is known later.
// CHECK-LABEL: func @any_rows(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<?x64xf32>
func.func @any_rows(%x: memref<?x64xf32>, %w: memref<128x68xi8>, %y: memref<?x128xf32>) {
  // CHECK: %[[M:.*]] = memref.dim %[[X]]
  // CHECK: %[[FEW:.*]] = arith.cmpi ult, %[[M]], %c2
  // CHECK: scf.if %[[FEW]]
  // CHECK: scf.forall
  // CHECK: } else {
  // CHECK: scf.forall
  // CHECK: memref.alloc
  // CHECK-NOT: vector.maskedstore
  // CHECK: return
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
      : (memref<?x64xf32>, memref<128x68xi8>, memref<?x128xf32>) -> ()
  return
}

// Weights and activations are rounded to bf16, two k side by side; one without
// instructions for that rounds activations alone.
// CHECK-LABEL: func @pairs(
// PAIRS-LABEL: func @pairs(
func.func @pairs(%x: memref<20x64xf32>, %w: memref<32x68xi8>, %y: memref<20x32xf32>) {
  // CHECK: arith.constant -65536 : i32
  // CHECK-NOT: bf16
  // CHECK: vector.fma
  // PAIRS: memref.alloc() {alignment = 64 : i64} : memref<4x40x32xbf16>
  // PAIRS: vector.interleave %{{.*}}, %{{.*}} : vector<16xbf16> -> vector<32xbf16>
  // PAIRS: arith.truncf %{{.*}} : vector<16xf32> to vector<16xbf16>
  // PAIRS: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
  // PAIRS-NOT: vector.fma
  // PAIRS: return
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = bf16}
      : (memref<20x64xf32>, memref<32x68xi8>, memref<20x32xf32>) -> ()
  return
}

// Minima of 6 bits are multiplied with sums of activations by dot products: two
// bytes a sum, two vectors of four groups. Panels are filled for many rows, whose
// activations are asked for in advance, as the next weights are.
// CHECK-LABEL: func @minima(
// CHECK-SAME: memref<64x256xf32>, %[[P:[a-z0-9]+]]: memref<2368xi8>
func.func @minima(%x: memref<64x256xf32>, %p: memref<2368xi8>, %y: memref<64x16xf32>) {
  // CHECK: %[[SUMS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x64x2x8xi8>
  // CHECK: scf.forall
  // CHECK: %[[PANEL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<4x64x64xi8>
  // CHECK: vector.load %[[P]]
  // CHECK: vector.store %{{.*}}, %[[PANEL]]
  // CHECK: memref.prefetch %{{.*}} : memref<4096xi32>
  // CHECK: memref.prefetch %[[P]]
  // CHECK: rlx.dot {{.*}} below 16
  // CHECK: vector.load %[[SUMS]]
  // CHECK-COUNT-4: rlx.dot {{.*}} below 64
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 16>]>}
      : (memref<64x256xf32>, memref<2368xi8>, memref<64x16xf32>) -> ()
  return
}

// Blocks shorter than a vector are decoded several at once; what is left is not.
// CHECK-LABEL: func @short_blocks
func.func @short_blocks(%x: memref<1x37xf32>, %w: memref<8x37xi8>, %y: memref<1x8xf32>) {
  // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
  // CHECK: rlx.decode {{.*}} -> vector<16xf32>
  // CHECK: scf.for %{{.*}} = %c32 to %c37 step %c1
  // CHECK: rlx.decode {{.*}} -> vector<1xf32>
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<fp8e4m3>, activations = f32}
      : (memref<1x37xf32>, memref<8x37xi8>, memref<1x8xf32>) -> ()
  return
}

// Ids are checked before they are used, and used as 0 where out of range. Rows
// are sorted by expert: how many there are, where each begins, which they are.
// CHECK-LABEL: func @experts(
// CHECK-SAME: %[[IDS:[a-z0-9]+]]: memref<5x2xi32>, %[[S:[a-z0-9]+]]: memref<4x8x2xf32>
func.func @experts(%ids: memref<5x2xi32>, %s: memref<4x8x2xf32>, %x: memref<5x64xf32>, %w: memref<4x8x64xi8>, %b: memref<4x8xf32>, %y: memref<5x2x8xf32>) {
  // CHECK: %[[ID:.*]] = memref.load %[[IDS]]
  // CHECK: %[[GOOD:.*]] = arith.cmpi ult, %[[ID]], %c4_i32
  // CHECK: scf.if %[[GOOD]]
  // CHECK: } else {
  // CHECK: rlx.report_index "expert id of 'rlx.gather_matmul'" at %{{.*}} value %{{.*}} bound %c4
  // CHECK: arith.select %{{.*}}, %{{.*}}, %c0 : index
  // CHECK: memref.store %{{.*}}, %[[BEGINS:.*]][%{{.*}}] : memref<5xindex>
  // CHECK: scf.for {{.*}} iter_args
  // CHECK: memref.store %{{.*}}, %[[POSITIONS:.*]][%{{.*}}] : memref<10xindex>
  // CHECK: scf.for %[[EXPERT:.*]] = %c0 to %c4 step %c1
  // CHECK: memref.load %[[POSITIONS]]
  // CHECK: rlx.decode %{{.*}}[%[[EXPERT]], %{{.*}}, %{{.*}}] at 0 scales(%[[S]] : memref<4x8x2xf32>)
  rlx.block_matmul ins(%x, %w, %ids) scales(%s) bias(%b) outs(%y) {scheme = #rlx.quant<int8/32>, activations = f32}
      : (memref<5x64xf32>, memref<4x8x64xi8>, memref<5x2xi32>, memref<4x8x2xf32>, memref<4x8xf32>, memref<5x2x8xf32>) -> ()
  return
}

// CHECK-LABEL: func @dequantize(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<8x54xi8>, %[[Y:[a-z0-9]+]]: memref<8x96xf32>
func.func @dequantize(%w: memref<8x54xi8>, %y: memref<8x96xf32>) {
  // CHECK: scf.forall (%[[ROW:.*]]) in (8)
  // CHECK: scf.for %[[K:.*]] = %c0 to %c96 step %c32
  // CHECK: %[[V:.*]] = rlx.decode %[[W]][%[[ROW]], %{{.*}}] at 0
  // CHECK: vector.store %[[V]], %[[Y]][%[[ROW]], %[[K]]]
  // CHECK: rlx.decode %[[W]][%[[ROW]], %{{.*}}] at 16
  rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q4_0>} : (memref<8x54xi8>, memref<8x96xf32>) -> ()
  return
}

// CHECK-LABEL: func @embedding
func.func @embedding(%w: memref<8x54xi8>, %ids: memref<?x2xi32>, %y: memref<?x2x96xf32>) {
  // CHECK: rlx.report_index "row id of 'rlx.embedding'"
  // CHECK: scf.forall
  // CHECK: affine.delinearize_index
  rlx.block_dequantize ins(%w, %ids) outs(%y) {scheme = #rlx.quant<gguf_q4_0>}
      : (memref<8x54xi8>, memref<?x2xi32>, memref<?x2x96xf32>) -> ()
  return
}

// Integer codes of whole bytes: rounded half away from zero, saturated, stored.
// CHECK-LABEL: func @quantize_bytes(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<8x64xf32>, %[[S:[a-z0-9]+]]: memref<8x2xf32>, %[[Z:[a-z0-9]+]]: memref<8x2xf32>, %[[Q:[a-z0-9]+]]:
func.func @quantize_bytes(%x: memref<8x64xf32>, %s: memref<8x2xf32>, %z: memref<8x2xf32>, %q: memref<8x64xi8>) {
  // CHECK-DAG: %[[LOW:.*]] = arith.constant -1.280000e+02 : f32
  // CHECK-DAG: %[[HIGH:.*]] = arith.constant 1.270000e+02 : f32
  // CHECK: scf.forall (%[[N:.*]]) in (8)
  // CHECK-NEXT: scf.for %[[K:.*]] = %c0 to %c64
  // CHECK: memref.load %[[X]][%[[N]], %[[K]]]
  // CHECK: memref.load %[[S]]
  // CHECK: arith.divf
  // CHECK: memref.load %[[Z]]
  // CHECK: arith.addf
  // CHECK: %[[ROUND:.*]] = math.round
  // CHECK: arith.maximumf %[[ROUND]], %[[LOW]]
  // CHECK: arith.minimumf %{{.*}}, %[[HIGH]]
  // CHECK: memref.store %{{.*}}, %[[Q]][%[[N]],
  rlx.block_quantize ins(%x) scales(%s) zero_points(%z) outs(%q) {scheme = #rlx.quant<int8a/32>}
      : (memref<8x64xf32>, memref<8x2xf32>, memref<8x2xf32>, memref<8x64xi8>) -> ()
  return
}

// Small floats: a table and a search; codes share a byte, which is zero at first.
// CHECK-LABEL: func @quantize_small_floats(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<4x8x64xf32>, %[[S:[a-z0-9]+]]: {{.*}}, %[[Q:[a-z0-9]+]]: memref<4x8x32xi8>
func.func @quantize_small_floats(%x: memref<4x8x64xf32>, %s: memref<4x8x2xf8E8M0FNU>, %q: memref<4x8x32xi8>) {
  // CHECK-DAG: arith.constant dense<[15, 14, 13, 12, 11, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7]> : vector<16xi8>
  // CHECK-DAG: arith.constant dense<[-5.000000e+00, -3.49999976, -2.500000e+00, {{.*}}, 2.50000024, 3.500000e+00, 5.00000048, 0x7FC00000]> : vector<16xf32>
  // CHECK: %[[THRESHOLDS:.*]] = memref.alloc() : memref<16xf32>
  // CHECK: %[[CODES:.*]] = memref.alloc() : memref<16xi8>
  // CHECK: scf.forall (%{{.*}}) in (32)
  // CHECK: %[[ROW:.*]]:2 = affine.delinearize_index
  // CHECK: memref.store %c0_i8, %[[Q]][%[[ROW]]#0, %[[ROW]]#1
  // CHECK-COUNT-4: memref.load %[[THRESHOLDS]]
  // CHECK-NOT: memref.load %[[THRESHOLDS]]
  // CHECK: memref.load %[[CODES]]
  // CHECK: %[[HELD:.*]] = memref.load %[[Q]]
  // CHECK: %[[BYTE:.*]] = arith.ori %[[HELD]]
  // CHECK: memref.store %[[BYTE]], %[[Q]]
  // CHECK: memref.dealloc
  // CHECK: memref.dealloc
  rlx.block_quantize ins(%x) scales(%s) outs(%q) {scheme = #rlx.quant<mxfp4/32>}
      : (memref<4x8x64xf32>, memref<4x8x2xf8E8M0FNU>, memref<4x8x32xi8>) -> ()
  return
}

// Codes of three bits reach into the next byte, never beyond their last.
// CHECK-LABEL: func @quantize_straddling
func.func @quantize_straddling(%x: memref<8x64xf32>, %s: memref<8x1xf32>, %o: memref<8x1xf32>, %q: memref<8x24xi8>) {
  // CHECK: arith.subf
  // CHECK: arith.divf
  // CHECK: arith.ori
  // CHECK: %[[AT:.*]] = arith.minui
  // CHECK: memref.load %{{.*}}, %[[AT]]]
  // CHECK: arith.ori
  rlx.block_quantize ins(%x) scales(%s) zero_points(%o) outs(%q) {scheme = #rlx.quant<affine3/64>}
      : (memref<8x64xf32>, memref<8x1xf32>, memref<8x1xf32>, memref<8x24xi8>) -> ()
  return
}

// CHECK-LABEL: func @quantize_halves
func.func @quantize_halves(%x: memref<8x64xf32>, %q: memref<8x128xi8>) {
  // CHECK: %[[CODES:.*]] = arith.truncf %{{.*}} : vector<16xf32> to vector<16xf16>
  // CHECK: %[[BYTES:.*]] = vector.bitcast %[[CODES]] : vector<16xf16> to vector<32xi8>
  // CHECK: vector.store %[[BYTES]]
  // CHECK-NOT: memref.store
  // CHECK: return
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<f16>} : (memref<8x64xf32>, memref<8x128xi8>) -> ()
  return
}

// What fills no vector goes one by one.
// CHECK-LABEL: func @quantize_few_halves
func.func @quantize_few_halves(%x: memref<8x12xf32>, %q: memref<8x24xi8>) {
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK-COUNT-2: memref.store
  // CHECK-NOT: memref.store
  // CHECK: return
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<f16>} : (memref<8x12xf32>, memref<8x24xi8>) -> ()
  return
}

// -----

// Without an integer kernel, activations are rounded and stay f32.
// CHECK-LABEL: func @rounded_activations
func.func @rounded_activations(%x: memref<1x64xf32>, %w: memref<8x68xi8>, %y: memref<1x8xf32>) {
  // CHECK: %[[ROUNDED:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x64xf32>
  // CHECK: math.roundeven
  // CHECK: vector.load %[[ROUNDED]]
  // CHECK: rlx.decode
  // CHECK: memref.dealloc %[[ROUNDED]]
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i16}
      : (memref<1x64xf32>, memref<8x68xi8>, memref<1x8xf32>) -> ()
  return
}

// -----

func.func @tensors(%w: tensor<8x68xi8>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  // expected-error @below {{'rlx.block_dequantize' op expected operands that are buffers; bufferize first}}
  %r = rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (tensor<8x68xi8>, tensor<8x64xf32>) -> tensor<8x64xf32>
  return %r : tensor<8x64xf32>
}

// -----

#half = #rlx.scheme<"positive_halves", block = 1, unused = 1, code = ui15 at byte 0 as f16>
func.func @part_of_a_float(%x: memref<8x64xf32>, %q: memref<8x128xi8>) {
  // expected-error @below {{'rlx.block_quantize' op codes of 15 bits that are read as 'f16' cannot be computed, expected all of its bits}}
  rlx.block_quantize ins(%x) outs(%q) {scheme = #rlx.quant<#half>} : (memref<8x64xf32>, memref<8x128xi8>) -> ()
  return
}

// -----

// An epilogue is applied to sums in registers, here to vectors of columns, the
// last of which are masked.
// CHECK-LABEL: func @epilogue(
// CHECK-SAME: %{{.*}}: memref<1x64xf32>, %{{.*}}: memref<1088xi8>, %[[R:[a-z0-9]+]]: memref<1x10xf32>, %[[Y:[a-z0-9]+]]: memref<1x10xf32>
func.func @epilogue(%x: memref<1x64xf32>, %w: memref<1088xi8>, %r: memref<1x10xf32>, %y: memref<1x10xf32>) {
  // CHECK: %[[OLD:.*]] = vector.maskedload %[[R]]
  // CHECK: %[[EXP:.*]] = math.exp %{{.*}} : vector<16xf32>
  // CHECK: %[[SUM:.*]] = arith.addf %[[EXP]], %[[OLD]] : vector<16xf32>
  // CHECK: vector.maskedstore %[[Y]]{{.*}}, %[[SUM]]
  rlx.packed_matmul ins(%x, %w) epilogue(%r) [affine_map<(m, n) -> (m, n)>] {
  ^bb0(%a: f32, %b: f32):
    %0 = math.exp %a : f32
    %1 = arith.addf %0, %b : f32
    rlx.yield %1 : f32
  } outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
      : (memref<1x64xf32>, memref<1088xi8>, memref<1x10xf32>, memref<1x10xf32>) -> ()
  return
}

// -----

// K blocks of the tiles of a group follow each other; the last group has one
// tile, where others have two.
// CHECK-LABEL: func @groups_of_tiles(
// CHECK-SAME: memref<1x512xf32>, %[[P:[a-z0-9]+]]: memref<175232xi8>
func.func @groups_of_tiles(%x: memref<1x512xf32>, %p: memref<175232xi8>, %y: memref<1x580xf32>) {
  // CHECK: memref.alloc() {alignment = 64 : i64} : memref<1x2x16xf32>
  // CHECK: scf.for %[[STRETCH:.*]] = %c0 to %c2 step %c1
  // CHECK: scf.for %[[TILE:.*]] = %{{.*}} to
  // CHECK: %[[GROUP:.*]] = arith.divui %[[TILE]], %c2
  // CHECK: %[[FIRST:.*]] = arith.muli %[[GROUP]], %c2
  // CHECK: %[[LEFT:.*]] = arith.subi %c37, %[[FIRST]]
  // CHECK: %[[COUNT:.*]] = arith.minui %[[LEFT]], %c2
  // CHECK: arith.muli %[[STRETCH]], %[[COUNT]]
  // CHECK: memref.prefetch %[[P]]
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1, 3], steps = [2], minimum = 4>,
      tiles = #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 32, kc = 256, kernels = [<i32, min_m_panel = 16>]>}
      : (memref<1x512xf32>, memref<175232xi8>, memref<1x580xf32>) -> ()
  return
}
