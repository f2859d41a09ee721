//===- OpenClCTest.cpp - Kernels of single operations ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClCTest.h"

using namespace rlx;

std::string test::replaced(std::string text, const std::string &what,
                           const std::string &with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string test::opsKernel(const std::vector<std::string> &ops, int width,
                            const std::string &type, const std::string &memory,
                            const std::string &result,
                            const std::string &resultMemory) {
  auto inWidth = [&](const std::string &type) {
    return width == 1 ? type
                      : "vector<" + std::to_string(width) + "x" + type + ">";
  };
  std::string text =
      "gpu.module @m { gpu.func @k(%mx: memref<?x" + memory +
      ">, %my: memref<?x" + memory + ">, %mz: memref<?x" + memory +
      ">, %out: memref<?x" + resultMemory + ">, %n: i32) kernel {\n" +
      "%id = gpu.global_id x\n%w = arith.constant " + std::to_string(width) +
      " : index\n%i = arith.muli %id, %w : index\n" +
      "%count = arith.index_cast %n : i32 to index\n";
  for (std::string name : {"x", "y", "z"}) {
    std::string loaded = type == memory ? name : name + "m";
    text += width == 1 ? "%" + loaded + " = memref.load %m" + name +
                             "[%i] : memref<?x" + memory + ">\n"
                       : "%" + loaded + " = vector.load %m" + name +
                             "[%i] : memref<?x" + memory + ">, " +
                             inWidth(memory) + "\n";
    if (type != memory)
      text += "%" + name + " = arith.trunci %" + loaded + " : " +
              inWidth(memory) + " to " + inWidth(type) + "\n";
  }
  for (size_t c = 0; c < ops.size(); ++c) {
    std::string n = std::to_string(c);
    std::string op = replaced(ops[c], "$T", inWidth(type));
    op = replaced(replaced(op, "$R", inWidth(result)), "$B", inWidth("i1"));
    for (std::string name : {"x", "y", "z", "t", "u"})
      op = replaced(op, "$" + name,
                    "%" + name + (name == "t" || name == "u" ? n : ""));
    // Temporaries come first, each in a line of its own.
    size_t last = op.rfind('\n');
    std::string before = last == op.npos ? "" : op.substr(0, last + 1);
    text += before + "%r" + n + " = " +
            (last == op.npos ? op : op.substr(last + 1)) + "\n";
    std::string stored = "%r" + n;
    if (result != resultMemory) {
      text += "%s" + n + " = arith.extui %r" + n + " : " + inWidth(result) +
              " to " + inWidth(resultMemory) + "\n";
      stored = "%s" + n;
    }
    text += "%c" + n + " = arith.constant " + n + " : index\n%b" + n +
            " = arith.muli %c" + n + ", %count : index\n%o" + n +
            " = arith.addi %b" + n + ", %i : index\n";
    text += (width == 1 ? "memref.store " : "vector.store ") + stored +
            ", %out[%o" + n + "] : memref<?x" + resultMemory + ">" +
            (width == 1 ? "" : ", " + inWidth(resultMemory)) + "\n";
  }
  text += "gpu.return }}\n";
  return text;
}
