//===- PackedKBlock.h - A K block of packed weights -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a register tile reads of a K block: vectors of codes, scales and
// offsets. Either from the packed weight, decoding as it goes, or from a panel,
// a buffer in which a K block was decoded once for many rows of activations.
// Both give the same values, unless the panel holds groups in pairs.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H
#define RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H

#include "passes/cpu/packed/I16Pairs.h"
#include "passes/cpu/packed/MagicNumbers.h"
#include "passes/cpu/packed/PrescaledWeights.h"
#include "passes/cpu/packed/Reencoder.h"

namespace rlx {

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
  /// The offset's factor that dot products multiply.
  virtual llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) = 0;
  /// Vector `vector` of these; null unless they are decoded already.
  virtual mlir::Value dotMinimum(LoopBuilder &, mlir::Value vector) {
    return {};
  }

  /// What corrects sums that started as floats, for all groups of the K block;
  /// null where that is not known in advance.
  virtual mlir::Value correction(LoopBuilder &) { return {}; }

  /// Null unless groups are in pairs: there are no group scales and offsets
  /// then but those of pairs, as words, and the outer ones are their units.
  virtual const I16Pairs *paired() const { return nullptr; }
  virtual mlir::Value pairedScales(LoopBuilder &, mlir::Value pair) {
    return {};
  }
  virtual mlir::Value pairedOffsets(LoopBuilder &, mlir::Value pair) {
    return {};
  }
};

/// The packed weight itself: the K block begins at byte `base`, of that expert.
/// `layout` and `fields` are those of what is stored; where codes are scaled,
/// there are no group scales.
class StoredKBlock : public PackedKBlock {
public:
  StoredKBlock(const PackedLayout &layout, PackedFields fields,
               const PrescaledWeights *scaled, mlir::Value weight,
               mlir::ValueRange expert, mlir::Value base)
      : layout(layout), fields(std::move(fields)), scaled(scaled),
        weight(weight), expert(expert), base(base) {}

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value kStep) override;
  llvm::SmallVector<mlir::Value> groupScales(LoopBuilder &b,
                                             mlir::Value kStep) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value kStep, int64_t group) override;
  mlir::Value blockScale(LoopBuilder &b) override;
  mlir::Value blockOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) override;

  /// Asks for what lies `ahead` bytes after part `part` of the `parts` that the
  /// K block of `tiles` tiles is cut into, to come to the first or the second
  /// cache.
  void prefetch(LoopBuilder &b, int64_t tiles, mlir::Value part, int64_t parts,
                int64_t ahead, bool toFirstCache = false);

  /// The same for a line of each page that the K block is long, which makes the
  /// processor look up where the page lies.
  void prefetchPages(LoopBuilder &b, int64_t ahead);

private:
  mlir::Value kStepBase(LoopBuilder &b, mlir::Value kStep);
  llvm::SmallVector<mlir::Value> storedCodes(LoopBuilder &b, mlir::Value kStep);

  const PackedLayout &layout;
  PackedFields fields;
  const PrescaledWeights *scaled; ///< or null
  mlir::Value weight;
  llvm::SmallVector<mlir::Value> expert;
  mlir::Value base;
};

/// A buffer for a decoded K block of each of some tiles. What is read and
/// written is that of one of them.
class KBlockPanel : public PackedKBlock {
public:
  /// `paired` and `reencoder` must outlive the panel; null where groups are
  /// not in pairs, and where weights are not reencoded. `layout` and `fields`
  /// are those of the panel.
  KBlockPanel(LoopBuilder &b, const PackedLayout &layout, PackedFields &fields,
              const I16Pairs *paired, Reencoder *reencoder, int64_t tiles);
  int64_t tiles() const;
  /// The part of the `tile`th tile.
  KBlockPanel of(mlir::Value tile) const;
  /// Decodes a K block into the panel.
  void fill(LoopBuilder &b, StoredKBlock &stored);
  void release(LoopBuilder &b);

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value kStep) override;
  llvm::SmallVector<mlir::Value> groupScales(LoopBuilder &b,
                                             mlir::Value kStep) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value kStep, int64_t group) override;
  mlir::Value blockScale(LoopBuilder &b) override;
  mlir::Value blockOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotMinima(LoopBuilder &b) override;
  mlir::Value dotMinimum(LoopBuilder &b, mlir::Value vector) override {
    return load(b, dotBuffer, vector);
  }
  mlir::Value code(LoopBuilder &b, mlir::Value kStep, int64_t vector) override;
  mlir::Value correction(LoopBuilder &b) override;
  const I16Pairs *paired() const override { return pairs; }
  mlir::Value pairedScales(LoopBuilder &b, mlir::Value pair) override {
    return load(b, scaleBuffer, pair);
  }
  mlir::Value pairedOffsets(LoopBuilder &b, mlir::Value pair) override {
    return load(b, offsetBuffer, pair);
  }

private:
  void store(LoopBuilder &b, mlir::Value vector, mlir::Value buffer,
             mlir::Value row);
  void fillPaired(LoopBuilder &b, StoredKBlock &stored);
  void fillCodes(LoopBuilder &b, StoredKBlock &stored, mlir::Value kStep);
  mlir::Value group(LoopBuilder &b, mlir::Value kStep, int64_t group);
  mlir::Value load(LoopBuilder &b, mlir::Value buffer, mlir::Value row);

  const PackedLayout &layout;
  const I16Pairs *pairs;
  Reencoder *reencoder;
  mlir::Value tile;
  /// `[tiles, vectors, lanes]` each; null where nothing is kept.
  mlir::Value codeBuffer, scaleBuffer, offsetBuffer, blockBuffer, dotBuffer;
  mlir::Value correctionBuffer;
  /// `[groups, lanes]` of f32 on their way to pairs.
  mlir::Value scaleNumbers, offsetNumbers;
  bool hasBlockScale = false, hasBlockOffset = false;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDKBLOCK_H
