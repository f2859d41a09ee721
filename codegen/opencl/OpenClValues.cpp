//===- OpenClValues.cpp - Where values stand, and lines of text -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClFunction.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

/// Columns of a line, and of an expression above which its parts get names.
static constexpr size_t maxColumns = 100;
static constexpr size_t maxExpression = 68;

//===----------------------------------------------------------------------===//
// Locations
//===----------------------------------------------------------------------===//

/// The location's name or place in a file, under all that wraps it.
static LocationAttr innerLocation(LocationAttr location) {
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      if (LocationAttr inner = innerLocation(part); !isa<UnknownLoc>(inner))
        return inner;
    return UnknownLoc::get(location.getContext());
  }
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return innerLocation(call.getCallee());
  return location;
}

std::string opencl::describeLocation(Location location) {
  LocationAttr inner = innerLocation(location);
  if (auto named = dyn_cast<NameLoc>(inner))
    return named.getName().str();
  if (auto place = dyn_cast<FileLineColLoc>(inner))
    return llvm::formatv("{0}:{1}:{2}", place.getFilename().getValue(),
                         place.getLine(), place.getColumn());
  return "";
}

std::string opencl::describeOp(Operation *op, const llvm::Twine &reason) {
  Location location = op->getLoc();
  std::string place = describeLocation(location);
  return (place.empty() ? "" : place + ": ") + "cannot print '" +
         op->getName().getStringRef().str() + "' as OpenCL C: " + reason.str();
}

void OpenClFunction::fail(Operation *op, const llvm::Twine &reason) {
  if (!hasFailed())
    failure = describeOp(op, reason);
}

void OpenClFunction::countLocations(Operation *function) {
  function->walk([&](Operation *op) {
    if (op != function && !op->hasTrait<OpTrait::ConstantLike>() &&
        !op->hasTrait<OpTrait::IsTerminator>())
      ++opsAtLocation[describeLocation(op->getLoc())];
  });
}

void OpenClFunction::comment(Location location) {
  std::string place = describeLocation(location);
  // The place of one op says no more than the statement does.
  if (place.empty() || place == lastComment || opsAtLocation[place] < 2)
    return;
  lastComment = place;
  for (char &c : place)
    if (!llvm::isPrint(c))
      c = ' ';
  // A backslash at the end would continue the comment.
  text += std::string(indent, ' ') + "// " +
          llvm::StringRef(place).rtrim('\\').str() + "\n";
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

std::string opencl::wrapLine(llvm::StringRef line, unsigned indent) {
  std::string result;
  size_t margin = indent;
  while (margin + line.size() > maxColumns) {
    llvm::StringRef fitting = line.take_front(maxColumns - margin + 1);
    // After a comma, if that does not leave the line half empty.
    size_t at = fitting.rfind(", ");
    at = at == llvm::StringRef::npos || at < fitting.size() / 2
             ? fitting.rfind(' ')
             : at + 1;
    if (at == llvm::StringRef::npos)
      at = line.find(' ');
    if (at == llvm::StringRef::npos)
      break;
    result += std::string(margin, ' ') + line.take_front(at).str() + "\n";
    line = line.drop_front(at + 1);
    margin = indent + 4;
  }
  return result + std::string(margin, ' ') + line.str() + "\n";
}

void OpenClFunction::line(llvm::StringRef content) {
  text += wrapLine(content, indent);
}

void OpenClFunction::openBlock(llvm::StringRef content) {
  line((content + (content.empty() ? "{" : " {")).str());
  indent += 2;
}

void OpenClFunction::closeBlock(llvm::StringRef after) {
  indent -= 2;
  line(("}" + after).str());
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::string OpenClFunction::typeName(Value value) {
  ClType type = *ClType::of(value.getType());
  program.helpers.useType(type);
  return type.name();
}

/// The name that the program's author gave a value.
static std::string givenName(Value value) {
  LocationAttr location = innerLocation(value.getLoc());
  if (auto named = dyn_cast<NameLoc>(location))
    return named.getName().str();
  return "";
}

std::string OpenClFunction::nameFor(Value value, llvm::StringRef otherwise) {
  std::string given = givenName(value);
  // A name that several ops have is that of what they were made from.
  if (given.empty() || opsAtLocation[given] > 1)
    return otherwise.empty() ? names.freshValue() : otherwise.str();
  return names.fresh(given);
}

Expression OpenClFunction::use(Value value) {
  auto found = values.find(value);
  if (found == values.end()) {
    if (Operation *op = value.getDefiningOp())
      fail(op, "its result is used before it is there");
    return Expression("0");
  }
  pending.remove(value);
  return found->second;
}

Expression OpenClFunction::atom(Value value) {
  // All that is neither pending nor an atom are constants.
  if (pending.remove(value) && !values[value].isAtom())
    declareVariable(value, Expression(values[value]));
  return use(value);
}

SmallVector<Expression> OpenClFunction::operands(Operation *op) {
  // Parts of what would be a long expression get names, the longest first.
  auto length = [&](Value value) -> size_t {
    auto found = values.find(value);
    return found == values.end() ? 0 : found->second.text.size();
  };
  while (true) {
    size_t total = 0;
    Value longest;
    for (Value operand : op->getOperands()) {
      total += length(operand);
      if (pending.contains(operand) &&
          (!longest || length(operand) > length(longest)))
        longest = operand;
    }
    if (!longest || total <= maxExpression)
      break;
    (void)atom(longest);
  }
  bool repeats = OpenClArithmetic::repeatsOperands(op);
  return llvm::map_to_vector(op->getOperands(), [&](Value operand) {
    return repeats ? atom(operand) : use(operand);
  });
}

void OpenClFunction::define(Operation *op, Value result,
                            Expression expression) {
  if (expression.isAtom()) {
    values[result] = std::move(expression);
    return;
  }
  std::string given = givenName(result);
  bool isNamed = !given.empty() && opsAtLocation[given] < 2;
  // A vector of constants is worth a name, but one number repeated is not.
  bool isCheap = op->hasTrait<OpTrait::ConstantLike>() && expression.splat;
  if (isCheap || (result.hasOneUse() && !isNamed)) {
    values[result] = std::move(expression);
    if (!isCheap)
      pending.insert(result);
    return;
  }
  declareVariable(result, expression);
}

void OpenClFunction::declareVariable(Value value,
                                     const Expression &expression) {
  if (Operation *op = value.getDefiningOp())
    comment(op->getLoc());
  std::string name = nameFor(value);
  std::string type = expression.isWidenedHalf ? "float" : typeName(value);
  line(type + " " + name + " = " + expression.text + ";");
  Expression variable(name);
  variable.isWidenedHalf = expression.isWidenedHalf;
  values[value] = std::move(variable);
  owners.insert(value);
}

void OpenClFunction::declarePending(llvm::function_ref<bool(Value)> which) {
  SmallVector<Value> chosen;
  for (Value value : pending)
    if (which(value))
      chosen.push_back(value);
  for (Value value : chosen)
    (void)atom(value);
}

void OpenClFunction::declareMemoryReads() {
  declarePending([&](Value value) { return values[value].readsMemory; });
}

void OpenClFunction::declareUsedIn(Operation *op) {
  declarePending([&](Value value) {
    return op->isProperAncestor(*value.getUsers().begin());
  });
}
