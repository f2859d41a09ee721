//===- ContractionInit.cpp - What a contraction adds to -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/ContractionInit.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

bool rlx::isZeroTensor(Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    init = fill.value();
  else if (auto generic = init.getDefiningOp<linalg::GenericOp>())
    if (std::optional<Value> value = linalg::isaFillOpInterface(generic))
      init = *value;
  return matchPattern(init, m_AnyZeroFloat()) || matchPattern(init, m_Zero());
}

Value rlx::repeatedRow(Value init) {
  int64_t rank = cast<RankedTensorType>(init.getType()).getRank();
  if (rank == 1)
    return init;
  auto isLast = [&](ArrayRef<int64_t> added) {
    return llvm::equal(added, llvm::seq<int64_t>(0, rank - 1));
  };
  if (auto broadcast = init.getDefiningOp<linalg::BroadcastOp>())
    return isLast(broadcast.getDimensions()) ? broadcast.getInput() : Value();
  if (auto generic = init.getDefiningOp<linalg::GenericOp>())
    if (std::optional<SmallVector<int64_t>> added =
            linalg::isaBroadcastOpInterface(generic))
      return isLast(*added) ? generic.getInputs()[0] : Value();
  return nullptr;
}

Value rlx::castShape(OpBuilder &builder, Location loc, Value value,
                     ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType()).clone(shape);
  return type == value.getType()
             ? value
             : tensor::CastOp::create(builder, loc, type, value);
}
