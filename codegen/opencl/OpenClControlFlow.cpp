//===- OpenClControlFlow.cpp - Loops and branches -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClFunction.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

/// The longest expression that a loop compares its variable with.
static constexpr size_t maxBound = 24;

SmallVector<std::string> OpenClFunction::declareResults(Operation *op) {
  SmallVector<std::string> variables;
  auto loop = dyn_cast<scf::ForOp>(op->getParentOp());
  for (OpResult result : op->getResults()) {
    // The variable that the surrounding loop carries on, where only this op
    // asks for its value and gives it a new one.
    if (loop && result.hasOneUse()) {
      OpOperand &next = *result.use_begin();
      if (isa<scf::YieldOp>(next.getOwner()) &&
          next.getOwner()->getParentOp() == loop) {
        BlockArgument carried = loop.getRegionIterArg(next.getOperandNumber());
        bool isOnlyUser =
            llvm::all_of(carried.getUsers(), [&](Operation *user) {
              return op->isProperAncestor(user);
            });
        std::string variable = values[carried].text;
        if (isOnlyUser && !llvm::is_contained(variables, variable)) {
          variables.push_back(variable);
          continue;
        }
      }
    }
    variables.push_back(nameFor(result));
    line(typeName(result) + " " + variables.back() + ";");
  }
  return variables;
}

void OpenClFunction::nameResults(Operation *op,
                                 ArrayRef<std::string> variables) {
  for (auto [result, variable] : llvm::zip(op->getResults(), variables)) {
    values[result] = Expression(variable);
    owners.insert(result);
  }
}

std::string OpenClFunction::startVariable(Operation *op, Value initial,
                                          Value variable, Value result) {
  Expression start = use(initial);
  if (owners.contains(initial) && initial.hasOneUse() && start.isAtom() &&
      initial.getParentBlock() == op->getBlock()) {
    values[variable] = start;
    owners.insert(variable);
    return start.text;
  }
  std::string name = nameFor(variable, "?");
  if (name == "?")
    name = nameFor(result);
  line(typeName(variable) + " " + name + " = " + start.text + ";");
  values[variable] = Expression(name);
  owners.insert(variable);
  return name;
}

void OpenClFunction::assign(ArrayRef<std::string> targets, ValueRange sources) {
  SmallVector<Expression> next;
  for (Value source : sources)
    next.push_back(use(source));
  // All at once: a source that reads a target set before it is kept first.
  for (size_t i = 0; i < next.size(); ++i)
    for (size_t before = 0; before < i; ++before)
      if (next[before].text != targets[before] &&
          next[i].mentions(targets[before])) {
        std::string kept = names.freshValue();
        line(typeName(sources[i]) + " " + kept + " = " + next[i].text + ";");
        next[i] = Expression(kept);
        break;
      }
  for (auto [target, source] : llvm::zip(targets, next)) {
    if (source.text == target)
      continue;
    if (source.left == target && !source.oper.empty())
      line(target + " " + source.oper + "= " + source.right + ";");
    else
      line(target + " = " + source.text + ";");
  }
}

void OpenClFunction::printFor(scf::ForOp op) {
  declareUsedIn(op);
  Expression lower = use(op.getLowerBound());
  // Evaluated again and again.
  const Expression &bound = values[op.getUpperBound()];
  bool isSimple = !bound.readsMemory && bound.text.size() <= maxBound;
  Expression upper =
      isSimple ? use(op.getUpperBound()) : atom(op.getUpperBound());
  Expression step = atom(op.getStep());
  declareMemoryReads();
  comment(op.getLoc());
  SmallVector<std::string> carried;
  for (auto [initial, variable, result] :
       llvm::zip(op.getInitArgs(), op.getRegionIterArgs(), op.getResults()))
    carried.push_back(startVariable(op, initial, variable, result));
  ranges.inferLoop(op);

  Value variable = op.getInductionVar();
  ClType type = *ClType::of(variable.getType());
  std::string i = nameFor(variable, "i" + std::to_string(loopDepth++));
  values[variable] = Expression(i);
  Expression condition = op.getUnsignedCmp()
                             ? binary(toUnsigned(type, Expression(i)), "<",
                                      toUnsigned(type, upper))
                             : binary(Expression(i), "<", upper);
  std::string next = step.text == "1" ? "++" + i : i + " += " + step.text;
  openBlock("for (" + type.name() + " " + i + " = " + lower.text + "; " +
            condition.text + "; " + next + ")");
  printBlock(*op.getBody());
  assign(carried, op.getBody()->getTerminator()->getOperands());
  closeBlock();
  --loopDepth;
  nameResults(op, carried);
}

