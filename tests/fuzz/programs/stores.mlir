// Single elements were written by the host, which a device has none of; sizes
// that are all constant, or of a view, were taken for unknown ones.
// input: f32 [3, 4]
// input: f32 [2]
// input: bf16 [1, 2, 3, 2]
func.func @main(%x: tensor<3x4xf32>, %s: tensor<2xf32>, %v: tensor<?x?x?x?xbf16>) -> (tensor<3x4xf32>, tensor<2x2xf32>, tensor<f32>, tensor<?x?xf32>, tensor<1x6x?xbf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  %a = tensor.extract %s[%c0] : tensor<2xf32>
  %b = tensor.extract %x[%c2, %c1] : tensor<3x4xf32>
  %sum = arith.addf %a, %b : f32
  %k = arith.constant 2.5 : f32
  %y0 = tensor.insert %sum into %x[%c1, %c2] : tensor<3x4xf32>
  %y = tensor.insert %k into %y0[%c0, %c0] : tensor<3x4xf32>
  %z = tensor.from_elements %a, %k, %sum, %b : tensor<2x2xf32>
  %t = tensor.from_elements %sum : tensor<f32>
  %e = tensor.empty(%c2, %c5) : tensor<?x?xf32>
  %f = linalg.fill ins(%k : f32) outs(%e : tensor<?x?xf32>) -> tensor<?x?xf32>
  %flat = tensor.collapse_shape %v [[0], [1, 2], [3]] : tensor<?x?x?x?xbf16> into tensor<?x?x?xbf16>
  %cast = tensor.cast %flat : tensor<?x?x?xbf16> to tensor<1x6x?xbf16>
  %w = math.absf %cast : tensor<1x6x?xbf16>
  return %y, %z, %t, %f, %w : tensor<3x4xf32>, tensor<2x2xf32>, tensor<f32>, tensor<?x?xf32>, tensor<1x6x?xbf16>
}
