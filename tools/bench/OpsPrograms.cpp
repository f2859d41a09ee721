//===- OpsPrograms.cpp - Operations of linalg to be measured --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/OpsPrograms.h"

using namespace rlx;

static constexpr double f32Bytes = 4;

static double count(const Sizes &sizes) {
  double all = 1;
  for (int64_t size : sizes)
    all *= double(size);
  return all;
}

/// `tensor<2x3xf32>`
static std::string tensorOf(const Sizes &sizes, const char *element = "f32") {
  std::string text = "tensor<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

namespace {
/// A function of f32 tensors that is put together from loops.
class ProgramText {
public:
  explicit ProgramText(std::vector<Sizes> inputs) : inputs(std::move(inputs)) {}

  struct Operand {
    std::string name;
    Sizes sizes;
    std::string map; ///< `i, j`, of the loops.
  };
  Operand input(size_t i, std::string map) const {
    return {fmt::format("%x{}", i), inputs[i], std::move(map)};
  }
  /// Loops over `loops`, of which those in `added` add up. `lines` compute %r
  /// from %a0, %a1, ... and, where something is added up, from %o; the result
  /// begins with `begin` there.
  Operand loops(const char *loops, const char *added,
                const std::vector<Operand> &operands, Sizes sizes,
                const char *map, const std::string &lines,
                const char *begin = nullptr);
  /// The same of one loop for each size of the operands.
  Operand each(const std::vector<Operand> &operands, const std::string &lines) {
    const Operand &first = operands.front();
    return loops(first.map.c_str(), "", operands, first.sizes,
                 first.map.c_str(), lines);
  }
  void add(const std::string &line) { body += "  " + line + "\n"; }
  std::string finish(const Operand &result) const;

private:
  std::vector<Sizes> inputs;
  std::string body;
  int next = 0;
};
} // namespace

ProgramText::Operand ProgramText::loops(const char *loops, const char *added,
                                        const std::vector<Operand> &operands,
                                        Sizes sizes, const char *map,
                                        const std::string &lines,
                                        const char *begin) {
  int id = next++;
  std::string type = tensorOf(sizes), out = fmt::format("%e{}", id);
  add(fmt::format("{} = tensor.empty() : {}", out, type));
  if (begin) {
    add(fmt::format("%c{} = arith.constant {} : f32", id, begin));
    add(fmt::format("%i{0} = linalg.fill ins(%c{0} : f32) outs({1} : {2}) -> "
                    "{2}",
                    id, out, type));
    out = fmt::format("%i{}", id);
  }
  std::string maps, names, types, arguments, kinds;
  for (size_t i = 0; i < operands.size(); ++i) {
    maps += fmt::format("affine_map<({}) -> ({})>, ", loops, operands[i].map);
    names += (i ? ", " : "") + operands[i].name;
    types += (i ? ", " : "") + tensorOf(operands[i].sizes);
    arguments += fmt::format("%a{}: f32, ", i);
  }
  for (const char *loop = loops; *loop; ++loop)
    if (*loop != ',' && *loop != ' ')
      kinds += std::string(kinds.empty() ? "" : ", ") +
               (std::string(added).find(*loop) == std::string::npos
                    ? "\"parallel\""
                    : "\"reduction\"");
  add(fmt::format("%t{} = linalg.generic {{indexing_maps = [{}affine_map<({}) "
                  "-> ({})>], iterator_types = [{}]}} ins({} : {}) outs({} : "
                  "{}) {{",
                  id, maps, loops, map, kinds, names, types, out, type));
  add(fmt::format("^bb0({}%o: f32):", arguments));
  body += lines;
  add("  linalg.yield %r : f32");
  add(fmt::format("}} -> {}", type));
  return {fmt::format("%t{}", id), std::move(sizes), map};
}

std::string ProgramText::finish(const Operand &result) const {
  std::string arguments;
  for (size_t i = 0; i < inputs.size(); ++i)
    arguments +=
        fmt::format("{}%x{}: {}", i ? ", " : "", i, tensorOf(inputs[i]));
  std::string type = tensorOf(result.sizes);
  return fmt::format("func.func @main({}) -> {} {{\n{}  return {} : {}\n}}\n",
                     arguments, type, body, result.name, type);
}

using Operand = ProgramText::Operand;

static OpProgram finish(const ProgramText &text, std::vector<Sizes> inputs,
                        const Operand &result, std::string numpy) {
  OpProgram program;
  program.text = text.finish(result);
  for (const Sizes &sizes : inputs)
    program.bytes += f32Bytes * count(sizes);
  program.bytes += f32Bytes * count(result.sizes);
  program.inputs = std::move(inputs);
  program.result = result.sizes;
  program.numpy = std::move(numpy);
  return program;
}

//===----------------------------------------------------------------------===//
// Element by element, of M x N
//===----------------------------------------------------------------------===//

/// Of one or two tensors of the same sizes.
static OpProgram elementwise(const Sizes &sizes, size_t operands,
                             const std::string &lines, std::string numpy) {
  std::vector<Sizes> inputs(operands, sizes);
  ProgramText text(inputs);
  std::vector<Operand> all;
  for (size_t i = 0; i < operands; ++i)
    all.push_back(text.input(i, "i, j"));
  Operand result = text.each(all, lines);
  return finish(text, std::move(inputs), result, std::move(numpy));
}

static OpProgram function(const Sizes &sizes, const char *name,
                          std::string numpy) {
  return elementwise(sizes, 1,
                     fmt::format("    %r = math.{} %a0 : f32\n", name),
                     std::move(numpy));
}

static OpProgram copy(const Sizes &sizes) {
  return elementwise(sizes, 1, "    %r = arith.addf %a0, %a0 : f32\n",
                     "y = x0 + x0");
}
static OpProgram addition(const Sizes &sizes) {
  return elementwise(sizes, 2, "    %r = arith.addf %a0, %a1 : f32\n",
                     "y = x0 + x1");
}
static OpProgram exponential(const Sizes &sizes) {
  return function(sizes, "exp", "y = np.exp(x0)");
}
static OpProgram logarithm(const Sizes &sizes) {
  return function(sizes, "log", "y = np.log(x0)");
}
static OpProgram sine(const Sizes &sizes) {
  return function(sizes, "sin", "y = np.sin(x0)");
}
static OpProgram hyperbolicTangent(const Sizes &sizes) {
  return function(sizes, "tanh", "y = np.tanh(x0)");
}
static OpProgram power(const Sizes &sizes) {
  return elementwise(sizes, 2, "    %r = math.powf %a0, %a1 : f32\n",
                     "y = np.power(x0, x1)");
}
static OpProgram gelu(const Sizes &sizes) {
  return elementwise(sizes, 1, R"(    %s = arith.constant 0.707106769 : f32
    %h = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %t = arith.mulf %a0, %s : f32
    %e = math.erf %t : f32
    %f = arith.addf %e, %one : f32
    %g = arith.mulf %f, %h : f32
    %r = arith.mulf %a0, %g : f32
)",
                     "");
}
static constexpr const char *siluLines = R"(    %one = arith.constant 1.0 : f32
    %n = arith.negf %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %q = arith.divf %a0, %d : f32
)";
static OpProgram silu(const Sizes &sizes) {
  return elementwise(
      sizes, 1, std::string(siluLines) + "    %r = arith.addf %q, %a0 : f32\n",
      "y = x0 / (1 + np.exp(-x0)) + x0");
}
static OpProgram swiglu(const Sizes &sizes) {
  return elementwise(
      sizes, 2, std::string(siluLines) + "    %r = arith.mulf %q, %a1 : f32\n",
      "y = x0 / (1 + np.exp(-x0)) * x1");
}

