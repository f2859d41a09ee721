//===- OpenClStatements.cpp - Ops as statements ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClFunction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

void OpenClFunction::printBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (hasFailed())
      return;
    printOp(&op);
  }
}

void OpenClFunction::printOp(Operation *op) {
  if (isOpTriviallyDead(op))
    return;
  // Memory has names, but no variables.
  bool isControlFlow = isa<scf::SCFDialect>(op->getDialect());
  auto check = [&](Value value, llvm::StringRef what) {
    Type type = value.getType();
    bool isArray =
        isa<MemRefType>(type) && !isControlFlow && !isa<CallOpInterface>(op);
    if (isArray || ClType::of(type))
      return;
    std::string text;
    llvm::raw_string_ostream(text) << type;
    fail(op,
         "OpenCL C 1.2 has no variables for its " + what + ", of type " + text);
  };
  for (Value result : op->getResults())
    check(result, "result");
  if (isControlFlow)
    for (Value operand : op->getOperands())
      check(operand, "operand");
  if (hasFailed())
    return;
  ranges.infer(op);
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](arith::ConstantOp op) { printConstant(op); })
      .Case<gpu::ThreadIdOp, gpu::BlockIdOp, gpu::BlockDimOp, gpu::GridDimOp,
            gpu::GlobalIdOp>([&](auto op) { printIndexOp(op); })
      .Case([&](gpu::SubgroupIdOp op) {
        printSubgroupIndex(op, "get_sub_group_id");
      })
      .Case([&](gpu::LaneIdOp op) {
        printSubgroupIndex(op, "get_sub_group_local_id");
      })
      .Case([&](gpu::ShuffleOp op) { printShuffle(op); })
      .Case([&](gpu::SubgroupReduceOp op) { printSubgroupReduce(op); })
      .Case([&](gpu::BarrierOp op) {
        declareMemoryReads();
        comment(op.getLoc());
        line("barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);");
      })
      .Case<memref::LoadOp>(
          [&](auto op) { printLoad(op, op.getMemRef(), op.getIndices()); })
      .Case<vector::LoadOp>(
          [&](auto op) { printLoad(op, op.getBase(), op.getIndices()); })
      .Case<memref::StoreOp>([&](auto op) {
        printStore(op, op.getValueToStore(), op.getMemRef(), op.getIndices());
      })
      .Case<vector::StoreOp>([&](auto op) {
        printStore(op, op.getValueToStore(), op.getBase(), op.getIndices());
      })
      .Case([&](memref::AtomicRMWOp op) { printAtomic(op); })
      .Case<memref::AllocaOp>(
          [&](auto op) { printArray(op, op.getResult(), "", ""); })
      .Case([&](memref::DimOp op) {
        auto type = dyn_cast<MemRefType>(op.getSource().getType());
        std::optional<int64_t> index = op.getConstantIndex();
        if (!type || !index || *index >= type.getRank() ||
            type.isDynamicDim(*index))
          return fail(op, "expected a static dimension; pass dynamic ones as "
                          "arguments");
        values[op] = Expression(std::to_string(type.getDimSize(*index)));
      })
      .Case([&](memref::GetGlobalOp op) {
        auto symbol = program.symbols.find(op.getName());
        if (symbol == program.symbols.end())
          return fail(op, "expected a constant of this gpu.module");
        values[op] = Expression(symbol->second);
      })
      .Case([&](memref::AssumeAlignmentOp op) {
        values[op] = use(op.getMemref());
      })
      .Case([&](scf::ForOp op) { printFor(op); })
      .Case([&](scf::IfOp op) { printIf(op); })
      .Case([&](scf::WhileOp op) { printWhile(op); })
      .Case([&](scf::IndexSwitchOp op) { printSwitch(op); })
      .Case<arith::AddUIExtendedOp, arith::MulUIExtendedOp,
            arith::MulSIExtendedOp, math::SincosOp, vector::ToElementsOp,
            vector::DeinterleaveOp>([&](auto op) { printTwoResults(op); })
      .Case([&](vector::ExtractOp op) {
        if (op.hasDynamicPosition())
          return printDynamicExtract(op);
        printExpression(op);
      })
      .Case([&](vector::InsertOp op) {
        auto position = op.getStaticPosition();
        printInsert(op, op.getDest(), op.getValueToStore(),
                    op.hasDynamicPosition() ? ArrayRef<int64_t>() : position,
                    op.hasDynamicPosition() ? op.getDynamicPosition()[0]
                                            : Value());
      })
      .Case([&](vector::InsertStridedSliceOp op) {
        int64_t offset = cast<IntegerAttr>(op.getOffsets()[0]).getInt();
        int64_t size = op.getSourceVectorType().getNumElements();
        printInsert(op, op.getDest(), op.getValueToStore(),
                    llvm::to_vector(llvm::seq(offset, offset + size)), Value());
      })
      .Case<func::CallOp>([&](auto op) { printCall(op, op.getCallee()); })
      .Default([&](Operation *op) { printExpression(op); });
}

