//===- ActivationFile.h - Rows of activations in an npy file ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_QUANTIZE_ACTIVATIONFILE_H
#define RLX_TOOLS_QUANTIZE_ACTIVATIONFILE_H

#include "codegen/quantize/methods/Activations.h"
#include "runtime/MappedFile.h"
#include "runtime/Npy.h"

namespace rlx::quantize {

/// Mapped, and read when it is asked for.
class ActivationFile {
public:
  /// For a weight of `shape`. Of [N, K]: [..., K]. Of [E, N, K]: [rows, K] that
  /// all experts have seen, or [E, rows, K], those of each. Errors: another
  /// shape, other numbers than f32 and f64.
  static llvm::Expected<ActivationFile> open(const std::string &path,
                                             llvm::ArrayRef<int64_t> shape);

  /// How many sets of rows there are: one, or one for each expert.
  int64_t sets() const { return numSets; }
  /// Of each set.
  int64_t rows() const { return numRows; }
  llvm::Expected<Activations> read(int64_t set) const;

private:
  ActivationFile() = default;

  std::string path;
  std::shared_ptr<MappedFile> file;
  NpyView array;
  int64_t numSets = 1, numRows = 0;
};

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_ACTIVATIONFILE_H