//===----------------------------------------------------------------------===//
// Rows and columns, of M x N
//===----------------------------------------------------------------------===//

static constexpr const char *addLine = "    %r = arith.addf %o, %a0 : f32\n";

static OpProgram sumOfRows(const Sizes &sizes) {
  ProgramText text({sizes});
  Operand sums = text.loops("i, j", "j", {text.input(0, "i, j")}, {sizes[0]},
                            "i", addLine, "0.0");
  return finish(text, {sizes}, sums, "y = x0.sum(axis=1)");
}

static OpProgram sumOfColumns(const Sizes &sizes) {
  ProgramText text({sizes});
  Operand sums = text.loops("i, j", "i", {text.input(0, "i, j")}, {sizes[1]},
                            "j", addLine, "0.0");
  return finish(text, {sizes}, sums, "y = x0.sum(axis=0)");
}

static OpProgram transpose(const Sizes &sizes) {
  ProgramText text({sizes});
  Operand result =
      text.loops("i, j", "", {text.input(0, "j, i")}, {sizes[1], sizes[0]},
                 "i, j", "    %r = arith.addf %a0, %a0 : f32\n");
  return finish(text, {sizes}, result, "y = np.ascontiguousarray((x0 + x0).T)");
}

/// Of the last of two loops of `scores`.
static Operand softmaxOf(ProgramText &text, Operand scores, const char *loops,
                         const char *rows, const Sizes &rowSizes) {
  scores.map = loops;
  const char *last = loops + std::char_traits<char>::length(loops) - 1;
  Operand most =
      text.loops(loops, last, {scores}, rowSizes, rows,
                 "    %r = arith.maximumf %o, %a0 : f32\n", "0xFF800000");
  Operand powers = text.loops(loops, "", {scores, most}, scores.sizes, loops,
                              "    %d = arith.subf %a0, %a1 : f32\n"
                              "    %r = math.exp %d : f32\n");
  Operand sums =
      text.loops(loops, last, {powers}, rowSizes, rows, addLine, "0.0");
  return text.loops(loops, "", {powers, sums}, scores.sizes, loops,
                    "    %r = arith.divf %a0, %a1 : f32\n");
}

