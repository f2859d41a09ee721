//===- MemoryFunctions.cpp - How much memory a call allocates -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes through a function as a call does, and adds up what is allocated, from
// the sizes of arguments alone: so the answer is there before a run. What the
// program decides as it runs counts as the largest that it may be.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include <deque>

namespace rlx {
#define GEN_PASS_DEF_MEMORYFUNCTIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
/// A function as one call of it runs: values of its body in those of the
/// function of memory.
struct CallScope {
  /// What arguments are where the call is; null for the function itself.
  CallScope *caller = nullptr;
  llvm::DenseMap<Value, Value> arguments;
  /// Null for what depends on more than sizes.
  llvm::DenseMap<Value, Value> known;
  /// Bytes of buffers that are allocated and not freed yet.
  llvm::DenseMap<Value, Value> bytes;
};

class MemoryCounter {
public:
  MemoryCounter(ImplicitLocOpBuilder &b, SymbolTable &symbols, Value threads)
      : b(b), symbols(symbols), threads(threads), live(index(0)), most(live) {}

  /// False where a size depends on more than sizes.
  bool count(func::FuncOp function, ValueRange arguments);
  Value result() const { return most; }

private:
  bool countBlocks(CallScope &scope, Region &region);
  bool count(CallScope &scope, Operation &op);
  bool allocate(CallScope &scope, memref::AllocOp op);
  void free(CallScope &scope, Value buffer);
  bool countBranches(CallScope &scope, Operation &op);
  bool countLoop(CallScope &scope, Operation &op);
  bool countThreads(CallScope &scope, scf::ForallOp loop);
  bool countCall(CallScope &scope, func::CallOp call);
  bool allocates(Operation *op);

  Value value(CallScope &scope, Value number);
  Value compute(CallScope &scope, Value number);
  Value value(CallScope &scope, OpFoldResult number);
  Value size(CallScope &scope, Value buffer, int64_t dimension);

  Value index(int64_t number) {
    return arith::ConstantIndexOp::create(b, number);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value subtract(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value multiply(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value larger(Value x, Value y) { return arith::MaxSIOp::create(b, x, y); }

  ImplicitLocOpBuilder &b;
  SymbolTable &symbols;
  Value threads;
  /// Bytes that are allocated now, and were at most so far.
  Value live, most;
  std::deque<CallScope> scopes;
  llvm::DenseMap<Operation *, bool> allocating;
};
} // namespace

//===----------------------------------------------------------------------===//
// Numbers before a run
//===----------------------------------------------------------------------===//

Value MemoryCounter::value(CallScope &scope, OpFoldResult number) {
  if (std::optional<int64_t> constant = getConstantIntValue(number))
    return index(*constant);
  return value(scope, cast<Value>(number));
}

/// `number` in the function of memory, or null.
Value MemoryCounter::value(CallScope &scope, Value number) {
  if (auto found = scope.known.find(number); found != scope.known.end())
    return found->second;
  Value result = compute(scope, number);
  scope.known[number] = result;
  return result;
}

Value MemoryCounter::compute(CallScope &scope, Value number) {
  if (isa<BlockArgument>(number)) {
    Value given = scope.arguments.lookup(number);
    return !given         ? nullptr
           : scope.caller ? value(*scope.caller, given)
                          : given;
  }
  Operation *op = number.getDefiningOp();
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> dimension = dim.getConstantIndex();
    return dimension ? size(scope, dim.getSource(), *dimension) : nullptr;
  }
  auto isNumber = [](Type type) { return type.isIntOrIndexOrFloat(); };
  SmallVector<Value> operands;
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    // What the caller gives, and nobody writes.
    auto argument = dyn_cast<BlockArgument>(load.getMemRef());
    auto function =
        argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp())
                 : nullptr;
    if (!function || scope.caller)
      return nullptr;
    for (StringRef name :
         {"bufferize.result", "rlx.state", "rlx.weight", "rlx.packed"})
      if (function.getArgAttr(argument.getArgNumber(), name))
        return nullptr;
    operands.push_back(scope.arguments.lookup(argument));
    for (Value position : load.getIndices())
      operands.push_back(value(scope, position));
  } else {
    if (op->getNumRegions() != 0 || op->getNumResults() != 1 ||
        !isMemoryEffectFree(op) || !isNumber(number.getType()) ||
        !llvm::all_of(op->getOperandTypes(), isNumber))
      return nullptr;
    for (Value operand : op->getOperands())
      operands.push_back(value(scope, operand));
  }
  if (llvm::is_contained(operands, Value()))
    return nullptr;
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  return b.clone(*op, mapping)->getResult(0);
}

