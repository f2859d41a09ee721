//===- SetActivations.cpp - The type activations are computed in ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numerics change only where a user asks for it; this pass asks for a whole
// module.
//
//===----------------------------------------------------------------------===//

#include "ir/Scheme.h"
#include "passes/PassDetail.h"

#include "llvm/ADT/StringSwitch.h"
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
    Builder builder(&getContext());
    Type type = llvm::StringSwitch<Type>(activations)
                    .Case("f32", builder.getF32Type())
                    .Case("bf16", builder.getBF16Type())
                    .Case("f16", builder.getF16Type())
                    .Case("i16", builder.getI16Type())
                    .Case("i8", builder.getI8Type())
                    .Default(Type());
    if (!type) {
      getOperation().emitError()
          << "expected the option 'activations' to be f32, bf16, f16, i16 or "
             "i8, but got '"
          << activations << "'";
      return signalPassFailure();
    }
    if (!weights.empty() && weights != "reencoded") {
      getOperation().emitError() << "expected the option 'weights' to be "
                                    "reencoded, but got '"
                                 << weights << "'";
      return signalPassFailure();
    }
    if (!weights.empty() && !type.isInteger()) {
      getOperation().emitError()
          << "expected 'activations' to be i16 or i8 with "
             "'weights=reencoded', but got '"
          << activations << "'";
      return signalPassFailure();
    }
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
