// A parallel loop whose bounds and step show at run time: a step of 0 is an error.
// input: f32 [3, 4]
// input: i32 []
func.func @main(%x: tensor<?x4xf32>, %n: tensor<i32>) -> tensor<?x4xf32> {
 %c0 = arith.constant 0 : index
 %d = tensor.dim %x, %c0 : tensor<?x4xf32>
 %k = tensor.extract %n[] : tensor<i32>
 %m = arith.index_cast %k : i32 to index
 %e = tensor.empty(%d) : tensor<?x4xf32>
 %z = arith.constant 0.0 : f32
 %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
 %r = scf.forall (%i) = (%m) to (%d) step (%m) shared_outs(%o = %f) -> (tensor<?x4xf32>) {
   %s = tensor.extract_slice %x[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<1x4xf32>
   %t = math.exp %s : tensor<1x4xf32>
   scf.forall.in_parallel { tensor.parallel_insert_slice %t into %o[%i, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<?x4xf32> }
 }
 return %r : tensor<?x4xf32>
}
