// The operations on stored bytes and those of generated loops, with the examples
// of their descriptions, through text and through bytecode.
// RUN: rlx-opt %s | FileCheck %s
// RUN: rlx-opt %s --mlir-print-op-generic | rlx-opt | FileCheck %s
// RUN: rlx-opt %s --emit-bytecode | rlx-opt | FileCheck %s

// CHECK-LABEL: func @block_matmul
func.func @block_matmul(%x: memref<?x64xf32>, %w: memref<8x68xi8>, %y: memref<?x8xf32>) {
  // CHECK: rlx.block_matmul ins(%{{.*}}, %{{.*}}) outs(%{{.*}}) {activations = f32, scheme = #rlx.quant<gguf_q8_0>}
  // CHECK-SAME: : (memref<?x64xf32>, memref<8x68xi8>, memref<?x8xf32>) -> ()
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}
      : (memref<?x64xf32>, memref<8x68xi8>, memref<?x8xf32>) -> ()
  return
}

// CHECK-LABEL: func @block_matmul_on_tensors
func.func @block_matmul_on_tensors(
    %x: tensor<5x64xf32>, %w: tensor<4x8x64xi8>, %ids: tensor<5x2xi32>, %s: tensor<4x8x2xf32>,
    %b: tensor<4x8xf32>, %init: tensor<5x2x8xf32>) -> tensor<5x2x8xf32> {
  // CHECK: rlx.block_matmul ins(%{{.*}}, %{{.*}}, %{{.*}}) scales(%{{.*}}) bias(%{{.*}}) outs(%{{.*}})
  // CHECK-SAME: -> tensor<5x2x8xf32>
  %y = rlx.block_matmul ins(%x, %w, %ids) scales(%s) bias(%b) outs(%init)
      {scheme = #rlx.quant<int8/32>, activations = i8}
      : (tensor<5x64xf32>, tensor<4x8x64xi8>, tensor<5x2xi32>, tensor<4x8x2xf32>,
         tensor<4x8xf32>, tensor<5x2x8xf32>) -> tensor<5x2x8xf32>
  return %y : tensor<5x2x8xf32>
}

// CHECK-LABEL: func @block_dequantize
func.func @block_dequantize(%w: memref<8x68xi8>, %y: memref<8x64xf32>, %ids: memref<3xi32>,
                            %rows: memref<3x64xf32>) {
  // CHECK: rlx.block_dequantize ins(%{{.*}}) outs(%{{.*}}) {scheme = #rlx.quant<gguf_q8_0>}
  rlx.block_dequantize ins(%w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>}
      : (memref<8x68xi8>, memref<8x64xf32>) -> ()
  // CHECK: rlx.block_dequantize ins(%{{.*}}, %{{.*}}) outs(%{{.*}})
  rlx.block_dequantize ins(%w, %ids) outs(%rows) {scheme = #rlx.quant<gguf_q8_0>}
      : (memref<8x68xi8>, memref<3xi32>, memref<3x64xf32>) -> ()
  return
}

// CHECK-LABEL: func @block_quantize
func.func @block_quantize(%x: memref<8x64xf32>, %s: memref<8x2xf32>, %q: memref<8x64xi8>) {
  // CHECK: rlx.block_quantize ins(%{{.*}}) outs(%{{.*}}, %{{.*}}) {scheme = #rlx.quant<int8/32>}
  rlx.block_quantize ins(%x) outs(%q, %s) {scheme = #rlx.quant<int8/32>}
      : (memref<8x64xf32>, memref<8x64xi8>, memref<8x2xf32>) -> ()
  // CHECK: rlx.block_quantize ins(%{{.*}}) rule "absmax 7" outs(%{{.*}}, %{{.*}}) {scheme = #rlx.quant<int8/32>}
  rlx.block_quantize ins(%x) rule "absmax 7" outs(%q, %s) {scheme = #rlx.quant<int8/32>}
      : (memref<8x64xf32>, memref<8x64xi8>, memref<8x2xf32>) -> ()
  // CHECK: rlx.block_fake_quantize ins(%{{.*}}) outs(%{{.*}}) {scheme = #rlx.quant<gguf_q4_0>}
  rlx.block_fake_quantize ins(%x) outs(%x) {scheme = #rlx.quant<gguf_q4_0>}
      : (memref<8x64xf32>, memref<8x64xf32>) -> ()
  // CHECK: rlx.block_quantize ins(%{{.*}}) scales(%{{.*}}) outs(%{{.*}}) {scheme = #rlx.quant<int8/32>}
  rlx.block_quantize ins(%x) scales(%s) outs(%q) {scheme = #rlx.quant<int8/32>}
      : (memref<8x64xf32>, memref<8x2xf32>, memref<8x64xi8>) -> ()
  return
}

// CHECK-LABEL: func @decode
func.func @decode(%w: memref<8x68xi8>, %n: index, %block: index, %f: memref<4x8x32xi8>,
                  %s: memref<4x8x4xf8E4M3FN>, %g: memref<4x1xf32>) {
  // CHECK: rlx.decode %{{.*}}[%{{.*}}, %{{.*}}] at 16 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
  %v = rlx.decode %w[%n, %block] at 16 {scheme = #rlx.quant<gguf_q8_0>}
      : memref<8x68xi8> -> vector<16xf32>
  // CHECK: rlx.decode %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] at 0 scales(%{{.*}} : memref<4x8x4xf8E4M3FN>) global_scale(%{{.*}} : memref<4x1xf32>)
  %u = rlx.decode %f[%n, %n, %block] at 0 scales(%s : memref<4x8x4xf8E4M3FN>)
      global_scale(%g : memref<4x1xf32>) {scheme = #rlx.quant<nvfp4/16>}
      : memref<4x8x32xi8> -> vector<32xf32>
  return
}

// CHECK-LABEL: func @check
func.func @check(%fits: i1, %columns: index) {
  // CHECK: rlx.check %{{.*}}, "'rlx.matmul' expected x to have 64 columns, but got {}"(%{{.*}})
  rlx.check %fits, "'rlx.matmul' expected x to have 64 columns, but got {}" (%columns)
  // CHECK: rlx.check %{{.*}}, "no numbers"
  rlx.check %fits, "no numbers"
  return
}

// CHECK-LABEL: func @report_index
func.func @report_index(%position: index, %id: index, %experts: index) {
  // CHECK: rlx.report_index "expert id of 'rlx.gather_matmul'" at %{{.*}} value %{{.*}} bound %{{.*}}
  rlx.report_index "expert id of 'rlx.gather_matmul'" at %position value %id bound %experts
  return
}

func.func private @body(index, index, memref<8xf32>)
func.func private @nothing(index, index)

// CHECK-LABEL: func @parallel_for
func.func @parallel_for(%n: index, %x: memref<8xf32>) {
  // CHECK: rlx.parallel_for @body count %{{.*}} captures(%{{.*}}) : memref<8xf32>
  rlx.parallel_for @body count %n captures(%x) : memref<8xf32>
  // CHECK: rlx.parallel_for @nothing count %{{.*}}
  rlx.parallel_for @nothing count %n
  return
}

// CHECK-LABEL: func @packed
func.func @packed(%w: memref<8x68xi8>, %p: memref<1088xi8>, %x: memref<?x64xf32>, %y: memref<?x8xf32>) {
  // CHECK: rlx.pack_weight ins(%{{.*}}) outs(%{{.*}}) {layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>, scheme = #rlx.quant<gguf_q8_0>}
  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
      : (memref<8x68xi8>, memref<1088xi8>) -> ()
  // CHECK: rlx.packed_matmul ins(%{{.*}}, %{{.*}}) outs(%{{.*}}) {activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>, scheme = #rlx.quant<gguf_q8_0>}
  rlx.packed_matmul ins(%x, %p) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
      : (memref<?x64xf32>, memref<1088xi8>, memref<?x8xf32>) -> ()
  return
}

// CHECK-LABEL: func @bytes
func.func @bytes(%codes: vector<64xi8>, %activations: vector<64xi8>, %sum: vector<16xi32>) -> (vector<16xi32>, vector<64xi8>) {
  // CHECK: rlx.dot %{{.*}}, %{{.*}}, %{{.*}} below 16 : vector<64xi8>, vector<16xi32>
  %s = rlx.dot %codes, %activations, %sum below 16 : vector<64xi8>, vector<16xi32>
  // CHECK: rlx.lookup %{{.*}} [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] : vector<64xi8>
  %v = rlx.lookup %codes [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] : vector<64xi8>
  return %s, %v : vector<16xi32>, vector<64xi8>
}
