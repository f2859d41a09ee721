//===- PackedTile.h - A register tile of an integer kernel ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some rows of activations times the rows of a tile of packed weights, a
// stretch of K at a time. With u the stored codes, q the activations' codes and
// s, t what the scheme's fields give,
//
//   y = sum over groups  s * (sum (u - bias) * q) * scale(q)
//                     +  t * (sum q) * scale(q)
//
// The first sum is dot products of bytes that start from -bias * sum q. Integer
// scales that change within a stretch multiply the i32 sums; floats appear once
// a stretch, or once a group where the scheme's scales are floats or are taken
// for such (passes/cpu/packed/FloatSums.h). A vector lane is an output row;
// nothing is reduced across lanes. Activations that are loaded once multiply
// all tiles of weights. The order of operations does not depend on the number
// of rows, unless panels have groups in pairs, whose sums are multiplied with
// their scales at once, or sums are floats.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDTILE_H
#define RLX_PASSES_CPU_PACKED_PACKEDTILE_H

#include "passes/cpu/packed/ActivationLoops.h"
#include "passes/cpu/packed/FloatSums.h"
#include "passes/cpu/packed/PackedStretch.h"

namespace rlx {

class PackedTile {
public:
  /// `paired` are the pairs of panels, null where there are none.
  PackedTile(LoopBuilder &b, const PackedLayout &layout, PackedFields &fields,
             int64_t bytes, const PairedGroups *paired)
      : b(b), layout(layout), fields(fields), bytes(bytes), paired(paired),
        floatSums(FloatSums::apply(fields)) {}

  /// What activations must be, and the ones to multiply.
  ActivationForm form() const;
  void setActivations(const QuantizedActivations &given);

  /// What `sum` gives for each row and tile, f32 lanes, plus the products of
  /// that row with stretch `index` of that tile; tiles of a row follow each
  /// other. `eachChunk` is called in the loop over chunks, `sum` after it.
  llvm::SmallVector<mlir::Value>
  addStretch(llvm::ArrayRef<PackedStretch *> tiles, mlir::Value index,
             llvm::ArrayRef<mlir::Value> rows,
             llvm::function_ref<mlir::Value(size_t row, size_t tile)> sum,
             llvm::function_ref<void(mlir::Value)> eachChunk);

  /// Asks for part `part` of `parts` of the activations of stretch `index`.
  void prefetchRows(mlir::Value index, llvm::ArrayRef<mlir::Value> rows,
                    mlir::Value part, int64_t parts);

  /// So few rows that they wait for memory, not for arithmetic.
  static constexpr size_t rowsBoundByMemory = 2;

private:
  /// What is the same for a stretch; null where there is none.
  struct Header {
    mlir::Value scale, offset;
    llvm::SmallVector<mlir::Value> dotOffsets; ///< empty: loaded when needed
  };
  /// Whether those of so many tiles can be there beside the sums.
  bool dotOffsetsFitRegisters(size_t tiles) const {
    constexpr int64_t most = 8;
    return tiles == 1 || int64_t(tiles) * layout.dotOffsetVectors() <= most;
  }
  Header readHeader(PackedStretch &stretch);
  /// Rows of activations of stretch `index`, and that stretch of some tiles.
  struct Operands {
    mlir::Value index;
    llvm::ArrayRef<mlir::Value> x;
    llvm::ArrayRef<PackedStretch *> tiles;
    llvm::SmallVector<mlir::Value> words; ///< the rows' first in `codeWords`
  };
  /// Vector `vector` of the codes that tile `tile` has for some words.
  using Codes = llvm::function_ref<mlir::Value(size_t tile, int64_t vector)>;
  mlir::Value firstWord(mlir::Value index, mlir::Value row);
  llvm::SmallVector<mlir::Value> wordsOf(const Operands &operands,
                                         mlir::Value group, int64_t words);
  void addWord(mlir::ValueRange codes, mlir::Value word, mlir::Value *sums,
               size_t stride);
  void addDots(Codes codes, int64_t vectors, const Operands &operands,
               llvm::ArrayRef<int64_t> parts, mlir::Value group,
               llvm::MutableArrayRef<mlir::Value> dots);
  llvm::SmallVector<mlir::Value> startedDots(Codes codes, int64_t vectors,
                                             const Operands &operands,
                                             llvm::ArrayRef<int64_t> parts,
                                             mlir::Value group);
  llvm::SmallVector<mlir::Value> groupDots(Codes codes, int64_t vectors,
                                           const Operands &operands,
                                           mlir::Value group);
  llvm::SmallVector<mlir::Value> initialSums(const Operands &operands,
                                             int64_t parts);
  llvm::SmallVector<mlir::Value> addChunk(const Operands &operands,
                                          mlir::Value chunk,
                                          mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> addScaled(const Operands &operands,
                                           mlir::Value chunk, Codes codes,
                                           mlir::ValueRange carried);
  void
  addFloatGroup(const Operands &operands, Codes codes, int64_t vectors,
                mlir::Value group,
                llvm::function_ref<llvm::SmallVector<mlir::Value>()> scales,
                llvm::MutableArrayRef<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> addOffsets(llvm::ArrayRef<Header> headers,
                                            const Operands &operands,
                                            mlir::ValueRange sums);
  llvm::SmallVector<mlir::Value> addDotOffsets(llvm::ArrayRef<Header> headers,
                                               const Operands &operands,
                                               mlir::ValueRange numbers);
  llvm::SmallVector<mlir::Value> addPair(const Operands &operands,
                                         mlir::Value chunk,
                                         mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value>
  addPairedOffsets(llvm::ArrayRef<Header> headers, const Operands &operands,
                   mlir::ValueRange numbers);
  mlir::Value broadcastLoad(mlir::Value memref, mlir::ValueRange indices);
  mlir::Value broadcastWord(mlir::Value memref, mlir::ValueRange indices);
  mlir::Value startValue(mlir::Value index, mlir::Value row, int64_t part,
                         mlir::Value group);
  mlir::Value integers(int64_t value);
  mlir::Value shiftedLeft(mlir::Value vector);
  mlir::VectorType f32s();
  mlir::VectorType i32s();
  int64_t groupsPerChunk() const {
    return PackedLayout::chunk / layout.sumGroup;
  }
  bool sumsAreFloats() const {
    return fields.hasInnerScale() && !fields.innerScaleIsInteger();
  }

  LoopBuilder &b;
  const PackedLayout &layout;
  PackedFields &fields;
  int64_t bytes;              ///< of an activation
  const PairedGroups *paired; ///< of panels; null where there are none
  bool floatSums;             ///< whether sums of products start as floats
  QuantizedActivations activations;
  mlir::Value codeWords; ///< of the activations, flat
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDTILE_H
