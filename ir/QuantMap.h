//===- QuantMap.h - Which values carry which scheme -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A map from values to schemes, in the order of insertion. It is built from the
// encodings of a function or module, may be edited, and is written back as
// encodings. It refers to values; it must not outlive them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_QUANTMAP_H
#define RLX_IR_QUANTMAP_H

#include "ir/Scheme.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"

namespace rlx {

class QuantMap {
public:
  QuantMap() = default;
  /// The schemes of all arguments and results inside `root`, a function or
  /// module.
  static QuantMap build(mlir::Operation *root);

  /// The scheme of `value`, in constant time.
  std::optional<QuantScheme> lookup(mlir::Value value) const;
  /// Sets the scheme of `value`. Returns whether it had none before.
  bool insert(mlir::Value value, QuantScheme scheme);
  /// Returns whether `value` had a scheme.
  bool remove(mlir::Value value);
  void clear() { schemes.clear(); }
  size_t size() const { return schemes.size(); }
  bool empty() const { return schemes.empty(); }

  using Entry = std::pair<mlir::Value, SchemeAttr>;
  auto begin() const { return schemes.begin(); }
  auto end() const { return schemes.end(); }

  /// Writes the map to the types of all values inside `root`: those in the map
  /// get an encoding, ranked tensors not in the map lose theirs, and function
  /// types follow their arguments and returned values. Fails, with a diagnostic
  /// at the value and nothing changed, where a scheme does not fit a tensor.
  mlir::LogicalResult apply(mlir::Operation *root) const;

private:
  llvm::MapVector<mlir::Value, SchemeAttr> schemes;
};

} // namespace rlx

#endif // RLX_IR_QUANTMAP_H
