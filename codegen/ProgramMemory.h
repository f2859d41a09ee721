//===- ProgramMemory.h - What a program's weights take ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights that a program names, or takes as arguments, and what each takes
// in memory as it is stored in files. Packing for a target is not counted.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_PROGRAMMEMORY_H
#define RLX_CODEGEN_PROGRAMMEMORY_H

#include "ir/WeightMemory.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace rlx {

struct ProgramWeight {
  std::string name; ///< Of the weight, or `main:2` for the third argument.
  std::vector<int64_t> shape; ///< -1 where a size is not known.
  std::string format;         ///< A scheme, or a type of elements.
  WeightMemory memory;        ///< With the scheme's scales, wherever they are.
  std::string problem;        ///< Why `memory` is not known; mostly empty.
};

/// In the order of the program; a name that is used twice counts once. Scales
/// and zero points of another weight count there.
std::vector<ProgramWeight> weightsOf(mlir::ModuleOp module);

} // namespace rlx

#endif // RLX_CODEGEN_PROGRAMMEMORY_H
