//===- OpenClExpression.cpp - Expressions of C, composed ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClExpression.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace rlx;
using namespace rlx::opencl;

static bool isIdentifierPart(char c) { return llvm::isAlnum(c) || c == '_'; }

bool Expression::isAtom() const {
  return isLiteral() || llvm::all_of(text, isIdentifierPart);
}

bool Expression::isLiteral() const {
  llvm::StringRef rest(text);
  rest.consume_front("-");
  return !rest.empty() && llvm::isDigit(rest[0]) &&
         rest.find_first_of(" ()[") == llvm::StringRef::npos;
}

bool Expression::mentions(llvm::StringRef identifier) const {
  for (size_t at = text.find(identifier); at != std::string::npos;
       at = text.find(identifier, at + 1)) {
    size_t end = at + identifier.size();
    if ((at == 0 || !isIdentifierPart(text[at - 1])) &&
        (end == text.size() || !isIdentifierPart(text[end])))
      return true;
  }
  return false;
}

std::string opencl::atLeast(const Expression &expression, Precedence least) {
  return expression.precedence < least ? "(" + expression.text + ")"
                                       : expression.text;
}

static Precedence precedenceOf(llvm::StringRef oper) {
  return llvm::StringSwitch<Precedence>(oper)
      .Case("||", Precedence::logicalOr)
      .Case("&&", Precedence::logicalAnd)
      .Case("|", Precedence::bitOr)
      .Case("^", Precedence::bitXor)
      .Case("&", Precedence::bitAnd)
      .Cases({"==", "!="}, Precedence::equality)
      .Cases({"<", "<=", ">", ">="}, Precedence::relational)
      .Cases({"<<", ">>"}, Precedence::shift)
      .Cases({"+", "-"}, Precedence::additive)
      .Default(Precedence::multiplicative);
}

/// Whether readers know the two operators' order without looking it up.
static bool isFamiliar(Precedence outer, Precedence inner) {
  auto isArithmetic = [](Precedence p) {
    return p == Precedence::additive || p == Precedence::multiplicative;
  };
  auto isComparison = [](Precedence p) {
    return p == Precedence::equality || p == Precedence::relational;
  };
  if (inner >= Precedence::unary || outer == inner)
    return true;
  if (isArithmetic(outer))
    return isArithmetic(inner);
  if (isComparison(outer))
    return isArithmetic(inner);
  if (outer == Precedence::logicalAnd || outer == Precedence::logicalOr)
    return isArithmetic(inner) || isComparison(inner);
  return false;
}

Expression opencl::binary(const Expression &left, llvm::StringRef oper,
                          const Expression &right) {
  // a + -1 is a - 1, and so for floats.
  if ((oper == "+" || oper == "-") && right.isLiteral() &&
      right.text[0] == '-') {
    Expression positive(right.text.substr(1));
    return binary(left, oper == "+" ? "-" : "+", positive);
  }
  Precedence precedence = precedenceOf(oper);
  auto side = [&](const Expression &operand, bool isLeft) {
    bool binds = isLeft ? operand.precedence >= precedence
                        : operand.precedence > precedence;
    return binds && isFamiliar(precedence, operand.precedence)
               ? operand.text
               : "(" + operand.text + ")";
  };
  Expression result(side(left, true) + " " + oper.str() + " " +
                        side(right, false),
                    precedence);
  result.left = left.text;
  result.oper = oper.str();
  result.right = right.text;
  return result;
}

Expression opencl::binary(ClType type, const Expression &left,
                          llvm::StringRef oper, const Expression &right) {
  if (type.isVector() && type.bits >= 32) {
    if (right.splat)
      return binary(left, oper, *right.splat);
    if (left.splat && precedenceOf(oper) != Precedence::shift)
      return binary(*left.splat, oper, right);
  }
  return binary(left, oper, right);
}

Expression opencl::prefix(llvm::StringRef oper, const Expression &operand) {
  std::string text = atLeast(operand, Precedence::unary);
  if (llvm::StringRef(text).starts_with(oper))
    text = "(" + text + ")";
  return Expression(oper.str() + text, Precedence::unary);
}

Expression opencl::cast(llvm::StringRef type, const Expression &operand) {
  return Expression("(" + type.str() + ")" +
                        atLeast(operand, Precedence::unary),
                    Precedence::unary);
}

static std::string joined(llvm::ArrayRef<Expression> expressions) {
  return llvm::join(
      llvm::map_range(expressions, [](const Expression &e) { return e.text; }),
      ", ");
}

Expression opencl::call(llvm::StringRef function,
                        llvm::ArrayRef<Expression> arguments) {
  return Expression(function.str() + "(" + joined(arguments) + ")");
}

Expression opencl::conditional(const Expression &condition,
                               const Expression &yes, const Expression &no) {
  auto operand = [](const Expression &e) {
    return e.precedence == Precedence::conditional ? "(" + e.text + ")"
                                                   : e.text;
  };
  return Expression(operand(condition) + " ? " + operand(yes) + " : " +
                        operand(no),
                    Precedence::conditional);
}

Expression opencl::subscript(const Expression &base, const Expression &index) {
  return Expression(atLeast(base, Precedence::postfix) + "[" + index.text +
                    "]");
}

Expression opencl::elements(const Expression &base, ClType type,
                            llvm::ArrayRef<int64_t> positions) {
  std::string selector = type.count > 4 ? "s" : "";
  for (int64_t position : positions)
    selector += (type.count > 4 ? "0123456789abcdef" : "xyzw")[position];
  return Expression(atLeast(base, Precedence::postfix) + "." + selector);
}

Expression opencl::vectorOf(ClType type, llvm::ArrayRef<Expression> elements) {
  return Expression("(" + type.name() + ")(" + joined(elements) + ")",
                    Precedence::unary);
}

Expression opencl::splatOf(ClType type, const Expression &element) {
  Expression result = vectorOf(type, element);
  result.splat = std::make_shared<Expression>(element);
  return result;
}

Expression opencl::toUnsigned(ClType type, const Expression &expression) {
  if (expression.unsignedForm)
    return *expression.unsignedForm;
  if (type.isVector()) {
    Expression result = call("as_" + type.unsignedName(), expression);
    // A signed scalar becomes unsigned beside an unsigned vector.
    result.splat = expression.splat;
    return result;
  }
  if (expression.isLiteral() && expression.text[0] != '-') {
    llvm::StringRef digits(expression.text);
    bool isLong = digits.consume_back("L");
    return Expression(digits.str() + (isLong ? "UL" : "u"));
  }
  return cast(type.unsignedName(), expression);
}

Expression opencl::fromUnsigned(ClType type, const Expression &expression) {
  Expression result = type.isVector() ? call("as_" + type.name(), expression)
                                      : cast(type.name(), expression);
  // What C computes with instead of a small integer has more bits.
  if (!type.isPromoted())
    result.unsignedForm = std::make_shared<Expression>(expression);
  return result;
}

Expression opencl::exactly(ClType type, const Expression &x) {
  bool isVariable = x.isAtom() && !x.isLiteral();
  bool isCast = llvm::StringRef(x.text).starts_with("(" + type.name() + ")") &&
                x.precedence == Precedence::unary;
  if (!type.isPromoted() || isVariable || isCast)
    return x;
  return cast(type.name(), x);
}

Expression opencl::exactlyUnsigned(ClType type, const Expression &x) {
  // What is computed with small integers, and literals, are ints.
  return type.isPromoted() ? cast(type.unsignedName(), x) : toUnsigned(type, x);
}
