//===- TensorViews.cpp - Parts of tensors, other shapes of them -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace rlx;

namespace {
//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

struct Slice {
  SmallVector<int64_t> offsets, sizes, strides;
};

/// The slice that `op` names, which must lie in a tensor of `shape`.
template <typename OpT>
FailureOr<Slice> sliceOf(Interpreter &interpreter, OpT op,
                         ArrayRef<int64_t> shape) {
  Slice slice{interpreter.getIndices(op.getMixedOffsets()),
              interpreter.getIndices(op.getMixedSizes()),
              interpreter.getIndices(op.getMixedStrides())};
  for (auto [i, size] : llvm::enumerate(slice.sizes)) {
    int64_t last = slice.offsets[i] + (size - 1) * slice.strides[i];
    if (size < 0 || slice.offsets[i] < 0 ||
        (size > 0 &&
         (last < 0 || last >= shape[i] || slice.offsets[i] >= shape[i])))
      return op->emitOpError()
             << "expected the slice to lie in size " << shape[i]
             << " of dimension " << i << ", but got offset " << slice.offsets[i]
             << ", size " << size << ", stride " << slice.strides[i];
  }
  return slice;
}

/// Calls `visit` with the position of the first element of each row of the
/// slice of a tensor of `shape`; elements of a row are `step` apart.
void forEachRow(
    const Slice &slice, ArrayRef<int64_t> shape,
    llvm::function_ref<void(int64_t begin, int64_t length, int64_t step)>
        visit) {
  std::vector<int64_t> strides = stridesOf(shape);
  size_t rank = shape.size();
  if (llvm::is_contained(slice.sizes, 0))
    return;
  int64_t begin = 0;
  for (size_t i = 0; i < rank; ++i)
    begin += slice.offsets[i] * strides[i];
  if (rank == 0)
    return visit(0, 1, 1);
  SmallVector<int64_t> index(rank - 1);
  while (true) {
    visit(begin, slice.sizes.back(), slice.strides.back());
    size_t i = rank - 1;
    for (; i > 0; --i) {
      int64_t step = slice.strides[i - 1] * strides[i - 1];
      begin += step;
      if (++index[i - 1] < slice.sizes[i - 1])
        break;
      begin -= step * slice.sizes[i - 1];
      index[i - 1] = 0;
    }
    if (i == 0)
      return;
  }
}

/// `shape` without dimensions of 1 that `type` does not have.
std::vector<int64_t> reducedShape(ArrayRef<int64_t> shape,
                                  RankedTensorType type,
                                  const llvm::SmallBitVector &dropped) {
  std::vector<int64_t> kept;
  for (auto [i, size] : llvm::enumerate(shape))
    if (!dropped.test(i))
      kept.push_back(size);
  return kept;
}

LogicalResult refuseQuantized(Operation *op, const Datum &datum) {
  if (!datum.isQuantized())
    return success();
  return op->emitOpError()
         << "cannot be verified: it takes a part of a quantized tensor";
}

LogicalResult runExtractSlice(Interpreter &interpreter,
                              tensor::ExtractSliceOp op) {
  Datum source = interpreter.get(op.getSource());
  if (failed(refuseQuantized(op, source)))
    return failure();
  FailureOr<Slice> slice = sliceOf(interpreter, op, source.shape());
  if (failed(slice))
    return failure();
  std::vector<int64_t> shape =
      reducedShape(slice->sizes, op.getType(), op.getDroppedDims());
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  const Numbers &from = source.numbers();
  Numbers numbers;
  numbers.reset(from.type, countOf(shape));
  int64_t at = 0;
  forEachRow(*slice, source.shape(),
             [&](int64_t begin, int64_t length, int64_t step) {
               if (step == 1) {
                 numbers.copy(at, from, begin, length);
                 at += length;
                 return;
               }
               for (int64_t i = 0; i < length; ++i)
                 numbers.copy(at++, from, begin + i * step);
             });
  interpreter.set(op.getResult(),
                  Datum(op.getType(), shape, std::move(numbers)));
  return success();
}

/// Writes `source` to a slice of `datum`.
template <typename OpT>
LogicalResult insertSlice(Interpreter &interpreter, OpT op, Datum &datum) {
  Datum source = interpreter.get(op.getSource());
  if (failed(refuseQuantized(op, datum)))
    return failure();
  FailureOr<Slice> slice = sliceOf(interpreter, op, datum.shape());
  if (failed(slice))
    return failure();
  std::vector<int64_t> expected =
      reducedShape(slice->sizes, op.getSourceType(), op.getDroppedDims());
  if (expected != source.shape())
    return op->emitOpError()
           << "expected the source to have sizes " << describeShape(expected)
           << " of the slice, but got " << describeShape(source.shape());
  const Numbers &from = source.numbers();
  Numbers &to = datum.writable();
  int64_t at = 0;
  forEachRow(*slice, datum.shape(),
             [&](int64_t begin, int64_t length, int64_t step) {
               if (step == 1) {
                 to.copy(begin, from, at, length);
                 at += length;
                 return;
               }
               for (int64_t i = 0; i < length; ++i)
                 to.copy(begin + i * step, from, at++);
             });
  return success();
}

LogicalResult runInsertSlice(Interpreter &interpreter,
                             tensor::InsertSliceOp op) {
  Datum datum = interpreter.take(op.getDestMutable());
  if (failed(insertSlice(interpreter, op, datum)))
    return failure();
  interpreter.set(op.getResult(), datum.reshaped(op.getType(), datum.shape()));
  return success();
}

/// The loop around it has put the tensor to be written in the destination.
LogicalResult runParallelInsert(Interpreter &interpreter,
                                tensor::ParallelInsertSliceOp op) {
  Datum datum = interpreter.get(op.getDest());
  interpreter.set(op.getDest(), Datum());
  if (failed(insertSlice(interpreter, op, datum)))
    return failure();
  interpreter.set(op.getDest(), std::move(datum));
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult setReshaped(Interpreter &interpreter, Operation *op,
                          const Datum &source, std::vector<int64_t> shape) {
  Type type = op->getResult(0).getType();
  if (failed(checkShape(op, shape, type, "the result")))
    return failure();
  if (countOf(shape) != source.size())
    return op->emitOpError() << "expected the result to have " << source.size()
                             << " elements as the source has, but got sizes "
                             << describeShape(shape);
  interpreter.set(op->getResult(0), source.reshaped(type, std::move(shape)));
  return success();
}

LogicalResult runCast(Interpreter &interpreter, tensor::CastOp op) {
  Datum source = interpreter.get(op.getSource());
  return setReshaped(interpreter, op, source, source.shape());
}

LogicalResult runCollapse(Interpreter &interpreter,
                          tensor::CollapseShapeOp op) {
  Datum source = interpreter.get(op.getSrc());
  std::vector<int64_t> shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    shape.push_back(1);
    for (int64_t i : group)
      shape.back() *= source.shape()[i];
  }
  return setReshaped(interpreter, op, source, shape);
}

LogicalResult runExpand(Interpreter &interpreter, tensor::ExpandShapeOp op) {
  Datum source = interpreter.get(op.getSrc());
  SmallVector<int64_t> shape = interpreter.getIndices(op.getMixedOutputShape());
  for (auto [i, group] : llvm::enumerate(op.getReassociationIndices())) {
    int64_t product = 1;
    for (int64_t k : group)
      product *= shape[k];
    if (product != source.shape()[i])
      return op.emitOpError()
             << "expected sizes whose product is " << source.shape()[i]
             << " for dimension " << i << ", but got " << product;
  }
  return setReshaped(interpreter, op, source,
                     std::vector<int64_t>(shape.begin(), shape.end()));
}

LogicalResult runReshape(Interpreter &interpreter, tensor::ReshapeOp op) {
  Datum source = interpreter.get(op.getSource()),
        sizes = interpreter.get(op.getShape());
  std::vector<int64_t> shape;
  for (uint64_t bits : sizes.numbers().bits)
    shape.push_back(signedBits(bits, widthOf(sizes.elementType())));
  return setReshaped(interpreter, op, source, shape);
}

LogicalResult runDim(Interpreter &interpreter, tensor::DimOp op) {
  const Datum &source = interpreter.get(op.getSource());
  int64_t i = interpreter.getIndex(op.getIndex());
  if (failed(checkIndex(op, i, source.rank(), "the dimension")))
    return failure();
  int64_t size = source.shape()[i];
  interpreter.set(op.getResult(), Datum::index(op.getContext(), size));
  return success();
}

LogicalResult runRank(Interpreter &interpreter, tensor::RankOp op) {
  int64_t rank = interpreter.get(op.getTensor()).rank();
  interpreter.set(op.getResult(), Datum::index(op.getContext(), rank));
  return success();
}

//===----------------------------------------------------------------------===//
// Bufferization's
//===----------------------------------------------------------------------===//

LogicalResult runAlloc(Interpreter &interpreter,
                       bufferization::AllocTensorOp op) {
  if (op.getCopy()) {
    interpreter.set(op.getResult(), interpreter.get(op.getCopy()));
    return success();
  }
  std::vector<int64_t> shape;
  auto dynamic = op.getDynamicSizes().begin();
  for (int64_t size : op.getType().getShape())
    shape.push_back(
        ShapedType::isDynamic(size) ? interpreter.getIndex(*dynamic++) : size);
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  interpreter.set(op.getResult(),
                  Datum::undefined(op.getType(), std::move(shape)));
  return success();
}

LogicalResult runMaterialize(Interpreter &interpreter,
                             bufferization::MaterializeInDestinationOp op) {
  if (op->getNumResults() != 1)
    return op.emitOpError()
           << "cannot be verified: it writes to memory of the program's own";
  Datum source = interpreter.get(op.getSource());
  const std::vector<int64_t> &to = interpreter.get(op.getDest()).shape();
  if (source.shape() != to)
    return op.emitOpError()
           << "expected the source to have sizes " << describeShape(to)
           << " as the destination has, but got "
           << describeShape(source.shape());
  interpreter.set(op->getResult(0), source);
  return success();
}
} // namespace

void rlx::addTensorViews(HandlerTable &table) {
  table.add<tensor::ExtractSliceOp, runExtractSlice>();
  table.add<tensor::InsertSliceOp, runInsertSlice>();
  table.add<tensor::ParallelInsertSliceOp, runParallelInsert>();
  table.add<tensor::CastOp, runCast>();
  table.add<tensor::CollapseShapeOp, runCollapse>();
  table.add<tensor::ExpandShapeOp, runExpand>();
  table.add<tensor::ReshapeOp, runReshape>();
  table.add<tensor::DimOp, runDim>();
  table.add<tensor::RankOp, runRank>();
  table.add<bufferization::AllocTensorOp, runAlloc>();
  table.add<bufferization::MaterializeInDestinationOp, runMaterialize>();
}
