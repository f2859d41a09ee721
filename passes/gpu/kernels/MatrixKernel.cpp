//===- MatrixKernel.cpp - Many rows of activations of f16, matrices -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For devices whose subgroups multiply matrices of f16 and add in f32. A
// workgroup computes a tile of the result: step by step along K it decodes the
// tile's rows of the weight, once for all rows of activations, and rounds both
// to f16 in its memory, from where each subgroup multiplies a grid of matrices.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/MatmulKernels.h"
#include "passes/gpu/kernels/MatrixTiling.h"
#include "passes/gpu/kernels/RowFactors.h"
#include "passes/gpu/kernels/TileSteps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
class MatrixKernel {
public:
  MatrixKernel(InterleavedMatmulOp op, KernelModule &kernels);
  void emit(RowRange range);

private:
  MatrixTiling chooseTiling();
  void selectBlock(Value n, Value block);
  void loadActivations(Value step);
  void loadWeights(Value step);
  Value pack(ArrayRef<Value> numbers);
  SmallVector<Value> multiply(Value step, ValueRange sums);
  void storeResults(ValueRange sums);
  void storeStrip(int64_t gridRow);
  gpu::MMAMatrixType matrix(int64_t rows, int64_t columns, StringRef operand);
  Value load(Value position, gpu::MMAMatrixType type, bool transpose);

  InterleavedMatmulOp op;
  MatmulShape shape;
  GpuAttr target;
  MatrixTiling tiling;
  KernelBuilder b;
  Codebooks books;
  DeviceBlockReader reader;
  RowFactors factors;
  TileSteps steps;
  StepMemory chunks; ///< Of both sides.
  BufferView x, y;
  Value xQuads, yQuads, memory, thread, subgroupRow, subgroupColumn, m0, n0, m;
  OpFoldResult hostM;
};
} // namespace

MatrixKernel::MatrixKernel(InterleavedMatmulOp op, KernelModule &kernels)
    : op(op), shape(op), target(kernels.target), tiling(chooseTiling()),
      b(op, kernels,
        "matrix_matmul_" +
            shape.layout.blockScheme().displayName().split(".device").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.blockScheme(), /*hasVectors=*/false,
            tiling.workgroup()),
      reader(b, shape.layout, shape.how, op.getWeight(), books),
      factors(b, shape, reader, tiling.columns(), tiling.workgroup()),
      steps(b, tiling.buffers) {
  constexpr int64_t lanes = MatrixTiling::chunkWords;
  auto quad = VectorType::get(lanes, b.getF32Type());
  x = b.view(op.getX(), "x");
  if (x.isContiguous && shape.k % MatrixTiling::chunk == 0)
    xQuads = b.buffer(op.getX(), quad, "x_quads");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  int64_t columns = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  y = b.view(op.getInit(), "y");
  if (y.isContiguous && columns % lanes == 0 && shape.n % lanes == 0 &&
      shape.firstColumn % lanes == 0)
    yQuads = b.buffer(op.getInit(), quad, "y_quads");
  memory =
      b.sharedMemory({tiling.chunks()}, VectorType::get(lanes, b.getI32Type()));
  chunks = {memory, tiling.stepChunks()};
}

MatrixTiling MatrixKernel::chooseTiling() {
  int64_t words = RowFactors::words(MatrixTiling::mostColumns(target),
                                    MatrixTiling::mostItems);
  int64_t rows = cast<MemRefType>(op.getX().getType()).getDimSize(0);
  int64_t others = words * int64_t(sizeof(float)) +
                   Codebooks::bytes(shape.layout.blockScheme());
  return MatrixTiling::choose(target, rows, others);
}

//===----------------------------------------------------------------------===//
// To the memory of the workgroup
//===----------------------------------------------------------------------===//

/// Eight numbers as f16, two to a word.
Value MatrixKernel::pack(ArrayRef<Value> numbers) {
  auto pair = VectorType::get(2, b.getF32Type());
  SmallVector<Value> words;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    Value two = vector::FromElementsOp::create(
        b, pair, ValueRange{numbers[i], numbers[i + 1]});
    Value rounded =
        arith::TruncFOp::create(b, VectorType::get(2, b.getF16Type()), two);
    Value word = vector::BitCastOp::create(
        b, VectorType::get(1, b.getI32Type()), rounded);
    words.push_back(vector::ExtractOp::create(b, word, int64_t(0)));
  }
  return vector::FromElementsOp::create(
      b, VectorType::get(words.size(), b.getI32Type()), words);
}

/// From here on, reads a device block of the row of the weight that is column
/// `n`.
void MatrixKernel::selectBlock(Value n, Value block) {
  Value tile = b.add(b.div(n0, shape.how.rows), b.div(n, shape.how.rows));
  // Tiles beyond the last one repeat it; their columns are not stored.
  tile = b.min(tile, b.index(shape.tiles - 1));
  reader.setBlock(tile, block, b.rem(n, shape.how.rows));
}

