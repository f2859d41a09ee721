//===- PackedTile.h - A register tile of an integer kernel ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some rows of activations times the rows of a tile of packed weights, a K
// block at a time. With u the stored codes, q the activations' codes and s, t
// what the scheme's fields give,
//
//   y = sum over groups  s * (sum (u - bias) * q) * scale(q)
//                     +  t * (sum q) * scale(q)
//
// where scale(q) is that of the group or of the whole K block.
//
// The first sum is dot products of bytes that start from -bias * sum q. How
// scales multiply these sums is the mode's (passes/cpu/packed/PackedMode.h). A
// vector lane is an output row; nothing is reduced across lanes. Activations
// that are loaded once multiply all tiles of weights. The order of operations
// does not depend on the number of rows.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDTILE_H
#define RLX_PASSES_CPU_PACKED_PACKEDTILE_H

#include "passes/cpu/packed/ActivationLoops.h"
#include "passes/cpu/packed/PackedKBlock.h"

namespace rlx {

/// Rows of activations of K block `index`, and that K block of some tiles.
struct TileOperands {
  mlir::Value index;
  llvm::ArrayRef<mlir::Value> x;
  llvm::ArrayRef<PackedKBlock *> tiles;
  llvm::SmallVector<mlir::Value> words; ///< the rows' first in `codeWords`
};

/// What is the same for a K block; null where there is none.
struct KBlockHeader {
  mlir::Value scale, offset;
  llvm::SmallVector<mlir::Value> dotMinima; ///< empty: loaded when needed
};

class PackedTile {
public:
  PackedTile(LoopBuilder &b, const PackedLayout &layout, int64_t bytes)
      : b(b), layout(layout), bytes(bytes) {}

  /// The activations to multiply.
  void setActivations(const QuantizedActivations &given);

  /// What `sum` gives for each row and tile, f32 lanes, plus the products of
  /// that row with K block `index` of that tile; tiles of a row follow each
  /// other. `eachKStep` is called in the loop over K steps, `sum` after it.
  llvm::SmallVector<mlir::Value>
  addKBlock(const PackedMode &mode, llvm::ArrayRef<PackedKBlock *> tiles,
            mlir::Value index, llvm::ArrayRef<mlir::Value> rows,
            llvm::function_ref<mlir::Value(size_t row, size_t tile)> sum,
            llvm::function_ref<void(mlir::Value)> eachKStep);

  /// Prefetches part `part` of `parts` of the activations of K block `index`.
  void prefetchRows(mlir::Value index, llvm::ArrayRef<mlir::Value> rows,
                    mlir::Value part, int64_t parts, int64_t cacheLine);

  /// So few rows that they wait for memory, not for arithmetic.
  static constexpr size_t rowsBoundByMemory = 2;

  //===--- For modes -----------------------------------------------------===//

  /// Vector `vector` of the codes that tile `tile` has for some words.
  using Codes = llvm::function_ref<mlir::Value(size_t tile, int64_t vector)>;
  /// Calls `body` with the codes of a K step.
  llvm::SmallVector<mlir::Value>
  withCodes(const TileOperands &operands, mlir::Value kStep,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(Codes)> body);
  /// Dot products with bytes `parts` of the activations of all rows, added to
  /// `dots`: rows in turn, so that none waits for the one before it.
  void addDots(Codes codes, int64_t vectors, const TileOperands &operands,
               llvm::ArrayRef<int64_t> parts, mlir::Value group,
               llvm::MutableArrayRef<mlir::Value> dots);
  /// The products of a group with bytes `parts` of the activations, added to
  /// what they start from: for each row and tile a vector a byte. Those of the
  /// last byte start from `start` where activations bring no start values.
  llvm::SmallVector<mlir::Value> startedDots(Codes codes, int64_t vectors,
                                             const TileOperands &operands,
                                             llvm::ArrayRef<int64_t> parts,
                                             mlir::Value group, int64_t start);
  /// What the sum of products of a group starts from: -bias * sum q.
  mlir::Value startValue(mlir::Value index, mlir::Value row, int64_t part,
                         mlir::Value group, int64_t start);
  bool hasStartValues() const { return activations.starts != nullptr; }
  /// The words of all rows that group `group` of some words begins with.
  llvm::SmallVector<mlir::Value> wordsOf(const TileOperands &operands,
                                         mlir::Value group, int64_t words);
  /// Adds the products of four codes of each row of each tile, `codes`, with
  /// the activations of a word to every `stride`th of `sums`.
  void addWord(mlir::ValueRange codes, mlir::Value word, mlir::Value *sums,
               size_t stride);
  /// Adds minima times sums of activations, bytes both, to numbers that the
  /// activations' scale is still to multiply.
  llvm::SmallVector<mlir::Value>
  addDotMinima(const PackedFields &fields, const TileOperands &operands,
               llvm::ArrayRef<KBlockHeader> headers, mlir::ValueRange numbers);
  /// The scale of a row's activations of a K step, in all lanes.
  mlir::Value activationScale(mlir::Value index, mlir::Value row,
                              mlir::Value kStep);
  /// Two sums of activations as i16, in all lanes.
  mlir::Value pairSums(mlir::Value index, mlir::Value row, mlir::Value group) {
    return broadcastWord(activations.pairSums, {index, row, group});
  }
  /// Two scales of activations as fractions of 16 bits, in all lanes, and what
  /// they are of.
  mlir::Value pairScales(mlir::Value index, mlir::Value row,
                         mlir::Value group) {
    return broadcastWord(activations.pairScales, {index, row, group});
  }
  mlir::Value activationUnit(mlir::Value index, mlir::Value row) {
    return broadcastLoad(activations.units, {index, row});
  }
  mlir::Value integers(int64_t value);
  mlir::Value floats(float value);
  mlir::Value shiftedLeft(mlir::Value vector);
  mlir::Value toFloats(mlir::Value integers) {
    return mlir::arith::SIToFPOp::create(b, f32s(), integers);
  }
  mlir::VectorType f32s();
  mlir::VectorType i32s();

  LoopBuilder &b;
  const PackedLayout &layout; ///< that is read
  const int64_t bytes;        ///< of an activation

private:
  llvm::SmallVector<KBlockHeader> readHeaders(const PackedMode &mode,
                                              const TileOperands &operands);
  llvm::SmallVector<mlir::Value>
  addOffsets(const PackedMode &mode, const TileOperands &operands,
             llvm::ArrayRef<KBlockHeader> headers, mlir::ValueRange sums);
  llvm::SmallVector<mlir::Value>
  dotsOfMinima(const TileOperands &operands,
               llvm::ArrayRef<KBlockHeader> headers, int64_t first,
               int64_t last);
  mlir::Value firstWord(mlir::Value index, mlir::Value row);
  mlir::Value broadcastLoad(mlir::Value memref, mlir::ValueRange indices);
  mlir::Value broadcastWord(mlir::Value memref, mlir::ValueRange indices);

  QuantizedActivations activations;
  mlir::Value codeWords; ///< of the activations, flat
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDTILE_H
