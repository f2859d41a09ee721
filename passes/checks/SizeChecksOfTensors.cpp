//===- SizeChecksOfTensors.cpp - Checks of slices, indices and shapes -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/checks/SizeChecks.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// The extent of the loop that `index` counts, where it is one of linalg's and
/// known.
static std::optional<int64_t> knownExtent(Value index) {
  auto counter = index.getDefiningOp<linalg::IndexOp>();
  auto parent =
      counter ? counter->getParentOfType<linalg::LinalgOp>() : nullptr;
  if (!parent)
    return std::nullopt;
  int64_t extent = parent.getStaticLoopRanges()[counter.getDim()];
  return ShapedType::isDynamic(extent) ? std::nullopt : std::optional(extent);
}

void SizeChecks::indices(Value tensor, ValueRange indices) {
  for (auto [i, index] : llvm::enumerate(indices)) {
    OpFoldResult length = size(tensor, i);
    std::optional<int64_t> known = getConstantIntValue(length);
    std::optional<int64_t> at = getConstantIntValue(index);
    std::optional<int64_t> extent = knownExtent(index);
    if (known &&
        ((at && *at >= 0 && *at < *known) || (extent && *extent <= *known)))
      continue;
    // Negative ones are large unsigned.
    Value bound = toValue(length);
    require(compare(arith::CmpIPredicate::ult, index, bound),
            "expected 0 <= index < {} in dimension " + Twine(i) +
                ", but got {}",
            {bound, index});
  }
}

/// Offsets and sizes of a slice of `whole`.
void SizeChecks::slice(OffsetSizeAndStrideOpInterface slice, Value whole) {
  SmallVector<OpFoldResult> offsets = slice.getMixedOffsets(),
                            lengths = slice.getMixedSizes(),
                            strides = slice.getMixedStrides();
  for (size_t i = 0; i < offsets.size(); ++i) {
    OpFoldResult total = size(whole, i);
    std::optional<int64_t> offset = getConstantIntValue(offsets[i]),
                           length = getConstantIntValue(lengths[i]),
                           stride = getConstantIntValue(strides[i]),
                           known = getConstantIntValue(total);
    if (offset && length && stride && known)
      continue; // The verifier has seen it.
    if (offset == 0 && stride == 1 && isSameSize(lengths[i], total))
      continue;
    isAbove(lengths[i], -1,
            "expected a size of at least 0 in dimension " + Twine(i) +
                ", but got {}");
    Value first = toValue(offsets[i]), count = toValue(lengths[i]),
          step = toValue(strides[i]), all = toValue(total);
    Value last = arith::AddIOp::create(
        b, first,
        arith::MulIOp::create(b, step,
                              arith::SubIOp::create(b, count, constant(1))));
    // An empty slice may begin at the end. The stride is bounded so that the
    // product above does not wrap.
    auto isInside = [&](Value index) {
      return compare(arith::CmpIPredicate::ult, index, all);
    };
    Value isEmpty = compare(arith::CmpIPredicate::eq, count, constant(0));
    Value atMost = compare(arith::CmpIPredicate::ule, first, all);
    Value inside = arith::AndIOp::create(b, isInside(first), isInside(last));
    if (!stride) {
      Value isSane = compare(arith::CmpIPredicate::ule, step, all);
      inside = arith::AndIOp::create(b, inside, isSane);
    }
    Value fits = arith::AndIOp::create(
        b, compare(arith::CmpIPredicate::ule, count, all), inside);
    if (stride == 0)
      fits = inside;
    if (length && *length > 0)
      isEmpty = nullptr;
    Value holds = isEmpty
                      ? arith::OrIOp::create(
                            b, arith::AndIOp::create(b, isEmpty, atMost), fits)
                            .getResult()
                      : fits;
    require(holds,
            "expected a slice inside of {} elements in dimension " + Twine(i) +
                ", but got {} elements from {} on with a stride of {}",
            {all, count, first, step});
  }
}

/// What is inserted must have the sizes of where it goes.
void SizeChecks::insertedSlice(OffsetSizeAndStrideOpInterface slice,
                               Value source,
                               const llvm::SmallBitVector &dropped) {
  int64_t from = 0;
  for (auto [i, length] : llvm::enumerate(slice.getMixedSizes())) {
    if (dropped.test(i))
      continue;
    equal(size(source, from), length,
          "expected dimension " + Twine(from) +
              " of the inserted tensor to be {}, but got {}");
    ++from;
  }
}

//===----------------------------------------------------------------------===//
// Operations of tensor
//===----------------------------------------------------------------------===//

