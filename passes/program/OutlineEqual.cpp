//===- OutlineEqual.cpp - Equal operations share their loops --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Most of the time of compilation goes into loops, and the layers of a model
// have the same ones. Operations on buffers that become the same loops are
// moved into one function, before there are loops, and called. Of a function
// that is long, all are, so that it has no loops of its own and need not be
// optimized (codegen/cpu/LongFunctions.h).
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

#include <string>
#include <vector>

namespace rlx {
#define GEN_PASS_DEF_OUTLINEEQUALPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether the loops of `op` follow from itself and the types of its operands:
/// not from where it stands, as those that say so when an index is wrong.
static bool canBeShared(Operation *op) {
  // A contraction with what is applied to it.
  if (isa<scf::ExecuteRegionOp>(op) && op->hasAttr(fusedContraction))
    return llvm::all_of(op->getRegion(0).front().without_terminator(),
                        [](Operation &inner) { return canBeShared(&inner); });
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return linalgOp.hasPureBufferSemantics() &&
           llvm::all_of(op->getRegion(0).front(), [](Operation &inner) {
             return inner.getNumRegions() == 0 &&
                    (isMemoryEffectFree(&inner) || isa<memref::LoadOp>(inner));
           });
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  if (!destination || !destination.hasPureBufferSemantics())
    return false;
  if (auto matmul = dyn_cast<BlockMatmulOp>(op))
    return !matmul.getIds();
  if (auto matmul = dyn_cast<PackedMatmulOp>(op))
    return !matmul.getIds();
  if (auto rows = dyn_cast<BlockDequantizeOp>(op))
    return !rows.getIds();
  return isa<PackWeightOp, BlockAttentionOp, BlockQuantizeOp>(op);
}

/// Whether `op` may be moved into a function of its own: it is one of loops on
/// buffers, wherever it reports from.
static bool canBeMoved(Operation *op) {
  auto destination = dyn_cast<DestinationStyleOpInterface>(op);
  return destination && destination.hasPureBufferSemantics();
}

/// Functions with so many operations are long.
static constexpr unsigned longFunction = 64;

namespace {
/// An operation and what a function of it takes.
struct Candidate {
  Operation *op;
  SmallVector<Value> arguments;
};

struct OutlineEqualPass : rlx::impl::OutlineEqualPassBase<OutlineEqualPass> {
  void runOnOperation() override {
    std::vector<SmallVector<Candidate>> groups;
    llvm::StringMap<size_t> groupOf; // Of those that are shared, by their code.
    llvm::DenseSet<Operation *> longFunctions;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      unsigned count = 0;
      function.walk<WalkOrder::PreOrder>([&](Operation *op) {
        Candidate candidate{op, {}};
        size_t group = groups.size();
        if (canBeShared(op)) {
          OwningOpRef<func::FuncOp> alone = functionOf(candidate);
          group = groupOf.try_emplace(textOf(*alone), group).first->second;
        } else if (!canBeMoved(op)) {
          return WalkResult::advance();
        }
        if (group == groups.size())
          groups.emplace_back();
        groups[group].push_back(std::move(candidate));
        ++count;
        return WalkResult::skip();
      });
      if (count >= longFunction)
        longFunctions.insert(function);
    }
    SymbolTable symbols(getOperation());
    for (SmallVector<Candidate> &candidates : groups) {
      if (candidates.size() < 2 &&
          !longFunctions.contains(
              candidates.front().op->getParentOfType<func::FuncOp>()))
        continue;
      func::FuncOp shared = functionOf(candidates.front()).release();
      StringRef name = candidates.front().op->getName().stripDialect();
      shared.setName((Twine("rlx.shared.") + name).str());
      symbols.insert(shared); // Renames it where there is such a function.
      for (Candidate &candidate : candidates) {
        OpBuilder builder(candidate.op);
        func::CallOp::create(builder, candidate.op->getLoc(), shared,
                             candidate.arguments);
        candidate.op->erase();
      }
    }
  }

  /// A private function of the operation alone. It takes what the operation
  /// does, each value once, but for constants, which it has itself.
  static OwningOpRef<func::FuncOp> functionOf(Candidate &candidate) {
    Operation *op = candidate.op;
    llvm::SetVector<Value> inputs;
    inputs.insert_range(op->getOperands());
    getUsedValuesDefinedAbove(op->getRegions(), inputs);
    llvm::SetVector<Operation *> constants;
    candidate.arguments.clear();
    for (Value input : inputs)
      if (Operation *constant = input.getDefiningOp<arith::ConstantOp>())
        constants.insert(constant);
      else
        candidate.arguments.push_back(input);
    OpBuilder builder(op->getContext());
    auto function = func::FuncOp::create(
        op->getLoc(), "shared",
        builder.getFunctionType(ValueRange(candidate.arguments).getTypes(),
                                {}));
    function.setPrivate();
    Block *entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    IRMapping mapping;
    mapping.map(candidate.arguments, entry->getArguments());
    for (Operation *constant : constants)
      builder.clone(*constant, mapping);
    builder.clone(*op, mapping);
    func::ReturnOp::create(builder, op->getLoc());
    return function;
  }

  /// The same for functions that become the same code.
  static std::string textOf(func::FuncOp function) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    OpPrintingFlags flags;
    flags.useLocalScope().printGenericOpForm().enableDebugInfo(false);
    function->print(stream, flags);
    return text;
  }
};
} // namespace
