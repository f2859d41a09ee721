// Devices that compute with f64 have no kernels of it in OpenCL C, nor Vulkan
// its functions: both were errors of what prints kernels.
// input: f64 [5]
// input: f32 [5]
func.func @main(%x: tensor<5xf64>, %y: tensor<5xf32>) -> (tensor<5xf64>, tensor<5xf32>) {
  %s = math.sin %x : tensor<5xf64>
  %e = math.exp %y : tensor<5xf32>
  return %s, %e : tensor<5xf64>, tensor<5xf32>
}
