//===- SizeChecks.h - Checks before one operation ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --rlx-insert-checks puts before an operation: SizeChecks.cpp has the
// words and finds the checks for an operation, SizeChecksOfTensors.cpp,
// SizeChecksOfLoops.cpp, SizeChecksOfTmTensor.cpp and
// SizeChecksOfTransformers.cpp have those of the dialects.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CHECKS_SIZECHECKS_H
#define RLX_PASSES_CHECKS_SIZECHECKS_H

#include "ir/TmTensor.h"
#include "passes/PassDetail.h"
#include "passes/support/QuantizedOperand.h"
#include "passes/support/SourceText.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {

/// Builds the checks before one operation.
class SizeChecks {
public:
  explicit SizeChecks(mlir::Operation *op);

  void insert();
  void insertElementwise();

private:
  void insert(mlir::cf::AssertOp assertion);
  void insert(mlir::tensor::CastOp cast);
  void insert(mlir::tensor::DimOp dim);
  void insert(mlir::tensor::ExpandShapeOp expand);
  void insert(mlir::tensor::ReshapeOp reshape);
  void insert(mlir::tensor::PadOp pad);
  void insert(mlir::tensor::ConcatOp concat);
  void insert(mlir::tensor::GatherOp gather);
  void insert(mlir::tensor::ScatterOp scatter);
  void insert(mlir::bufferization::MaterializeInDestinationOp copy);
  void coordinates(mlir::Value indices, size_t count);
  void insert(mlir::linalg::LinalgOp structured);
  void insert(mlir::linalg::SoftmaxOp softmax);
  void insert(mlir::linalg::PackOp pack);
  void insert(mlir::linalg::UnPackOp unpack);
  template <typename OpT>
  void packed(OpT op, mlir::Value packed, mlir::Value plain, bool isPadded);
  void insert(mlir::scf::ForOp loop) {
    steps(mlir::getAsOpFoldResult(loop.getStep()));
  }
  void insert(mlir::scf::ForallOp loop) { steps(loop.getMixedStep()); }
  void insert(mlir::scf::ParallelOp loop) {
    steps(mlir::getAsOpFoldResult(loop.getStep()));
  }
  void insert(MatmulOp matmul);
  void insert(GatherMatmulOp matmul);
  void insert(EmbeddingOp rows);
  void insert(DequantizeOp values);
  void insert(tm_tensor::ScanOp scan);
  void insert(tm_tensor::ScatterOp scatter);
  void insert(tm_tensor::SortOp sort);
  void insert(tm_tensor::TopkOp topk);
  void insert(tm_tensor::AttentionOp attention);
  void insert(RmsNormOp norm);
  void insert(LayerNormOp norm);
  void insert(RopeTableOp table);
  void insert(RopeOp rope);
  void insert(AppendOp append);
  void insert(AttentionOp attention);
  void insert(TopkOp topk);
  void columns(mlir::Value x, mlir::ValueRange rows);
  void alike(mlir::Value tensor, int64_t dimension, mlir::Value like,
             int64_t other);
  void insert(QuantizeOp codes);
  void unreadIds(mlir::Value ids, mlir::OpFoldResult count);
  template <typename OpT> void insertMatmul(OpT matmul);
  template <typename OpT> void insertRows(OpT rows, mlir::Value table);
  void indices(mlir::Value tensor, mlir::ValueRange indices);
  void slice(mlir::OffsetSizeAndStrideOpInterface slice, mlir::Value whole);
  void insertedSlice(mlir::OffsetSizeAndStrideOpInterface slice,
                     mlir::Value source, const llvm::SmallBitVector &dropped);
  void division();
  void steps(llvm::ArrayRef<mlir::OpFoldResult> steps);
  void sizes(mlir::ValueRange dynamic);
  void resultSizes(mlir::Value result,
                   llvm::ArrayRef<mlir::OpFoldResult> sizes);
  void sides(mlir::RankedTensorType weight, const SideValues &values);

  /// Adds a check unless `condition` is known to hold.
  void require(mlir::Value condition, const llvm::Twine &text,
               mlir::ValueRange values);
  /// `text` has a place for what is expected, and one for what is found.
  void equal(mlir::OpFoldResult found, mlir::OpFoldResult expected,
             const llvm::Twine &text);
  void isAbove(mlir::OpFoldResult value, int64_t bound,
               const llvm::Twine &text);
  mlir::OpFoldResult size(mlir::Value tensor, int64_t dimension);
  llvm::SmallVector<mlir::OpFoldResult> sizesOf(mlir::Value tensor) {
    return mlir::tensor::getMixedSizes(b, b.getLoc(), tensor);
  }
  mlir::Value toValue(mlir::OpFoldResult size) {
    return mlir::getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value left,
                      mlir::Value right) {
    return mlir::arith::CmpIOp::create(b, predicate, left, right);
  }
  mlir::Value constant(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(b, value);
  }

  mlir::Operation *op;
  mlir::ImplicitLocOpBuilder b;
  std::string subject;
};

/// Whether two sizes are the same value, or the same size of one tensor.
bool isSameSize(mlir::OpFoldResult left, mlir::OpFoldResult right);

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
}

inline bool isDynamic(mlir::Value value) {
  mlir::RankedTensorType type = tensorOf(value);
  return type && !type.hasStaticShape();
}

} // namespace rlx

#endif // RLX_PASSES_CHECKS_SIZECHECKS_H