Value MemoryCounter::size(CallScope &scope, Value buffer, int64_t dimension) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dimension))
    return index(type.getDimSize(dimension));
  if (isa<BlockArgument>(buffer)) {
    Value given = scope.arguments.lookup(buffer);
    if (!given)
      return nullptr;
    if (scope.caller)
      return size(*scope.caller, given, dimension);
    return memref::DimOp::create(b, given, dimension);
  }
  Operation *op = buffer.getDefiningOp();
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return value(scope,
                 alloc.getDynamicSizes()[type.getDynamicDimIndex(dimension)]);
  if (auto cast = dyn_cast<memref::CastOp>(op))
    return isa<MemRefType>(cast.getSource().getType())
               ? size(scope, cast.getSource(), dimension)
               : nullptr;
  if (auto view = dyn_cast<memref::SubViewOp>(op)) {
    llvm::SmallBitVector dropped = view.getDroppedDims();
    for (auto [i, given] : llvm::enumerate(view.getMixedSizes()))
      if (!dropped.test(i) && dimension-- == 0)
        return value(scope, given);
    return nullptr;
  }
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(op))
    return value(scope, expand.getMixedOutputShape()[dimension]);
  if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
    Value product;
    for (int64_t i : collapse.getReassociationIndices()[dimension]) {
      Value each = size(scope, collapse.getSrc(), i);
      if (!each)
        return nullptr;
      product = product ? multiply(product, each) : each;
    }
    return product;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// What is allocated
//===----------------------------------------------------------------------===//

/// Whether `op` or what is in it changes how much is allocated.
bool MemoryCounter::allocates(Operation *op) {
  auto [found, isNew] = allocating.try_emplace(op, false);
  if (!isNew)
    return found->second;
  bool result = isa<memref::AllocOp, memref::DeallocOp, func::CallOp>(op);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block)
        result |= allocates(&inner);
  return allocating[op] = result;
}

bool MemoryCounter::allocate(CallScope &scope, memref::AllocOp op) {
  MemRefType type = op.getType();
  // As the runtime takes it: whole lines of the cache, one of them in front.
  constexpr int64_t line = 64;
  Type element = type.getElementType();
  int64_t each = 1;
  if (auto vector = dyn_cast<VectorType>(element)) {
    each = vector.getNumElements();
    element = vector.getElementType();
  }
  constexpr int64_t byte = 8;
  each *= element.isIndex()
              ? int64_t(sizeof(int64_t))
              : llvm::divideCeil(element.getIntOrFloatBitWidth(), byte);
  Value bytes = index(each);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    Value count = size(scope, op, i);
    if (!count)
      return false;
    bytes = multiply(bytes, count);
  }
  Value lines =
      arith::DivUIOp::create(b, add(bytes, index(2 * line - 1)), index(line));
  bytes = multiply(lines, index(line));
  scope.bytes[op.getResult()] = bytes;
  live = add(live, bytes);
  most = larger(most, live);
  return true;
}

void MemoryCounter::free(CallScope &scope, Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  auto found = scope.bytes.find(buffer);
  // What is freed under another name counts to the end.
  if (found == scope.bytes.end())
    return;
  live = subtract(live, found->second);
  scope.bytes.erase(found);
}

bool MemoryCounter::countBranches(CallScope &scope, Operation &op) {
  Value before = live, after = live;
  llvm::DenseMap<Value, Value> bytes = scope.bytes;
  for (Region &region : op.getRegions()) {
    live = before;
    scope.bytes = bytes;
    if (!countBlocks(scope, region))
      return false;
    after = larger(after, live);
  }
  scope.bytes = bytes;
  live = after;
  return true;
}

