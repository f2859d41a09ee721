// Every rule of the operations for devices, broken once.
// RUN: rlx-opt %s --split-input-file --verify-diagnostics

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @words(%w: memref<8x68xi8>, %p: memref<1x319xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C1) expected 'init' to be 'memref<1x320xi32>', but got 'memref<1x319xi32>'}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64} : (memref<8x68xi8>, memref<1x319xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @bytes(%w: memref<8x67xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C2) expected rows of whole blocks of 34 bytes of 'gguf_q8_0', but got 'memref<8x67xi8>'}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64} : (memref<8x67xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @sides(%w: memref<8x64xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C3) scheme 'int8/32' needs 'scales' of type 'memref<8x2xf32>'}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<int8/32>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64} : (memref<8x64xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 128, code = ui8 at (i) -> (0, i * 8) as si8>
func.func @fields(%w: memref<8x68xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C4) expected 'r' to have the fields of 'gguf_q8_0', with the same numbers}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64} : (memref<8x68xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

func.func @crossing(%w: memref<8x68xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C4) expected a device block of whole groups of 4 words, but 'gguf_q8_0' has 34 bytes}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<gguf_q8_0>, rows = 16 : i64, words = 4 : i64} : (memref<8x68xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @rows(%w: memref<8x68xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C5) expected rows to be a power of two of at most 256, but got 0}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 0 : i64, words = 4 : i64} : (memref<8x68xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @part(%w: memref<8x68xi8>, %p: memref<1x320xi32>) {
  // expected-error@+1 {{'rlx.interleave_weight' op (C6) expected part to be [first, count, 8] and to lie within these, but got [4, 5, 8]}}
  rlx.interleave_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, device_block = #rlx.quant<#r>, rows = 16 : i64, words = 4 : i64, part = array<i64: 4, 5, 8>} : (memref<8x68xi8>, memref<1x320xi32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @result(%x: memref<3x64xf32>, %p: memref<1x320xi32>, %y: memref<4x8xf32>) {
  // expected-error@+1 {{'rlx.interleaved_matmul' op (C1) expected 'init' to be 'memref<3x8xf32>', but got 'memref<4x8xf32>'}}
  rlx.interleaved_matmul ins(%x, %p) outs(%y) {device_block = #rlx.quant<#r>, activations = f32, rows = 16 : i64, words = 4 : i64} : (memref<3x64xf32>, memref<1x320xi32>, memref<4x8xf32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @weight(%x: memref<3x64xf32>, %p: memref<1x320xi32>, %y: memref<3x17xf32>) {
  // expected-error@+1 {{'rlx.interleaved_matmul' op (C2) expected 'weight' to be 'memref<2x320xi32>', but got 'memref<1x320xi32>'}}
  rlx.interleaved_matmul ins(%x, %p) outs(%y) {device_block = #rlx.quant<#r>, activations = f32, rows = 16 : i64, words = 4 : i64} : (memref<3x64xf32>, memref<1x320xi32>, memref<3x17xf32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @activation_group(%x: memref<3x64xf32>, %p: memref<1x320xi32>, %y: memref<3x8xf32>) {
  // expected-error@+1 {{'rlx.interleaved_matmul' op (C3) expected activation_group to be 32, and activations i8 where it is given, but got 64 and 'i8'}}
  rlx.interleaved_matmul ins(%x, %p) outs(%y) {device_block = #rlx.quant<#r>, activations = i8, rows = 16 : i64, words = 4 : i64, activation_group = 64 : i64} : (memref<3x64xf32>, memref<1x320xi32>, memref<3x8xf32>) -> ()
  return
}

// -----

#r = #rlx.scheme<"r", block = 64, bytes = 80, unused = 96, code = ui8 at (i) -> (0, i * 8) as si8, scale = ui16 at (i) -> (64, (i floordiv 32) * 16) as f16>
func.func @activations(%x: memref<3x64xf32>, %p: memref<1x320xi32>, %y: memref<3x8xf32>) {
  // expected-error@+1 {{'rlx.interleaved_matmul' op (C3) expected activations to be f32, bf16, f16, i24, i16 or i8, but got 'i4'}}
  rlx.interleaved_matmul ins(%x, %p) outs(%y) {device_block = #rlx.quant<#r>, activations = i4, rows = 16 : i64, words = 4 : i64} : (memref<3x64xf32>, memref<1x320xi32>, memref<3x8xf32>) -> ()
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%x: memref<4xf32>, %m: i32) kernel {
    gpu.return
  }
}
func.func @dispatch(%x: memref<4xf32>, %n: index) {
  // expected-error@+1 {{'rlx.dispatch' op (C1) expected 1 buffers and 1 scalars for @kernels::@k, but got 2 and 0}}
  rlx.dispatch @kernels::@k groups(%n, %n, %n) buffers(%x, %x) : memref<4xf32>, memref<4xf32>
  return
}
