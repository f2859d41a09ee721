//===- GraphText.cpp - Operations of a model as MLIR ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/GraphText.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace rlx;

std::string GraphValue::type() const {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += size < 0 ? "?x" : fmt::format("{}x", size);
  text += element;
  if (!encoding.empty())
    text += ", " + encoding;
  return text + ">";
}

std::string GraphText::newName(llvm::StringRef stem) {
  return fmt::format("%{}{}", std::string_view(stem), count++);
}

GraphValue GraphText::fresh(std::vector<int64_t> shape) {
  return {newName("v"), std::move(shape)};
}

void GraphText::line(llvm::StringRef content) {
  text += "    ";
  text += content;
  text += '\n';
}

std::string GraphText::numberText(double number) {
  return fmt::format("{:.17e}", number);
}

std::string GraphText::scalar(double number) {
  std::string name = newName("c");
  // Infinities are written as their bits.
  std::string digits = std::isinf(number)
                           ? (number < 0 ? "0xFF800000" : "0x7F800000")
                           : numberText(number);
  line(fmt::format("{} = arith.constant {} : f32", name, digits));
  return name;
}

GraphValue GraphText::empty(const GraphValue &like) {
  GraphValue value = like;
  value.name = newName("e");
  bool isDynamic = llvm::is_contained(like.shape, -1);
  line(fmt::format("{} = tensor.empty({}) : {}", value.name,
                   isDynamic ? rows : "", value.type()));
  return value;
}

GraphValue GraphText::filled(std::vector<int64_t> shape, double number) {
  std::string with = scalar(number);
  GraphValue into = empty({"", std::move(shape)}), value = into;
  value.name = newName("v");
  line(fmt::format("{} = linalg.fill ins({} : f32) outs({} : {}) -> {}",
                   value.name, with, into.name, into.type(), into.type()));
  return value;
}

/// `affine_map<(d0, d1) -> (d1)>` for the last `results` of `dims` dimensions.
static std::string lastDims(size_t dims, size_t results) {
  std::string all, some;
  for (size_t i = 0; i < dims; ++i) {
    std::string name = fmt::format("{}d{}", i ? ", " : "", i);
    all += name;
    if (i + results >= dims)
      some += fmt::format("{}d{}", some.empty() ? "" : ", ", i);
  }
  return fmt::format("affine_map<({}) -> ({})>", all, some);
}

GraphValue GraphText::map(llvm::ArrayRef<GraphValue> inputs,
                          llvm::StringRef body) {
  GraphValue into = empty(inputs.front()), value = into;
  value.name = newName("v");
  size_t rank = into.shape.size();
  std::string maps, names, types, arguments;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    const char *comma = i ? ", " : "";
    maps += lastDims(rank, input.shape.size()) + ", ";
    names += comma + input.name;
    types += comma + input.type();
    arguments += fmt::format("%{}: f32, ", char('a' + i));
  }
  std::vector<std::string> loops(rank, "\"parallel\"");
  line(fmt::format("{} = linalg.generic {{indexing_maps = [{}{}], "
                   "iterator_types = [{}]}} ins({} : {}) outs({} : {}) {{",
                   value.name, maps, lastDims(rank, rank),
                   llvm::join(loops, ", "), names, types, into.name,
                   into.type()));
  line(fmt::format("^bb0({}%into: f32):", arguments));
  llvm::SmallVector<llvm::StringRef> lines;
  body.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef each : lines)
    line(("  " + each).str());
  line("  linalg.yield %r : f32");
  line("} -> " + into.type());
  return value;
}

GraphValue GraphText::add(const GraphValue &a, const GraphValue &b) {
  return map({a, b}, "%r = arith.addf %a, %b : f32");
}

/// Plain weights are multiplied as they are.
static std::string activationsText(const GraphValue &weight,
                                   llvm::StringRef activations) {
  if (activations == "f32" || weight.encoding.empty())
    return "";
  return fmt::format(" {{activations = {}}}", std::string_view(activations));
}

GraphValue GraphText::matmul(const GraphValue &x, const GraphValue &weight,
                             const GraphValue &bias,
                             llvm::StringRef activations) {
  std::vector<int64_t> shape = x.shape;
  shape.back() = weight.shape.front();
  GraphValue value = fresh(std::move(shape));
  std::string with, withType;
  if (!bias.name.empty()) {
    with = fmt::format(" bias({})", bias.name);
    withType = ", " + bias.type();
  }
  line(fmt::format("{} = rlx.matmul {}, {}{}{} : ({}, {}{}) -> {}", value.name,
                   x.name, weight.name, with,
                   activationsText(weight, activations), x.type(),
                   weight.type(), withType, value.type()));
  return value;
}

