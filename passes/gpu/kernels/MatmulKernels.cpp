//===- MatmulKernels.cpp - What the kernels of a matmul share -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/MatmulKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

MatmulShape::MatmulShape(InterleavedMatmulOp op)
    : layout(QuantScheme(op.getDeviceBlock().getScheme()),
             cast<MemRefType>(op.getX().getType()).getShape().back()),
      how{int64_t(op.getRows()), int64_t(op.getWords())},
      n(cast<MemRefType>(op.getInit().getType()).getShape().back()),
      k(layout.elements()) {
  auto packed = cast<MemRefType>(op.getWeight().getType());
  bool isStacked = packed.getRank() == 3;
  if (isStacked)
    experts = packed.getDimSize(0);
  if (std::optional<ArrayRef<int64_t>> part = op.getPart()) {
    (isStacked ? firstExpert : firstColumn) = (*part)[0];
    (isStacked ? experts : n) = (*part)[1];
  }
  tiles = layout.tiles(n, how);
}

int64_t MatmulShape::unit() const {
  constexpr int64_t shortest = 32, quadBits = 128;
  int64_t unit = shortest;
  if (how.words > 1)
    for (const DeviceBlockPlane &plane :
         layout.planes(layout.blockScheme().attr().getCode()))
      unit = std::max(unit, quadBits / plane.width);
  return std::gcd(unit, layout.length());
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

ActivationReader::ActivationReader(KernelBuilder &b, Value x, int64_t k,
                                   bool wantsQuads)
    : b(b), view(b.view(x, "x")), k(k) {
  constexpr int64_t lanes = 4;
  if (wantsQuads && view.isContiguous && k % lanes == 0)
    quads = b.buffer(x, VectorType::get(lanes, b.getF32Type()), "x_quads");
}

void ActivationReader::addRow(ValueRange indices) {
  SmallVector<Value> first(indices);
  first.push_back(b.index(0));
  Value row = b.at(view, first);
  rows.push_back(quads ? b.div(row, 4) : row);
}

void ActivationReader::setUnit(Value first, int64_t length) {
  begin = first;
  guarded = k % length != 0;
  loaded.clear();
}

Value ActivationReader::at(size_t row, int64_t element) {
  if (quads && !guarded) {
    Value &quad = loaded[{row, element / 4}];
    if (!quad)
      quad = b.loadAt(quads,
                      b.add(rows[row], b.add(b.div(begin, 4), element / 4)));
    return vector::ExtractOp::create(b, quad, element % 4);
  }
  Value &number = loaded[{row, element}];
  if (number)
    return number;
  Value position = b.add(begin, element), isInside;
  if (guarded) {
    isInside = b.less(position, b.index(k));
    position = b.min(position, b.index(k - 1));
  }
  Value first = rows[row];
  if (quads)
    first = b.mul(first, 4);
  number =
      b.loadAt(view.buffer, b.add(first, b.mul(position, view.strides.back())));
  if (guarded)
    number = b.choose(isInside, number, b.f32(0));
  return number;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

std::array<OpFoldResult, 3>
    RowRange::restrict(KernelBuilder &b, OpFoldResult m,
                       std::array<OpFoldResult, 3> groups) const {
  // A dispatch of no workgroups is not run.
  if (atLeast)
    groups[1] = b.hostUnless(groups[1], m, atLeast);
  if (below)
    groups[1] = b.hostWhere(groups[1], m, below);
  return groups;
}

Value rlx::loadBias(KernelBuilder &b, InterleavedMatmulOp op,
                    ValueRange indices, Value n, Type laneType) {
  if (!op.getBias())
    return Value();
  BufferView bias = b.view(op.getBias(), "bias");
  // As many as the result has; the bias's own type may leave it open.
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getShape().back();
  auto at = [&](Value column) {
    SmallVector<Value> all(indices);
    all.push_back(b.min(column, b.index(columns - 1)));
    return b.load(bias, all);
  };
  auto vector = dyn_cast<VectorType>(laneType);
  if (!vector)
    return at(n);
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < vector.getNumElements(); ++lane)
    lanes.push_back(at(b.add(n, lane)));
  return vector::FromElementsOp::create(b, vector, lanes);
}

void rlx::storeColumns(KernelBuilder &b, Value lanes, const BufferView &y,
                       ValueRange indices, Value n, const MatmulShape &shape) {
  const int64_t columns = shape.n;
  auto at = [&](Value column) {
    SmallVector<Value> all(indices);
    all.push_back(b.add(column, shape.firstColumn));
    return b.at(y, all);
  };
  auto where = [&](Value condition, llvm::function_ref<void()> body) {
    auto choice = scf::IfOp::create(b, condition, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    body();
  };
  auto vector = dyn_cast<VectorType>(lanes.getType());
  if (!vector) {
    where(b.less(n, b.index(columns)),
          [&] { b.storeAt(lanes, y.buffer, at(n)); });
    return;
  }
  int64_t width = vector.getNumElements();
  bool isDense = getConstantIntValue(y.strides.back()) == 1;
  auto storeEach = [&] {
    for (int64_t lane = 0; lane < width; ++lane)
      where(b.less(b.add(n, lane), b.index(columns)), [&] {
        b.storeAt(vector::ExtractOp::create(b, lanes, lane), y.buffer,
                  at(b.add(n, lane)));
      });
  };
  if (!isDense)
    return storeEach();
  auto storeAll = [&] { b.storeVector(lanes, y.buffer, at(n)); };
  if (columns % width == 0)
    return storeAll();
  b.branch(b.less(b.add(n, width - 1), b.index(columns)), storeAll, storeEach);
}
