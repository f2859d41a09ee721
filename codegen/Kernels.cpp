//===- Kernels.cpp - Which kernels a program got --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What was chosen stands in the program itself once its weights are laid out;
// this only puts it in words. Tiles that depend on the number of rows of
// activations are chosen later, when the loops are made.
//
//===----------------------------------------------------------------------===//

#include "codegen/Kernels.h"

#include "ir/Dialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace rlx;

static std::string describe(PackedMatmulOp op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  PackedAttr layout = op.getLayout();
  stream << "packed " << op.getActivations() << ", " << layout.getLanes()
         << " rows a tile, K block " << layout.getKBlock();
  if (int64_t group = layout.getActivationGroup())
    stream << ", activations by " << group;
  if (TilesAttr tiles = op.getTilesAttr())
    for (KernelAttr kernel : tiles.getKernels())
      if (kernel.getMode() == KernelMode::reencoded)
        stream << ", reencoded from M = " << kernel.getMinM();
  return text;
}

static std::string describe(BlockMatmulOp op) {
  std::string text;
  llvm::raw_string_ostream(text) << "in place, " << op.getActivations();
  return text;
}

std::vector<std::string> rlx::describeKernels(func::FuncOp function) {
  std::vector<std::string> kernels;
  function.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op).Case<PackedMatmulOp, BlockMatmulOp>(
        [&](auto matmul) { kernels.push_back(describe(matmul)); });
  });
  return kernels;
}