bool MemoryCounter::countLoop(CallScope &scope, Operation &op) {
  Value before = live, mostBefore = most;
  most = live;
  for (Region &region : op.getRegions())
    if (!countBlocks(scope, region))
      return false;
  // What an iteration hands to the next one is there while that runs.
  Value kept = larger(subtract(live, before), index(0));
  most = larger(mostBefore, add(most, kept));
  return true;
}

bool MemoryCounter::countThreads(CallScope &scope, scf::ForallOp loop) {
  Value before = live, mostBefore = most;
  live = most = index(0);
  if (!countBlocks(scope, loop.getRegion()))
    return false;
  Value each = most;
  Value running = threads;
  if (loop.getRank() == 1 && loop.isNormalized())
    if (Value count = value(scope, loop.getMixedUpperBound().front()))
      running = arith::MinSIOp::create(b, running, count);
  live = before;
  most = larger(mostBefore, add(before, multiply(each, running)));
  return true;
}

bool MemoryCounter::countCall(CallScope &scope, func::CallOp call) {
  auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
  if (!callee || callee.isExternal())
    return true;
  CallScope &inner = scopes.emplace_back();
  inner.caller = &scope;
  for (auto [argument, given] :
       llvm::zip(callee.getArguments(), call.getOperands()))
    inner.arguments[argument] = given;
  return countBlocks(inner, callee.getBody());
}

bool MemoryCounter::count(CallScope &scope, Operation &op) {
  if (!allocates(&op))
    return true;
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return allocate(scope, alloc);
  if (auto dealloc = dyn_cast<memref::DeallocOp>(op)) {
    free(scope, dealloc.getMemref());
    return true;
  }
  if (auto call = dyn_cast<func::CallOp>(op))
    return countCall(scope, call);
  if (auto loop = dyn_cast<scf::ForallOp>(op))
    return countThreads(scope, loop);
  if (isa<scf::IfOp, scf::IndexSwitchOp>(op))
    return countBranches(scope, op);
  return countLoop(scope, op);
}

bool MemoryCounter::countBlocks(CallScope &scope, Region &region) {
  for (Block &block : region)
    for (Operation &op : block)
      if (!count(scope, op))
        return false;
  return true;
}

bool MemoryCounter::count(func::FuncOp function, ValueRange arguments) {
  CallScope &scope = scopes.emplace_back();
  for (auto [argument, given] : llvm::zip(function.getArguments(), arguments))
    scope.arguments[argument] = given;
  return countBlocks(scope, function.getBody());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct MemoryFunctionsPass
    : rlx::impl::MemoryFunctionsPassBase<MemoryFunctionsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (function->removeAttr("rlx.memory") && !function.isExternal())
        addMemoryFunction(function, symbols);
  }

  void addMemoryFunction(func::FuncOp function, SymbolTable &symbols) {
    ImplicitLocOpBuilder b(function.getLoc(), function);
    b.setInsertionPointAfter(function);
    SmallVector<Type> types(function.getArgumentTypes());
    types.push_back(MemRefType::get({1}, b.getI64Type()));
    auto memory =
        func::FuncOp::create(b, (function.getName() + ".memory").str(),
                             b.getFunctionType(types, {}));
    Block *entry = memory.addEntryBlock();
    b.setInsertionPointToStart(entry);
    Value number = entry->getArguments().back();
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value threads = arith::IndexCastOp::create(
        b, b.getIndexType(), memref::LoadOp::create(b, number, zero));
    MemoryCounter counter(b, symbols, threads);
    bool isKnown = counter.count(function, entry->getArguments().drop_back());
    Value bytes = isKnown ? counter.result()
                          : arith::ConstantIndexOp::create(b, -1).getResult();
    bytes = arith::IndexCastOp::create(b, b.getI64Type(), bytes);
    memref::StoreOp::create(b, bytes, number, zero);
    func::ReturnOp::create(b);
  }
};
} // namespace
