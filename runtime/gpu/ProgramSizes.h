//===- ProgramSizes.h - The sizes of a program, and whether it is one -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates a program's sizes, and checks that its indices lead somewhere:
// programs also come from files. Knows no device.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_PROGRAMSIZES_H
#define RLX_RUNTIME_GPU_PROGRAMSIZES_H

#include "runtime/gpu/Program.h"

#include <optional>
#include <span>

namespace rlx {

/// By SizeIndex; nothing where it depends on an input whose shape is unknown.
using SizeValues = std::vector<std::optional<int64_t>>;

/// `a kind b`; nothing for a division by zero, and where the value does not
/// fit. `kind` is an operation on two sizes.
std::optional<int64_t> applySize(ProgramSize::Kind kind, int64_t a, int64_t b);

/// Whether sizes may depend on numbers of that type.
bool isInteger(ElementType type);
/// The integer that a tensor of rank 0 with data is.
int64_t integerOf(const TensorView &tensor);

/// Which arguments are inputs whose number sizes depend on.
std::vector<bool> findNumbers(const Program &program);

/// Evaluates all sizes. `inputs` has a shape for each input, of its rank, or is
/// empty: then what depends on inputs stays unknown. In the place of the shape
/// of an input whose number sizes depend on is that number, or nothing. Errors:
/// a check of sizes that does not hold, else an overflow or a division by zero.
Result<SizeValues> evaluateSizes(const Program &program,
                                 std::span<const std::vector<int64_t>> inputs);

/// The value of a size that is a count of something, named in the error of one
/// that is negative or unknown.
Result<uint64_t> countOf(const SizeValues &values, SizeIndex index,
                         std::string_view what);

/// The shape of an argument.
Result<std::vector<int64_t>> shapeOf(const SizeValues &values,
                                     const ProgramArgument &argument,
                                     std::string_view what);

/// Whether all indices of a program are within bounds, and what belongs
/// together fits together.
Status verifyProgram(const Program &program);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_PROGRAMSIZES_H
