// Each operation once, with the examples of its description, through text and
// through bytecode.
// RUN: rlx-opt %s | FileCheck %s
// RUN: rlx-opt %s --mlir-print-op-generic | rlx-opt | FileCheck %s
// RUN: rlx-opt %s --emit-bytecode | rlx-opt | FileCheck %s
// RUN: rlx-opt %s -o %t.once && rlx-opt %t.once | diff %t.once -

// CHECK-LABEL: func @weight
func.func @weight() {
  // CHECK: rlx.weight "blk.0.attn_q.weight" : tensor<4096x4096xf32, #rlx.quant<gguf_q4k>>
  %w = rlx.weight "blk.0.attn_q.weight" : tensor<4096x4096xf32, #rlx.quant<gguf_q4k>>
  // CHECK: rlx.weight "norm" : tensor<64xf32>
  %norm = rlx.weight "norm" : tensor<64xf32>
  return
}

// CHECK-LABEL: func @matmul
func.func @matmul(%x: tensor<?x64xf32>, %w: tensor<8x64xf32, #rlx.quant<int8/32>>,
                  %s: tensor<8x2xf32>, %b: tensor<8xf32>) {
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} scales(%{{.*}}) bias(%{{.*}}) {activations = f32}
  // CHECK-SAME: : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %y = rlx.matmul %x, %w scales(%s) bias(%b) {activations = f32}
      : (tensor<?x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @matmul_without_extras
func.func @matmul_without_extras(%x: tensor<3x256xf32>, %w: tensor<8x256xbf16, #rlx.quant<gguf_q4k>>,
                                 %plain: tensor<8x256xf16>, %dynamic: tensor<?x256xf32>) {
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  %0 = rlx.matmul %x, %w
      : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} weights = reencoded {activations = i16}
  %r = rlx.matmul %x, %w weights = reencoded {activations = i16}
      : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activations = i8}
  %1 = rlx.matmul %x, %w {activations = i8}
      : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activations = i16}
  %2 = rlx.matmul %x, %w {activations = i16}
      : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activation_group = 64 : i64, activations = i24}
  %5 = rlx.matmul %x, %w {activations = i24, activation_group = 64 : i64}
      : (tensor<3x256xf32>, tensor<8x256xbf16, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} {activations = bf16} : (tensor<3x256xf32>, tensor<8x256xf16>) -> tensor<3x8xf32>
  %3 = rlx.matmul %x, %plain {activations = bf16} : (tensor<3x256xf32>, tensor<8x256xf16>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} : (tensor<3x256xf32>, tensor<?x256xf32>) -> tensor<3x?xf32>
  %4 = rlx.matmul %x, %dynamic : (tensor<3x256xf32>, tensor<?x256xf32>) -> tensor<3x?xf32>
  return
}

// CHECK-LABEL: func @matmul_sides
func.func @matmul_sides(%x: tensor<3x64xf32>, %a: tensor<8x64xf32, #rlx.quant<int8a/32>>,
                        %s: tensor<8x2xf32>, %z: tensor<8x2xf32>,
                        %f: tensor<8x64xf32, #rlx.quant<nvfp4/16>>, %fs: tensor<8x4xf8E4M3FN>,
                        %g: tensor<1xf32>) {
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} scales(%{{.*}}) zero_points(%{{.*}}) :
  %0 = rlx.matmul %x, %a scales(%s) zero_points(%z)
      : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<int8a/32>>, tensor<8x2xf32>, tensor<8x2xf32>) -> tensor<3x8xf32>
  // CHECK: rlx.matmul %{{.*}}, %{{.*}} scales(%{{.*}}) global_scale(%{{.*}}) :
  %1 = rlx.matmul %x, %f scales(%fs) global_scale(%g)
      : (tensor<3x64xf32>, tensor<8x64xf32, #rlx.quant<nvfp4/16>>, tensor<8x4xf8E4M3FN>, tensor<1xf32>) -> tensor<3x8xf32>
  return
}