void OpenClFunction::printIf(scf::IfOp op) {
  Expression condition = use(op.getCondition());
  declareMemoryReads();
  comment(op.getLoc());
  SmallVector<std::string> variables = declareResults(op);
  auto branch = [&](Block *block) {
    printBlock(*block);
    assign(variables, block->getTerminator()->getOperands());
  };
  openBlock("if (" + condition.text + ")");
  branch(op.thenBlock());
  if (Block *otherwise = op.elseBlock()) {
    // An empty one is not worth a line.
    size_t before = text.size();
    indent -= 2;
    openBlock("} else");
    size_t begin = text.size();
    branch(otherwise);
    if (text.size() == begin)
      text.resize(before);
  }
  closeBlock();
  nameResults(op, variables);
}

void OpenClFunction::printWhile(scf::WhileOp op) {
  declareUsedIn(op);
  declareMemoryReads();
  comment(op.getLoc());
  SmallVector<std::string> carried;
  for (auto [initial, variable] :
       llvm::zip(op.getInits(), op.getBeforeArguments()))
    carried.push_back(startVariable(op, initial, variable, variable));

  // What the condition hands on is often just what it was given.
  scf::ConditionOp condition = op.getConditionOp();
  SmallVector<std::string> handedOn;
  bool isSame = llvm::equal(condition.getArgs(), op.getBeforeArguments());
  if (isSame)
    handedOn = carried;
  else
    for (Value result : op.getResults()) {
      handedOn.push_back(nameFor(result));
      line(typeName(result) + " " + handedOn.back() + ";");
    }

  size_t before = text.size();
  openBlock("while (true)");
  size_t begin = text.size();
  printBlock(*op.getBeforeBody());
  Expression test = use(condition.getCondition());
  if (isSame && text.size() == begin) {
    text.resize(before);
    indent -= 2;
    openBlock("while (" + test.text + ")");
  } else {
    // The test reads what was there before the variables change.
    if (!isSame && !test.isAtom()) {
      std::string kept = names.freshValue();
      line("bool " + kept + " = " + test.text + ";");
      test = Expression(kept);
    }
    if (!isSame)
      assign(handedOn, condition.getArgs());
    line("if (" + prefix("!", test).text + ")");
    line("  break;");
  }
  for (auto [argument, variable] : llvm::zip(op.getAfterArguments(), handedOn))
    values[argument] = Expression(variable);
  printBlock(*op.getAfterBody());
  assign(carried, op.getYieldOp().getOperands());
  closeBlock();
  nameResults(op, handedOn);
}

void OpenClFunction::printSwitch(scf::IndexSwitchOp op) {
  Expression index = use(op.getArg());
  declareMemoryReads();
  comment(op.getLoc());
  SmallVector<std::string> variables = declareResults(op);
  openBlock("switch (" + index.text + ")");
  auto branch = [&](llvm::StringRef label, Block &block) {
    openBlock(label);
    printBlock(block);
    assign(variables, block.getTerminator()->getOperands());
    line("break;");
    closeBlock();
  };
  for (auto [value, region] : llvm::zip(op.getCases(), op.getCaseRegions()))
    branch("case " + std::to_string(value) + ":", region.front());
  branch("default:", op.getDefaultBlock());
  closeBlock();
  nameResults(op, variables);
}
