//===- OrderStreams.cpp - Loads of streams stay in order ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A stream is read once, from its first byte to its last. Processors fetch its
// next lines by themselves as long as they see ascending addresses. LLVM's
// schedulers know nothing of that, but keep volatile loads in order.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace rlx {
#define GEN_PASS_DEF_ORDERSTREAMSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct OrderStreamsPass : rlx::impl::OrderStreamsPassBase<OrderStreamsPass> {
  void runOnOperation() override {
    getOperation().walk([](LLVM::LoadOp load) {
      if (!load.getNontemporal())
        return;
      load.setVolatile_(true);
      load.setNontemporal(false);
    });
  }
};
} // namespace
