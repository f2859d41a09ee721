//===- SizeChecksOfTmTensor.cpp - Sizes of torch-mlir's operations --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/checks/SizeChecks.h"

using namespace mlir;
using namespace rlx;

/// Dimension `dimension` of `tensor` has to be as large as `other` of `like`.
void SizeChecks::alike(Value tensor, int64_t dimension, Value like,
                       int64_t other) {
  std::string which;
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (operand == tensor)
      which = std::to_string(i);
  equal(size(tensor, dimension), size(like, other),
        "expected dimension " + Twine(dimension) + " of operand " + which +
            " to be {}, but got {}");
}

void SizeChecks::insert(tm_tensor::ScanOp scan) {
  Value input = scan.getInputs()[0];
  int64_t rank = tensorOf(input).getRank(), dimension = scan.getDimension();
  for (int64_t i = 0; i < rank; ++i) {
    alike(scan.getOutputs()[0], i, input, i);
    if (i != dimension)
      alike(scan.getOutputs()[1], i - (i > dimension), input, i);
  }
}

void SizeChecks::insert(tm_tensor::ScatterOp scatter) {
  alike(scatter.getInputs()[1], 0, scatter.getInputs()[0], 0);
}

void SizeChecks::insert(tm_tensor::SortOp sort) {
  Value first = sort.getOutputs()[0];
  for (Value other : sort.getOutputs().drop_front())
    for (int64_t i = 0; i < tensorOf(first).getRank(); ++i)
      alike(other, i, first, i);
}

void SizeChecks::insert(tm_tensor::TopkOp topk) {
  Value input = topk.getInputs()[0], values = topk.getOutputs()[0];
  for (int64_t i = 0; i < tensorOf(input).getRank(); ++i) {
    if (i != int64_t(topk.getDimension()))
      alike(values, i, input, i);
    alike(topk.getOutputs()[1], i, values, i);
    if (topk.getInputs().size() == 2)
      alike(topk.getInputs()[1], i, input, i);
  }
}

void SizeChecks::insert(tm_tensor::AttentionOp attention) {
  auto inputs = attention.getInputs();
  Value q = inputs[0], k = inputs[1], v = inputs[2],
        output = attention.getOutputs()[0];
  int64_t rank = tensorOf(q).getRank(), rows = rank - 2, columns = rank - 1;
  for (Value other : attention->getOperands().drop_front())
    for (int64_t i = 0; i < rows; ++i)
      alike(other, i, q, i);
  alike(k, columns, q, columns);
  alike(v, rows, k, rows);
  if (inputs.size() == 4) {
    alike(inputs[3], rows, q, rows);
    alike(inputs[3], columns, k, rows);
  }
  alike(output, rows, q, rows);
  alike(output, columns, v, columns);
}
