//===- FieldExpansion.h - Reading a scheme's fields on vectors --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits arith and vector operations that read a field of a scheme for several
// elements at once: the planes' bits from loaded bytes, the code, the number.
// What is read is decided by the description alone; every position is known
// when the code is emitted. Products of fields are for the caller.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_DECODE_FIELDEXPANSION_H
#define RLX_PASSES_DECODE_FIELDEXPANSION_H

#include "ir/FieldTerms.h"
#include "passes/PassDetail.h"

namespace rlx {

/// Where the blocks of a row and the side tensors lie.
struct BlockAddress {
  mlir::Value weight; ///< memref `[..., row bytes]` of i8
  llvm::SmallVector<mlir::Value> rowIndices; ///< `[n]` or `[e, n]`
  mlir::Value block;                         ///< index of a block in the row
  mlir::Value scales, zeroPoints, globalScale;
};

class FieldExpansion {
public:
  /// `elements` are indices counted from the start of the addressed block, one
  /// a lane; they may run on into the next blocks.
  FieldExpansion(mlir::OpBuilder &builder, mlir::Location loc,
                 QuantScheme scheme, const BlockAddress &address,
                 llvm::ArrayRef<int64_t> elements);

  /// Whether `field` is the same for all lanes.
  bool isUniform(FieldAttr field) const;
  /// The codes of a field in the block, as a vector of i32: one lane where
  /// `field` is uniform, else one for each element.
  mlir::Value codes(FieldAttr field);
  /// The numbers of a field, as a vector of f32 with as many lanes as `codes`.
  mlir::Value numbers(FieldAttr field);
  /// The number of a field in a side tensor for element `k` of the row, which
  /// is known only at run time: a vector of one f32.
  mlir::Value sideNumber(FieldAttr field, mlir::Value k);
  /// A weight of floats, which has no blocks: the elements as f32.
  mlir::Value plainNumbers();

private:
  mlir::Value planeBits(PlaneAttr plane, llvm::ArrayRef<int64_t> lanes);
  mlir::Value joinedPlanes(llvm::ArrayRef<PlaneAttr> planes,
                           llvm::ArrayRef<int64_t> lanes);
  mlir::Value lookedUp(const FieldTerm &term, llvm::ArrayRef<int64_t> lanes);
  mlir::Value vectorsOf(LookupAttr lookup, mlir::Value indices);
  mlir::Value loadBytes(int64_t first, int64_t count);
  mlir::Value gatherBytes(llvm::ArrayRef<int64_t> bytes);
  mlir::Value sideCode(FieldAttr field, mlir::AffineMap toElement,
                       mlir::Value position);
  mlir::Value sideCodes(FieldAttr field, llvm::ArrayRef<int64_t> lanes);
  int64_t bitOf(PlaneAttr plane, int64_t element) const;
  llvm::ArrayRef<int64_t> lanesOf(FieldAttr field) const;

  mlir::Value constants(llvm::ArrayRef<int32_t> values);
  mlir::VectorType vectorOf(int64_t lanes, mlir::Type type) const;

  mlir::OpBuilder &builder;
  mlir::Location loc;
  QuantScheme scheme;
  const BlockAddress &address;
  llvm::SmallVector<int64_t> elements;
  mlir::Value
      firstByte; ///< of the addressed block in its row, once it is needed
};

} // namespace rlx

#endif // RLX_PASSES_DECODE_FIELDEXPANSION_H
