//===- SetActivations.cpp - The type activations are computed in ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numerics change only where a user asks for it; this pass asks for a whole
// module.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationType.h"
#include "ir/Scheme.h"
#include "passes/PassDetail.h"

#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_SETACTIVATIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct SetActivationsPass
    : rlx::impl::SetActivationsPassBase<SetActivationsPass> {
  using SetActivationsPassBase::SetActivationsPassBase;

  /// `--rlx-set-activations=i8` is short for
  /// `--rlx-set-activations=activations=i8`.
  LogicalResult initializeOptions(
      StringRef options,
      function_ref<LogicalResult(const Twine &)> onError) override {
    bool isType = !options.empty() && !options.contains('=');
    std::string named = ("activations=" + options).str();
    return Pass::initializeOptions(isType ? named : options, onError);
  }

  void runOnOperation() override {
    const ActivationType *named = activationTypeNamed(activations);
    if (!named) {
      getOperation().emitError()
          << "expected the option 'activations' to be " << activationTypeNames()
          << ", but got '" << activations << "'";
      return signalPassFailure();
    }
    if (!weights.empty() && weights != "reencoded") {
      getOperation().emitError() << "expected the option 'weights' to be "
                                    "reencoded, but got '"
                                 << weights << "'";
      return signalPassFailure();
    }
    if (!weights.empty() && !named->mayReencode) {
      getOperation().emitError()
          << "expected 'activations' to be " << reencodingActivationNames()
          << " with 'weights=reencoded', but got '" << activations << "'";
      return signalPassFailure();
    }
    Type type = named->get(&getContext());
    getOperation().walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op).Case<MatmulOp, GatherMatmulOp>(
          [&](auto matmul) { set(matmul, type); });
    });
  }

  /// Leaves operations as they are that say it themselves.
  template <typename OpT> void set(OpT op, Type type) {
    if (op.getActivations() || !QuantScheme::of(op.getWeight().getType()))
      return;
    op.setActivationsAttr(TypeAttr::get(type));
    if (!type.isF32())
      op.emitRemark() << "activations are computed in " << type;
    if (weights.empty())
      return;
    op.setReencoded(true);
    op.emitRemark("weights are reencoded for many rows");
  }
};
} // namespace
