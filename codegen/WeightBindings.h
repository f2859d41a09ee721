//===- WeightBindings.h - Which memory a program's weights are --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_WEIGHTBINDINGS_H
#define RLX_CODEGEN_WEIGHTBINDINGS_H

#include "codegen/Signature.h"
#include "runtime/weights/WeightFile.h"

#include "llvm/ADT/StringMap.h"

#include <memory>
#include <utility>
#include <vector>

namespace rlx {

class LogicalBinder;
struct LoadedPart;

/// The weights of a program's functions, bound by name to tensors of files or
/// to the caller's memory.
class WeightBindings {
public:
  /// For the weights of `signatures`, which must outlive this.
  explicit WeightBindings(const std::vector<FunctionSignature> &signatures)
      : signatures(signatures) {}

  /// Binds every weight that `file` has and that is not bound to memory, by the
  /// names of its tensors or of what they make up (LogicalBinder.h). Fails
  /// where one has another shape (ones in front aside), scheme or size than the
  /// program says, cannot be read, or is bound to another file. The file is
  /// kept open; entries that are not aligned to their elements are copied.
  llvm::Error bind(std::shared_ptr<const WeightFile> file);
  /// Binds one weight to the caller's memory: stored bytes as u8
  /// `[N, bytes of a row]`, or a plain tensor.
  llvm::Error bind(llvm::StringRef name, const TensorView &tensor);
  /// Binds the weights whose bytes the program has. Those of a file take their
  /// place.
  void bindConstants();
  /// Fails, listing the nearest names in the files, where a weight of
  /// `function` is not bound.
  llvm::Error check(const FunctionSignature &function) const;
  /// The bytes a weight is bound to; empty data where it is not.
  TensorView find(llvm::StringRef name) const;
  /// Fails where an output shares memory with a weight of `function`.
  llvm::Error checkOutputs(const FunctionSignature &function,
                           llvm::ArrayRef<TensorView> outputs) const;
  /// Fails where a file that weights of `function` are bound to was changed.
  llvm::Error checkUnchanged(const FunctionSignature &function) const;
  /// The entry of a file that a weight is bound to; null where it is none.
  std::pair<const WeightFile *, const WeightEntry *>
  mappedEntry(llvm::StringRef name) const;

private:
  struct Binding {
    TensorView tensor;
    std::string source; ///< Where it was bound from, for messages.
    bool isMemory = false;
    /// The entry that `tensor` is a view of, or the memory where it is none.
    const WeightEntry *mapped = nullptr;
    std::shared_ptr<const Tensor> owned = nullptr;
    const WeightFile *file = nullptr; ///< Of the entry.
    bool isConstant = false;          ///< Of the program itself.
  };
  static llvm::Expected<Binding> bindPart(const LoadedPart &part,
                                          const TensorSignature &weight,
                                          const WeightFile &file);
  llvm::Error bindWeight(const TensorSignature &weight, const WeightFile &file,
                         LogicalBinder &binder);
  const std::vector<FunctionSignature> &signatures;
  std::vector<std::shared_ptr<const WeightFile>> files;
  llvm::StringMap<Binding> bindings;
};

} // namespace rlx

#endif // RLX_CODEGEN_WEIGHTBINDINGS_H
