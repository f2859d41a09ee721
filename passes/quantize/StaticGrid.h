//===- StaticGrid.h - Quantization with constant scales ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers that codes of few bits stand for, with scales and zero points that
// are known when a program is compiled: (code - zero) * scale. How they are
// written as loops, and how they are recognised in loops.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_QUANTIZE_STATICGRID_H
#define RLX_PASSES_QUANTIZE_STATICGRID_H

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace rlx {

struct StaticGrid {
  mlir::IntegerType storage; ///< Of codes: i8 or i16, whose sign is `isSigned`.
  bool isSigned = true;
  /// One scale and zero point for all numbers, or one for each index of
  /// dimension `channels`.
  llvm::SmallVector<float> scales;
  llvm::SmallVector<int64_t> zeros;
  int64_t channels = -1; ///< -1: one for all.

  bool isPerChannel() const { return channels >= 0; }
  bool isZero() const { // whether all zero points are 0
    return llvm::all_of(zeros, [](int64_t zero) { return zero == 0; });
  }
  /// Why the two are different; empty where they are the same.
  std::string difference(const StaticGrid &other) const;
};

/// Codes from `least` to `most`.
struct CodeRange {
  int64_t least, most;
  bool holds(const CodeRange &other) const {
    return least <= other.least && other.most <= most;
  }
};
/// What fits the storage.
CodeRange rangeOf(mlir::IntegerType storage, bool isSigned);

/// code = clamp(round(x / scale) + zero); NaN has the least code.
mlir::Value createQuantize(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value x, const StaticGrid &grid,
                           CodeRange range);
/// (code - zero) * scale, in f32
mlir::Value createDequantize(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Value codes, const StaticGrid &grid);

/// A loop that quantizes: what it takes, the grid and the codes.
struct StaticQuantize {
  mlir::linalg::GenericOp op;
  mlir::Value input;
  StaticGrid grid;
  CodeRange range;
};
std::optional<StaticQuantize> matchQuantize(mlir::Operation *op);

/// A loop that gives the numbers of codes.
struct StaticDequantize {
  mlir::linalg::GenericOp op;
  mlir::Value codes;
  StaticGrid grid;
};
std::optional<StaticDequantize> matchDequantize(mlir::Operation *op);

} // namespace rlx

#endif // RLX_PASSES_QUANTIZE_STATICGRID_H
