//===- OpenClHelpers.h - Functions that a program brings along --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_OPENCL_OPENCLHELPERS_H
#define RLX_CODEGEN_OPENCL_OPENCLHELPERS_H

#include "codegen/opencl/OpenClTypes.h"

#include <map>

namespace rlx::opencl {

/// What MLIR has as an op and OpenCL C does not have as a function.
enum class Helper {
  floorDivide,        ///< of signed integers
  ceilDivide,         ///< of signed integers
  ceilDivideUnsigned, ///< of unsigned ones
  trailingZeros,      ///< of an unsigned integer
  maximum,            ///< NaN where one is NaN; 0 above -0
  minimum,
  byteDot ///< of the four signed bytes of integers
};

/// The helpers that a program needs, and what else it must declare.
class OpenClHelpers {
public:
  /// The name of the function, which is added to the program.
  std::string use(Helper helper, ClType type);
  /// Notes that values of the type are computed with.
  void useType(ClType type) {
    usesHalf |= type.isFloat() && type.bits == 16;
    usesDouble |= type.isFloat() && type.bits == 64;
  }
  /// Notes that kernels compute across subgroups, or read the numbers of
  /// other work-items of theirs.
  void useSubgroups() { usesSubgroups = true; }
  void useShuffles() { usesSubgroups = usesShuffles = true; }

  /// What stands at the start of the program.
  std::string pragmas() const;
  std::string definitions() const;

private:
  /// Texts by name.
  std::map<std::string, std::string> used;
  bool usesHalf = false, usesDouble = false;
  bool usesSubgroups = false, usesShuffles = false;
};

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_OPENCLHELPERS_H
