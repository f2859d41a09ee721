//===- BlockShapes.h - Operands of operations on stored bytes ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of RlxBlockOps.td and RlxDeviceOps.td have in common.
// Below a verifier, passes and kernels trust shapes: they compute addresses
// with them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_BLOCKSHAPES_H
#define RLX_IR_BLOCKSHAPES_H

#include "ir/Scheme.h"

namespace rlx {

/// Whether sizes are equal, as far as they are known.
bool mayBeEqualSizes(int64_t a, int64_t b);

/// Checks the operands of one operation. The labels are those of the
/// constraints in its description.
class BlockShapes {
public:
  explicit BlockShapes(mlir::Operation *op) : op(op) {}

  /// C1: all operands are tensors, or all are memrefs, and none is encoded.
  mlir::LogicalResult verifyKind() const;

  /// `value` has exactly this shape and element type; dynamic sizes agree with
  /// anything.
  mlir::LogicalResult verify(llvm::StringRef label, llvm::StringRef what,
                             mlir::Value value, llvm::ArrayRef<int64_t> shape,
                             mlir::Type element) const;

  /// The same, all sizes being static.
  mlir::LogicalResult verifyExactly(llvm::StringRef label, llvm::StringRef what,
                                    mlir::Value value,
                                    llvm::ArrayRef<int64_t> shape,
                                    mlir::Type element) const;
  /// `value` is bytes, not plain numbers.
  mlir::LogicalResult verifyBytes(llvm::StringRef label, llvm::StringRef what,
                                  mlir::Value value) const;
  /// `value` is `[bytes]` of i8, or `[E, bytes]`, with static sizes.
  mlir::LogicalResult verifyPacked(llvm::StringRef label, llvm::StringRef what,
                                   mlir::Value value,
                                   llvm::ArrayRef<int64_t> experts) const;
  mlir::LogicalResult verifyStatic(llvm::StringRef label, llvm::StringRef what,
                                   mlir::Value value, int64_t dimension) const;

  /// The shape of the weight that `bytes` stores, `[N, K]`, or `[E, N, K]`
  /// where `isStacked`; either where that is not said. Only of rows that have
  /// nothing beside their blocks may there be any number. Fails with a message.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  weightShape(mlir::Value bytes, QuantScheme scheme,
              std::optional<bool> isStacked) const {
    return storedShape(bytes, scheme, isStacked, /*mayBeDynamic=*/false);
  }
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  rowsShape(mlir::Value bytes, QuantScheme scheme,
            std::optional<bool> isStacked) const {
    return storedShape(bytes, scheme, isStacked,
                       /*mayBeDynamic=*/scheme.sideOperands().empty());
  }

  /// Side operands are given exactly where `scheme` reads them, as it describes
  /// them.
  mlir::LogicalResult verifySides(llvm::ArrayRef<int64_t> weightShape,
                                  QuantScheme scheme, mlir::Value scales,
                                  mlir::Value zeroPoints,
                                  mlir::Value globalScale) const;

  /// x, ids, the result and the bias of a matmul with such a weight. Sizes that
  /// the weight does not tell are dynamic.
  mlir::LogicalResult verifyMatmul(llvm::ArrayRef<int64_t> weightShape,
                                   mlir::Value x, mlir::Value ids,
                                   mlir::Value bias, mlir::Value init) const;

  /// activations is a type that matmuls compute with; weights are reencoded,
  /// and activations have groups of such a length, only where it is an integer
  /// type.
  mlir::LogicalResult verifyActivations(llvm::StringRef label,
                                        mlir::Type activations, bool reencoded,
                                        std::optional<int64_t> group) const;

  /// `part` is `[first, count, of how many]`, `total` being how many there are.
  mlir::LogicalResult verifyPart(llvm::StringRef label,
                                 std::optional<llvm::ArrayRef<int64_t>> part,
                                 int64_t total) const;

  /// `value` has as many bytes as a packed weight `[n, k]`, and K is whole K
  /// blocks.
  mlir::LogicalResult verifyLayout(llvm::StringRef label, llvm::StringRef what,
                                   mlir::Value value, PackedAttr layout,
                                   int64_t n, int64_t k) const;

  /// A count of rows or lanes, which code is unrolled by.
  mlir::LogicalResult verifyCount(llvm::StringRef label, llvm::StringRef what,
                                  int64_t count) const;

  /// "'op' (C1) expected ", to be continued.
  mlir::InFlightDiagnostic expected(llvm::StringRef label) const;

private:
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  storedShape(mlir::Value bytes, QuantScheme scheme,
              std::optional<bool> isStacked, bool mayBeDynamic) const;
  /// The type that `like` would have with this shape.
  mlir::Type typeLike(mlir::Value like, llvm::ArrayRef<int64_t> shape,
                      mlir::Type element) const;

  mlir::Operation *op;
};

/// `rule`, where it is given, is one that `scheme` can follow, and there is
/// something to choose.
mlir::LogicalResult verifyRule(mlir::Operation *op, llvm::StringRef label,
                               QuantScheme scheme, mlir::StringAttr rule);
/// C1 to C3 of rlx.fake_quantize, for an operand of type `x`.
mlir::LogicalResult verifyRoundTrip(mlir::Operation *op, mlir::ShapedType x,
                                    QuantScheme scheme, mlir::StringAttr rule);

} // namespace rlx

#endif // RLX_IR_BLOCKSHAPES_H