/// Rows of activations, chunk by chunk; what lies beyond K is 0.
void MatrixKernel::loadActivations(Value step) {
  constexpr int64_t chunk = MatrixTiling::chunk,
                    lanes = MatrixTiling::chunkWords,
                    depth = MatrixTiling::depth, parts = depth / chunk;
  const bool isWhole = shape.k % depth == 0;
  Value k0 = b.mul(step, depth);
  forItems(
      b, thread, tiling.rows() * parts, tiling.workgroup(),
      [&](Value item, Value isThere) {
        Value part = b.rem(item, parts), r = b.div(item, parts);
        Value row = b.min(b.add(m0, r), b.sub(m, b.index(1)));
        Value k = b.add(k0, b.mul(part, chunk));
        SmallVector<Value> numbers;
        if (xQuads) {
          // K is whole chunks, though maybe not whole steps.
          Value isInside = isWhole ? Value() : b.less(k, b.index(shape.k));
          Value from = isWhole ? k : b.min(k, b.index(shape.k - chunk));
          Value first = b.div(b.at(x, {row, from}), lanes);
          for (int64_t i = 0; i < chunk; ++i) {
            Value quad = i % lanes == 0
                             ? b.loadAt(xQuads, b.add(first, i / lanes))
                             : Value();
            if (quad && isInside)
              quad = b.choose(isInside, quad, b.zeros(lanes));
            if (quad)
              for (int64_t lane = 0; lane < lanes; ++lane)
                numbers.push_back(vector::ExtractOp::create(b, quad, lane));
          }
        } else {
          for (int64_t i = 0; i < chunk; ++i) {
            Value position = b.add(k, i);
            Value number =
                b.load(x, {row, b.min(position, b.index(shape.k - 1))});
            numbers.push_back(
                b.choose(b.less(position, b.index(shape.k)), number, b.f32(0)));
          }
        }
        Value position = b.add(b.mul(r, tiling.stride()), part);
        steps.stage(pack(numbers), chunks, position, isThere);
      });
}

