//===- DeviceBlockLayout.h - How weights lie for devices --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layout that device kernels read is itself a scheme. A device block holds
// a K block of one row: all fields, side operands too, in planes of 1, 2, 4, 8,
// 16 or 32 bits, none of which crosses a word of 32 bits. It takes as few bits
// as the scheme it comes from. Rows are interleaved word by word, or four words
// by four words: Manifest.h has the formula. Codes of less than a byte lie so
// that a shift and a mask give four of them as the bytes of a word:
//
//   element of K   3 7  2 6  1 5  0 4      of 4 bits; a byte is two of them
//
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_LAYOUT_RECORDLAYOUT_H
#define RLX_PASSES_GPU_LAYOUT_RECORDLAYOUT_H

#include "ir/Scheme.h"
#include "passes/gpu/layout/Interleaving.h"

namespace rlx {

/// What kernels load: words of 32 bits.
constexpr int64_t wordBits = 32;

/// One plane of a field in a device block: the code's bits `shift` to `shift +
/// width` of item `i`, which elements `i * group` to `(i + 1) * group` share,
/// lie at bit `bit(i)`.
struct DeviceBlockPlane {
  int64_t start, width, shift, group;
  /// Whether four items lie in the four bytes of a word, the next four above
  /// them, instead of one item above the other.
  bool inBytes = false;

  int64_t bit(int64_t item) const {
    if (!inBytes)
      return start + item * width;
    int64_t perWord = 32 / width, ofWord = item % perWord;
    return start + item / perWord * 32 + ofWord % 4 * 8 + ofWord / 4 * width;
  }
};

class DeviceBlockLayout {
public:
  /// The layout for weights of `scheme` with rows of `k` elements. Device
  /// blocks are whole groups of `words` words.
  static DeviceBlockLayout create(QuantScheme scheme, int64_t k, int64_t words);
  /// The layout whose device blocks `scheme` describes.
  DeviceBlockLayout(QuantScheme deviceBlock, int64_t k)
      : scheme(deviceBlock), k(k) {}

  /// The scheme of a device block: its block is the K block.
  const QuantScheme &blockScheme() const { return scheme; }
  int64_t length() const { return scheme.block(); }
  int64_t words() const { return scheme.blockBytes() / 4; }
  int64_t blocks() const { return (k + length() - 1) / length(); }
  int64_t elements() const { return k; }
  int64_t tiles(int64_t n, Interleaving how) const {
    return (n + how.rows - 1) / how.rows;
  }
  int64_t tileWords(Interleaving how) const {
    return blocks() * words() * how.rows;
  }
  llvm::SmallVector<DeviceBlockPlane> planes(FieldAttr field) const;

private:
  QuantScheme scheme;
  int64_t k;
};

/// The longest divisor of `deviceBlock` elements such that `field` of `scheme`
/// has one code in each aligned run of that length, for rows of `k` elements.
int64_t runLength(QuantScheme scheme, FieldAttr field, int64_t k,
                  int64_t deviceBlock);

} // namespace rlx

#endif // RLX_PASSES_GPU_LAYOUT_RECORDLAYOUT_H
