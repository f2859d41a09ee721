//===- PackedLayout.h - How packed weights lie in memory --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout that integer kernels read, derived from a scheme and K. A tile is
// `lanes` rows; a vector of 4 * lanes bytes holds four consecutive codes of
// each row, so that a 32-bit lane is a row. Some tiles make up a group, which
// is a sequence of kBlocks of K: the first one of each tile, the second of
// each, and so on. What a kernel has loaded of activations then serves all
// tiles of the group while it reads weights in order. A K block is a header and
// then its K steps:
//
//   K block: outer fields, `lanes` codes each | K step 0 | K step 1 | ...
//   K step:   codes, then inner fields: `lanes` codes for each group
//
// Fields keep their codes, each in a container of whole bytes; where the codes
// of a K step's groups fit one byte together, they share it. A field that
// changes within a K step or from K step to K step is inner, any other is
// outer. An offset's inner factor that is an unsigned integer of a byte lies in
// the header instead, a vector of bytes for each four groups, where a 32-bit
// lane is a row again: its products with the activations' sums are dot
// products. Eight vectors of codes of w bits lie in w vectors of bytes: 8 / w
// of them whole in each, and the others piece by piece in the bits that are
// left.
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

  /// Fails, with a reason, where the scheme's kernels cannot be integer ones.
  static std::optional<PackedLayout> create(QuantScheme scheme, int64_t k,
                                            int64_t lanes, std::string &reason);

  IntegerCodes codes;
  int64_t lanes, k;
  int64_t
      kBlock; ///< elements of K that share outer fields and activation scales
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
  /// scale (passes/cpu/packed/Reencoder.h).
  PackedLayout reencoded() const;

private:
  PackedLayout(IntegerCodes codes) : codes(std::move(codes)) {}
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDLAYOUT_H
