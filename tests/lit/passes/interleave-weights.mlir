// Weights get the layout of a device's kernels: device blocks of whole words, with everything that belongs to a K block.
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target=#rlx.gpu<vulkan>" | FileCheck %s
// Rows that lie together fill lines of a cache, or vectors; a small subgroup has fewer of them.
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target={#rlx.gpu<vulkan, subgroup_size = 8>}" | FileCheck %s --check-prefix=SMALL
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target={#rlx.gpu<opencl, vector_width = 8>}" | FileCheck %s --check-prefix=LANES
// RUN: not rlx-opt %s "--rlx-interleave-weights=target=#rlx.quant<gguf_q8_0>" 2>&1 | FileCheck %s --check-prefix=OTHER
// How activations of other types than f32 are computed is said.
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target={#rlx.gpu<vulkan, integer_dot = true>}" 2>&1 >/dev/null | FileCheck %s --check-prefix=BYTES --implicit-check-not=remark:
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target=#rlx.gpu<vulkan>" 2>&1 >/dev/null | FileCheck %s --check-prefix=WITHOUT
// RUN: rlx-opt %s --rlx-lower-encodings "--rlx-interleave-weights=target={#rlx.gpu<opencl, integer_dot = true, vector_width = 8>}" 2>&1 >/dev/null | FileCheck %s --check-prefix=VECTORS
// OTHER: error: expected the target to be a #rlx.gpu attribute, such as #rlx.gpu<vulkan>, but got '#rlx.quant<gguf_q8_0>'

// CHECK-DAG: #[[Q8:.*]] = #rlx.scheme<"gguf_q8_0.device64", block = 64, bytes = 80, unused = 96, code = ui8 at (d0) -> (0, d0 * 8) as si8, scale = ui16 at (d0) -> (64, (d0 floordiv 32) * 16) as f16>
// CHECK-DAG: #[[INT4:.*]] = #rlx.scheme<"int4/32.device64", block = 64, bytes = 48, unused = 64, code = ui4 at (d0) -> (0, (d0 floordiv 8) * 32 + (d0 mod 4) * 8 + ((d0 mod 8) floordiv 4) * 4) as si4, scale = ui32 at (d0) -> (32, (d0 floordiv 32) * 32) as f32>
// CHECK: module attributes {rlx.target = #rlx.gpu<vulkan>}

// CHECK-LABEL: func @weight(
// CHECK-SAME: %[[X:.*]]: tensor<1x64xf32>{{.*}}, %[[W:.*]]: tensor<8x68xi8>
// CHECK: %[[P:.*]] = rlx.interleave_weight ins(%[[W]]) outs(%{{.*}}) {device_block = #rlx.quant<#[[Q8]]>, once, rows = 16 : i64, scheme = #rlx.quant<gguf_q8_0>, words = 4 : i64} : (tensor<8x68xi8>, tensor<1x320xi32>)
// CHECK: rlx.interleaved_matmul ins(%[[X]], %[[P]]) outs(%{{.*}}) {activations = f32, device_block = #rlx.quant<#[[Q8]]>, rows = 16 : i64, words = 4 : i64}
// SMALL-LABEL: func @weight(
// SMALL: rlx.interleave_weight {{.*}} rows = 8 : i64{{.*}} tensor<1x160xi32>
// LANES-LABEL: func @weight(
// LANES: rlx.interleave_weight {{.*}} rows = 8 : i64{{.*}} words = 1 : i64{{.*}} tensor<1x136xi32>
func.func @weight(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<1x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// What the caller may give anew is not done once.
// CHECK-LABEL: func @argument(
// CHECK: rlx.interleave_weight
// CHECK-NOT: once
// CHECK: rlx.interleaved_matmul
func.func @argument(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// One layout for all that read a weight.
// CHECK-LABEL: func @twice(
// CHECK-COUNT-1: rlx.interleave_weight
// CHECK-NOT: rlx.interleave_weight
// CHECK-COUNT-2: rlx.interleaved_matmul
func.func @twice(%x: tensor<1x64xf32>, %v: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> (tensor<1x8xf32>, tensor<3x8xf32>) {
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32>
  %z = rlx.matmul %v, %w : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<3x8xf32>
  return %y, %z : tensor<1x8xf32>, tensor<3x8xf32>
}

// Scales from beside the weight become part of its device blocks.
// CHECK-LABEL: func @side(
// CHECK: rlx.interleave_weight ins(%{{.*}}) scales(%{{.*}}) outs(%{{.*}}) {device_block = #rlx.quant<#[[INT4]]>, once
// CHECK: rlx.interleaved_matmul
// CHECK-NOT: scales
func.func @side(%x: tensor<3x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int4/32>> {rlx.weight = "w"}, %s: tensor<8x2xf32> {rlx.weight = "s"}) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int4/32>>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// CHECK-LABEL: func @experts(
// CHECK: %[[P:.*]] = rlx.interleave_weight {{.*}} tensor<4x1x320xi32>
// CHECK: rlx.interleaved_matmul ins(%{{.*}}, %[[P]], %{{.*}})
func.func @experts(%x: tensor<2x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}, %ids: tensor<2x2xi32>) -> tensor<2x2x8xf32> {
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<2x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<2x2xi32>) -> tensor<2x2x8xf32>
  return %y : tensor<2x2x8xf32>
}

// WITHOUT: remark: activations are computed in f32 on this device, more exactly than in 'i8': it has no integer dot product
// VECTORS: remark: activations are computed in f32 on this device, more exactly than in 'i8': its work-items compute vectors of f32
// BYTES: remark: activations are rounded to 'i8', with a scale for each 32 of K; a single row is computed in f32
func.func @any_rows(%x: tensor<?x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// BYTES: remark: activations are rounded to 'i8', with a scale for each 32 of K{{$}}
func.func @many_rows(%x: tensor<9x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<9x8xf32> {
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<9x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// BYTES: remark: activations are computed in f32 on this device, more exactly than in 'i8': a single row waits for the weight, not for products
func.func @one_row(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<1x8xf32> {
  %y = rlx.matmul %x, %w {activations = i8} : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// BYTES: remark: activations are computed in f32 on this device, more exactly than in 'i16': there are no kernels for this type
func.func @words(%x: tensor<9x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<9x8xf32> {
  %y = rlx.matmul %x, %w {activations = i16} : (tensor<9x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// BYTES: remark: activations are computed in f32 on this device, more exactly than in 'i24': there are no kernels for this type
func.func @three_bytes(%x: tensor<9x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<9x8xf32> {
  %y = rlx.matmul %x, %w {activations = i24} : (tensor<9x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// BYTES: remark: weights are not reencoded on this device, which multiplies them more exactly
// BYTES: remark: activations are rounded to 'i8', with a scale for each 32 of K{{$}}
func.func @reencoded(%x: tensor<9x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}) -> tensor<9x8xf32> {
  %y = rlx.matmul %x, %w weights = reencoded {activations = i8} : (tensor<9x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// BYTES: remark: {{.*}} more exactly than in 'i8': the codebook's entries are no integers
func.func @codebook(%x: tensor<9x64xf32>, %w: tensor<8x64xf32, #rlx.quant<nf4/64>> {rlx.weight = "w"}, %s: tensor<8x1xf32> {rlx.weight = "s"}) -> tensor<9x8xf32> {
  %y = rlx.matmul %x, %w scales(%s) {activations = i8} : (tensor<9x64xf32>, tensor<8x64xf32, #rlx.quant<nf4/64>>, tensor<8x1xf32>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// BYTES: remark: {{.*}} more exactly than in 'i8': 'rlx.gather_matmul' multiplies single rows
func.func @experts_of_bytes(%x: tensor<9x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = "w"}, %ids: tensor<9x2xi32>) -> tensor<9x2x8xf32> {
  %y = rlx.gather_matmul %x, %w, %ids {activations = i8} : (tensor<9x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<9x2xi32>) -> tensor<9x2x8xf32>
  return %y : tensor<9x2x8xf32>
}
