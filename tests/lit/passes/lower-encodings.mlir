// RUN: rlx-opt %s --split-input-file --allow-unregistered-dialect --rlx-lower-encodings --verify-diagnostics | FileCheck %s

!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
!s = tensor<8x64xf32, #rlx.quant<int8/32>>
!experts = tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>

// CHECK-LABEL: func @matmul(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32> {bufferization.writable = false}, %[[W:[a-z0-9]+]]: tensor<8x64xi8>
// CHECK-SAME: %[[S:[a-z0-9]+]]: tensor<8x2xf32> {{{.*}}}, %[[B:[a-z0-9]+]]: tensor<8xf32>
func.func @matmul(%x: tensor<?x64xf32>, %w: !s, %s: tensor<8x2xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[M:.*]] = tensor.dim %[[X]]
  // CHECK: %[[INIT:.*]] = tensor.empty(%[[M]]) : tensor<?x8xf32>
  // CHECK: rlx.block_matmul ins(%[[X]], %[[W]]) scales(%[[S]]) bias(%[[B]]) outs(%[[INIT]])
  // CHECK-SAME: {activations = i8, scheme = #rlx.quant<int8/32>}
  %y = rlx.matmul %x, %w scales(%s) bias(%b) {activations = i8} : (tensor<?x64xf32>, !s, tensor<8x2xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// A plain weight keeps its type and is stored like the scheme of its element type.
// CHECK-LABEL: func @plain(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x64xbf16>
func.func @plain(%w: tensor<8x64xbf16>, %x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  // CHECK: rlx.block_matmul ins(%{{.*}}, %[[W]]) outs(%{{.*}}) {activations = f32, scheme = #rlx.quant<bf16>}
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xbf16>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// CHECK-LABEL: func @gather_matmul
// CHECK-SAME: %{{.*}}: tensor<4x8x68xi8>
func.func @gather_matmul(%w: !experts, %x: tensor<?x64xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x8xf32> {
  // CHECK: %[[T:.*]] = tensor.dim %[[IDS:.*]], %c0
  // CHECK: tensor.empty(%[[T]]) : tensor<?x2x8xf32>
  // CHECK: rlx.block_matmul ins(%{{.*}}, %{{.*}}, %[[IDS]])
  %y = rlx.gather_matmul %x, %w, %ids : (tensor<?x64xf32>, !experts, tensor<?x2xi32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
}

// CHECK-LABEL: func @embedding
func.func @embedding(%t: !w, %ids: tensor<7xi32>) -> tensor<7x64xf32> {
  // CHECK: %[[INIT:.*]] = tensor.empty() : tensor<7x64xf32>
  // CHECK: rlx.block_dequantize ins(%{{.*}}, %{{.*}}) outs(%[[INIT]])
  %y = rlx.embedding %t, %ids : (!w, tensor<7xi32>) -> tensor<7x64xf32>
  return %y : tensor<7x64xf32>
}

// CHECK-LABEL: func @round_trip(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x64xf32> {{.*}}, %[[S:[a-z0-9]+]]: tensor<8x2xf32>
func.func @round_trip(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) -> tensor<8x64xf32> {
  // CHECK: %[[BYTES:.*]] = tensor.empty() : tensor<8x64xi8>
  // CHECK: %[[Q:.*]] = rlx.block_quantize ins(%[[X]]) scales(%[[S]]) outs(%[[BYTES]]) {scheme = #rlx.quant<int8/32>}
  // CHECK: rlx.block_dequantize ins(%[[Q]]) scales(%[[S]]) outs
  %q = rlx.quantize %x scales(%s) : (tensor<8x64xf32>, tensor<8x2xf32>) -> !s
  %y = rlx.dequantize %q scales(%s) : (!s, tensor<8x2xf32>) -> tensor<8x64xf32>
  return %y : tensor<8x64xf32>
}

// Scales that are chosen are inits, too.
// CHECK-LABEL: func @chosen_scales(
func.func @chosen_scales(%x: tensor<8x64xf32>, %i: tensor<?xf32>, %v: tensor<?x64xf32>) -> (!s, tensor<8x2xf32>, !w, tensor<?x64xf32>) {
  // CHECK: %[[Q:.*]] = tensor.empty() : tensor<8x64xi8>
  // CHECK: %[[S:.*]] = tensor.empty() : tensor<8x2xf32>
  // CHECK: %{{.*}}:2 = rlx.block_quantize ins(%{{.*}}) rule "absmax 120" outs(%[[Q]], %[[S]]) {scheme = #rlx.quant<int8/32>}
  %q, %s = rlx.quantize %x rule "absmax 120" : (tensor<8x64xf32>) -> (!s, tensor<8x2xf32>)
  // CHECK: %[[I:.*]] = tensor.cast %{{.*}} : tensor<?xf32> to tensor<64xf32>
  // CHECK: rlx.block_quantize ins(%{{.*}}) importance(%[[I]]) outs(%{{.*}}) {scheme = #rlx.quant<gguf_q8_0>}
  %r = rlx.quantize %x importance(%i) : (tensor<8x64xf32>, tensor<?xf32>) -> !w
  // CHECK: %[[ROWS:.*]] = tensor.dim
  // CHECK: %[[Y:.*]] = tensor.empty(%[[ROWS]]) : tensor<?x64xf32>
  // CHECK: rlx.block_fake_quantize ins(%{{.*}}) outs(%[[Y]]) {scheme = #rlx.quant<gguf_q4_0>}
  %y = rlx.fake_quantize %v {scheme = #rlx.quant<gguf_q4_0>} : tensor<?x64xf32>
  return %q, %s, %r, %y : !s, tensor<8x2xf32>, !w, tensor<?x64xf32>
}

// Loops want the sizes that only the weight knows.
// CHECK-LABEL: func @dynamic_sizes
func.func @dynamic_sizes(%x: tensor<?x?xf32>, %w: !w, %e: !experts, %ids: tensor<?x?xi32>, %rows: tensor<?xi32>) -> (tensor<?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>) {
  // CHECK: %[[X:.*]] = tensor.cast %{{.*}} : tensor<?x?xf32> to tensor<?x64xf32>
  // CHECK: %[[Y:.*]] = rlx.block_matmul ins(%[[X]], {{.*}} -> tensor<?x8xf32>
  // CHECK: tensor.cast %[[Y]] : tensor<?x8xf32> to tensor<?x?xf32>
  // CHECK: %[[Z:.*]] = rlx.block_matmul {{.*}} -> tensor<?x?x8xf32>
  // CHECK: tensor.cast %[[Z]] : tensor<?x?x8xf32> to tensor<?x?x?xf32>
  // CHECK: %[[R:.*]] = rlx.block_dequantize {{.*}} -> tensor<?x64xf32>
  // CHECK: tensor.cast %[[R]] : tensor<?x64xf32> to tensor<?x?xf32>
  %y = rlx.matmul %x, %w : (tensor<?x?xf32>, !w) -> tensor<?x?xf32>
  %z = rlx.gather_matmul %x, %e, %ids : (tensor<?x?xf32>, !experts, tensor<?x?xi32>) -> tensor<?x?x?xf32>
  %r = rlx.embedding %w, %rows : (!w, tensor<?xi32>) -> tensor<?x?xf32>
  return %y, %z, %r : tensor<?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>
}

// Types follow through calls and control flow.
// CHECK-LABEL: func @control_flow
// CHECK-SAME: tensor<8x68xi8> {{.*}}) -> tensor<8x68xi8>
func.func @control_flow(%c: i1, %a: !w) -> !w {
  // CHECK: call @control_flow(%{{.*}}) : (i1, tensor<8x68xi8>) -> tensor<8x68xi8>
  // CHECK: scf.if %{{.*}} -> (tensor<8x68xi8>)
  %b = func.call @control_flow(%c, %a) : (i1, !w) -> !w
  %r = scf.if %c -> (!w) {
    scf.yield %a : !w
  } else {
    scf.yield %b : !w
  }
  return %r : !w
}

// -----

func.func @foreign(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32> {
  // expected-error @below {{'tensor.cast' op takes or gives the quantized tensor 'tensor<8x64xf32, #rlx.quant<gguf_q8_0>>', expected an operation of rlx; put rlx.dequantize before it}}
  %v = tensor.cast %w : tensor<8x64xf32, #rlx.quant<gguf_q8_0>> to tensor<8x64xf32>
  return %v : tensor<8x64xf32>
}

// -----

func.func @dynamic_weight(%x: tensor<?x64xf32>, %w: tensor<?x64xf32>) -> tensor<?x?xf32> {
  // expected-error @below {{'rlx.matmul' op expected the weight to have a static shape, but got 'tensor<?x64xf32>'}}
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// -----

// Functions without a body have types, too; those of other dialects have their own.
!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
// CHECK-LABEL: func private @declared(tensor<8x68xi8>)
func.func private @declared(!w)
// CHECK: llvm.func @other(i32)
llvm.func @other(i32)
// CHECK: llvm.func @with_body
llvm.func @with_body(%a: i32) -> i32 {
  llvm.return %a : i32
}
// CHECK: "other.use"(%{{.*}}) : (tensor<3xf32>) -> tensor<3xf32>
func.func @unregistered(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = "other.use"(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
func.func @unregistered(%w: !w) {
  // expected-error@+1 {{'other.use' op takes or gives the quantized tensor}}
  "other.use"(%w) : (!w) -> ()
  return
}

// -----

!w = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
func.func @branch(%w: !w) {
  // expected-error@+1 {{'cf.br' op takes or gives the quantized tensor}}
  cf.br ^next(%w : !w)
^next(%v: !w):
  return
}

// -----

// What only the weight tells is static for kernels: side operands and the bias.
// CHECK-LABEL: func @dynamic_sides
// CHECK-DAG: tensor.cast %{{.*}} : tensor<?x2xf32> to tensor<8x2xf32>
// CHECK-DAG: tensor.cast %{{.*}} : tensor<?xf32> to tensor<8xf32>
// CHECK: rlx.block_matmul {{.*}} (tensor<1x64xf32>, tensor<8x64xi8>, tensor<8x2xf32>, tensor<8xf32>, tensor<1x8xf32>)
func.func @dynamic_sides(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>, %s: tensor<?x2xf32>, %b: tensor<?xf32>) -> tensor<1x8xf32> {
  %y = rlx.matmul %x, %w scales(%s) bias(%b) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<?x2xf32>, tensor<?xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// A view of bytes is the bytes.
// CHECK-LABEL: func @encoded_view(
func.func @encoded_view(%x: tensor<3x64xf32>, %q: tensor<8x64xi8>, %s: tensor<8x2xf32>) -> tensor<3x8xf32> {
  // CHECK-NOT: encoded_view
  // CHECK: rlx.block_matmul ins(%arg0, %arg1) {{.*}}scales(%arg2)
  %w = rlx.encoded_view %q : tensor<8x64xi8> to tensor<8x64xf32, #rlx.quant<int8/32>>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
