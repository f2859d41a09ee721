// Any number of rows, several results, and a scheme of the user's whose weight is
// an argument: its stored bytes.
// RUN: python3 %S/npy.py write %t.w.npy '<u1' 3,54 56 9 17 34 51 68 85 102 119 136 153 170 187 204 221 238 255 1 2 3 4 5 6 7 8 10 11
// RUN: python3 %S/npy.py write %t.x1.npy '<f4' 1,80 1 -2 0.5 3
// RUN: python3 %S/npy.py write %t.x5.npy '<f4' 5,80 1 -2 0.5 3 -0.25 0.125 7
// RUN: rlx-run %s --input %t.x1.npy --input %t.w.npy --output %t.y.npy --verify | FileCheck %s
// RUN: python3 %S/npy.py show %t.y.npy | FileCheck %s --check-prefix=ONE
// RUN: rlx-run %s --input %t.x5.npy --input %t.w.npy --output %t.y.npy --output %t.n.npy --verify | FileCheck %s
// RUN: python3 %S/npy.py show %t.y.npy | FileCheck %s --check-prefix=FIVE
// RUN: python3 %S/npy.py show %t.n.npy | FileCheck %s --check-prefix=COUNT
// CHECK: verify: result 0: relative error {{[0-9.]+(e-0[789])?, }}
// CHECK: verify: result 1: relative error 0,
// ONE:   <f4 (1, 3)
// FIVE:  <f4 (5, 3)
// COUNT: <i4 () 5

#five = #rlx.scheme<"five bits", block = 40, bytes = 27, unused = 4,
  code = ui4 at (i) -> (2 + i floordiv 2, 4 * (i mod 2)) ++ ui1 at (i) -> (22, i),
  zero = ui4 at byte 1,
  scale = f8E4M3FN at byte 0>
func.func @main(%x: tensor<?x80xf32>, %w: tensor<3x80xf32, #rlx.quant<#five>>)
    -> (tensor<?x3xf32>, tensor<i32>) {
  %y = rlx.matmul %x, %w : (tensor<?x80xf32>, tensor<3x80xf32, #rlx.quant<#five>>) -> tensor<?x3xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x80xf32>
  %m32 = arith.index_cast %m : index to i32
  %n = tensor.from_elements %m32 : tensor<i32>
  return %y, %n : tensor<?x3xf32>, tensor<i32>
}
