// A loop that begins with a tensor of known sizes and changes them: the sizes were
// taken for those of all iterations.
// input: f32 [3, 4]
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %first = tensor.cast %x : tensor<?x4xf32> to tensor<?x?xf32>
  %wide = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %first) -> tensor<?x?xf32> {
    %b = tensor.concat dim(1) %a, %a : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
    scf.yield %b : tensor<?x?xf32>
  }
  %turned = scf.for %i = %c0 to %c3 step %c1 iter_args(%a = %first) -> tensor<?x?xf32> {
    %m = tensor.dim %a, %c0 : tensor<?x?xf32>
    %n = tensor.dim %a, %c1 : tensor<?x?xf32>
    %e = tensor.empty(%n, %m) : tensor<?x?xf32>
    %t = linalg.transpose ins(%a : tensor<?x?xf32>) outs(%e : tensor<?x?xf32>) permutation = [1, 0]
    scf.yield %t : tensor<?x?xf32>
  }
  return %wide, %turned : tensor<?x?xf32>, tensor<?x?xf32>
}
