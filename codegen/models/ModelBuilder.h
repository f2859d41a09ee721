//===- ModelBuilder.h - From a weight file to a graph -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The step of a decoder as ordinary IR: what it computes for some tokens, and
// what it keeps of them. Weights are named as in the file.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_MODELBUILDER_H
#define RLX_CODEGEN_MODELS_MODELBUILDER_H

#include "codegen/models/ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace rlx {

struct ModelOptions {
  /// What matmuls of quantized weights may round activations to.
  std::string activations = "i16";
  /// What keys and values are kept as: f32, f16, bf16 or a scheme.
  std::string cacheType = "f16";
  /// How many tokens are to fit; 0: as many as the model was trained with.
  int64_t context = 0;
};

/// The text of the module of `buildModel`.
llvm::Expected<std::string> writeModel(const GgufFile &file,
                                       const ModelOptions &options,
                                       mlir::MLIRContext &context);

/// Two functions, for any number of tokens T and for one:
/// ```
/// @step(ids: [T] of i32, position, first, states) -> [T - first, vocabulary]
/// @step_one(ids: [1] of i32, position, states) -> [1, vocabulary]
/// ```
/// `position` is how many tokens are kept already, logits are of tokens
/// `first` and on. The states `k.<layer>` and `v.<layer>` are
/// `[C, heads of keys, size of a head]`, with the same C. Fails where the
/// architecture is not known, a tensor is missing or has another shape, or a
/// type cannot be read, naming it.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
buildModel(const GgufFile &file, const ModelOptions &options,
           mlir::MLIRContext &context);

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_MODELBUILDER_H
