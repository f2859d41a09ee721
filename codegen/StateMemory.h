//===- StateMemory.h - What calls of a function hand on ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A state is an input that a call reads and writes in place (rlx.state). Here
// is the memory of all states of a function, from one call to the next: owned,
// or lent by the caller. Several of these are several sequences that are
// independent of each other.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_STATEMEMORY_H
#define RLX_CODEGEN_STATEMEMORY_H

#include "codegen/Signature.h"

#include <functional>
#include <map>

namespace rlx {

class States {
public:
  /// For the states of `signature`, which must outlive this. There is no memory
  /// yet.
  explicit States(const FunctionSignature &signature) : function(signature) {}

  /// Makes memory for the state `name`, all zeros. `shape` says the sizes that
  /// the program leaves open; without it, none may be open.
  llvm::Error allocate(llvm::StringRef name,
                       llvm::ArrayRef<int64_t> shape = {});
  /// The same for each state that has no memory yet.
  llvm::Error allocateAll();
  /// Makes memory for the state `name` and copies `tensor` to it.
  llvm::Error copy(llvm::StringRef name, const TensorView &tensor);
  /// Lets calls use the caller's memory for the state `name`.
  llvm::Error borrow(llvm::StringRef name, const TensorView &tensor);
  /// What the state `name` is now; empty data where there is no memory.
  TensorView find(llvm::StringRef name) const;

  /// All inputs of a call, where `others` are those that are no states. Fails
  /// where a state has no memory.
  llvm::Expected<std::vector<TensorView>>
  inputs(llvm::ArrayRef<TensorView> others) const;
  /// All results of the program after a call, as the reference gives them,
  /// where `others` are those that are no states.
  std::vector<TensorView> results(llvm::ArrayRef<TensorView> others) const;

  /// Which results of the program those are that are no states, in their order.
  std::vector<size_t> resultNumbers() const;
  /// What the program says of the state `name`. Fails, naming those there are.
  llvm::Expected<const TensorSignature *> findState(llvm::StringRef name) const;

private:
  std::reference_wrapper<const FunctionSignature> function;
  std::map<std::string, Tensor> owned;
  std::map<std::string, TensorView> views;
};

} // namespace rlx

#endif // RLX_CODEGEN_STATEMEMORY_H
