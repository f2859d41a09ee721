// RUN: rlx-opt %s --rlx-pack-weights --split-input-file --verify-diagnostics | FileCheck %s
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 256>}" --rlx-pack-weights=print-choices --split-input-file 2>&1 | FileCheck %s --check-prefix=NARROW
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<deterministic = true>}" --rlx-pack-weights --split-input-file 2>&1 | FileCheck %s --check-prefix=SAME
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<activation_group = 128>}" --rlx-pack-weights=print-choices --split-input-file 2>&1 | FileCheck %s --check-prefix=GROUP

// Codes of 4 bits, a scale and a minimum of 8 bits for 32 elements, two halves for 256.
// CHECK-LABEL: func @two_levels
// CHECK: %[[P:.*]] = rlx.pack_weight ins(%{{.*}}) outs(%{{.*}}) {layout = #[[L:.*]], scheme = #rlx.quant<gguf_q4k>} : (tensor<40x288xi8>, tensor<14208xi8>) -> tensor<14208xi8>
// CHECK: rlx.packed_matmul ins(%{{.*}}, %[[P]]) outs(%{{.*}}) {activations = i8, layout = #[[L]], scheme = #rlx.quant<gguf_q4k>}
// NARROW: remark: packed kernel for 'gguf_q4k': 8 rows a tile, activation scale per 256 of K, 4.625 bits a weight
func.func @two_levels(%x: tensor<?x512xf32>, %w: tensor<40x288xi8>, %y: tensor<?x40xf32>) -> tensor<?x40xf32> {
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8}
      : (tensor<?x512xf32>, tensor<40x288xi8>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %r : tensor<?x40xf32>
}

// -----

