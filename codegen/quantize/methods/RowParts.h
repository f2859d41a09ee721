//===- RowParts.h - Rows of a weight in parts -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_ROWPARTS_H
#define RLX_CODEGEN_QUANTIZE_METHODS_ROWPARTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MathExtras.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace rlx {

/// Calls `body` for parts 0 to `parts`, one after the other or on threads, and
/// gives the first error.
using PartLoop = llvm::function_ref<llvm::Error(
    int64_t parts, llvm::function_ref<llvm::Error(int64_t part)> body)>;
llvm::Error runInOrder(int64_t parts,
                       llvm::function_ref<llvm::Error(int64_t)> body);

/// Ranges of rows of [N, K] or [E, N, K] that are quantized without each other:
/// about so many rows, multiples of those that belong together, and of one
/// expert; those of all experts, or of one.
class RowParts {
public:
  RowParts(llvm::ArrayRef<int64_t> shape, int64_t together, int64_t about,
           std::optional<int64_t> expert = std::nullopt)
      : rowsPerExpert(shape[shape.size() - 2]), firstExpert(expert.value_or(0)),
        experts(expert || shape.size() < 3 ? 1 : shape.front()) {
    about = std::max<int64_t>(about, 1);
    step = std::min(int64_t(llvm::divideCeil(about, together)) * together,
                    rowsPerExpert);
    perExpert = int64_t(llvm::divideCeil(rowsPerExpert, step));
  }

  int64_t count() const { return perExpert * experts; }
  int64_t rowsInPart() const { return step; } ///< At most.
  int64_t expertOf(int64_t part) const {
    return firstExpert + part / perExpert;
  }
  std::pair<int64_t, int64_t> rowsOf(int64_t part) const {
    int64_t first = expertOf(part) * rowsPerExpert,
            begin = part % perExpert * step;
    return {first + begin, first + std::min(begin + step, rowsPerExpert)};
  }

private:
  int64_t rowsPerExpert, firstExpert, experts, step = 1, perExpert = 1;
};

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_ROWPARTS_H
