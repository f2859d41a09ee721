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

#include <compare>
#include <deque>
#include <map>
#include <set>

namespace rlx {
#define GEN_PASS_DEF_MEMORYFUNCTIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
/// So many bytes, and some times those that values say. The same ones are
/// equal, so that what the layers of a model have in common is computed once.
struct Amount {
  int64_t fixed = 0;
  std::map<size_t, int64_t> terms; ///< How often, by the value's number.

  void add(const Amount &other, int64_t times) {
    fixed += times * other.fixed;
    for (auto [value, count] : other.terms)
      if ((terms[value] += times * count) == 0)
        terms.erase(value);
  }
  bool operator==(const Amount &other) const = default;
  auto operator<=>(const Amount &other) const = default;
};

/// A function as one call of it runs: values of its body in those of the
/// function of memory.
struct CallScope {
  /// What arguments are where the call is; null for the function itself.
  CallScope *caller = nullptr;
  llvm::DenseMap<Value, Value> arguments;
  /// Null for what depends on more than sizes.
  llvm::DenseMap<Value, Value> known;
  /// Bytes of buffers that are allocated and not freed yet.
  llvm::DenseMap<Value, Amount> bytes;
};

class MemoryCounter {
public:
  MemoryCounter(ImplicitLocOpBuilder &b, SymbolTable &symbols, Value threads)
      : b(b), symbols(symbols), threads(threads) {}

  /// False where a size depends on more than sizes.
  bool count(func::FuncOp function, ValueRange arguments);
  Value result() { return valueOf(largest(most)); }

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

  /// What there is already, if `op` computes the same.
  Value once(Operation *op);
  template <typename OpT, typename... Args> Value make(Args... arguments) {
    return once(OpT::create(b, arguments...));
  }
  Value index(int64_t number) {
    Value &known = constants[number];
    return known
               ? known
               : known = arith::ConstantIndexOp::create(b, number).getResult();
  }
  Value multiply(Value x, Value y) { return make<arith::MulIOp>(x, y); }

  Amount amountOf(Value value) {
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      return {*constant, {}};
    auto [found, isNew] = numbers.try_emplace(value, values.size());
    if (isNew)
      values.push_back(value);
    return {0, {{found->second, 1}}};
  }
  Value valueOf(const Amount &amount);
  Amount largest(const std::set<Amount> &amounts);

  ImplicitLocOpBuilder &b;
  SymbolTable &symbols;
  Value threads;
  /// Bytes that are allocated now, and those that were so far.
  Amount live;
  std::set<Amount> most = {Amount()};
  std::map<int64_t, Value> constants;
  /// The values that amounts have, by their numbers.
  SmallVector<Value> values;
  llvm::DenseMap<Value, size_t> numbers;
  std::deque<CallScope> scopes;
  llvm::DenseMap<Operation *, bool> allocating;
};
} // namespace

//===----------------------------------------------------------------------===//
// Amounts
//===----------------------------------------------------------------------===//

Value MemoryCounter::once(Operation *op) {
  if (op->getNumOperands() > 0)
    for (Operation *other : op->getOperand(0).getUsers())
      if (other != op &&
          OperationEquivalence::isEquivalentTo(
              other, op, OperationEquivalence::IgnoreLocations)) {
        op->erase();
        return other->getResult(0);
      }
  return op->getResult(0);
}

Value MemoryCounter::valueOf(const Amount &amount) {
  Value sum = index(amount.fixed);
  for (auto [number, count] : amount.terms) {
    Value term = values[number];
    if (count != 1)
      term = multiply(term, index(count));
    sum = make<arith::AddIOp>(term, sum);
  }
  return sum;
}

Amount MemoryCounter::largest(const std::set<Amount> &amounts) {
  int64_t fixed = 0;
  Value result;
  for (const Amount &amount : amounts) {
    if (amount.terms.empty()) {
      fixed = std::max(fixed, amount.fixed);
      continue;
    }
    Value value = valueOf(amount);
    result = result ? make<arith::MaxSIOp>(result, value) : value;
  }
  if (!result)
    return {fixed, {}};
  return amountOf(fixed ? make<arith::MaxSIOp>(result, index(fixed)) : result);
}

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
  if (std::optional<int64_t> constant = getConstantIntValue(number);
      constant && number.getType().isIndex())
    return index(*constant);
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
  return once(b.clone(*op, mapping));
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
    return make<memref::DimOp>(given, index(dimension));
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
  SmallVector<Value> open;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    Value count = size(scope, op, i);
    if (!count)
      return false;
    if (std::optional<int64_t> known = getConstantIntValue(count))
      each *= *known;
    else
      open.push_back(count);
  }
  Amount bytes{(each + 2 * line - 1) / line * line, {}};
  if (!open.empty()) {
    Value product = open.front();
    for (Value count : ArrayRef(open).drop_front())
      product = multiply(product, count);
    product = make<arith::AddIOp>(multiply(product, index(each)),
                                  index(2 * line - 1));
    bytes = amountOf(
        multiply(make<arith::DivUIOp>(product, index(line)), index(line)));
  }
  scope.bytes[op.getResult()] = bytes;
  live.add(bytes, 1);
  most.insert(live);
  return true;
}

void MemoryCounter::free(CallScope &scope, Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  auto found = scope.bytes.find(buffer);
  // What is freed under another name counts to the end.
  if (found == scope.bytes.end())
    return;
  live.add(found->second, -1);
  scope.bytes.erase(found);
}

bool MemoryCounter::countBranches(CallScope &scope, Operation &op) {
  Amount before = live;
  std::set<Amount> after = {before};
  llvm::DenseMap<Value, Amount> bytes = scope.bytes;
  for (Region &region : op.getRegions()) {
    live = before;
    scope.bytes = bytes;
    if (!countBlocks(scope, region))
      return false;
    after.insert(live);
  }
  scope.bytes = bytes;
  live = after.size() == 1 ? before : largest(after);
  return true;
}

bool MemoryCounter::countLoop(CallScope &scope, Operation &op) {
  Amount before = live;
  std::set<Amount> mostBefore = {before};
  std::swap(most, mostBefore);
  for (Region &region : op.getRegions())
    if (!countBlocks(scope, region))
      return false;
  // What an iteration hands to the next one is there while that runs.
  Amount kept = live;
  kept.add(before, -1);
  bool isMore = kept.fixed >= 0 && llvm::all_of(kept.terms, [](auto term) {
                  return term.second > 0;
                });
  for (Amount each : most) {
    if (isMore)
      each.add(kept, 1);
    mostBefore.insert(each);
  }
  most = std::move(mostBefore);
  return true;
}

bool MemoryCounter::countThreads(CallScope &scope, scf::ForallOp loop) {
  Amount before = live;
  std::set<Amount> mostBefore = {Amount()};
  std::swap(most, mostBefore);
  live = Amount();
  if (!countBlocks(scope, loop.getRegion()))
    return false;
  Amount each = largest(most);
  Value running = threads;
  if (loop.getRank() == 1 && loop.isNormalized())
    if (Value count = value(scope, loop.getMixedUpperBound().front()))
      running = make<arith::MinSIOp>(running, count);
  live = before;
  most = std::move(mostBefore);
  if (each != Amount())
    before.add(amountOf(multiply(running, valueOf(each))), 1);
  most.insert(before);
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
