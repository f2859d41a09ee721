//===- LogicalBinder.h - Weights that programs name logically ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program names a quantized weight of a checkpoint, `down_proj.weight`, and
// its side operands, `down_proj.weight.scales`, whatever the file's tensors are
// called. Side tensors of f16 and bf16 may be f32 in the program.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_WEIGHTS_LOGICALBINDER_H
#define RLX_CODEGEN_WEIGHTS_LOGICALBINDER_H

#include "codegen/Signature.h"
#include "codegen/weights/WeightLoader.h"

#include "llvm/ADT/StringSet.h"

#include <memory>
#include <optional>

namespace rlx {

class LogicalBinder {
public:
  /// For a program that has weights of these names. `file` must outlive this.
  LogicalBinder(const WeightFile &file, llvm::StringSet<> names)
      : file(file), names(std::move(names)) {}

  /// What a weight of the program is, where the file has a logical weight for
  /// it: the codes of one of its name, or a part of one whose name stands
  /// before the part's, `scales`, `zero_points`, `global_scale`, or
  /// `permutation`, the columns in their stored order as i32. Errors: another
  /// scheme, shape or type than the program says; stored columns in another
  /// order where the program does not read which.
  llvm::Expected<std::optional<LoadedPart>> bind(const TensorSignature &weight);

  /// The entry of a bias, which is bound as any other; null where it is none.
  const WeightEntry *findBias(llvm::StringRef name) const;

private:
  llvm::Expected<LoadedPart> bindCodes(const LogicalWeight &logical,
                                       const TensorSignature &weight);
  llvm::Expected<LoadedPart> bindSide(const LogicalWeight &logical,
                                      llvm::StringRef role,
                                      const TensorSignature &weight);
  llvm::Expected<LoadedPart> bindOrder(const LogicalWeight &logical,
                                       const TensorSignature &weight);
  mlir::MLIRContext &context();
  mlir::Type typeOf(const TensorSignature &weight);
  llvm::Error complain(const TensorSignature &weight,
                       const llvm::Twine &expected, const llvm::Twine &got);

  const WeightFile &file;
  llvm::StringSet<> names;
  std::unique_ptr<mlir::MLIRContext> ownContext;
};

} // namespace rlx

#endif // RLX_CODEGEN_WEIGHTS_LOGICALBINDER_H