// CHECK-LABEL: func @gather_matmul
func.func @gather_matmul(%x: tensor<5x64xf32>, %w: tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>,
                         %ids: tensor<5x2xi32>, %each: tensor<5x2x64xf32>,
                         %i: tensor<4x8x64xf32, #rlx.quant<int8/32>>, %s: tensor<4x8x2xf32>,
                         %b: tensor<4x8xf32>) {
  // CHECK: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  %y = rlx.gather_matmul %x, %w, %ids
      : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  // CHECK: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} weights = reencoded {activations = i8} : (tensor<5x64xf32>
  %r = rlx.gather_matmul %x, %w, %ids weights = reencoded {activations = i8}
      : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<gguf_q8_0>>, tensor<5x2xi32>) -> tensor<5x2x8xf32>
  // CHECK: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} scales(%{{.*}}) bias(%{{.*}}) {activations = bf16}
  %z = rlx.gather_matmul %each, %i, %ids scales(%s) bias(%b) {activations = bf16}
      : (tensor<5x2x64xf32>, tensor<4x8x64xf32, #rlx.quant<int8/32>>, tensor<5x2xi32>, tensor<4x8x2xf32>, tensor<4x8xf32>) -> tensor<5x2x8xf32>
  return
}

// CHECK-LABEL: func @embedding
func.func @embedding(%table: tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, %ids: tensor<7xi32>,
                     %grid: tensor<?x3xi32>, %one: tensor<1xi32>,
                     %f: tensor<100x64xf32, #rlx.quant<fp8e4m3/channel>>, %s: tensor<100xf32>) {
  // CHECK: rlx.embedding %{{.*}}, %{{.*}} : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x64xf32>
  %y = rlx.embedding %table, %ids
      : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, tensor<7xi32>) -> tensor<7x64xf32>
  // CHECK: rlx.embedding %{{.*}} -> tensor<?x3x64xf32>
  %g = rlx.embedding %table, %grid
      : (tensor<100x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?x3xi32>) -> tensor<?x3x64xf32>
  // CHECK: rlx.embedding %{{.*}}, %{{.*}} scales(%{{.*}}) :
  %o = rlx.embedding %f, %one scales(%s)
      : (tensor<100x64xf32, #rlx.quant<fp8e4m3/channel>>, tensor<1xi32>, tensor<100xf32>) -> tensor<1x64xf32>
  return
}

// CHECK-LABEL: func @dequantize
func.func @dequantize(%w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>,
                      %e: tensor<2x8x64xf32, #rlx.quant<mxfp4/32>>, %s: tensor<2x8x2xf8E8M0FNU>) {
  // CHECK: rlx.dequantize %{{.*}} : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
  %y = rlx.dequantize %w : (tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32>
  // CHECK: rlx.dequantize %{{.*}} scales(%{{.*}}) :
  %z = rlx.dequantize %e scales(%s)
      : (tensor<2x8x64xf32, #rlx.quant<mxfp4/32>>, tensor<2x8x2xf8E8M0FNU>) -> tensor<2x8x64xf32>
  return
}

// CHECK-LABEL: func @quantize
func.func @quantize(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) {
  // CHECK: rlx.quantize %{{.*}} scales(%{{.*}}) : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  %q = rlx.quantize %x scales(%s)
      : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  // CHECK: rlx.quantize %{{.*}} rule "absmax 120" : (tensor<8x64xf32>) -> (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>)
  %r, %t = rlx.quantize %x rule "absmax 120"
      : (tensor<8x64xf32>) -> (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>)
  // CHECK: rlx.quantize %{{.*}} importance(%{{.*}}) : (tensor<8x64xf32>, tensor<64xf32>) -> tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
  %i = arith.constant dense<1.0> : tensor<64xf32>
  %u = rlx.quantize %x importance(%i)
      : (tensor<8x64xf32>, tensor<64xf32>) -> tensor<8x64xf32, #rlx.quant<gguf_q4_0>>
  // CHECK: rlx.fake_quantize %{{.*}} {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf32>
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf32>
  // CHECK: rlx.fake_quantize %{{.*}} rule "absmax 7" {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf32>
  %z = rlx.fake_quantize %x rule "absmax 7" {scheme = #rlx.quant<gguf_q4_0>} : tensor<8x64xf32>
  // CHECK: rlx.quantize %{{.*}} : (tensor<8x64xf32>) -> tensor<8x64xf32, #rlx.quant<fp8e4m3>>
  %f = rlx.quantize %x : (tensor<8x64xf32>) -> tensor<8x64xf32, #rlx.quant<fp8e4m3>>
  return
}
