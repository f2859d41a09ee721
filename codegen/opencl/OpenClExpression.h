//===- OpenClExpression.h - Expressions of C, composed ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text with just enough structure to put parentheses where C needs them, and
// where a reader does.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_OPENCL_OPENCLEXPRESSION_H
#define RLX_CODEGEN_OPENCL_OPENCLEXPRESSION_H

#include "codegen/opencl/OpenClTypes.h"

#include "llvm/ADT/ArrayRef.h"

#include <memory>

namespace rlx::opencl {

/// How tightly the outermost operator of an expression binds, loosest first.
enum class Precedence {
  conditional,
  logicalOr,
  logicalAnd,
  bitOr,
  bitXor,
  bitAnd,
  equality,
  relational,
  shift,
  additive,
  multiplicative,
  unary,
  postfix
};

struct Expression {
  Expression() = default;
  explicit Expression(std::string text,
                      Precedence precedence = Precedence::postfix)
      : text(std::move(text)), precedence(precedence) {}

  /// A name or a literal: as cheap to repeat as to name.
  bool isAtom() const;
  bool isLiteral() const;
  bool mentions(llvm::StringRef identifier) const;

  std::string text;
  Precedence precedence = Precedence::postfix;
  /// It must be evaluated before memory changes.
  bool readsMemory = false;
  /// A half that is, or is to become, a float: loading and storing convert.
  bool isWidenedHalf = false;
  /// Of a binary operator.
  std::string left, oper, right;
  /// Where all elements of a vector are the same: one of them.
  std::shared_ptr<const Expression> splat;
  /// Where this is the signed view of an unsigned expression: that one.
  std::shared_ptr<const Expression> unsignedForm;
};

/// In parentheses if it binds less than `least`.
std::string atLeast(const Expression &expression, Precedence least);

Expression binary(const Expression &left, llvm::StringRef oper,
                  const Expression &right);
/// As binary, for vectors; a splat is written as a scalar where OpenCL C
/// widens it.
Expression binary(ClType type, const Expression &left, llvm::StringRef oper,
                  const Expression &right);
Expression prefix(llvm::StringRef oper, const Expression &operand);
Expression cast(llvm::StringRef type, const Expression &operand);
Expression call(llvm::StringRef function, llvm::ArrayRef<Expression> arguments);
Expression conditional(const Expression &condition, const Expression &yes,
                       const Expression &no);
Expression subscript(const Expression &base, const Expression &index);
/// `base.x` or `base.s5`, or several: `base.s0123`.
Expression elements(const Expression &base, ClType type,
                    llvm::ArrayRef<int64_t> positions);

/// `(float4)(a, b, c, d)`
Expression vectorOf(ClType type, llvm::ArrayRef<Expression> elements);
/// `(float4)(a)`
Expression splatOf(ClType type, const Expression &element);

/// `x` with the C type that its type has, for overloaded functions: C's
/// expressions of small integers are ints.
Expression exactly(ClType type, const Expression &x);
Expression exactlyUnsigned(ClType type, const Expression &x);

/// The same bits as an unsigned integer, and back.
Expression toUnsigned(ClType type, const Expression &expression);
Expression fromUnsigned(ClType type, const Expression &expression);

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_OPENCLEXPRESSION_H
