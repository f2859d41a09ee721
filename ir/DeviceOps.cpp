//===- DeviceOps.cpp - The target of device kernels -----------------------===//

#include "ir/Dialect.h"

#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace rlx;

LogicalResult
GpuAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, GpuApi api,
                bool, bool, bool, bool, bool, bool, bool, bool, bool denormals,
                bool nonfinite, bool, int64_t subgroupSize, bool, bool,
                DenseI64ArrayAttr cooperativeMatrix, int64_t vectorWidth,
                int64_t workgroupSize, int64_t workgroupMemory,
                int64_t bufferBytes) {
  auto isPowerOfTwo = [](int64_t value, int64_t most) {
    return value >= 1 && value <= most && (value & (value - 1)) == 0;
  };
  if (!isPowerOfTwo(subgroupSize, 128))
    return emitError() << "expected subgroup_size to be a power of two of at "
                          "most 128, but got "
                       << subgroupSize;
  if (api == GpuApi::opencl)
    for (auto [name, value] :
         {std::pair("denormals", denormals), {"nonfinite", nonfinite}})
      if (value)
        return emitError() << name
                           << " is for vulkan; kernels of opencl do "
                              "not ask for it";
  if (cooperativeMatrix) {
    auto isSide = [&](int64_t side) { return isPowerOfTwo(side, 64); };
    if (cooperativeMatrix.size() != 3 ||
        !llvm::all_of(cooperativeMatrix.asArrayRef(), isSide))
      return emitError()
             << "expected cooperative_matrix to be [M, N, K], powers "
                "of two of at most 64, but got "
             << Attribute(cooperativeMatrix);
    if (api == GpuApi::opencl)
      return emitError() << "cooperative_matrix is for vulkan; opencl has none";
  }
  if (!isPowerOfTwo(vectorWidth, 16))
    return emitError() << "expected vector_width to be a power of two of at "
                          "most 16, but got "
                       << vectorWidth;
  if (vectorWidth > 1 && api == GpuApi::vulkan)
    return emitError()
           << "vector_width is for opencl; the work-items of vulkan "
              "are lanes";
  if (workgroupSize < 64 || workgroupSize > 1 << 16)
    return emitError() << "expected workgroup_size to be 64 to 65536, but got "
                       << workgroupSize;
  if (workgroupMemory < 16384)
    return emitError() << "expected workgroup_memory to be at least 16384 "
                          "bytes, but got "
                       << workgroupMemory;
  if (bufferBytes < 1 << 16)
    return emitError() << "expected buffer_bytes to be at least 65536, but got "
                       << bufferBytes;
  return success();
}

LogicalResult InterleaveWeightOp::verify() { return success(); }
LogicalResult InterleavedMatmulOp::verify() { return success(); }
