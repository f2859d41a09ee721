//===- OpenClTypes.h - Types, literals and names of OpenCL C ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_OPENCL_OPENCLTYPES_H
#define RLX_CODEGEN_OPENCL_OPENCLTYPES_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/StringSet.h"

#include <optional>
#include <string>

namespace rlx::opencl {

/// How a value of MLIR is held in OpenCL C: integers signed, index as int, a
/// vector of one element as a scalar, a scalar i1 as bool, and a vector of i1
/// as comparisons give it: ints that are -1 or 0.
struct ClType {
  enum Kind { boolean, integer, floating };

  /// None where OpenCL C 1.2 has no such type.
  static std::optional<ClType> of(mlir::Type type);

  bool isVector() const { return count > 1; }
  bool isBool() const { return kind == boolean; }
  bool isFloat() const { return kind == floating; }
  /// C computes with int instead.
  bool isPromoted() const {
    return kind == integer && bits < 32 && !isVector();
  }
  ClType element() const { return {kind, bits, 1}; }
  /// The integer of the same size.
  ClType bitPattern() const { return {integer, bits, count}; }
  /// What a comparison of vectors of this type gives.
  ClType mask() const { return {integer, isBool() ? 32 : bits, count}; }

  /// `float4`, `int`, `bool`.
  std::string name() const;
  /// `uint4`; for integers only.
  std::string unsignedName() const;
  /// The name of an element in memory, where i1 takes a byte.
  std::string memoryName() const;

  bool operator==(const ClType &) const = default;

  Kind kind;
  unsigned bits;
  unsigned count;
};

/// A literal of exactly that value. `type` is a scalar.
std::string integerLiteral(ClType type, const llvm::APInt &value);
std::string floatLiteral(const llvm::APFloat &value);

/// Gives names that are identifiers, are no words of OpenCL C and are given
/// once.
class ClNames {
public:
  ClNames();

  /// `hint`, or something near it.
  std::string fresh(llvm::StringRef hint);
  /// v0, v1, ...
  std::string freshValue();
  /// The name itself; false where it cannot be one or is taken.
  bool take(llvm::StringRef name);

private:
  llvm::StringSet<> used;
  unsigned numValues = 0;
};

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_OPENCLTYPES_H
