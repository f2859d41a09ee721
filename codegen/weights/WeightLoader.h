//===- WeightLoader.h - Parts of weights, as matmuls read them --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of a checkpoint are mapped where they lie as the scheme reads them,
// and brought into its order where not (ElementOrder.h).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_WEIGHTS_WEIGHTLOADER_H
#define RLX_CODEGEN_WEIGHTS_WEIGHTLOADER_H

#include "ir/Reference.h"
#include "runtime/Tensor.h"
#include "runtime/weights/LogicalWeight.h"
#include "runtime/weights/WeightFile.h"

#include <memory>

namespace rlx {

/// The scheme that a weight is stored in. Error: a text that is none.
llvm::Expected<QuantScheme> schemeOf(const LogicalWeight &weight,
                                     mlir::MLIRContext &context);

/// Bytes of a file, or of memory.
struct LoadedPart {
  llvm::ArrayRef<uint8_t> bytes;
  const WeightEntry *mapped = nullptr; ///< The entry that `bytes` are.
  std::shared_ptr<const Tensor> owned; ///< What has them where it is none.
};

class WeightLoader {
public:
  /// Reads what is needed to know where everything lies; nothing of the codes.
  /// Errors: shapes that do not fit the scheme, tensors of another size than it
  /// says, columns whose groups are not of the same length.
  static llvm::Expected<WeightLoader> create(const LogicalWeight &weight,
                                             mlir::MLIRContext &context);

  QuantScheme scheme() const { return quantScheme; }
  /// [N, K] or [E, N, K]
  llvm::ArrayRef<int64_t> shape() const { return logical->shape; }
  /// `codes`, `scales`, `zero_points` or `global_scale`, as the scheme reads
  /// it. Error: a part that the weight has not.
  llvm::Expected<LoadedPart> load(llvm::StringRef role) const;
  /// Whether zero points that the kind stores less 1 are not: all of them are
  /// the middle of the codes. Reads them up to the first that is not.
  bool hasPlainZeroPoints() const;
  /// Where columns are stored in another order, so that groups lie together:
  /// which column of the weight each stored one is. Else empty.
  llvm::ArrayRef<int64_t> columnOrder() const { return order; }

private:
  WeightLoader(const LogicalWeight &weight, QuantScheme scheme,
               mlir::MLIRContext &context)
      : logical(&weight), quantScheme(scheme), context(&context) {}
  llvm::Error checkCodebook() const;
  llvm::Error readColumnOrder();
  llvm::Error loadNested(llvm::ArrayRef<uint8_t> codes,
                         llvm::MutableArrayRef<uint8_t> bytes) const;
  llvm::Error fail(const llvm::Twine &message) const;

  const LogicalWeight *logical;
  QuantScheme quantScheme;
  mlir::MLIRContext *context;
  std::vector<int64_t> order;
};

} // namespace rlx

#endif // RLX_CODEGEN_WEIGHTS_WEIGHTLOADER_H
