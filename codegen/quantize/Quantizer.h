//===- Quantizer.h - Stored bytes from numbers ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes weights of any scheme. Where bits lie follows from the scheme's
// description, how scales are chosen from its rule (ir/QuantRule.h); a rule is
// followed as it is written, all else is the least squared error that a search
// finds, weighted by importance where that is given. Written for exactness, in
// double precision; one thread a call.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_QUANTIZER_H
#define RLX_CODEGEN_QUANTIZE_QUANTIZER_H

#include "ir/QuantRule.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rlx {

struct QuantizeOptions {
  /// In place of the scheme's own.
  std::optional<QuantRule> rule;
  /// How much an error in each column counts: K numbers, or for [E, N, K] also
  /// E * K. With these, a rule that knows no importance gives way to a search.
  std::vector<float> importance;
  /// Takes infinities and NaNs where the scheme has codes for them.
  bool allowNonFinite = false;
  /// What messages call the weight.
  std::string name;
};

/// Where a weight is written: the blocks of the rows that are quantized, and
/// the whole side tensors.
struct QuantizedBytes {
  llvm::MutableArrayRef<uint8_t> blocks;
  llvm::MutableArrayRef<uint8_t> scales, zeroPoints, globalScale;
};

class Quantizer {
public:
  /// For a weight of shape [N, K] or [E, N, K]. Errors: K that is no multiple
  /// of the block, importance of another size or with a number that is negative
  /// or not finite, a rule that does not fit the scheme.
  static llvm::Expected<Quantizer> create(QuantScheme scheme,
                                          llvm::ArrayRef<int64_t> shape,
                                          QuantizeOptions options = {});
  Quantizer(Quantizer &&);
  Quantizer &operator=(Quantizer &&);
  ~Quantizer();

  /// Ranges of rows begin and end at multiples of this, counted from an
  /// expert's first, or at its last: rows between share scales.
  int64_t rowsTogether() const;

  /// Whether what keeps rows together is a scale of the whole weight, or of an
  /// expert, which `chooseShared` can choose before.
  bool canChooseShared() const;
  /// Chooses it from some rows of each expert, which `sample` gives
  /// (RowSample.h), and writes it to its side tensor. Rows no longer have to be
  /// quantized together then, and do not write it.
  llvm::Error chooseShared(
      llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t expert)>
          sample,
      QuantizedBytes bytes);

  /// Quantizes rows `begin` to `end`, counted through all experts. `values` are
  /// those of these rows. Errors: a number that is not finite, a range or sizes
  /// that do not fit. May be called by several threads at once for different
  /// rows, unless a side tensor has elements of less than a byte.
  llvm::Error quantizeRows(llvm::ArrayRef<float> values, int64_t begin,
                           int64_t end, QuantizedBytes bytes) const;

  /// The numbers that the blocks of rows mean, of a scheme without side
  /// tensors.
  void decodeRows(llvm::ArrayRef<uint8_t> blocks,
                  llvm::MutableArrayRef<float> values) const;

  /// The numbers of row `row` of any scheme; `bytes` are its blocks and the
  /// side tensors of the whole weight.
  void decodeRow(int64_t row, QuantizedBytes bytes,
                 llvm::MutableArrayRef<double> numbers) const;

  /// Bytes of a side tensor of this weight; 0 where there is none.
  int64_t sideBytes(llvm::StringRef operand) const;
  QuantScheme scheme() const;
  int64_t columns() const;
  /// Whether nothing but the scheme's own rule says what becomes of finite
  /// numbers.
  bool followsRuleOfScheme() const;

  /// Writes the blocks of one row of finite numbers.
  using RowFunction =
      std::function<llvm::Error(const float *values, uint8_t *blocks)>;
  /// Has rows computed by a function that writes the same bytes, of a scheme
  /// without side tensors. It may be called by several threads at once.
  void computeRowsBy(RowFunction function);

private:
  struct Weight;
  explicit Quantizer(std::unique_ptr<Weight> weight);
  std::unique_ptr<Weight> weight;
};

/// Quantizes rows of a weight without side tensors in one call.
llvm::Error quantizeRows(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<float> values, int64_t begin,
                         int64_t end, QuantizeOptions options,
                         llvm::MutableArrayRef<uint8_t> blocks);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_QUANTIZER_H
