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

/// Writes into `codes` those of all cells of the fields `factors`, which are
/// numbers of `fields`. The coarser of the two finest factors decides how the
/// finest are used: attempt 0 takes the choice that costs least, attempt 1 the
/// next, and so on.
void startFactors(llvm::ArrayRef<FieldNumbers> fields,
                  llvm::ArrayRef<int> factors, const Problem &problem,
                  llvm::ArrayRef<Wanted> wanted, int attempt,
                  std::vector<uint32_t> &codes);

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_FACTORSTART_H
