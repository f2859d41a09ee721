//===- DoublePrecision.h - A program without rounding to f32 ----*- C++ -*-===//
//
// Rewrites a program so that it computes in f64 what it computed in f32, on
// weights that were decoded before. What comes out has no operation of rlx
// left; it is what Verify.h compares a run with.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_DOUBLEPRECISION_H
#define RLX_CODEGEN_DOUBLEPRECISION_H

#include "ir/Scheme.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace rlx {

/// Where a tensor of the program comes from: an input by number, or a weight by
/// name.
struct TensorSource {
  int64_t input = -1;
  std::string weight;
};

/// An argument of the rewritten function: the f32 input or weight `tensor` as
/// f64, any other as it is; or, where `scheme` is set, the values of a
/// quantized one, of the logical shape, with what it needs beside its blocks.
struct DoubleArgument {
  TensorSource tensor;
  std::optional<QuantScheme> scheme;
  std::vector<int64_t> shape;
  std::optional<TensorSource> scales, zeroPoints, globalScale;
};

struct DoubleProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<DoubleArgument> arguments;
  /// The types that rlx.matmul and rlx.gather_matmul compute activations in.
  std::vector<mlir::Type> activations;
  bool requantizes = false; ///< whether one has weights = requantized
};

/// Rewrites `function` of an imported module (Compiler.h). Fails, with a
/// reason, where that has no meaning or no meaning worth comparing with: bits
/// of an f32 that are used as such, weights that the program quantizes or
/// computes.
llvm::Expected<DoubleProgram> toDoublePrecision(mlir::ModuleOp imported,
                                                llvm::StringRef function);

} // namespace rlx

#endif // RLX_CODEGEN_DOUBLEPRECISION_H
