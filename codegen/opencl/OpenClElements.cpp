//===- OpenClElements.cpp - Several results, elements of vectors ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClFunction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

void OpenClFunction::printTwoResults(Operation *op) {
  SmallVector<Expression> x = operands(op);
  std::optional<ClType> type = ClType::of(op->getOperand(0).getType());
  if (!type || (type->isBool() && isa<arith::ArithDialect>(op->getDialect())))
    return fail(op, "it has no form for operands of this type");
  auto set = [&](unsigned i, Expression expression) {
    if (!op->getResult(i).use_empty())
      define(op, op->getResult(i), std::move(expression));
  };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](arith::AddUIExtendedOp) {
        // The carry asks for the sum, which therefore gets a name.
        declareVariable(op->getResult(0),
                        arithmetic.wrapping(*type, x[0], "+", x[1]));
        set(1, arithmetic.carryOf(*type, use(op->getResult(0)), x[0]));
      })
      .Case<arith::MulUIExtendedOp, arith::MulSIExtendedOp>([&](auto) {
        set(0, arithmetic.wrapping(*type, x[0], "*", x[1]));
        set(1, arithmetic.highProduct(*type, x[0], x[1],
                                      isa<arith::MulUIExtendedOp>(op)));
      })
      .Case([&](math::SincosOp) {
        set(0, call("sin", x));
        set(1, call("cos", x));
      })
      .Case([&](vector::ToElementsOp) {
        for (unsigned i : llvm::seq(0u, op->getNumResults()))
          set(i, type->isVector() ? OpenClArithmetic::fromElement(
                                        *type, elements(x[0], *type, i))
                                  : x[0]);
      })
      .Case([&](vector::DeinterleaveOp) {
        for (unsigned side : {0u, 1u}) {
          SmallVector<int64_t> positions;
          for (unsigned i = side; i < type->count; i += 2)
            positions.push_back(i);
          Expression half = elements(x[0], *type, positions);
          set(side, type->count == 2
                        ? OpenClArithmetic::fromElement(*type, half)
                        : half);
        }
      });
}

/// `((float *)&v)[i]`
static Expression dynamicElement(ClType type, llvm::StringRef variable,
                                 const Expression &index) {
  std::string element = type.isBool() ? "int" : type.element().name();
  return subscript(Expression("((" + element + " *)&" + variable.str() + ")"),
                   index);
}

void OpenClFunction::printDynamicExtract(vector::ExtractOp op) {
  ClType type = *ClType::of(op.getSource().getType());
  Value position = op.getDynamicPosition()[0];
  if (!type.isVector())
    return define(op, op.getResult(), use(op.getSource()));
  Expression vector = atom(op.getSource());
  if (!vector.isAtom()) { // A constant, which has no address.
    std::string name = names.freshValue();
    line(type.name() + " " + name + " = " + vector.text + ";");
    vector = Expression(name);
  }
  Expression index = use(position);
  Expression element = OpenClArithmetic::fromElement(
      type, dynamicElement(type, vector.text, index));
  element.readsMemory = index.readsMemory;
  define(op, op.getResult(), std::move(element));
}

void OpenClFunction::printInsert(Operation *op, Value vector, Value part,
                                 ArrayRef<int64_t> positions, Value dynamic) {
  Value result = op->getResult(0);
  std::optional<ClType> type = ClType::of(result.getType());
  std::optional<ClType> partType = ClType::of(part.getType());
  if (!type || !partType)
    return fail(op, "expected vectors of one dimension");
  if (!type->isVector() || *type == *partType)
    return define(op, result, use(part));
  Expression value = use(part);
  if (!partType->isVector())
    value = OpenClArithmetic::toElement(*type, value);
  Expression index = dynamic ? use(dynamic) : Expression();
  // The variable of a vector that is not needed any more can be changed.
  bool inPlace = owners.contains(vector) && vector.hasOneUse() &&
                 vector.getParentBlock() == op->getBlock() &&
                 !isa<BlockArgument>(vector);
  Expression before = use(vector);
  comment(op->getLoc());
  std::string name = before.text;
  if (!inPlace) {
    name = nameFor(result);
    line(typeName(result) + " " + name + " = " + before.text + ";");
  }
  Expression target = dynamic ? dynamicElement(*type, name, index)
                              : elements(Expression(name), *type, positions);
  line(target.text + " = " + value.text + ";");
  values[result] = Expression(name);
  owners.insert(result);
}
