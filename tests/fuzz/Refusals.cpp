//===- Refusals.cpp - What devices are known not to do --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs run on a device as a list of steps whose sizes follow from the
// shapes of the inputs. What needs more than that is refused while the program
// is compiled, for the reasons below. Any other error, that there is no code
// for some operation among them, is a fault.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/Refusals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace rlx;
using namespace rlx::fuzz;

/// Parts of a message, in this order, with anything between.
static bool hasParts(llvm::StringRef message, llvm::StringRef parts) {
  llvm::SmallVector<llvm::StringRef> wanted;
  parts.split(wanted, " ... ");
  for (llvm::StringRef part : wanted) {
    size_t at = message.find(part);
    if (at == llvm::StringRef::npos)
      return false;
    message = message.drop_front(at + part.size());
  }
  return true;
}

bool rlx::fuzz::isRefusal(llvm::StringRef message) {
  static constexpr llvm::StringLiteral reasons[] = {
      "there is no device ",
      // Control flow of the host.
      "has control flow, which cannot run on a device",
      "'scf.if' op cannot run on a device",
      "'scf.for' op cannot run on a device",
      "'scf.forall' op cannot run on a device",
      "'scf.while' op cannot run on a device",
      "'func.call' op cannot run on a device",
      "'arith.select' op cannot run on a device",
      // Sizes and places that are data.
      "the sizes of the results of ... depend on more than the shapes of the "
      "inputs",
      "has a size that depends on more than the shapes of the inputs",
      "depends on more than the shapes of the inputs, which cannot be checked",
      "cannot run on the host beside a device, where all that is known is the "
      "shapes of the inputs",
      // Codes with scales.
      "'rlx.block_quantize' op cannot run on a device for ... expected a "
      "scheme of floats without scales",
      // Types that a device may lack.
      "has a buffer of 'i64', which the target cannot compute with",
      "has a buffer of 'f64', which the target cannot compute with",
      "computes with 'i64', which the target has not",
      "computes with 'f64', which the target has not",
      "of f64 has no instruction on devices of Vulkan",
  };
  return llvm::any_of(reasons, [&](llvm::StringRef reason) {
    return hasParts(message, reason);
  });
}

/// What follows the `<` that `line` begins with, up to the `>` that closes it.
static llvm::StringRef dropBrackets(llvm::StringRef line) {
  int depth = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    bool isArrow = line[i] == '>' && i && line[i - 1] == '-';
    if (line[i] == '<')
      ++depth;
    else if (line[i] == '>' && !isArrow && --depth == 0)
      return line.drop_front(i + 1);
  }
  return "";
}

std::string rlx::fuzz::reasonOf(llvm::StringRef message) {
  llvm::StringRef line = message.split('\n').first;
  // The place that a diagnostic begins with.
  constexpr llvm::StringLiteral error = "error: ";
  if (size_t at = line.find(error); at != llvm::StringRef::npos)
    line = line.drop_front(at + error.size());
  std::string reason;
  while (!line.empty()) {
    bool isNumber = llvm::isDigit(line.front()) &&
                    (reason.empty() || !llvm::isAlnum(reason.back()));
    if (line.consume_front("'")) {
      auto [name, rest] = line.split('\'');
      // Operations have names that many programs have.
      bool isOperation =
          name.contains('.') && !name.contains('/') && !name.contains(' ');
      reason += "'" + (isOperation ? name.str() : "") + "'";
      line = rest;
    } else if (line.starts_with("<")) {
      reason += "<>";
      line = dropBrackets(line);
    } else if (isNumber) {
      reason += 'N';
      line = line.drop_while(llvm::isDigit);
    } else {
      reason += line.front();
      line = line.drop_front();
    }
  }
  return reason;
}