void SizeChecks::insert(tensor::CastOp cast) {
  if (!isDynamic(cast.getSource()) || !tensorOf(cast.getDest()))
    return;
  for (auto [i, to] : llvm::enumerate(tensorOf(cast.getDest()).getShape()))
    if (!ShapedType::isDynamic(to))
      equal(size(cast.getSource(), i), b.getIndexAttr(to),
            "expected dimension " + Twine(i) + " to be {}, but got {}");
}

void SizeChecks::insert(tensor::DimOp dim) {
  RankedTensorType type = tensorOf(dim.getSource());
  if (!type || dim.getConstantIndex())
    return;
  Value rank = constant(type.getRank());
  require(compare(arith::CmpIPredicate::ult, dim.getIndex(), rank),
          "expected 0 <= dimension < {}, but got {}", {rank, dim.getIndex()});
}

void SizeChecks::insert(tensor::ExpandShapeOp expand) {
  if (!isDynamic(expand.getResult()))
    return;
  SmallVector<OpFoldResult> sizes = expand.getMixedOutputShape();
  for (auto [i, group] : llvm::enumerate(expand.getReassociationIndices())) {
    if (llvm::none_of(group, [&](int64_t dim) {
          return tensorOf(expand.getResult()).isDynamicDim(dim);
        }))
      continue;
    Value product;
    for (int64_t dim : group) {
      isAbove(sizes[dim], -1, "expected a size of at least 0, but got {}");
      Value factor = toValue(sizes[dim]);
      product = product ? arith::MulIOp::create(b, product, factor).getResult()
                        : factor;
    }
    equal(size(expand.getSrc(), i), product,
          "expected dimension " + Twine(i) +
              " to have as many elements as its parts, {}, but got {}");
  }
}

void SizeChecks::insert(tensor::ReshapeOp reshape) {
  RankedTensorType from = tensorOf(reshape.getSource()),
                   to = tensorOf(reshape.getResult());
  if (!from || !to || (from.hasStaticShape() && to.hasStaticShape()))
    return;
  auto multiply = [&](Value product, Value factor) -> Value {
    return product ? arith::MulIOp::create(b, product, factor) : factor;
  };
  Value before = constant(1), after = constant(1);
  for (int64_t i = 0; i < from.getRank(); ++i)
    before = multiply(before, toValue(size(reshape.getSource(), i)));
  for (int64_t i = 0; i < to.getRank(); ++i) {
    Value number = tensor::ExtractOp::create(b, reshape.getShape(),
                                             ValueRange(constant(i)));
    if (!number.getType().isIndex())
      number = arith::IndexCastOp::create(b, b.getIndexType(), number);
    isAbove(number, -1, "expected a size of at least 0, but got {}");
    if (!to.isDynamicDim(i))
      equal(number, b.getIndexAttr(to.getDimSize(i)),
            "expected dimension " + Twine(i) +
                " of its result to be {}, but got {}");
    after = multiply(after, number);
  }
  equal(before, after, "expected {} elements, but got {}");
}

void SizeChecks::insert(tensor::PadOp pad) {
  SmallVector<OpFoldResult> low = pad.getMixedLowPad(),
                            high = pad.getMixedHighPad(), sizes;
  for (size_t i = 0; i < low.size(); ++i) {
    for (OpFoldResult side : {low[i], high[i]})
      isAbove(side, -1,
              "expected padding of at least 0 in dimension " + Twine(i) +
                  ", but got {}");
    OpFoldResult from = size(pad.getSource(), i);
    Value sum = arith::AddIOp::create(b, toValue(from), toValue(low[i]));
    sizes.push_back(
        arith::AddIOp::create(b, sum, toValue(high[i])).getResult());
  }
  if (isDynamic(pad.getSource()) ||
      llvm::any_of(
          llvm::concat<OpFoldResult>(low, high),
          [](OpFoldResult side) { return !getConstantIntValue(side); }))
    resultSizes(pad.getResult(), sizes);
}

void SizeChecks::insert(tensor::ConcatOp concat) {
  ValueRange inputs = concat.getInputs();
  for (auto [number, input] : llvm::enumerate(inputs))
    for (int64_t i = 0; i < tensorOf(input).getRank(); ++i)
      if (number > 0 && i != int64_t(concat.getDim()))
        equal(size(input, i), size(inputs[0], i),
              "expected dimension " + Twine(i) + " of operand " +
                  Twine(number) + " to be {}, as of operand 0, but got {}");
  RankedTensorType type = tensorOf(concat.getResult());
  if (llvm::any_of(inputs, isDynamic) && !type.isDynamicDim(concat.getDim())) {
    Value sum = constant(0);
    for (Value input : inputs)
      sum =
          arith::AddIOp::create(b, sum, toValue(size(input, concat.getDim())));
    equal(sum, b.getIndexAttr(type.getDimSize(concat.getDim())),
          "expected operands of {} elements together, but got {}");
  }
}

