//===- BlockReader.h - Fields of stored blocks, element by element --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loads of any one element of a weight as its file stores it, at a
// position that is known only at run time. Buffers are read word by word,
// whatever the alignment of blocks, so no device needs to address bytes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_BLOCKREADER_H
#define RLX_PASSES_GPU_KERNELS_BLOCKREADER_H

#include "passes/decode/CodeNumbers.h"
#include "passes/gpu/kernels/KernelBuilder.h"

namespace rlx {

/// A weight with its side operands, values of the host.
struct DeviceWeight {
  mlir::Value weight, scales, zeroPoints, globalScale;
  QuantScheme scheme;

  template <typename OpT> static DeviceWeight of(OpT op) {
    return {op.getWeight(), op.getScales(), op.getZeroPoints(),
            op.getGlobalScale(), QuantScheme(op.getScheme().getScheme())};
  }
  int64_t rank() const;
  /// `[N, K]` or `[E, N, K]`.
  llvm::SmallVector<int64_t> shape() const;
  /// Refuses, with an error at `op`, what devices cannot compute: indices into
  /// side operands that need more than 31 bits on the way.
  mlir::LogicalResult verify(mlir::Operation *op) const;
};

class BlockReader {
public:
  /// Reads all of a weight, or the slices of its outermost dimension that
  /// `part` says, `[first, count]`; positions are those in the whole weight.
  BlockReader(KernelBuilder &b, const DeviceWeight &stored,
              CodeNumbers::LookUp lookUp, llvm::ArrayRef<int64_t> part = {});

  /// The code of `field` for element (row, k) of expert `expert`, which is null
  /// for a weight of rank 2.
  mlir::Value code(FieldAttr field, mlir::Value expert, mlir::Value row,
                   mlir::Value k);
  /// value(w)[row, k].
  mlir::Value value(mlir::Value expert, mlir::Value row, mlir::Value k);

private:
  /// A buffer as words, and how many there are, where that is known; else
  /// `last` is the number of the last one.
  struct Words {
    mlir::Value buffer;
    int64_t count;
    int64_t elementBits; ///< Of a side operand.
    llvm::SmallVector<int64_t> shape;
    mlir::Value last;
  };
  mlir::Value bits(const Words &words, mlir::Value byte, mlir::Value bit,
                   int64_t width, bool mayCross);
  bool mayCross(PlaneAttr plane, const Words &words) const;
  mlir::Value position(mlir::AffineExpr expr, mlir::Value element);
  mlir::Value ofPiece(mlir::DenseI64ArrayAttr bounds, mlir::Value element,
                      llvm::ArrayRef<mlir::Value> pieces);
  std::pair<mlir::Value, mlir::Value> byteAndBit(mlir::AffineExpr byteExpr,
                                                 mlir::AffineExpr bitExpr,
                                                 mlir::Value element);
  std::pair<mlir::Value, mlir::Value> byteAndBit(PlaneAttr plane,
                                                 mlir::Value element);
  mlir::Value lookedUp(LookupAttr lookup, mlir::Value index,
                       mlir::Value element);
  mlir::Value sideCode(FieldAttr field, mlir::Value expert, mlir::Value row,
                       mlir::Value k);
  mlir::Value product(llvm::ArrayRef<FieldAttr> fields, mlir::Value expert,
                      mlir::Value row, mlir::Value k);
  Words wordsOf(mlir::Value memref, llvm::StringRef name);

  KernelBuilder &b;
  DeviceWeight stored;
  CodeNumbers numbers;
  Words weight;
  int64_t firstSlice = 0;
  llvm::StringMap<Words> sides;
  llvm::DenseMap<LookupAttr, mlir::Value> tables; ///< Of vectors, a word each.
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_BLOCKREADER_H
