// What cannot run on a device is named, with where it stands.
// RUN: rlx-opt %s -split-input-file -verify-diagnostics "--rlx-gpu=target=#rlx.gpu<vulkan>"

func.func @loop(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  // expected-error @+1 {{'scf.for' op cannot run on a device, expected an operation of rlx or linalg, or arithmetic on sizes; run the program on the CPU}}
  %y = scf.for %i = %c0 to %c4 step %c1 iter_args(%v = %x) -> tensor<4xf32> {
    %s = arith.addf %v, %v : tensor<4xf32>
    scf.yield %s : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @while(%x: i32) -> i32 {
  // expected-error @+1 {{'scf.while' op cannot run on a device}}
  %y = scf.while (%v = %x) : (i32) -> i32 {
    %c = arith.constant 9 : i32
    %b = arith.cmpi slt, %v, %c : i32
    scf.condition(%b) %v : i32
  } do {
  ^bb0(%v: i32):
    %s = arith.addi %v, %v : i32
    scf.yield %s : i32
  }
  return %y : i32
}

// -----

func.func @quantize(%x: tensor<2x32xf32>, %s: tensor<2x1xf32>) -> tensor<2x32xf32, #rlx.quant<int8/32>> {
  // expected-error @+1 {{cannot run on a device}}
  %y = rlx.quantize %x scales(%s) : (tensor<2x32xf32>, tensor<2x1xf32>) -> tensor<2x32xf32, #rlx.quant<int8/32>>
  return %y : tensor<2x32xf32, #rlx.quant<int8/32>>
}

// -----

func.func @fake_quantize(%x: tensor<2x64xf32>) -> tensor<2x64xf32> {
  // expected-error @+1 {{'rlx.block_fake_quantize' op cannot run on a device, expected a scheme with one scale a group of a row and a rule, not a search, and codes of at most 8 bits beside an offset; run the program on the CPU}}
  %y = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_iq4_nl>} : tensor<2x64xf32>
  return %y : tensor<2x64xf32>
}

// -----

// Types that the target lacks and that nothing stands in for.
func.func @double(%x: tensor<4xf64>) -> tensor<4xf64> {
  // expected-error @+1 {{'linalg.generic' op has a buffer of 'f64', which the target cannot compute with; expected f32, f16, bf16, floats of 8 bits or integers of at most 32 bits}}
  %y = arith.addf %x, %x : tensor<4xf64>
  return %y : tensor<4xf64>
}

// -----

func.func @long(%x: tensor<4xi64>) -> tensor<4xi64> {
  // expected-error @+1 {{'linalg.generic' op has a buffer of 'i64', which the target cannot compute with}}
  %y = arith.addi %x, %x : tensor<4xi64>
  return %y : tensor<4xi64>
}

// -----

#flat = #rlx.scheme<"flat", block = 32, code = si8 at (i) -> (i, 0),
    scale = f32 in scales at (n, k) -> ((1048576 * n + k) floordiv 3)>

// Indices of devices have 32 bits.
func.func @flat(%w: tensor<4096x96xf32, #rlx.quant<#flat>>, %s: tensor<1431306272xf32>) -> tensor<4096x96xf32> {
  // expected-error @+1 {{expected the index into 'scales' to be computed in 31 bits on a device, but it needs more for the last element: affine_map<(d0, d1) -> ((d0 * 1048576 + d1) floordiv 3)>; run the program on the CPU}}
  %v = rlx.dequantize %w scales(%s) : (tensor<4096x96xf32, #rlx.quant<#flat>>, tensor<1431306272xf32>) -> tensor<4096x96xf32>
  return %v : tensor<4096x96xf32>
}
