// Packed weights are read as words from the first byte of a buffer on, so that a view of one is an error.
// RUN: rlx-opt %s -split-input-file -verify-diagnostics --rlx-blocks-to-kernels

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
module attributes {rlx.target = #rlx.gpu<vulkan>} {
  func.func @read(%x: memref<3x64xf32>, %p: memref<2x320xi32>, %y: memref<3x8xf32>) {
    %part = memref.subview %p[1, 0] [1, 320] [1, 1] : memref<2x320xi32> to memref<1x320xi32, strided<[320, 1], offset: 320>>
    // expected-error @+1 {{'rlx.interleaved_matmul' op expected the packed weight to be all of a buffer, but it is a view, 'memref<1x320xi32, strided<[320, 1], offset: 320>>'; copy it into a buffer of its own}}
    rlx.interleaved_matmul ins(%x, %part) outs(%y) {device_block = #rlx.quant<#r>, activations = f32, rows = 16 : i64, words = 4 : i64} : (memref<3x64xf32>, memref<1x320xi32, strided<[320, 1], offset: 320>>, memref<3x8xf32>) -> ()
    return
  }
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
module attributes {rlx.target = #rlx.gpu<vulkan>} {
  func.func @written(%w: memref<8x68xi8>, %p: memref<2x320xi32>) {
    %part = memref.subview %p[0, 0] [1, 320] [1, 1] : memref<2x320xi32> to memref<1x320xi32, strided<[320, 1]>>
    // expected-error @+1 {{'rlx.interleave_weight' op expected the packed weight to be all of a buffer, but it is a view, 'memref<1x320xi32, strided<[320, 1]>>'}}
    rlx.interleave_weight ins(%w) outs(%part) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64} : (memref<8x68xi8>, memref<1x320xi32, strided<[320, 1]>>) -> ()
    return
  }
}
