// Built-in schemes whose side tensors have another type than f32.
// RUN: rlx-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// CHECK: func.func private @types(tensor<8x64xf32, #rlx.quant<int4/32:f16>>,
// CHECK-SAME: tensor<8x64xf32, #rlx.quant<int8/channel:bf16>>, tensor<8x64xf32, #rlx.quant<fp8e4m3/128x128:f16>>,
// CHECK-SAME: tensor<8x64xf32, #rlx.quant<int4/32>>)
func.func private @types(tensor<8x64xf32, #rlx.quant<int4/32:f16>>,
  tensor<8x64xf32, #rlx.quant<int8/channel:bf16>>, tensor<8x64xf32, #rlx.quant<fp8e4m3/128x128:f16>>,
  tensor<8x64xf32, #rlx.quant<int4/32>>)

// The name is that of the description, with all sides of f32 changed and no other.
#zeros = #rlx.scheme<"uint4/32:bf16", block = 32, code = ui4 at (i) -> (0, 4 * i),
  zero = ui8 in zero_points at (n, k) -> (n, k floordiv 32), scale = bf16 in scales at (n, k) -> (n, k floordiv 32)>
// CHECK: func.func private @description(tensor<8x64xf32, #rlx.quant<uint4/32:bf16>>)
func.func private @description(tensor<8x64xf32, #rlx.quant<#zeros>>)

// CHECK: func.func @operands
func.func @operands(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<affine4/64:f16>>, %s: tensor<8x1xf16>, %z: tensor<8x1xf16>) -> tensor<1x8xf32> {
  %y = rlx.matmul %x, %w scales(%s) zero_points(%z) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<affine4/64:f16>>, tensor<8x1xf16>, tensor<8x1xf16>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// -----

// expected-error @below {{unknown scheme 'int4/32:f64'}}
func.func private @type(tensor<8x64xf32, #rlx.quant<int4/32:f64>>)

// -----

// There is nothing of f32 beside the blocks.
// expected-error @below {{unknown scheme 'mxfp4/32:f16'}}
func.func private @nothing(tensor<8x64xf32, #rlx.quant<mxfp4/32:f16>>)
