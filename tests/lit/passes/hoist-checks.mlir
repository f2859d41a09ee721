// Checks of arguments come before anything is computed; others stay.
// RUN: rlx-opt %s --rlx-hoist-checks | FileCheck %s

// CHECK-LABEL: func @main
// CHECK-DAG: %[[ONE:.*]] = tensor.dim %arg0
// CHECK-DAG: %[[TWO:.*]] = tensor.dim %arg1
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[ONE]], %[[TWO]]
// CHECK-NEXT: rlx.check %[[SAME]], "sizes"
// CHECK-NEXT: math.exp
// CHECK-NOT: rlx.check %[[SAME]]
// CHECK: rlx.check %{{.*}}, "values"
func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %e = math.exp %x : tensor<?xf32>
  %c0 = arith.constant 0 : index
  %a = tensor.dim %x, %c0 : tensor<?xf32>
  %b = tensor.dim %y, %c0 : tensor<?xf32>
  %same = arith.cmpi eq, %a, %b : index
  rlx.check %same, "sizes"
  rlx.check %same, "sizes again"
  %v = tensor.extract %e[%c0] : tensor<?xf32>
  %zero = arith.constant 0.0 : f32
  %above = arith.cmpf ogt, %v, %zero : f32
  rlx.check %above, "values"
  return %e : tensor<?xf32>
}