GraphValue GraphText::splitHeads(const GraphValue &x, int64_t heads) {
  int64_t size = x.shape.back() / heads;
  GraphValue value = fresh({x.shape.front(), heads, size});
  line(fmt::format("{} = tensor.expand_shape {} [[0], [1, 2]] output_shape "
                   "[{}, {}, {}] : {} into {}",
                   value.name, x.name,
                   x.shape.front() < 0 ? rows
                                       : fmt::format("{}", x.shape.front()),
                   heads, size, x.type(), value.type()));
  return value;
}

GraphValue GraphText::joinHeads(const GraphValue &x) {
  GraphValue value = fresh({x.shape[0], x.shape[1] * x.shape[2]});
  line(fmt::format("{} = tensor.collapse_shape {} [[0], [1, 2]] : {} into {}",
                   value.name, x.name, x.type(), value.type()));
  return value;
}

GraphValue GraphText::columns(const GraphValue &x, int64_t begin,
                              int64_t size) {
  GraphValue value = fresh({x.shape.front(), size});
  line(fmt::format("{} = tensor.extract_slice {}[0, {}] [{}, {}] [1, 1] : {} "
                   "to {}",
                   value.name, x.name, begin,
                   x.shape.front() < 0 ? rows
                                       : fmt::format("{}", x.shape.front()),
                   size, x.type(), value.type()));
  return value;
}

GraphValue GraphText::rowsFrom(const GraphValue &x, llvm::StringRef first,
                               llvm::StringRef count) {
  GraphValue value = fresh({-1, x.shape[1]});
  line(fmt::format("{} = tensor.extract_slice {}[{}, 0] [{}, {}] [1, 1] : {} "
                   "to {}",
                   value.name, x.name, std::string_view(first),
                   std::string_view(count), x.shape[1], x.type(),
                   value.type()));
  return value;
}

GraphValue GraphText::softmax(const GraphValue &x) {
  GraphValue into = empty(x), value = fresh(x.shape);
  line(fmt::format("{} = linalg.softmax dimension({}) ins({} : {}) outs({} : "
                   "{}) -> {}",
                   value.name, x.shape.size() - 1, x.name, x.type(), into.name,
                   into.type(), value.type()));
  return value;
}

GraphValue GraphText::gatherMatmul(const GraphValue &x,
                                   const GraphValue &weight,
                                   const GraphValue &ids,
                                   const GraphValue &bias,
                                   llvm::StringRef activations) {
  GraphValue value = fresh({ids.shape[0], ids.shape[1], weight.shape[1]});
  std::string with, withType;
  if (!bias.name.empty()) {
    with = fmt::format(" bias({})", bias.name);
    withType = ", " + bias.type();
  }
  line(fmt::format("{} = rlx.gather_matmul {}, {}, {}{}{} : ({}, {}, {}{}) -> "
                   "{}",
                   value.name, x.name, weight.name, ids.name, with,
                   activationsText(weight, activations), x.type(),
                   weight.type(), ids.type(), withType, value.type()));
  return value;
}

GraphValue GraphText::weightedSum(const GraphValue &x,
                                  const GraphValue &weights) {
  GraphValue into = filled({x.shape[0], x.shape[2]}, 0),
             value = fresh(into.shape);
  line(fmt::format(
      "{} = linalg.generic {{indexing_maps = [affine_map<(t, n, s) -> (t, s, "
      "n)>, affine_map<(t, n, s) -> (t, s)>, affine_map<(t, n, s) -> (t, n)>], "
      "iterator_types = [\"parallel\", \"parallel\", \"reduction\"]}} ins({}, "
      "{} : {}, {}) outs({} : {}) {{",
      value.name, x.name, weights.name, x.type(), weights.type(), into.name,
      into.type()));
  line("^bb0(%a: f32, %b: f32, %into: f32):");
  line("  %p = arith.mulf %a, %b : f32");
  line("  %r = arith.addf %into, %p : f32");
  line("  linalg.yield %r : f32");
  line("} -> " + value.type());
  return value;
}