void OpenClFunction::printExpression(Operation *op) {
  auto hasType = [](Value value) { return bool(ClType::of(value.getType())); };
  if (!isPure(op) && !isa<arith::ArithDialect>(op->getDialect()))
    return fail(op, "it is not one of the ops that can be printed");
  if (op->getNumResults() != 1 || op->getNumRegions() ||
      !hasType(op->getResult(0)) || !llvm::all_of(op->getOperands(), hasType))
    return fail(op, "it is not one of the ops that can be printed");
  // A half that only becomes a float, or was one, needs no type of its own.
  if (auto narrowed = dyn_cast<arith::TruncFOp>(op);
      narrowed && op->hasOneUse() && !narrowed.getRoundingmode() &&
      getElementTypeOrSelf(op->getOperand(0)).isF32()) {
    Operation *user = *op->user_begin();
    auto isStoredIn = [&](Value memref) {
      return user->getOperand(0) == op->getResult(0) &&
             cast<MemRefType>(memref.getType()).getElementType().isF16();
    };
    bool isStored = false;
    if (auto store = dyn_cast<memref::StoreOp>(user))
      isStored = isStoredIn(store.getMemRef());
    else if (auto store = dyn_cast<vector::StoreOp>(user))
      isStored = isStoredIn(store.getBase());
    if (isStored) {
      Expression wide = use(op->getOperand(0));
      wide.isWidenedHalf = true;
      values[op->getResult(0)] = std::move(wide);
      pending.insert(op->getResult(0));
      return;
    }
  }
  SmallVector<Expression> expressions = operands(op);
  std::optional<Expression> result = arithmetic.print(op, expressions);
  if (!result) {
    std::string types;
    llvm::raw_string_ostream stream(types);
    llvm::interleaveComma(op->getOperandTypes(), stream);
    return fail(op, "it has no form for operands of type " + types);
  }
  for (const Expression &operand : expressions)
    result->readsMemory |= operand.readsMemory;
  if (ClType type = *ClType::of(op->getResult(0).getType()); !type.isBool())
    program.helpers.useType(type);
  define(op, op->getResult(0), std::move(*result));
}

void OpenClFunction::printConstant(arith::ConstantOp op) {
  std::optional<Expression> literal = arithmetic.constant(op.getValue());
  if (!literal)
    return fail(op, "expected numbers whose type OpenCL C has, or an index of "
                    "at most 31 bits");
  // Numbers are repeated wherever they are used.
  if (!ClType::of(op.getType())->isVector())
    values[op] = std::move(*literal);
  else
    define(op, op, std::move(*literal));
}

