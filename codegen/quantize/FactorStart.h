//===- FactorStart.h - A product of factors for wanted numbers --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales are products: of a block's f16 and a group's six bits, for example.
// For the product that each group wants, this finds codes for the factors whose
// products come near.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_FACTORSTART_H
#define RLX_CODEGEN_QUANTIZE_FACTORSTART_H

#include "codegen/quantize/Cells.h"
#include "codegen/quantize/FieldNumbers.h"

namespace rlx::quantize {

/// What a group's product should be, and what a deviation costs: `cost` times
/// its square.
struct Wanted {
  double product = 0, cost = 0;
};

class FactorStart {
public:
  /// For the fields `factors`, which are numbers of `fields`.
  FactorStart(llvm::ArrayRef<FieldNumbers> fields, llvm::ArrayRef<int> factors,
              const Problem &problem, llvm::ArrayRef<Wanted> wanted,
              FixedCodes fixed);

  /// Writes into `codes` those of all cells of the factors. The coarser of the
  /// two finest decides how the finest are used: attempt 0 takes the choice
  /// that costs least, attempt 1 the next, and so on.
  void start(int attempt, std::vector<uint32_t> &codes);

private:
  /// Codes by cost.
  using Choices = llvm::SmallVector<std::pair<double, uint32_t>>;

  uint32_t startCoarse(const Cell &cell, double reach) const;
  const Choices &choicesOf(int cell, const FieldNumbers &fine);
  uint32_t startFine(const Cell &cell) const;
  double costOf(const Cell &cell, double coarse,
                const FieldNumbers &fine) const;
  double extremeOf(const Cell &cell) const;
  void divide(const Cell &cell, double number);

  llvm::ArrayRef<FieldNumbers> fields;
  const Problem &problem;
  FixedCodes fixed;
  llvm::SmallVector<int> order; ///< Factors, the coarsest first.
  std::vector<Wanted> asked;    ///< By the caller.
  std::vector<Wanted> wanted;   ///< Less the factors that are chosen.
  std::vector<std::optional<Choices>> choices; ///< Of cells.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_FACTORSTART_H
