//===- KernelBuilder.h - Kernels beside their dispatch ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds one gpu.func and, where the operation stands that it computes, the
// rlx.dispatch that runs it. What a kernel needs of the host (a buffer, a size
// that is known only at run time) becomes an argument when it is first asked
// for. Buffers are flat; views are resolved into offsets and strides.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_KERNELBUILDER_H
#define RLX_PASSES_GPU_KERNELS_KERNELBUILDER_H

#include "passes/gpu/layout/DeviceBlockLayout.h"
#include "passes/support/LoopBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/ADT/StringMap.h"

#include <array>

namespace rlx {

/// The kernels of a module. Kernels that are the same are kept once.
struct KernelModule {
  mlir::gpu::GPUModuleOp module;
  GpuAttr target;
  llvm::StringMap<std::string> names; ///< By text.
};

/// A buffer of a kernel, seen as a tensor of elements.
struct BufferView {
  mlir::Value buffer; ///< `memref<?xelement>`
  llvm::SmallVector<mlir::Value> strides;
  mlir::Value offset; ///< Null where it is 0.
  /// Whether it is row-major without gaps, from the buffer's first element on.
  bool isContiguous = false;
};

class KernelBuilder : public LoopBuilder {
public:
  /// A kernel that replaces `op`; its code is emitted through this builder.
  KernelBuilder(mlir::Operation *op, KernelModule &kernels, llvm::Twine name);

  GpuAttr target() const { return kernels.target; }
  /// Adds an attribute to the kernel.
  void mark(llvm::StringRef attribute) {
    function->setAttr(attribute, getUnitAttr());
  }

  /// `memref`, a value of the host, as elements of `element`: its own elements
  /// or words or vectors of them, counted from the first element of its buffer.
  mlir::Value buffer(mlir::Value memref, mlir::Type element,
                     llvm::StringRef name);
  /// The same for the slices `first` to `first + count` of the outermost
  /// dimension of `memref`, an argument of the host's function, which are
  /// passed as a buffer of their own.
  mlir::Value bufferPart(mlir::Value memref, int64_t first, int64_t count,
                         mlir::Type element, llvm::StringRef name);
  /// A buffer that holds `values`, which the program brings along.
  mlir::Value constant(mlir::DenseElementsAttr values, llvm::StringRef name);
  /// Its elements are those of `memref`, or `element` where that is given.
  BufferView view(mlir::Value memref, llvm::StringRef name,
                  mlir::Type element = {});
  /// A number of the host, as an index.
  mlir::Value scalar(mlir::OpFoldResult value, llvm::StringRef name);
  /// Size `dimension` of `memref`.
  mlir::Value sizeOf(mlir::Value memref, int64_t dimension,
                     llvm::StringRef name);
  /// The same for the host, to compute numbers of workgroups from.
  mlir::OpFoldResult hostSize(mlir::Value memref, int64_t dimension);
  mlir::OpFoldResult hostCeilDiv(mlir::OpFoldResult a, int64_t b);
  mlir::OpFoldResult hostMul(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult hostMin(mlir::OpFoldResult a, int64_t b);
  /// `a` where `m` is less than `bound`, else 0; the other way round for
  /// `hostUnless`.
  mlir::OpFoldResult hostWhere(mlir::OpFoldResult a, mlir::OpFoldResult m,
                               int64_t bound);
  mlir::OpFoldResult hostUnless(mlir::OpFoldResult a, mlir::OpFoldResult m,
                                int64_t bound);

  /// The number of elements of `memref`.
  mlir::OpFoldResult hostElements(mlir::Value memref);

  /// The indices of element `linear` of `memref`, row-major.
  llvm::SmallVector<mlir::Value> delinearize(mlir::Value linear,
                                             mlir::Value memref);
  /// Memory that the work-items of a workgroup share, `memref<...xelement>`.
  mlir::Value sharedMemory(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  mlir::Value threadId(mlir::gpu::Dimension dimension);
  mlir::Value groupId(mlir::gpu::Dimension dimension);
  void barrier() { mlir::gpu::BarrierOp::create(*this); }

  mlir::Value at(const BufferView &view, mlir::ValueRange indices);
  mlir::Value load(const BufferView &view, mlir::ValueRange indices);
  void store(mlir::Value value, const BufferView &view,
             mlir::ValueRange indices);
  mlir::Value loadAt(mlir::Value buffer, mlir::Value index);
  void storeAt(mlir::Value value, mlir::Value buffer, mlir::Value index);

  /// `a * b + c` of f32 or vectors of it, rounded once or twice as the target
  /// is fast at it.
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value i32(int64_t value);
  mlir::Value f32(double value);
  mlir::Value toI32(mlir::Value index);
  mlir::Value toIndex(mlir::Value i32);
  mlir::Value rem(mlir::Value a, int64_t b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  using LoopBuilder::mul;
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b);
  /// Whether `id`, an i32 that may be anything, is in `first` to
  /// `first + count`.
  mlir::Value isWithin(mlir::Value id, int64_t first, int64_t count);
  /// `id`, an i32, minus `first` as an index where `isHere`, else 0.
  mlir::Value idOrZero(mlir::Value id, int64_t first, mlir::Value isHere);
  mlir::Value choose(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// `expr` of `dims`, indices.
  mlir::Value apply(mlir::AffineExpr expr, mlir::ValueRange dims);
  /// `value`, or a vector of it where `like` is a vector.
  mlir::Value broadcastLike(mlir::Value value, mlir::Value like);

  /// The index of this work-item among `count` of a flat range, in groups of
  /// `workgroup`; `body` runs for those below `count`. Ends the kernel.
  void forEach(mlir::OpFoldResult count, int64_t workgroup,
               llvm::function_ref<void(mlir::Value index)> body,
               bool once = false);
  /// Ends the kernel and dispatches it.
  void finish(std::array<mlir::OpFoldResult, 3> groups, int64_t workgroup,
              bool once = false);

private:
  struct Source {
    mlir::Value base; ///< The whole buffer, on the host.
    llvm::SmallVector<mlir::OpFoldResult> sizes, strides;
    mlir::OpFoldResult offset;
  };
  const Source &sourceOf(mlir::Value memref);
  mlir::Value argumentFor(mlir::Value base, mlir::Type element,
                          llvm::StringRef name);
  mlir::OpFoldResult hostAffine(mlir::AffineExpr expr,
                                llvm::ArrayRef<mlir::OpFoldResult> operands);

  mlir::Operation *op;
  KernelModule &kernels;
  mlir::ImplicitLocOpBuilder host;
  mlir::gpu::GPUFuncOp function;
  llvm::DenseMap<mlir::Value, Source> sources;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants; ///< On the host.
  llvm::SmallVector<mlir::Value> buffers, scalars;        ///< Of the host.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> bound;
  llvm::DenseMap<mlir::Value, mlir::Value> scalarValues;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_KERNELBUILDER_H