void OpenClFunction::printIndexOp(Operation *op) {
  std::pair<llvm::StringRef, gpu::Dimension> query =
      llvm::TypeSwitch<Operation *, decltype(query)>(op)
          .Case([](gpu::ThreadIdOp op) {
            return std::pair(llvm::StringRef("get_local_id"),
                             op.getDimension());
          })
          .Case([](gpu::BlockIdOp op) {
            return std::pair(llvm::StringRef("get_group_id"),
                             op.getDimension());
          })
          .Case([](gpu::BlockDimOp op) {
            return std::pair(llvm::StringRef("get_local_size"),
                             op.getDimension());
          })
          .Case([](gpu::GridDimOp op) {
            return std::pair(llvm::StringRef("get_num_groups"),
                             op.getDimension());
          })
          .Case([](gpu::GlobalIdOp op) {
            return std::pair(llvm::StringRef("get_global_id"),
                             op.getDimension());
          });
  Expression index(std::to_string(unsigned(query.second)));
  define(op, op->getResult(0), opencl::cast("int", call(query.first, index)));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Expression OpenClFunction::elementAt(Value memref, ValueRange indices) {
  Expression element = use(memref);
  if (indices.empty())
    return subscript(element, Expression("0"));
  bool readsMemory = false;
  for (Value index : indices) {
    Expression printed = use(index);
    readsMemory |= printed.readsMemory;
    element = subscript(element, printed);
  }
  element.readsMemory = readsMemory;
  return element;
}

Expression OpenClFunction::addressOf(Value memref, ValueRange indices) {
  if (indices.size() > 1) {
    Expression element = elementAt(memref, indices);
    Expression address = prefix("&", element);
    address.readsMemory = element.readsMemory;
    return address;
  }
  Expression base = use(memref);
  if (indices.empty())
    return base;
  Expression index = use(indices[0]);
  if (index.text == "0")
    return base;
  // Adding to a pointer is associative.
  Expression address(base.text + " + " + atLeast(index, Precedence::additive),
                     Precedence::additive);
  address.left = base.text;
  address.oper = "+";
  address.right = index.text;
  address.readsMemory = index.readsMemory;
  return address;
}

/// Whether a vector is loaded from or stored to memory of its elements.
static bool spansElements(Type value, Value memref) {
  return value != cast<MemRefType>(memref.getType()).getElementType() &&
         ClType::of(value)->isVector();
}

void OpenClFunction::printLoad(Operation *op, Value memref,
                               ValueRange indices) {
  Value result = op->getResult(0);
  ClType type = *ClType::of(result.getType());
  bool isSpan = spansElements(result.getType(), memref);
  if (type.isBool() && type.isVector())
    return fail(op, "vectors of i1 cannot be loaded");
  bool isWidened = type.isFloat() && type.bits == 16 &&
                   (isSpan || !type.isVector()) &&
                   llvm::all_of(op->getUsers(), [](Operation *user) {
                     return isa<arith::ExtFOp>(user) &&
                            getElementTypeOrSelf(user->getResult(0)).isF32();
                   });
  Expression loaded;
  if (isSpan || isWidened) {
    std::string count = type.isVector() ? std::to_string(type.count) : "";
    Expression address = addressOf(memref, indices);
    // vload_half converts; a scalar's index is counted in halves anyway.
    loaded = call((isWidened ? "vload_half" : "vload") + count,
                  {Expression("0"), address});
    if (isWidened && !type.isVector() && address.oper == "+")
      loaded = call("vload_half",
                    {Expression(address.right), Expression(address.left)});
  } else {
    loaded = elementAt(memref, indices);
    if (type.isBool())
      loaded = binary(loaded, "!=", Expression("0"));
    program.helpers.useType(type);
  }
  loaded.readsMemory = true;
  loaded.isWidenedHalf = isWidened;
  define(op, result, std::move(loaded));
}

void OpenClFunction::printStore(Operation *op, Value stored, Value memref,
                                ValueRange indices) {
  ClType type = *ClType::of(stored.getType());
  if (type.isBool() && type.isVector())
    return fail(op, "vectors of i1 cannot be stored");
  Expression value = use(stored);
  bool isSpan = spansElements(stored.getType(), memref);
  std::string statement;
  if (isSpan || value.isWidenedHalf) {
    std::string function = value.isWidenedHalf ? "vstore_half" : "vstore";
    if (type.isVector())
      function += std::to_string(type.count);
    if (value.isWidenedHalf)
      function += "_rte";
    statement =
        call(function, {value, Expression("0"), addressOf(memref, indices)})
            .text;
  } else {
    std::string element = elementAt(memref, indices).text;
    statement = value.left == element && !value.oper.empty()
                    ? element + " " + value.oper + "= " + value.right
                    : element + " = " + value.text;
  }
  declareMemoryReads();
  comment(op->getLoc());
  line(statement + ";");
}

void OpenClFunction::printAtomic(memref::AtomicRMWOp op) {
  ClType type = *ClType::of(op.getType());
  struct Atomic {
    llvm::StringRef function;
    bool isUnsigned = false;
  };
  auto atomic = [&]() -> Atomic {
    bool isInteger = type.kind == ClType::integer && type.bits == 32;
    using Kind = arith::AtomicRMWKind;
    switch (op.getKind()) {
    case Kind::addi:
      return {isInteger ? "atomic_add" : ""};
    case Kind::andi:
      return {isInteger ? "atomic_and" : ""};
    case Kind::ori:
      return {isInteger ? "atomic_or" : ""};
    case Kind::xori:
      return {isInteger ? "atomic_xor" : ""};
    case Kind::maxs:
      return {isInteger ? "atomic_max" : ""};
    case Kind::mins:
      return {isInteger ? "atomic_min" : ""};
    case Kind::maxu:
      return {isInteger ? "atomic_max" : "", true};
    case Kind::minu:
      return {isInteger ? "atomic_min" : "", true};
    case Kind::assign:
      return {type.bits == 32 && !type.isVector() ? "atomic_xchg" : ""};
    default:
      return {};
    }
  }();
  if (atomic.function.empty())
    return fail(op, "OpenCL C 1.2 has no such atomic operation on this type");
  Expression address = prefix("&", elementAt(op.getMemref(), op.getIndices()));
  Expression value = use(op.getValue());
  if (atomic.isUnsigned) {
    auto space = dyn_cast_or_null<gpu::AddressSpaceAttr>(
        op.getMemRefType().getMemorySpace());
    bool isLocal = space && space.getValue() == gpu::AddressSpace::Workgroup;
    address = opencl::cast(isLocal ? "volatile __local uint *"
                                   : "volatile __global uint *",
                           address);
    value = toUnsigned(type, value);
  }
  Expression result = call(atomic.function, {address, value});
  if (atomic.isUnsigned)
    result = fromUnsigned(type, result);
  declareMemoryReads();
  if (!op->use_empty())
    return declareVariable(op, result);
  comment(op.getLoc());
  line(call(atomic.function, {address, value}).text + ";");
}

void OpenClFunction::printArray(Operation *op, Value memref,
                                llvm::StringRef qualifier,
                                llvm::StringRef given) {
  auto type = cast<MemRefType>(memref.getType());
  std::optional<ClType> element = ClType::of(type.getElementType());
  if (!element || !type.hasStaticShape() || type.getRank() > 2 ||
      !type.getLayout().isIdentity() ||
      (element->isBool() && element->isVector()))
    return fail(op, "expected an array of numbers of static shape and at most "
                    "two dimensions");
  std::string name = given.empty() ? nameFor(memref) : names.fresh(given);
  std::string shape = type.getRank() ? "" : "[1]";
  for (int64_t size : type.getShape())
    shape += "[" + std::to_string(size) + "]";
  line(qualifier.str() + element->memoryName() + " " + name + shape + ";");
  program.helpers.useType(*element);
  values[memref] = Expression(name);
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

void OpenClFunction::printCall(Operation *op, llvm::StringRef callee) {
  auto symbol = program.symbols.find(callee);
  if (symbol == program.symbols.end() || op->getNumResults() > 1)
    return fail(op, "expected a function of this gpu.module with at most one "
                    "result");
  Expression result = call(symbol->second, operands(op));
  declareMemoryReads();
  if (op->getNumResults() && !op->use_empty())
    return declareVariable(op->getResult(0), result);
  comment(op->getLoc());
  line(result.text + ";");
}

void OpenClFunction::printReturn(Operation *op) {
  if (op->getNumOperands() > 1)
    return fail(op, "expected at most one result");
  if (op->getNumOperands())
    line("return " + use(op->getOperand(0)).text + ";");
}
