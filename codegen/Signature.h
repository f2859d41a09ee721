//===- Signature.h - What a compiled function takes and gives ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_SIGNATURE_H
#define RLX_CODEGEN_SIGNATURE_H

#include "runtime/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace rlx {

/// A tensor as the caller passes it. A quantized one is passed as its stored
/// bytes, u8 with the bytes of a row as last size; other element types of 8
/// bits likewise as u8.
struct TensorSignature {
  ElementType element = ElementType::f32;
  std::vector<int64_t> shape;        ///< As passed; -1 is any size.
  std::vector<int64_t> logicalShape; ///< Of the tensor in the program.
  std::string type = {};             ///< As the program writes it.
  std::string mlirElement = {};      ///< Its element type, likewise.
  std::string scheme = {};           ///< Display name, where quantized.
  std::string ggmlType = {}; ///< The ggml type stored like this, if any.
  std::string weight = {};   ///< The weight's name, where it is one.
  std::string state = {};    ///< The state's name, where an input is one.
  /// Its bytes, where the program has them: those of a constant.
  std::shared_ptr<const std::byte> value = {};

  bool isQuantized() const { return !scheme.empty(); }
  /// `u8 [8, 288]`, with `?` for any size.
  std::string describe() const;
  /// Checks a tensor that the caller passes as `what`.
  llvm::Error check(const TensorView &tensor, llvm::StringRef what) const;
};

/// What is computed from weights alone, run once before the function.
struct PackingSignature {
  std::string function; ///< Takes the weights, gives the packed tensor.
  std::vector<std::string> weights;      ///< By name, in order.
  ElementType element = ElementType::u8; ///< Of the packed tensor.
  std::vector<int64_t> shape;            ///< The same.
  /// The same for code that packs in the same way, and for no other code.
  std::string identity;
};

/// What compiled code takes, in order; results follow.
struct CodeArgument {
  enum Kind { input, weight, packed } kind = input;
  size_t index = 0; ///< In inputs, weights or packings.
};

/// An input that a call reads and writes in place, and which result of the
/// program, counted with those of states, says what it holds after the call.
struct StateSignature {
  size_t input = 0, result = 0;
};

struct FunctionSignature {
  std::string name;
  std::vector<TensorSignature> inputs;  ///< States too, where they are in it.
  std::vector<StateSignature> states;   ///< In their order there.
  std::vector<TensorSignature> weights; ///< Passed behind the inputs.
  std::vector<TensorSignature> results; ///< Without states.
  std::vector<PackingSignature> packings;
  std::vector<CodeArgument> arguments;
  std::vector<std::string> kernels; ///< Of its matmuls, in words.
  bool hasDynamicResults() const;
};

/// The function of that name. Fails, naming those there are.
llvm::Expected<const FunctionSignature *>
findFunction(const std::vector<FunctionSignature> &signatures,
             llvm::StringRef name);

/// The signatures of all functions of `module` that are not private, after
/// weights became arguments. Fails where a type cannot be passed. What weights
/// hold moves from the module into the signatures: code depends on no byte of
/// it.
llvm::Expected<std::vector<FunctionSignature>>
readSignatures(mlir::ModuleOp module);

/// Completes `signatures` with what the code takes, after weights were packed.
/// `compilation` is its identity (CacheKeys.h), for those of packings.
void readCodeArguments(mlir::ModuleOp module,
                       std::vector<FunctionSignature> &signatures,
                       llvm::StringRef compilation);

} // namespace rlx

#endif // RLX_CODEGEN_SIGNATURE_H