/// Rows of the weight, decoded, behind those of the activations.
void MatrixKernel::loadWeights(Value step) {
  constexpr int64_t chunk = MatrixTiling::chunk, depth = MatrixTiling::depth;
  const int64_t columns = tiling.columns(), length = shape.layout.length();
  // As much of a row as gives every work-item some.
  int64_t run = std::clamp<int64_t>(
      llvm::bit_floor(uint64_t(columns * depth / tiling.workgroup())), chunk,
      depth);
  Value k0 = b.mul(step, depth);
  forItems(b, thread, columns * depth / run, tiling.workgroup(),
           [&](Value item, Value isThere) {
             Value n = b.rem(item, columns), part = b.div(item, columns);
             selectBlock(n, b.div(k0, length));
             Value first = b.div(b.rem(k0, length), run);
             reader.setUnit(b.add(first, part), run);
             reader.setFactor(factors.factor(n));
             Value row = b.add(n, tiling.rows());
             Value position =
                 b.add(b.mul(row, tiling.stride()), b.mul(part, run / chunk));
             for (int64_t i = 0; i < run; i += chunk) {
               SmallVector<Value> numbers;
               for (int64_t j = i; j < i + chunk; ++j)
                 numbers.push_back(reader.value(j));
               steps.stage(pack(numbers), chunks, b.add(position, i / chunk),
                           isThere);
             }
           });
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

gpu::MMAMatrixType MatrixKernel::matrix(int64_t rows, int64_t columns,
                                        StringRef operand) {
  Type element = operand == "COp" ? Type(b.getF32Type()) : b.getF16Type();
  return gpu::MMAMatrixType::get({rows, columns}, element, operand);
}

Value MatrixKernel::load(Value position, gpu::MMAMatrixType type,
                         bool transpose) {
  return gpu::SubgroupMmaLoadMatrixOp::create(
      b, type, memory, position, b.getIndexAttr(tiling.stride()),
      transpose ? b.getUnitAttr() : UnitAttr());
}

/// The sums after one more step.
SmallVector<Value> MatrixKernel::multiply(Value step, ValueRange carried) {
  SmallVector<Value> sums(carried);
  Value buffer = steps.first(chunks, step);
  const int64_t stride = tiling.stride();
  auto firstChunk = [&](Value row) {
    return b.add(buffer, b.mul(row, stride));
  };
  Value aFirst = firstChunk(b.mul(subgroupRow, tiling.gridRows() * tiling.m));
  Value bFirst = firstChunk(b.add(
      b.mul(subgroupColumn, tiling.gridColumns() * tiling.n), tiling.rows()));
  for (int64_t k = 0; k < MatrixTiling::depth; k += tiling.k) {
    int64_t chunk = k / MatrixTiling::chunk;
    SmallVector<Value> lhs, rhs;
    for (int64_t i = 0; i < tiling.gridRows(); ++i)
      lhs.push_back(load(b.add(aFirst, i * tiling.m * stride + chunk),
                         matrix(tiling.m, tiling.k, "AOp"), false));
    // Rows of the weight are columns of this matrix.
    for (int64_t j = 0; j < tiling.gridColumns(); ++j)
      rhs.push_back(load(b.add(bFirst, j * tiling.n * stride + chunk),
                         matrix(tiling.k, tiling.n, "BOp"), true));
    for (int64_t i = 0; i < tiling.gridRows(); ++i)
      for (int64_t j = 0; j < tiling.gridColumns(); ++j) {
        Value &sum = sums[i * tiling.gridColumns() + j];
        sum = gpu::SubgroupMmaComputeOp::create(
            b, sum.getType(), lhs[i], rhs[j], sum, UnitAttr(), UnitAttr());
      }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Stores the strip of all subgroups' row `gridRow` of accumulators.
void MatrixKernel::storeStrip(int64_t gridRow) {
  constexpr int64_t lanes = MatrixTiling::chunkWords;
  const int64_t quads = tiling.columns() / lanes;
  auto lanesType = VectorType::get(lanes, b.getF32Type());
  auto storeQuad = [&](Value r, Value quad, Value row) {
    Value column = b.mul(quad, lanes), n = b.add(n0, column);
    Value words = b.loadAt(memory, b.add(b.mul(r, tiling.stripStride()), quad));
    Value sums = vector::BitCastOp::create(b, lanesType, words);
    SmallVector<Value> inverses;
    for (int64_t i = 0; i < lanes; ++i)
      inverses.push_back(factors.inverse(b.add(column, i)));
    sums = arith::MulFOp::create(
        b, sums, vector::FromElementsOp::create(b, lanesType, inverses));
    if (Value bias =
            loadBias(b, op, {}, b.add(n, shape.firstColumn), lanesType))
      sums = arith::AddFOp::create(b, sums, bias);
    if (!yQuads) {
      for (int64_t i = 0; i < lanes; ++i)
        storeColumns(b, vector::ExtractOp::create(b, sums, i), y, row,
                     b.add(n, i), shape);
      return;
    }
    auto choice = scf::IfOp::create(b, b.less(n, b.index(shape.n)),
                                    /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    Value at = b.at(y, {row, b.add(n, shape.firstColumn)});
    b.storeAt(sums, yQuads, b.div(at, lanes));
  };
  b.loop(thread, b.index(tiling.stripRows() * quads), tiling.workgroup(),
         [&](Value item) {
           Value quad = b.rem(item, quads), r = b.div(item, quads);
           Value group =
               b.add(b.mul(b.div(r, tiling.m), tiling.gridRows()), gridRow);
           Value row =
               b.add(m0, b.add(b.mul(group, tiling.m), b.rem(r, tiling.m)));
           auto choice =
               scf::IfOp::create(b, b.less(row, m), /*withElse=*/false);
           OpBuilder::InsertionGuard guard(b);
           b.setInsertionPointToStart(choice.thenBlock());
           storeQuad(r, quad, row);
         });
}

void MatrixKernel::storeResults(ValueRange sums) {
  constexpr int64_t lanes = MatrixTiling::chunkWords;
  const int64_t columns = tiling.gridColumns(), stride = tiling.stripStride();
  Value first = b.add(b.mul(b.mul(subgroupRow, tiling.m), stride),
                      b.mul(subgroupColumn, columns * tiling.n / lanes));
  for (int64_t i = 0; i < tiling.gridRows(); ++i) {
    if (i > 0)
      b.barrier();
    for (int64_t j = 0; j < columns; ++j)
      gpu::SubgroupMmaStoreMatrixOp::create(b, sums[i * columns + j], memory,
                                            b.add(first, j * tiling.n / lanes),
                                            b.getIndexAttr(stride), UnitAttr());
    b.barrier();
    storeStrip(i);
  }
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void MatrixKernel::emit(RowRange range) {
  thread = b.threadId(gpu::Dimension::x);
  Value subgroup =
      gpu::SubgroupIdOp::create(b, b.getIndexType(), /*upper_bound=*/nullptr);
  subgroupRow = b.div(subgroup, tiling.subgroupColumns);
  subgroupColumn = b.rem(subgroup, tiling.subgroupColumns);
  // Workgroups that share rows of the weight follow each other.
  m0 = b.mul(b.groupId(gpu::Dimension::x), tiling.rows());
  n0 = b.mul(b.groupId(gpu::Dimension::y), tiling.columns());
  factors.emit(thread, [&](Value n, Value block) { selectBlock(n, block); });

  Value zero = gpu::SubgroupMmaConstantMatrixOp::create(
      b, matrix(tiling.m, tiling.n, "COp"), b.f32(0));
  SmallVector<Value> initial(tiling.gridRows() * tiling.gridColumns(), zero);
  auto load = [&](Value step) {
    loadActivations(step);
    loadWeights(step);
  };
  SmallVector<Value> sums = steps.emit(
      llvm::divideCeil(shape.k, MatrixTiling::depth), initial, load,
      [&](Value step, ValueRange carried) { return multiply(step, carried); });
  storeResults(sums);
  OpFoldResult across =
      b.getIndexAttr(llvm::divideCeil(shape.n, tiling.columns()));
  b.finish(range.restrict(b, hostM,
                          {b.hostCeilDiv(hostM, tiling.rows()), across,
                           b.getIndexAttr(1)}),
           tiling.workgroup());
}

void rlx::emitMatrixKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           RowRange range) {
  MatrixKernel(op, kernels).emit(range);
}
