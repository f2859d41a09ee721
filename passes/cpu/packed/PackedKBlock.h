//===- PackedKBlock.h - A K block of packed weights -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a register tile reads of a K block: vectors of codes, scales and
// offsets. Either from the packed weight, decoding as it goes, or from a panel,
// a buffer in which a K block was decoded once for many rows of activations.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H
#define RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H

#include "passes/cpu/packed/PackedFields.h"

namespace rlx {

class PackedMode;

/// Where a K block of a tile begins in packed weights of so many rows, in
/// bytes.
mlir::Value kBlockBegin(LoopBuilder &b, const PackedLayout &layout,
                        int64_t rows, mlir::Value tile, mlir::Value kBlock);

class PackedKBlock {
public:
  virtual ~PackedKBlock() = default;

  /// The eight vectors of codes of a K step, as unsigned bytes.
  virtual llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                               mlir::Value kStep) = 0;
  /// One of these vectors.
  virtual mlir::Value code(LoopBuilder &b, mlir::Value kStep, int64_t vector) {
    return codes(b, kStep)[vector];
  }
  /// Of each group of the K step; empty where there is none.
  virtual llvm::SmallVector<mlir::Value> groupScales(LoopBuilder &b,
                                                     mlir::Value kStep) = 0;
  /// Of group `group` of the K step, where they change from group to group.
  virtual mlir::Value offset(LoopBuilder &b, mlir::Value kStep,
                             int64_t group) = 0;
  /// Of the whole K block; null where it is 1, or where there is none.
  virtual mlir::Value blockScale(LoopBuilder &b) = 0;
  virtual mlir::Value blockOffset(LoopBuilder &b) = 0;
  /// The minima that dot products multiply with sums of activations.
  virtual llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) = 0;
  /// Vector `vector` of these; null unless they are decoded already.
  virtual mlir::Value dotMinimum(LoopBuilder &, mlir::Value vector) {
    return {};
  }
  /// The panel that this is of, or null.
  virtual class KBlockPanel *panel() { return nullptr; }
};

/// The packed weight itself: the K block begins at byte `base`, of that expert.
class StoredKBlock : public PackedKBlock {
public:
  /// As `mode` reads it; `isStream`: once and in order.
  StoredKBlock(const PackedMode &mode, mlir::Value weight,
               mlir::ValueRange expert, mlir::Value base, bool isStream);

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value kStep) override;
  llvm::SmallVector<mlir::Value> groupScales(LoopBuilder &b,
                                             mlir::Value kStep) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value kStep, int64_t group) override;
  mlir::Value blockScale(LoopBuilder &b) override;
  mlir::Value blockOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) override;

  /// Prefetches what lies `distance` bytes after part `part` of the `parts`
  /// that the K block of `tiles` tiles is cut into, to the first or the second
  /// cache.
  void prefetch(LoopBuilder &b, int64_t tiles, mlir::Value part, int64_t parts,
                int64_t distance, int64_t cacheLine, bool toFirstCache = false);

  /// The same for a line of each page that the K block is long, which makes the
  /// processor look up where the page lies.
  void prefetchPages(LoopBuilder &b, int64_t distance, int64_t page);

private:
  mlir::Value kStepBase(LoopBuilder &b, mlir::Value kStep);
  llvm::SmallVector<mlir::Value> storedCodes(LoopBuilder &b, mlir::Value kStep);

  const PackedMode &mode;
  const PackedLayout &layout;
  PackedFields fields;
  mlir::Value weight;
  llvm::SmallVector<mlir::Value> expert;
  mlir::Value base;
};

/// Buffers for a decoded K block of each of some tiles; the mode fills them.
/// What is read and written is that of one tile.
class KBlockPanel : public PackedKBlock {
public:
  KBlockPanel(LoopBuilder &b, const PackedMode &mode, int64_t tiles);
  int64_t tiles() const { return count; }
  /// The part of the `tile`th tile.
  KBlockPanel of(mlir::Value tile) const;
  void release(LoopBuilder &b);

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value kStep) override;
  mlir::Value code(LoopBuilder &b, mlir::Value kStep, int64_t vector) override;
  llvm::SmallVector<mlir::Value> groupScales(LoopBuilder &b,
                                             mlir::Value kStep) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value kStep, int64_t group) override;
  mlir::Value blockScale(LoopBuilder &b) override;
  mlir::Value blockOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) override;
  mlir::Value dotMinimum(LoopBuilder &b, mlir::Value vector) override {
    return load(b, minima, vector);
  }
  KBlockPanel *panel() override { return this; }

  //===--- For modes -----------------------------------------------------===//

  /// `[tiles, rows, lanes]`, and without tiles.
  mlir::Value allocate(LoopBuilder &b, int64_t rows, int64_t lanes,
                       mlir::Type element) const;
  mlir::Value allocateScratch(LoopBuilder &b, int64_t rows, int64_t lanes,
                              mlir::Type element) const;
  void allocateBlock(LoopBuilder &b, bool hasScale, bool hasOffset);
  mlir::Value load(LoopBuilder &b, mlir::Value buffer, mlir::Value row);
  void store(LoopBuilder &b, mlir::Value vector, mlir::Value buffer,
             mlir::Value row);
  /// The row of group `group` of a K step.
  mlir::Value group(LoopBuilder &b, mlir::Value kStep, int64_t group) const;
  /// These decode a part of the stored K block: the minima; scale and offset of
  /// the whole block; the codes of a K step; everything of a K step.
  /// `fillKStep` returns the group scales of the step.
  void fillMinima(LoopBuilder &b, StoredKBlock &stored);
  void fillBlock(LoopBuilder &b, StoredKBlock &stored);
  void fillCodes(LoopBuilder &b, StoredKBlock &stored, mlir::Value kStep);
  llvm::SmallVector<mlir::Value> fillKStep(LoopBuilder &b, StoredKBlock &stored,
                                           mlir::Value kStep);

  mlir::Value tile;
  /// `[tiles, vectors, lanes]` each; null where nothing is kept.
  mlir::Value codeBytes, scales, offsets, block, minima;
  /// What a mode keeps besides, `[tiles, 1, lanes]` of f32.
  mlir::Value correction;
  /// `[vectors, lanes]` on their way, for one tile at a time.
  mlir::Value scaleScratch, offsetScratch, minimumScratch;
  bool hasBlockScale = false, hasBlockOffset = false;

private:
  const PackedLayout &layout;
  int64_t count;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H
