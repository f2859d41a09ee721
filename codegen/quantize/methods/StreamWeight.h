//===- StreamWeight.h - Weights some rows at a time -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes a weight whose rows are read when they are asked for and whose
// blocks are handed on as they come, so that of a large one only some rows and
// the side tensors are in memory.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_STREAMWEIGHT_H
#define RLX_CODEGEN_QUANTIZE_METHODS_STREAMWEIGHT_H

#include "codegen/quantize/Quantizer.h"
#include "codegen/quantize/RowSample.h"
#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/RowParts.h"

#include <optional>
#include <vector>

namespace rlx {

/// A weight [N, K] or [E, N, K] in f32, and what it becomes.
struct RowSource {
  QuantScheme scheme;
  std::vector<int64_t> shape;
  /// Gives rows `begin` to `end`, counted through all experts. Several threads
  /// call it at once.
  std::function<void(int64_t begin, int64_t end, llvm::MutableArrayRef<float>)>
      read;
  QuantizeOptions options = {};
  /// Called when rows `begin` to `end` are not needed soon; may be null.
  std::function<void(int64_t begin, int64_t end)> release = {};

  int64_t columns() const { return shape.back(); }
  int64_t rowsPerExpert() const { return shape[shape.size() - 2]; }
  int64_t experts() const { return shape.size() == 3 ? shape.front() : 1; }
  int64_t rows() const { return experts() * rowsPerExpert(); }
  void forget(int64_t begin, int64_t end) const {
    if (release)
      release(begin, end);
  }
};

/// A weight in memory.
RowSource rowsOf(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                 llvm::ArrayRef<float> values, QuantizeOptions options);

/// Importance of channels whose activations are divided by factors.
void divideImportance(std::vector<float> &importance,
                      llvm::ArrayRef<double> factors);

/// Some rows of a weight as they are stored, and its side tensors.
class StoredRows {
public:
  /// The quantizer has to live as long; what it writes may be another's.
  explicit StoredRows(const Quantizer &quantizer);

  /// Makes room for the blocks of rows `begin` to `end` in place of those
  /// before.
  void start(int64_t begin, int64_t end);
  /// Where a part of these rows is written.
  QuantizedBytes bytes(int64_t begin, int64_t end);
  /// Side tensors alone.
  QuantizedBytes sides() { return {{}, scales, zeroPoints, globalScale}; }
  /// What one of these rows means.
  void decodeRow(int64_t row, llvm::MutableArrayRef<double> numbers) {
    quantizer.decodeRow(row, bytes(row, row + 1), numbers);
  }

  std::vector<uint8_t> blocks, scales, zeroPoints, globalScale;

private:
  const Quantizer &quantizer;
  int64_t rowSize, first = 0; ///< In bytes; the first row of the blocks.
};

/// What becomes of rows. Both functions are called by several threads.
struct RowWork {
  int64_t rowsTogether = 1;
  int64_t rowsAtOnce = 1; ///< About so many are quantized in a call.
  std::optional<int64_t> expert = {}; ///< The only one whose rows are.
  /// Called before rows `begin` to `end` are quantized in parts; may be null.
  std::function<void(int64_t begin, int64_t end)> start = {};
  /// Quantizes rows `begin` to `end`, which may be changed. `rows` are those
  /// that are being written, these among them.
  std::function<llvm::Error(llvm::MutableArrayRef<float> values, int64_t begin,
                            int64_t end, StoredRows &rows)>
      quantize;
  /// Compares a row with what it was quantized to.
  std::function<SquareSums(int64_t row, llvm::ArrayRef<float> values,
                           llvm::ArrayRef<double> numbers)>
      measure;
};

/// Takes the blocks of some rows, the first ones first.
using StoreBlocks =
    llvm::function_ref<llvm::Error(llvm::ArrayRef<uint8_t> blocks)>;

/// Leaves the side tensors in `rows`. Errors: those of the functions, the first
/// row's first.
llvm::Expected<SquareSums> streamWeight(const RowSource &weight,
                                        const RowWork &work, PartLoop loop,
                                        StoredRows &rows, StoreBlocks store);

/// Rows of an expert that stand for all, their columns times `factors`, which
/// may be empty.
std::vector<float> sampleOf(const RowSource &weight, int64_t expert,
                            llvm::ArrayRef<double> factors = {});

/// Chooses scales of the whole weight first where it is too large for its rows
/// to be quantized together; for quantizers of all kinds.
template <typename QuantizerT>
llvm::Error chooseSharedOfLarge(QuantizerT &quantizer, const RowSource &weight,
                                StoredRows &rows,
                                llvm::ArrayRef<double> factors = {}) {
  if (weight.rowsPerExpert() * weight.columns() <= RowSample::mostElements ||
      quantizer.rowsTogether() < weight.rowsPerExpert() ||
      !quantizer.canChooseShared())
    return llvm::Error::success();
  return quantizer.chooseShared(
      [&](int64_t expert) -> llvm::Expected<std::vector<float>> {
        return sampleOf(weight, expert, factors);
      },
      rows.sides());
}

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_STREAMWEIGHT_H