/// As many coordinates as there are dimensions that they name.
void SizeChecks::coordinates(Value indices, size_t count) {
  if (int64_t rank = tensorOf(indices).getRank(); rank > 0)
    equal(size(indices, rank - 1), b.getIndexAttr(int64_t(count)),
          "expected {} coordinates in the last dimension of the indices, but "
          "got {}");
}

void SizeChecks::insert(tensor::GatherOp gather) {
  coordinates(gather.getIndices(), gather.getGatherDims().size());
}

void SizeChecks::insert(tensor::ScatterOp scatter) {
  ArrayRef<int64_t> dimensions = scatter.getScatterDims();
  coordinates(scatter.getIndices(), dimensions.size());
  int64_t leading = scatter.getIndicesType().getRank() - 1,
          rank = scatter.getSourceType().getRank(), next = 0;
  auto expect = [&](OpFoldResult expected) {
    equal(size(scatter.getSource(), next), expected,
          "expected dimension " + Twine(next) +
              " of the source to be {}, but got {}");
    ++next;
  };
  for (int64_t i = 0; i < leading; ++i)
    expect(size(scatter.getIndices(), i));
  bool isReduced = rank < leading + scatter.getDestType().getRank();
  for (int64_t i = 0; i < scatter.getDestType().getRank(); ++i)
    if (!llvm::is_contained(dimensions, i))
      expect(size(scatter.getDest(), i));
    else
      next += !isReduced;
}

void SizeChecks::insert(bufferization::MaterializeInDestinationOp copy) {
  if (!tensorOf(copy.getSource()) || !tensorOf(copy.getDest()))
    return;
  for (int64_t i = 0; i < tensorOf(copy.getSource()).getRank(); ++i)
    equal(size(copy.getSource(), i), size(copy.getDest(), i),
          "expected dimension " + Twine(i) +
              " of the source to be {}, as of the destination, but got {}");
}

//===----------------------------------------------------------------------===//
// Tiles of linalg.pack and linalg.unpack
//===----------------------------------------------------------------------===//

/// `packed` has as many tiles as `plain` needs, of the sizes that `op` says.
template <typename OpT>
void SizeChecks::packed(OpT op, Value packed, Value plain, bool isPadded) {
  if (!isDynamic(packed) && !isDynamic(plain) && op.getInnerTiles().empty())
    return; // The verifier has seen it.
  int64_t rank = tensorOf(plain).getRank();
  SmallVector<OpFoldResult> outer = tensor::getMixedSizes(b, b.getLoc(), plain);
  for (auto [i, tile] : llvm::enumerate(op.getMixedTiles())) {
    int64_t dimension = op.getInnerDimsPos()[i];
    isAbove(tile, 0, "expected a tile of at least 1, but got {}");
    equal(size(packed, rank + i), tile,
          "expected dimension " + Twine(rank + i) +
              " of the packed tensor to be {}, as the tile, but got {}");
    // The checks are made before any stops the run.
    Value divisor = arith::MaxSIOp::create(b, toValue(tile), constant(1));
    Value whole = toValue(outer[dimension]);
    if (!isPadded)
      require(compare(arith::CmpIPredicate::eq,
                      arith::RemUIOp::create(b, whole, divisor), constant(0)),
              "expected dimension " + Twine(dimension) +
                  " to be a multiple of {}, as there is no padding value, but "
                  "got {}",
              {divisor, whole});
    outer[dimension] =
        arith::CeilDivUIOp::create(b, whole, divisor).getResult();
  }
  for (int64_t i = 0; i < rank; ++i) {
    int64_t from = op.getOuterDimsPerm().empty() ? i : op.getOuterDimsPerm()[i];
    equal(size(packed, i), outer[from],
          "expected dimension " + Twine(i) +
              " of the packed tensor to be {}, but got {}");
  }
}

void SizeChecks::insert(linalg::PackOp pack) {
  if (tensorOf(pack.getSource()) && tensorOf(pack.getDest()))
    packed(pack, pack.getDest(), pack.getSource(),
           bool(pack.getPaddingValue()));
}

void SizeChecks::insert(linalg::UnPackOp unpack) {
  if (tensorOf(unpack.getSource()) && tensorOf(unpack.getDest()))
    packed(unpack, unpack.getSource(), unpack.getDest(), /*isPadded=*/true);
}
