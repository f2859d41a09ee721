//===- PackedLayout.h - How packed weights lie in memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout that integer kernels read, as #rlx.packed says it, with all
// positions. A micro-panel ("tile") is `lanes` rows of the weight. A vector of
// 4 * lanes bytes holds four consecutive codes of each row, so that a 32-bit
// lane is a row. Some micro-panels make up a macro-panel, a sequence of K
// blocks: the first one of each micro-panel, the second of each, and so on.
// What a kernel has loaded of activations serves all of them while it reads
// weights in order.
//
//   K block:  header | K step 0 | K step 1 | ...
//   header:   fields that are the same for the K block, `lanes` codes each
//   K step:   codes of 32 elements, then fields of each group, `lanes` codes
//   each
//
// Q4_K with 16 lanes, k_block = 256, block_bytes = 2368:
//
//   bytes      what
//   0..31      d, f16, of rows 0 to 15
//   32..63     dmin, f16, of rows 0 to 15
//   64..191    minima: 4 groups a lane, 2 vectors of 64 bytes (6 bits each, as
//              bytes: vpdpbusd multiplies them with bsums)
//   192..463   K step 0: 4 vectors of 64 bytes, each with two vectors of 4-bit
//              codes (low and high nibbles); then scales, a byte for each row
//   464..      K steps 1 to 7
//
// Fields keep their codes, each in a container of 1, 2 or 4 bytes. If the codes
// of a K step's groups fit one byte together, they share it. Eight vectors of
// codes of w bits lie in w vectors of bytes: 8 / w of them whole in each, and
// the others piece by piece in the bits that are left.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDLAYOUT_H
#define RLX_PASSES_CPU_PACKED_PACKEDLAYOUT_H

#include "passes/decode/IntegerCodes.h"

#include <optional>

namespace rlx {

struct PackedField {
  FieldAttr field;
  int64_t group;  ///< elements that share a code; the K block for outer fields
  int64_t bytes;  ///< of a container: 1, 2 or 4
  int64_t offset; ///< of lane 0, from the start of the K block or K step
  /// Codes of groups that follow each other in a container, lowest bits first.
  int64_t together = 1;
};

/// Some bits of a vector of codes and where they are stored.
struct PackedBits {
  int64_t codes;     ///< The vector of codes
  unsigned shift;    ///< and the lowest of its bits, of
  unsigned width;    ///< so many.
  int64_t stored;    ///< The vector of bytes that has them,
  unsigned position; ///< from this bit on.
};

/// How `count` vectors of codes of `width` bits lie in `count * width / 8`
/// vectors of bytes. The bits of a vector of codes follow each other.
llvm::SmallVector<PackedBits> packBits(int64_t count, unsigned width);

class PackedLayout {
public:
  static constexpr int64_t kStep = 32; ///< elements of K

  /// Chooses the layout, for activations that share a scale among at most
  /// `activationGroup` elements (ir/ActivationGroup.h). Fails, with a reason,
  /// where the scheme's kernels cannot be integer ones.
  static std::optional<PackedLayout> create(QuantScheme scheme, int64_t k,
                                            int64_t lanes,
                                            int64_t activationGroup,
                                            std::string &reason);
  /// What an operation says, whose layout is the scheme's: --rlx-choose-tiles
  /// and --rlx-blocks-to-loops check that first (checkPacking).
  static PackedLayout of(PackedMatmulOp op);
  static PackedLayout of(PackWeightOp op);

  IntegerCodes codes;
  int64_t lanes, k;
  int64_t kBlock; ///< elements of K that share outer fields
  /// Elements of K whose activations share a scale: the K block, or K steps
  /// that divide it.
  int64_t activationGroup;
  int64_t
      sumGroup; ///< elements of K whose activations' sum is needed: 16 or 32
  llvm::SmallVector<PackedBits> bits; ///< of a K step's codes
  llvm::SmallVector<PackedField> outer, inner;
  /// The offset's factor that is multiplied with sums by dot products; its
  /// group is `sumGroup`.
  std::optional<PackedField> dotMinimum;
  llvm::SmallVector<PackedBits> dotMinimumBits;
  int64_t headerBytes = 0, kStepBytes = 0;

  int64_t kStepsPerBlock() const { return kBlock / kStep; }
  int64_t activationGroups() const { return kBlock / activationGroup; }
  /// Whether a K block has several scales of activations, which then multiply
  /// the sums of groups.
  bool scalesActivationsByGroup() const { return activationGroups() > 1; }
  /// Vectors of bytes that a K step's codes, and `dotMinimum`, are stored in.
  int64_t codeVectors() const { return codes.width; }
  int64_t storedDotMinimumVectors() const {
    return dotMinimumBits.back().stored + 1;
  }
  /// Vectors of `dotMinimum` for a K block.
  int64_t dotMinimumVectors() const { return kBlock / sumGroup / 4; }
  int64_t kBlockBytes() const {
    return headerBytes + kStepsPerBlock() * kStepBytes;
  }
  int64_t kBlocks() const { return k / kBlock; }
  int64_t tileBytes() const { return kBlocks() * kBlockBytes(); }
  int64_t tiles(int64_t rows) const { return (rows + lanes - 1) / lanes; }
  /// Tiles of a group of a weight of so many rows; the last group has those
  /// that are left. Threads take groups.
  int64_t macroPanel(int64_t rows) const {
    constexpr int64_t mostRows = 128, fewestGroups = 16;
    return std::clamp<int64_t>(tiles(rows) / fewestGroups, 1,
                               std::max<int64_t>(1, mostRows / lanes));
  }
  double bitsPerWeight() const { return tileBytes() * 8.0 / double(lanes * k); }
  /// The same bytes, read as codes that are as large as bytes hold:
  /// number(code) stays (u - bias) * unit.
  PackedLayout widened() const;
  /// Of a K block in a panel whose codes have 8 bits, a bias of 128 and one
  /// scale, as its activations have (passes/cpu/packed/ReencodedWeights.cpp).
  PackedLayout reencoded() const;

  /// What operations say of it.
  PackedAttr attr;

private:
  /// Where everything lies: what `attr` means for the scheme and its codes.
  PackedLayout(QuantScheme scheme, IntegerCodes codes, int64_t k,
               PackedAttr attr);
  static PackedLayout of(QuantAttr quant, int64_t k, PackedAttr attr);
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDLAYOUT_H
