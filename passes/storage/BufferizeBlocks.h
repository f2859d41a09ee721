//===- BufferizeBlocks.h - How block operations become buffers --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_STORAGE_BUFFERIZEBLOCKS_H
#define RLX_PASSES_STORAGE_BUFFERIZEBLOCKS_H

#include "mlir/IR/DialectRegistry.h"

namespace rlx {
/// Attaches the bufferization interface to the block operations.
void registerBlockBufferization(mlir::DialectRegistry &registry);
} // namespace rlx

#endif // RLX_PASSES_STORAGE_BUFFERIZEBLOCKS_H