// Experts keep their dimension; scales lie beside the blocks, 128 elements a scale.
// CHECK-LABEL: func @experts
// CHECK: rlx.pack_weight ins(%{{.*}}) scales(%{{.*}}) outs(%{{.*}}) {{.*}} : (tensor<3x8x64xi8>, tensor<3x8x1xf32>, tensor<3x1088xi8>) -> tensor<3x1088xi8>
// CHECK: rlx.packed_matmul ins(%{{.*}}, %{{.*}}, %{{.*}}) bias(%{{.*}}) outs
func.func @experts(%x: tensor<2x128xf32>, %w: tensor<3x8x64xi8>, %s: tensor<3x8x1xf32>, %ids: tensor<2x1xi32>, %b: tensor<3x8xf32>, %y: tensor<2x1x8xf32>) -> tensor<2x1x8xf32> {
  %r = rlx.block_matmul ins(%x, %w, %ids) scales(%s) bias(%b) outs(%y) {scheme = #rlx.quant<int4/128>, activations = i16}
      : (tensor<2x128xf32>, tensor<3x8x64xi8>, tensor<2x1xi32>, tensor<3x8x1xf32>, tensor<3x8xf32>, tensor<2x1x8xf32>) -> tensor<2x1x8xf32>
  return %r : tensor<2x1x8xf32>
}

// -----

// CHECK-LABEL: func @floats
// CHECK-NOT: rlx.pack
func.func @floats(%x: tensor<1x64xf32>, %w: tensor<8x64xi8>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-remark @below {{activations are rounded to 'i8' and computed in f32: codes are looked up in a table of more than 16 entries}}
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<fp8e4m3>, activations = i8}
      : (tensor<1x64xf32>, tensor<8x64xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

// CHECK-LABEL: func @normal_floats
// CHECK-NOT: rlx.pack
func.func @normal_floats(%x: tensor<1x64xf32>, %w: tensor<8x32xi8>, %s: tensor<8x1xf32>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-remark @below {{the codebook's entries are no integers}}
  %r = rlx.block_matmul ins(%x, %w) scales(%s) outs(%y) {scheme = #rlx.quant<nf4/64>, activations = i8}
      : (tensor<1x64xf32>, tensor<8x32xi8>, tensor<8x1xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

// f32 activations read the weight as it is stored.
// CHECK-LABEL: func @exact
// CHECK-NOT: rlx.pack
func.func @exact(%x: tensor<1x64xf32>, %w: tensor<8x68xi8>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
      : (tensor<1x64xf32>, tensor<8x68xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

// What is written for weights stays, unless a row's result must not depend on how many there are.
// CHECK-LABEL: func @reencoded
// CHECK: rlx.packed_matmul {{.*}} {activations = i8, layout = {{.*}}, reencoded, scheme = #rlx.quant<gguf_q4k>}
// SAME: remark: weights are not reencoded: a row's result would depend on the number of rows, which deterministic forbids
// SAME-LABEL: func @reencoded
// SAME: rlx.packed_matmul {{.*}} {activations = i8, layout = #{{.*}}, scheme = #rlx.quant<gguf_q4k>}
func.func @reencoded(%x: tensor<?x512xf32>, %w: tensor<40x288xi8>, %y: tensor<?x40xf32>) -> tensor<?x40xf32> {
  // expected-remark @below {{many rows are multiplied with weights that are rounded once more: 8 bits, one scale for each row and 256 of K}}
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, reencoded}
      : (tensor<?x512xf32>, tensor<40x288xi8>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %r : tensor<?x40xf32>
}

// -----

// CHECK-LABEL: func @reencoded_floats
// CHECK-NOT: reencoded,
func.func @reencoded_floats(%x: tensor<1x64xf32>, %w: tensor<8x64xi8>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-remark @below {{activations are rounded to 'i8' and computed in f32: codes are looked up in a table of more than 16 entries}}
  // expected-remark @below {{weights are not reencoded: they have no integer kernel}}
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<fp8e4m3>, activations = i8, reencoded}
      : (tensor<1x64xf32>, tensor<8x64xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

#groups = #rlx.scheme<"groups", block = 32, code = si8 at (i) -> (i, 0), scale = f32 in scales at (n, k) -> (n, k floordiv 48)>

// A scale of 48 changes within K steps of 32: it is stored for each 16.
// CHECK-LABEL: func @groups
// CHECK: rlx.packed_matmul
func.func @groups(%x: tensor<1x384xf32>, %w: tensor<8x384xi8>, %s: tensor<8x8xf32>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %r = rlx.block_matmul ins(%x, %w) scales(%s) outs(%y) {scheme = #rlx.quant<#groups>, activations = i8}
      : (tensor<1x384xf32>, tensor<8x384xi8>, tensor<8x8xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

#diagonal = #rlx.scheme<"diagonal", block = 32, code = si8 at (i) -> (i, 0), scale = f32 in scales at (n, k) -> ((n + k) floordiv 32)>

// CHECK-LABEL: func @diagonal
// CHECK-NOT: rlx.pack
func.func @diagonal(%x: tensor<1x64xf32>, %w: tensor<8x64xi8>, %s: tensor<3xf32>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  // expected-remark @below {{activations are rounded to 'i8' and computed in f32: scales change within 16 elements of K}}
  %r = rlx.block_matmul ins(%x, %w) scales(%s) outs(%y) {scheme = #rlx.quant<#diagonal>, activations = i8}
      : (tensor<1x64xf32>, tensor<8x64xi8>, tensor<3xf32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

#bias = #rlx.scheme<"bias", block = 32, code = ui8 at (i) -> (i, 0) - 2048>
#less = #rlx.scheme<"less", block = 32, code = ui8 at (i) -> (i, 0) - 2047>

// CHECK-LABEL: func @bias
// CHECK: rlx.block_matmul
// CHECK: rlx.packed_matmul
func.func @bias(%x: tensor<1x64xf32>, %w: tensor<8x64xi8>, %y: tensor<1x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  // expected-remark @below {{activations are rounded to 'i8' and computed in f32: codes minus their bias reach 2048, with which sums of products may not fit 32 bits; expected at most 2047}}
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<#bias>, activations = i8}
      : (tensor<1x64xf32>, tensor<8x64xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %q = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<#less>, activations = i8}
      : (tensor<1x64xf32>, tensor<8x64xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r, %q : tensor<1x8xf32>, tensor<1x8xf32>
}

// -----

// Activations have a scale for 32 where scales of the weight that are floats are for fewer than 256; unless
// the program says otherwise, or a user does.
// CHECK-LABEL: func @activation_groups
// CHECK: rlx.pack_weight {{.*}}layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1], activation_group = 32>
// CHECK: rlx.packed_matmul {{.*}}layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1], activation_group = 32>
// CHECK: rlx.packed_matmul {{.*}}layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1], activation_group = 64>
// CHECK: rlx.packed_matmul {{.*}}activations = i16, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2304, steps = [1]>
// GROUP: remark: activations have a scale for each 128 of K, as 'activation_group' wants, though 32 are usual
// GROUP: remark: packed kernel for 'gguf_q4_0': 16 rows a tile, activation scale per 128 of K
// GROUP: remark: packed kernel for 'gguf_q4_0': 16 rows a tile, activation scale per 64 of K
// GROUP: remark: packed kernel for 'gguf_q4_0': 16 rows a tile, activation scale per 128 of K
func.func @activation_groups(%x: tensor<1x512xf32>, %w: tensor<8x288xi8>, %y: tensor<1x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>) {
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i8}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %s = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i8, activation_group = 64 : i64}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %t = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i16}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r, %s, %t : tensor<1x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>
}

// -----

// Weights that are reencoded have one scale for 256, and so have activations of many rows, unless the program
// forbids it. There is no minimum beside shorter groups.
// CHECK-LABEL: func @reencoded_groups
// CHECK: rlx.packed_matmul {{.*}} {activations = i8, layout = {{.*}}activation_group = 32>, reencoded, scheme = #rlx.quant<gguf_q4_0>}
// CHECK: rlx.packed_matmul {{.*}} {activations = i8, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, {{.*}}activation_group = 32>, scheme = #rlx.quant<gguf_q4k>}
func.func @reencoded_groups(%x: tensor<1x512xf32>, %w: tensor<8x288xi8>, %v: tensor<8x288xi8>, %y: tensor<1x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  // expected-remark @below {{many rows are multiplied with weights that are rounded once more: 8 bits, one scale for each row and 256 of K}}
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4_0>, activations = i8, reencoded}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  // expected-remark @below {{weights are not reencoded: they and activations would have one scale for 256 of K, but activations are to have one for 32}}
  %s = rlx.block_matmul ins(%x, %v) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i8, activation_group = 32 : i64, reencoded}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r, %s : tensor<1x8xf32>, tensor<1x8xf32>
}

// -----

// 192 divides what no power of two above 64 does.
// CHECK-LABEL: func @three_times_192
// CHECK: rlx.pack_weight {{.*}}layout = #rlx.packed<lanes = 16, k_block = 192, group = 32, block_bytes = 1920, steps = [1, 2], activation_group = 32>
func.func @three_times_192(%x: tensor<8x576xf32>, %w: tensor<16x360xi8>, %y: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4_1>, activations = i8}
      : (tensor<8x576xf32>, tensor<16x360xi8>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %r : tensor<8x16xf32>
}

// -----

// Activations of three bytes have a scale for 32, whatever the weight.
// CHECK-LABEL: func @three_bytes
// CHECK: rlx.packed_matmul {{.*}} {activations = i24, layout = #rlx.packed<lanes = 16, k_block = 256, group = 32, {{.*}}activation_group = 32>, scheme = #rlx.quant<gguf_q4k>}
func.func @three_bytes(%x: tensor<1x512xf32>, %w: tensor<8x288xi8>, %y: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %r = rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q4k>, activations = i24}
      : (tensor<1x512xf32>, tensor<8x288xi8>, tensor<1x8xf32>) -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}
