//===- PackedTile.h - A register tile of an integer kernel ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some rows of activations times the rows of a tile of packed weights, a
// K block at a time. With u the stored codes, q the activations' codes and
// s, t what the scheme's fields give,
//
//   y = sum over groups  s * (sum (u - bias) * q) * scale(q)
//                     +  t * (sum q) * scale(q)
//
// The first sum is dot products of bytes that start from -bias * sum q. Integer
// scales that change within a K block multiply the i32 sums; floats appear once
// a K block, or once a group where the scheme's scales are floats or are taken
// for such (passes/cpu/packed/MagicNumbers.h). A vector lane is an output row;
// nothing is reduced across lanes. Activations that are loaded once multiply
// all tiles of weights. The order of operations does not depend on the number
// of rows, unless panels have groups in pairs, whose sums are multiplied with
// their scales at once, or sums are floats.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDTILE_H
#define RLX_PASSES_CPU_PACKED_PACKEDTILE_H

#include "passes/cpu/packed/ActivationLoops.h"
#include "passes/cpu/packed/MagicNumbers.h"
#include "passes/cpu/packed/PackedKBlock.h"

namespace rlx {

class PackedTile {
public:
  /// `paired` are the pairs of panels, null where there are none.
  PackedTile(LoopBuilder &b, const PackedLayout &layout, PackedFields &fields,
             int64_t bytes, const I16Pairs *paired)
      : b(b), layout(layout), fields(fields), bytes(bytes), paired(paired),
        magicNumbers(MagicNumbers::apply(fields)) {}

  /// What activations must be, and the ones to multiply.
  ActivationForm form() const;
  void setActivations(const QuantizedActivations &given);

  /// What `sum` gives for each row and tile, f32 lanes, plus the products of
  /// that row with K block `index` of that tile; tiles of a row follow each
  /// other. `eachKStep` is called in the loop over K steps, `sum` after it.
  llvm::SmallVector<mlir::Value>
  addKBlock(llvm::ArrayRef<PackedKBlock *> tiles, mlir::Value index,
            llvm::ArrayRef<mlir::Value> rows,
            llvm::function_ref<mlir::Value(size_t row, size_t tile)> sum,
            llvm::function_ref<void(mlir::Value)> eachKStep);

  /// Asks for part `part` of `parts` of the activations of K block `index`.
  void prefetchRows(mlir::Value index, llvm::ArrayRef<mlir::Value> rows,
                    mlir::Value part, int64_t parts);

  /// So few rows that they wait for memory, not for arithmetic.
  static constexpr size_t rowsBoundByMemory = 2;

private:
  /// What is the same for a K block; null where there is none.
  struct Header {
    mlir::Value scale, offset;
    llvm::SmallVector<mlir::Value> dotMinima; ///< empty: loaded when needed
  };
  /// Whether those of so many tiles can be there beside the sums.
  bool dotMinimaFitRegisters(size_t tiles) const {
    constexpr int64_t most = 8;
    return tiles == 1 || int64_t(tiles) * layout.dotMinimumVectors() <= most;
  }
  Header readHeader(PackedKBlock &kBlock);
  /// Rows of activations of K block `index`, and that K block of some tiles.
  struct Operands {
    mlir::Value index;
    llvm::ArrayRef<mlir::Value> x;
    llvm::ArrayRef<PackedKBlock *> tiles;
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
  llvm::SmallVector<mlir::Value> addKStep(const Operands &operands,
                                          mlir::Value kStep,
                                          mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> addScaled(const Operands &operands,
                                           mlir::Value kStep, Codes codes,
                                           mlir::ValueRange carried);
  void
  addFloatGroup(const Operands &operands, Codes codes, int64_t vectors,
                mlir::Value group,
                llvm::function_ref<llvm::SmallVector<mlir::Value>()> scales,
                llvm::MutableArrayRef<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> addOffsets(llvm::ArrayRef<Header> headers,
                                            const Operands &operands,
                                            mlir::ValueRange sums);
  llvm::SmallVector<mlir::Value> addDotMinima(llvm::ArrayRef<Header> headers,
                                              const Operands &operands,
                                              mlir::ValueRange numbers);
  llvm::SmallVector<mlir::Value> addPair(const Operands &operands,
                                         mlir::Value kStep,
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
  int64_t groupsPerStep() const {
    return PackedLayout::kStep / layout.sumGroup;
  }
  bool sumsAreFloats() const {
    return fields.hasGroupScale() && !fields.groupScaleIsInteger();
  }

  LoopBuilder &b;
  const PackedLayout &layout;
  PackedFields &fields;
  int64_t bytes;          ///< of an activation
  const I16Pairs *paired; ///< of panels; null where there are none
  bool magicNumbers;      ///< whether sums of products start as floats
  QuantizedActivations activations;
  mlir::Value codeWords; ///< of the activations, flat
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDTILE_H
