//===- TensorOps.cpp - Tensors from elements and from others --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Interpreter.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace rlx;

namespace {
/// Sizes of a tensor type, the dynamic ones given.
std::vector<int64_t> sizesOf(Interpreter &interpreter, RankedTensorType type,
                             ValueRange dynamicSizes) {
  std::vector<int64_t> shape;
  auto dynamic = dynamicSizes.begin();
  for (int64_t size : type.getShape())
    shape.push_back(
        ShapedType::isDynamic(size) ? interpreter.getIndex(*dynamic++) : size);
  return shape;
}

/// Where the element at `indices` lies.
FailureOr<int64_t> positionOf(Interpreter &interpreter, Operation *op,
                              ArrayRef<int64_t> shape, ValueRange indices) {
  int64_t position = 0;
  for (auto [i, value] : llvm::enumerate(indices)) {
    int64_t index = interpreter.getIndex(value);
    if (failed(checkIndex(op, index, shape[i], "index " + std::to_string(i))))
      return failure();
    position = position * shape[i] + index;
  }
  return position;
}

Numbers emptyNumbers(Type type, int64_t count) {
  Numbers numbers;
  numbers.reset(type, count);
  return numbers;
}

LogicalResult runEmpty(Interpreter &interpreter, tensor::EmptyOp op) {
  std::vector<int64_t> shape =
      sizesOf(interpreter, op.getType(), op.getDynamicSizes());
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  if (QuantScheme::of(op.getType()))
    return op.emitOpError()
           << "cannot be verified: a quantized tensor is a weight, an argument "
              "or what rlx.quantize gives";
  interpreter.set(op.getResult(),
                  Datum::undefined(op.getType(), std::move(shape)));
  return success();
}

LogicalResult runExtract(Interpreter &interpreter, tensor::ExtractOp op) {
  Datum source = interpreter.get(op.getTensor());
  if (source.isQuantized())
    return op.emitOpError() << "cannot be verified: it takes a part of a "
                               "quantized tensor";
  FailureOr<int64_t> position =
      positionOf(interpreter, op, source.shape(), op.getIndices());
  if (failed(position))
    return failure();
  Numbers number = emptyNumbers(source.elementType(), 1);
  number.copy(0, source.numbers(), *position);
  interpreter.set(op.getResult(), Datum(op.getType(), {}, std::move(number)));
  return success();
}

LogicalResult runInsert(Interpreter &interpreter, tensor::InsertOp op) {
  Datum number = interpreter.get(op.getScalar());
  FailureOr<int64_t> position = positionOf(
      interpreter, op, interpreter.get(op.getDest()).shape(), op.getIndices());
  if (failed(position))
    return failure();
  Datum datum = interpreter.take(op.getDestMutable());
  datum.writable().copy(*position, number.numbers(), 0);
  interpreter.set(op.getResult(), std::move(datum));
  return success();
}

LogicalResult runFromElements(Interpreter &interpreter,
                              tensor::FromElementsOp op) {
  Numbers numbers =
      emptyNumbers(op.getType().getElementType(), op.getElements().size());
  for (auto [i, value] : llvm::enumerate(op.getElements()))
    numbers.copy(i, interpreter.get(value).numbers(), 0);
  interpreter.set(op.getResult(), Datum(op.getType(), op.getType().getShape(),
                                        std::move(numbers)));
  return success();
}

LogicalResult runSplat(Interpreter &interpreter, tensor::SplatOp op) {
  std::vector<int64_t> shape =
      sizesOf(interpreter, op.getType(), op.getDynamicSizes());
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers = emptyNumbers(op.getType().getElementType(), countOf(shape));
  const Datum &number = interpreter.get(op.getInput());
  for (int64_t i = 0, e = numbers.size(); i < e; ++i)
    numbers.copy(i, number.numbers(), 0);
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

/// Runs a region for each element of a tensor of `shape`: the element is what
/// it yields.
LogicalResult fill(Interpreter &interpreter, Region &region,
                   ArrayRef<int64_t> shape, Numbers &numbers) {
  std::vector<int64_t> strides = stridesOf(shape);
  for (int64_t i = 0, e = numbers.size(); i < e; ++i) {
    SmallVector<Datum> index;
    for (auto [size, stride] : llvm::zip(shape, strides))
      index.push_back(Datum::index(region.getContext(), i / stride % size));
    FailureOr<Interpreter::Results> element = interpreter.run(region, index);
    if (failed(element))
      return failure();
    numbers.copy(i, element->front().numbers(), 0);
  }
  return success();
}

LogicalResult runGenerate(Interpreter &interpreter, tensor::GenerateOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  std::vector<int64_t> shape =
      sizesOf(interpreter, type, op.getDynamicExtents());
  if (failed(checkShape(op, shape, type, "the result")))
    return failure();
  Numbers numbers = emptyNumbers(type.getElementType(), countOf(shape));
  if (failed(fill(interpreter, op.getBody(), shape, numbers)))
    return failure();
  interpreter.set(op.getResult(),
                  Datum(type, std::move(shape), std::move(numbers)));
  return success();
}

/// Copies a box of `sizes` from one tensor to another, from `fromBegin` and to
/// `toBegin` on.
void copyBox(const Numbers &from, ArrayRef<int64_t> fromShape,
             ArrayRef<int64_t> fromBegin, Numbers &to,
             ArrayRef<int64_t> toShape, ArrayRef<int64_t> toBegin,
             ArrayRef<int64_t> sizes) {
  std::vector<int64_t> fromStrides = stridesOf(fromShape),
                       toStrides = stridesOf(toShape);
  int64_t count = countOf(sizes), length = sizes.empty() ? 1 : sizes.back();
  for (int64_t row = 0; length > 0 && row < count / length; ++row) {
    int64_t source = 0, target = 0, rest = row;
    for (size_t i = sizes.size(); i-- > 0;) {
      int64_t index = 0;
      if (i + 1 < sizes.size()) {
        index = rest % sizes[i];
        rest /= sizes[i];
      }
      source += (fromBegin[i] + index) * fromStrides[i];
      target += (toBegin[i] + index) * toStrides[i];
    }
    to.copy(target, from, source, length);
  }
}

LogicalResult runPad(Interpreter &interpreter, tensor::PadOp op) {
  Datum source = interpreter.get(op.getSource());
  SmallVector<int64_t> low = interpreter.getIndices(op.getMixedLowPad()),
                       high = interpreter.getIndices(op.getMixedHighPad());
  std::vector<int64_t> shape;
  for (auto [i, size] : llvm::enumerate(source.shape())) {
    if (low[i] < 0 || high[i] < 0)
      return op.emitOpError()
             << "expected padding of dimension " << i
             << " not to be negative, but got " << low[i] << " and " << high[i];
    shape.push_back(low[i] + size + high[i]);
  }
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers = emptyNumbers(source.elementType(), countOf(shape));
  if (Value constant = op.getConstantPaddingValue()) {
    // It may be defined in the region.
    if (constant.getParentRegion() == &op.getRegion() &&
        failed(interpreter.runBody(*op.getBody())))
      return failure();
    const Datum &number = interpreter.get(constant);
    for (int64_t i = 0, e = numbers.size(); i < e; ++i)
      numbers.copy(i, number.numbers(), 0);
  } else if (failed(fill(interpreter, op.getRegion(), shape, numbers))) {
    return failure();
  }
  SmallVector<int64_t> zeros(shape.size());
  copyBox(source.numbers(), source.shape(), zeros, numbers, shape, low,
          source.shape());
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

LogicalResult runConcat(Interpreter &interpreter, tensor::ConcatOp op) {
  SmallVector<Datum> inputs = interpreter.getAll(op.getInputs());
  int64_t dimension = op.getDim();
  std::vector<int64_t> shape = inputs.front().shape();
  shape[dimension] = 0;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    std::vector<int64_t> others = input.shape();
    others[dimension] = shape[dimension];
    if (others != shape)
      return op.emitOpError()
             << "expected input " << i << " to have sizes "
             << describeShape(inputs.front().shape()) << " but for dimension "
             << dimension << ", but got " << describeShape(input.shape());
    shape[dimension] += input.shape()[dimension];
  }
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers = emptyNumbers(inputs.front().elementType(), countOf(shape));
  SmallVector<int64_t> zeros(shape.size()), begin = zeros;
  for (const Datum &input : inputs) {
    copyBox(input.numbers(), input.shape(), zeros, numbers, shape, begin,
            input.shape());
    begin[dimension] += input.shape()[dimension];
  }
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

//===----------------------------------------------------------------------===//
// Coordinates in tensors
//===----------------------------------------------------------------------===//

/// The positions of the slices that rows of `indices` name by their
/// coordinates in the dimensions `dims` of a tensor, and the sizes of a slice.
struct NamedSlices {
  SmallVector<int64_t> begins;
  SmallVector<int64_t> sizes; ///< 1 in `dims`
};

FailureOr<NamedSlices> namedSlices(Operation *op, const Datum &indices,
                                   ArrayRef<int64_t> shape,
                                   ArrayRef<int64_t> dims) {
  NamedSlices slices{{}, SmallVector<int64_t>(shape)};
  for (int64_t dimension : dims)
    slices.sizes[dimension] = 1;
  std::vector<int64_t> strides = stridesOf(shape);
  int64_t length = indices.shape().back(),
          rows = length ? indices.size() / length : 0;
  unsigned width = widthOf(indices.elementType());
  for (int64_t row = 0; row < rows; ++row) {
    int64_t begin = 0;
    for (auto [i, dimension] : llvm::enumerate(dims)) {
      int64_t index =
          signedBits(indices.numbers().bits[row * length + i], width);
      if (failed(checkIndex(op, index, shape[dimension],
                            "coordinate " + std::to_string(i) + " of row " +
                                std::to_string(row))))
        return failure();
      begin += index * strides[dimension];
    }
    slices.begins.push_back(begin);
  }
  return slices;
}

/// Copies between the slice of a tensor of `shape` that begins at `begin`, and
/// a dense one.
void copySlice(const Numbers &from, int64_t fromBegin, Numbers &to,
               int64_t toBegin, ArrayRef<int64_t> shape,
               ArrayRef<int64_t> sizes, bool isToDense) {
  std::vector<int64_t> strides = stridesOf(shape), dense = stridesOf(sizes);
  for (int64_t i = 0, e = countOf(sizes); i < e; ++i) {
    int64_t position = 0;
    for (auto [size, stride, denseStride] : llvm::zip(sizes, strides, dense))
      position += i / denseStride % size * stride;
    if (isToDense)
      to.copy(toBegin + i, from, fromBegin + position);
    else
      to.copy(toBegin + position, from, fromBegin + i);
  }
}

LogicalResult runGather(Interpreter &interpreter, tensor::GatherOp op) {
  Datum source = interpreter.get(op.getSource()),
        indices = interpreter.get(op.getIndices());
  ArrayRef<int64_t> dims = op.getGatherDims();
  FailureOr<NamedSlices> slices =
      namedSlices(op, indices, source.shape(), dims);
  if (failed(slices))
    return failure();
  bool isReduced =
      op.getType().getRank() < int64_t(indices.rank() - 1 + source.rank());
  std::vector<int64_t> shape(indices.shape().begin(),
                             indices.shape().end() - 1);
  for (auto [i, size] : llvm::enumerate(slices->sizes))
    if (!isReduced || !llvm::is_contained(dims, int64_t(i)))
      shape.push_back(size);
  if (failed(checkShape(op, shape, op.getType(), "the result")))
    return failure();
  Numbers numbers = emptyNumbers(source.elementType(), countOf(shape));
  int64_t length = countOf(slices->sizes);
  for (auto [i, begin] : llvm::enumerate(slices->begins))
    copySlice(source.numbers(), begin, numbers, i * length, source.shape(),
              slices->sizes, /*isToDense=*/true);
  interpreter.set(op.getResult(),
                  Datum(op.getType(), std::move(shape), std::move(numbers)));
  return success();
}

LogicalResult runScatter(Interpreter &interpreter, tensor::ScatterOp op) {
  Datum source = interpreter.get(op.getSource()),
        indices = interpreter.get(op.getIndices());
  Datum datum = interpreter.take(op.getDestMutable());
  FailureOr<NamedSlices> slices =
      namedSlices(op, indices, datum.shape(), op.getScatterDims());
  if (failed(slices))
    return failure();
  int64_t length = countOf(slices->sizes),
          count = length * int64_t(slices->begins.size());
  if (source.size() != count)
    return op.emitOpError() << "expected a source of " << count
                            << " elements, but got " << source.size();
  for (auto [i, begin] : llvm::enumerate(slices->begins))
    copySlice(source.numbers(), i * length, datum.writable(), begin,
              datum.shape(), slices->sizes, /*isToDense=*/false);
  interpreter.set(op.getResult(), std::move(datum));
  return success();
}
} // namespace

void rlx::addTensorOps(HandlerTable &table) {
  table.add<tensor::EmptyOp, runEmpty>();
  table.add<tensor::ExtractOp, runExtract>();
  table.add<tensor::InsertOp, runInsert>();
  table.add<tensor::FromElementsOp, runFromElements>();
  table.add<tensor::SplatOp, runSplat>();
  table.add<tensor::GenerateOp, runGenerate>();
  table.add<tensor::PadOp, runPad>();
  table.add<tensor::ConcatOp, runConcat>();
  table.add<tensor::GatherOp, runGather>();
  table.add<tensor::ScatterOp, runScatter>();
}
