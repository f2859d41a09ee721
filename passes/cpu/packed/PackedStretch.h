//===- PackedStretch.h - A stretch of packed weights ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a register tile reads of a stretch of K: vectors of codes, scales and
// offsets. Either from the packed weight, decoding as it goes, or from a panel,
// a buffer in which a stretch was decoded once for many rows of activations.
// Both give the same values, unless the panel holds groups in pairs.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDSTRETCH_H
#define RLX_PASSES_CPU_PACKED_PACKEDSTRETCH_H

#include "passes/cpu/packed/FloatSums.h"
#include "passes/cpu/packed/PairedGroups.h"
#include "passes/cpu/packed/Requantizer.h"
#include "passes/cpu/packed/ScaledCodes.h"

namespace rlx {

/// Where a stretch of a tile begins in packed weights of so many rows, in
/// bytes.
mlir::Value stretchBegin(LoopBuilder &b, const PackedLayout &layout,
                         int64_t rows, mlir::Value tile, mlir::Value stretch);

class PackedStretch {
public:
  virtual ~PackedStretch() = default;

  /// The eight vectors of codes of a chunk, as unsigned bytes.
  virtual llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                               mlir::Value chunk) = 0;
  /// One of these vectors.
  virtual mlir::Value code(LoopBuilder &b, mlir::Value chunk, int64_t vector) {
    return codes(b, chunk)[vector];
  }
  /// Of each group of the chunk; empty where there is none.
  virtual llvm::SmallVector<mlir::Value> innerScales(LoopBuilder &b,
                                                     mlir::Value chunk) = 0;
  /// Of group `group` of the chunk, where they change from group to group.
  virtual mlir::Value offset(LoopBuilder &b, mlir::Value chunk,
                             int64_t group) = 0;
  /// Of the whole stretch; null where it is 1, or where there is none.
  virtual mlir::Value outerScale(LoopBuilder &b) = 0;
  virtual mlir::Value outerOffset(LoopBuilder &b) = 0;
  /// The offset's factor that dot products multiply.
  virtual llvm::SmallVector<mlir::Value> dotOffsets(LoopBuilder &b) = 0;
  /// Vector `vector` of these; null unless they are decoded already.
  virtual mlir::Value dotOffset(LoopBuilder &, mlir::Value vector) {
    return {};
  }

  /// What corrects sums that started as floats, for all groups of the stretch;
  /// null where that is not known in advance.
  virtual mlir::Value correction(LoopBuilder &) { return {}; }

  /// Null unless groups are in pairs: there are no inner scales and offsets
  /// then but those of pairs, as words, and the outer ones are their units.
  virtual const PairedGroups *paired() const { return nullptr; }
  virtual mlir::Value pairedScales(LoopBuilder &, mlir::Value pair) {
    return {};
  }
  virtual mlir::Value pairedOffsets(LoopBuilder &, mlir::Value pair) {
    return {};
  }
};

/// The packed weight itself: the stretch begins at byte `base`, of that expert.
/// `layout` and `fields` are those of what is stored; where codes are scaled,
/// there are no inner scales.
class StoredStretch : public PackedStretch {
public:
  StoredStretch(const PackedLayout &layout, PackedFields fields,
                const ScaledCodes *scaled, mlir::Value weight,
                mlir::ValueRange expert, mlir::Value base)
      : layout(layout), fields(std::move(fields)), scaled(scaled),
        weight(weight), expert(expert), base(base) {}

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value chunk) override;
  llvm::SmallVector<mlir::Value> innerScales(LoopBuilder &b,
                                             mlir::Value chunk) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value chunk, int64_t group) override;
  mlir::Value outerScale(LoopBuilder &b) override;
  mlir::Value outerOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotOffsets(LoopBuilder &b) override;

  /// Asks for what lies `ahead` bytes after part `part` of the `parts` that the
  /// stretch of `tiles` tiles is cut into, to come to the first or the second
  /// cache.
  void prefetch(LoopBuilder &b, int64_t tiles, mlir::Value part, int64_t parts,
                int64_t ahead, bool toFirstCache = false);

  /// The same for a line of each page that the stretch is long, which makes the
  /// processor look up where the page lies.
  void prefetchPages(LoopBuilder &b, int64_t ahead);

private:
  mlir::Value chunkBase(LoopBuilder &b, mlir::Value chunk);
  llvm::SmallVector<mlir::Value> storedCodes(LoopBuilder &b, mlir::Value chunk);

  const PackedLayout &layout;
  PackedFields fields;
  const ScaledCodes *scaled; ///< or null
  mlir::Value weight;
  llvm::SmallVector<mlir::Value> expert;
  mlir::Value base;
};

/// A buffer for a decoded stretch of each of some tiles. What is read and
/// written is that of one of them.
class StretchPanel : public PackedStretch {
public:
  /// `paired` and `requantizer` must outlive the panel; null where groups are
  /// not in pairs, and where weights are not requantized. `layout` and `fields`
  /// are those of the panel.
  StretchPanel(LoopBuilder &b, const PackedLayout &layout, PackedFields &fields,
               const PairedGroups *paired, Requantizer *requantizer,
               int64_t tiles);
  int64_t tiles() const;
  /// The part of the `tile`th tile.
  StretchPanel of(mlir::Value tile) const;
  /// Decodes a stretch into the panel.
  void fill(LoopBuilder &b, StoredStretch &stored);
  void release(LoopBuilder &b);

  llvm::SmallVector<mlir::Value> codes(LoopBuilder &b,
                                       mlir::Value chunk) override;
  llvm::SmallVector<mlir::Value> innerScales(LoopBuilder &b,
                                             mlir::Value chunk) override;
  mlir::Value offset(LoopBuilder &b, mlir::Value chunk, int64_t group) override;
  mlir::Value outerScale(LoopBuilder &b) override;
  mlir::Value outerOffset(LoopBuilder &b) override;
  llvm::SmallVector<mlir::Value> dotOffsets(LoopBuilder &b) override;
  mlir::Value dotOffset(LoopBuilder &b, mlir::Value vector) override {
    return load(b, dotBuffer, vector);
  }
  mlir::Value code(LoopBuilder &b, mlir::Value chunk, int64_t vector) override;
  mlir::Value correction(LoopBuilder &b) override;
  const PairedGroups *paired() const override { return pairs; }
  mlir::Value pairedScales(LoopBuilder &b, mlir::Value pair) override {
    return load(b, scaleBuffer, pair);
  }
  mlir::Value pairedOffsets(LoopBuilder &b, mlir::Value pair) override {
    return load(b, offsetBuffer, pair);
  }

private:
  void store(LoopBuilder &b, mlir::Value vector, mlir::Value buffer,
             mlir::Value row);
  void fillPaired(LoopBuilder &b, StoredStretch &stored);
  void fillCodes(LoopBuilder &b, StoredStretch &stored, mlir::Value chunk);
  mlir::Value group(LoopBuilder &b, mlir::Value chunk, int64_t group);
  mlir::Value load(LoopBuilder &b, mlir::Value buffer, mlir::Value row);

  const PackedLayout &layout;
  const PairedGroups *pairs;
  Requantizer *requantizer;
  mlir::Value tile;
  /// `[tiles, vectors, lanes]` each; null where nothing is kept.
  mlir::Value codeBuffer, scaleBuffer, offsetBuffer, outerBuffer, dotBuffer;
  mlir::Value correctionBuffer;
  /// `[groups, lanes]` of f32 on their way to pairs.
  mlir::Value scaleNumbers, offsetNumbers;
  bool hasOuterScale = false, hasOuterOffset = false;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDSTRETCH_H