static OpProgram softmax(const Sizes &sizes) {
  ProgramText text({sizes});
  Operand result = softmaxOf(text, text.input(0, ""), "i, j", "i", {sizes[0]});
  return finish(text, {sizes}, result,
                "e = np.exp(x0 - x0.max(axis=1, keepdims=True)); y = e / "
                "e.sum(axis=1, keepdims=True)");
}

/// The line that divides %a0 by the number of columns.
static std::string meanLines(const Sizes &sizes, const char *sum) {
  return fmt::format("    %n = arith.constant {}.0 : f32\n"
                     "    %eps = arith.constant 1.0e-5 : f32\n"
                     "    %mean = arith.divf {}, %n : f32\n",
                     sizes[1], sum);
}

static OpProgram rmsNorm(const Sizes &sizes) {
  std::vector<Sizes> inputs = {sizes, {sizes[1]}};
  ProgramText text(inputs);
  Operand x = text.input(0, "i, j");
  Operand squares = text.loops("i, j", "j", {x}, {sizes[0]}, "i",
                               "    %s = arith.mulf %a0, %a0 : f32\n"
                               "    %r = arith.addf %o, %s : f32\n",
                               "0.0");
  Operand result = text.each({x, squares, text.input(1, "j")},
                             meanLines(sizes, "%a1") +
                                 "    %m = arith.addf %mean, %eps : f32\n"
                                 "    %f = math.rsqrt %m : f32\n"
                                 "    %s = arith.mulf %a0, %f : f32\n"
                                 "    %r = arith.mulf %s, %a2 : f32\n");
  return finish(text, inputs, result,
                "y = x0 / np.sqrt((x0 * x0).mean(axis=1, keepdims=True) + "
                "1e-5) * x1");
}

