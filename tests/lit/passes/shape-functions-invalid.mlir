// RUN: rlx-opt %s --rlx-shape-functions --verify-diagnostics

func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}
// expected-error@+1 {{expected no function of the name 'main.shapes', which tells the sizes of the results of 'main'; give it another one}}
func.func private @main.shapes(%x: tensor<?xf32>) -> tensor<?xf32>
