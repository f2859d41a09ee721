//===- Observe.cpp - Values that calibration looks at are returned --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is looked at, says ObservedValues.h. What is made of the results, is the
// calibration's business.
//
//===----------------------------------------------------------------------===//

#include "passes/quantize/ObservedValues.h"
#include "passes/quantize/QuantizePasses.h"

#include "llvm/Support/GlobPattern.h"

namespace rlx {
#define GEN_PASS_DEF_OBSERVEPASS
#include "passes/quantize/QuantizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ObservePass : rlx::impl::ObservePassBase<ObservePass> {
  using ObservePassBase::ObservePassBase;

  void runOnOperation() override {
    auto target = getOperation().lookupSymbol<func::FuncOp>(function);
    if (!target || target.isExternal()) {
      emitError(getOperation().getLoc())
          << "expected the option 'function' to name a function of the "
             "program, but got '"
          << function << "'";
      return signalPassFailure();
    }
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(values);
    if (!glob) {
      emitError(getOperation().getLoc())
          << "expected the option 'values' to be a glob, but got '" << values
          << "': " << llvm::toString(glob.takeError());
      return signalPassFailure();
    }
    if (failed(observe(target, *glob)))
      signalPassFailure();
  }

  LogicalResult observe(func::FuncOp target, const llvm::GlobPattern &glob) {
    auto *terminator = target.getBody().front().getTerminator();
    if (!target.getBody().hasOneBlock())
      return target.emitError("expected a function of one block, which "
                              "returns what is observed");
    SmallVector<Type> types;
    SmallVector<DictionaryAttr> attributes;
    mlir::Builder builder(&getContext());
    bool isMatched = false;
    for (const ObservedValue &value : findObservedValues(getOperation())) {
      auto matches = [&](StringRef name) { return glob.match(name); };
      if (!matches(value.name) && llvm::none_of(value.weights, matches))
        continue;
      isMatched = true;
      for (ObservedPlace place : value.places) {
        if (place.value.getParentRegion()->getParentOfType<func::FuncOp>() !=
            target)
          continue;
        std::string reason = whyNotObserved(place);
        if (reason.empty() &&
            place.value.getParentRegion() != &target.getBody())
          reason = "it is computed in a loop or a branch";
        if (!reason.empty()) {
          emitRemark(place.value.getLoc())
              << "'" << value.name << "' is not observed: " << reason;
          continue;
        }
        terminator->insertOperands(terminator->getNumOperands(), place.value);
        types.push_back(place.value.getType());
        attributes.push_back(builder.getDictionaryAttr(
            {builder.getNamedAttr("rlx.observed",
                                  builder.getStringAttr(value.name)),
             builder.getNamedAttr("rlx.channels",
                                  builder.getI64IntegerAttr(place.channels)),
             builder.getNamedAttr(
                 "rlx.weights",
                 builder.getStrArrayAttr(SmallVector<StringRef>(
                     value.weights.begin(), value.weights.end())))}));
      }
    }
    if (types.empty())
      return target.emitError()
             << "'" << function << "' has no values to observe"
             << (isMatched ? ""
                           : StringRef(", expected products with weights, or "
                                       "values that say rlx.observe"))
             << (values == "*" ? "" : ", of names like '" + values + "'");
    unsigned first = target.getNumResults();
    SmallVector<DictionaryAttr> all;
    target.getAllResultAttrs(all);
    SmallVector<Type> results(target.getResultTypes());
    llvm::append_range(results, types);
    target.setType(builder.getFunctionType(target.getArgumentTypes(), results));
    for (auto [i, attribute] : llvm::enumerate(attributes))
      target.setResultAttrs(first + i, attribute);
    return success();
  }
};
} // namespace