static OpProgram layerNorm(const Sizes &sizes) {
  std::vector<Sizes> inputs = {sizes, {sizes[1]}, {sizes[1]}};
  ProgramText text(inputs);
  Operand x = text.input(0, "i, j");
  Operand sums = text.loops("i, j", "j", {x}, {sizes[0]}, "i", addLine, "0.0");
  Operand centred = text.each({x, sums}, meanLines(sizes, "%a1") +
                                             "    %r = arith.subf %a0, %mean "
                                             ": f32\n");
  Operand squares = text.loops("i, j", "j", {centred}, {sizes[0]}, "i",
                               "    %s = arith.mulf %a0, %a0 : f32\n"
                               "    %r = arith.addf %o, %s : f32\n",
                               "0.0");
  Operand result = text.each(
      {centred, squares, text.input(1, "j"), text.input(2, "j")},
      meanLines(sizes, "%a1") + "    %m = arith.addf %mean, %eps : f32\n"
                                "    %f = math.rsqrt %m : f32\n"
                                "    %s = arith.mulf %a0, %f : f32\n"
                                "    %t = arith.mulf %s, %a2 : f32\n"
                                "    %r = arith.addf %t, %a3 : f32\n");
  return finish(text, inputs, result,
                "c = x0 - x0.mean(axis=1, keepdims=True); y = c / np.sqrt((c * "
                "c).mean(axis=1, keepdims=True) + 1e-5) * x1 + x2");
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static constexpr const char *productLines =
    "    %p = arith.mulf %a0, %a1 : f32\n"
    "    %r = arith.addf %o, %p : f32\n";

/// `[M, K]` times `[K, N]`.
static OpProgram matmul(const Sizes &sizes) {
  int64_t m = sizes[0], n = sizes[1], k = sizes[2];
  std::vector<Sizes> inputs = {{m, k}, {k, n}};
  ProgramText text(inputs);
  Operand result =
      text.loops("m, n, k", "k", {text.input(0, "m, k"), text.input(1, "k, n")},
                 {m, n}, "m, n", productLines, "0.0");
  OpProgram program = finish(text, inputs, result, "y = x0 @ x1");
  // One row waits for memory.
  program.operations = m == 1 ? 0 : 2 * double(m) * double(n) * double(k);
  return program;
}

static OpProgram batchMatmul(const Sizes &sizes) {
  int64_t b = sizes[0], m = sizes[1], n = sizes[2], k = sizes[3];
  std::vector<Sizes> inputs = {{b, m, k}, {b, k, n}};
  ProgramText text(inputs);
  Operand result = text.loops(
      "b, m, n, k", "k", {text.input(0, "b, m, k"), text.input(1, "b, k, n")},
      {b, m, n}, "b, m, n", productLines, "0.0");
  OpProgram program = finish(text, inputs, result, "y = x0 @ x1");
  program.operations = 2 * double(b) * double(m) * double(n) * double(k);
  return program;
}

/// H heads, L rows of queries and of keys, of D columns.
static OpProgram attention(const Sizes &sizes) {
  int64_t h = sizes[0], l = sizes[1], d = sizes[2];
  std::vector<Sizes> inputs(3, Sizes{h, l, d});
  ProgramText text(inputs);
  Operand scores = text.loops(
      "h, m, l, d", "d", {text.input(0, "h, m, d"), text.input(1, "h, l, d")},
      {h, l, l}, "h, m, l", productLines, "0.0");
  scores.map = "h, m, l";
  Operand scaled = text.each({scores}, "    %s = arith.constant 0.125 : f32\n"
                                       "    %r = arith.mulf %a0, %s : f32\n");
  Operand weights = softmaxOf(text, scaled, "h, m, l", "h, m", {h, l});
  weights.map = "h, m, l";
  Operand result =
      text.loops("h, m, d, l", "l", {weights, text.input(2, "h, l, d")},
                 {h, l, d}, "h, m, d", productLines, "0.0");
  OpProgram program =
      finish(text, inputs, result,
             "s = x0 @ x1.transpose(0, 2, 1) * 0.125; e = np.exp(s - "
             "s.max(axis=2, keepdims=True)); y = (e / e.sum(axis=2, "
             "keepdims=True)) @ x2");
  program.operations = 4 * double(h) * double(l) * double(l) * double(d);
  return program;
}

const std::vector<OpKind> &rlx::opKinds() {
  static const std::vector<OpKind> kinds = {
      {"double", "M x N", {{512, 14336}}, copy},
      {"add", "M x N", {{512, 14336}}, addition},
      {"exp", "M x N", {{512, 14336}}, exponential},
      {"log", "M x N", {{512, 14336}}, logarithm},
      {"sin", "M x N", {{512, 14336}}, sine},
      {"tanh", "M x N", {{512, 14336}}, hyperbolicTangent},
      {"pow", "M x N", {{512, 14336}}, power},
      {"gelu", "M x N", {{512, 14336}}, gelu},
      {"silu", "M x N", {{512, 14336}}, silu},
      {"swiglu", "M x N", {{512, 14336}}, swiglu},
      {"sum-rows", "M x N", {{4096, 4096}}, sumOfRows},
      {"sum-columns", "M x N", {{4096, 4096}}, sumOfColumns},
      {"transpose", "M x N", {{4096, 4096}}, transpose},
      {"softmax", "M x N", {{32, 4096}, {4096, 4096}}, softmax},
      {"rmsnorm", "M x N", {{512, 4096}, {4096, 4096}}, rmsNorm},
      {"layernorm", "M x N", {{512, 4096}, {4096, 4096}}, layerNorm},
      {"matmul", "M x N x K", {{1, 4096, 4096}, {256, 1024, 1024}}, matmul},
      {"batch-matmul", "B x M x N x K", {{16, 128, 128, 128}}, batchMatmul},
      {"attention", "H x L x D", {{8, 256, 64}}, attention},
  };
  return kinds;
}

const OpKind *rlx::findOpKind(const std::string &name) {
  for (const OpKind &kind : opKinds())
    if (kind.name == name)
      return &kind;
  return nullptr;
}
