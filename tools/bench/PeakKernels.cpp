//===- PeakKernels.cpp - Kernels that do nothing but compute --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/PeakKernels.h"

#include <fmt/format.h>

using namespace rlx;

/// Chains that do not wait for each other, and how long they are in one turn of
/// the loop: enough to hide an instruction's latency and the loop.
static constexpr int chains = 12, links = 4;

namespace {
/// What a link of a chain computes of its value and the x of the work-item.
struct Link {
  const char *name;
  std::string type, start; ///< `start` is the format of a chain's first value.
  /// Operations from `{0}` to `{1}` by `%x`; `{2}` is the type, and names are
  /// made unlike others by the end of `{1}`.
  const char *text;
  const char *add; ///< That adds the chains up.
  double operations;
};
} // namespace

/// Chain `i` starts with i.
static PeakKernel chainsOf(const Link &link, const DeviceTarget &target,
                           unsigned lanes, unsigned workgroup) {
  std::string buffer = fmt::format("memref<?x{}>", link.type);
  std::string text = fmt::format(
      "gpu.module @kernels attributes {{rlx.target = {0}}} {{\n"
      "gpu.func @{3}(%in: {1} {{rlx.name = \"in\"}}, "
      "%out: {1} {{rlx.name = \"out\"}}, %count: i32 {{rlx.name = "
      "\"count\"}})\n"
      "    kernel attributes {{known_block_size = array<i32: {2}, 1, 1>}} {{\n"
      "  %zero = arith.constant 0 : index\n"
      "  %one = arith.constant 1 : index\n"
      "  %size = arith.constant {2} : index\n"
      "  %end = arith.index_castui %count : i32 to index\n"
      "  %thread = gpu.thread_id x\n"
      "  %group = gpu.block_id x\n"
      "  %first = arith.muli %group, %size : index\n"
      "  %item = arith.addi %first, %thread : index\n"
      "  %x = memref.load %in[%item] : {1}\n",
      target.attribute, buffer, workgroup, link.name);
  std::string results, carried, types, sums;
  for (int i = 0; i < chains; ++i) {
    std::string comma = i ? ", " : "";
    text += fmt::format("  %start{} = arith.constant {} : {}\n", i,
                        fmt::format(fmt::runtime(link.start), i), link.type);
    results += fmt::format("{}%sum{}", comma, i);
    carried += fmt::format("{}%a{}_0 = %start{}", comma, i, i);
    types += comma + link.type;
    sums += fmt::format("{}%a{}_{}", comma, i, links);
  }
  text += fmt::format("  {} = scf.for %i = %zero to %end step %one\n"
                      "      iter_args({}) -> ({}) {{\n",
                      results, carried, types);
  for (int l = 0; l < links; ++l)
    for (int i = 0; i < chains; ++i)
      text += fmt::format(fmt::runtime(link.text), fmt::format("%a{}_{}", i, l),
                          fmt::format("%a{}_{}", i, l + 1), link.type);
  text += fmt::format("    scf.yield {} : {}\n  }}\n", sums, types);
  std::string total = "%sum0";
  for (int i = 1; i < chains; ++i) {
    text += fmt::format("  %total{0} = arith.{3} {1}, %sum{0} : {2}\n", i,
                        total, link.type, link.add);
    total = fmt::format("%total{}", i);
  }
  text += fmt::format("  memref.store {}, %out[%item] : {}\n"
                      "  gpu.return\n}}\n}}\n",
                      total, buffer);
  return {text, link.name, workgroup, double(workgroup) * lanes,
          link.operations * chains * links * workgroup};
}

/// Repeats a = a * x + x, which stays finite for the x of 0.5.
PeakKernel rlx::fmaPeak(const DeviceTarget &target, unsigned lanes,
                        unsigned workgroup) {
  bool isScalar = lanes == 1;
  Link link{"fma_chains",
            isScalar ? "f32" : fmt::format("vector<{}xf32>", lanes),
            isScalar ? "{}.0" : "dense<{}.0>",
            "    {1} = math.fma {0}, %x, %x : {2}\n",
            "addf",
            2.0 * lanes};
  return chainsOf(link, target, lanes, workgroup);
}

/// Adds the products of four bytes to what they are the bytes of.
PeakKernel rlx::dotPeak(const DeviceTarget &target, unsigned workgroup) {
  Link link{"dot_chains",
            "i32",
            "{}",
            "    {1}d = spirv.SDot {0}, %x, <PackedVectorFormat4x8Bit> : {2} "
            "-> {2}\n"
            "    {1} = arith.addi {0}, {1}d : {2}\n",
            "addi",
            8};
  return chainsOf(link, target, /*lanes=*/1, workgroup);
}

/// Each subgroup adds products of matrices of x to sums that start with 0, 1,
/// ..., and stores the total of the sums. Two factors take turns, so that no
/// compiler finds a product that is the same in all of them.
PeakKernel rlx::matrixPeak(const DeviceTarget &target, const DeviceInfo &info) {
  constexpr unsigned subgroups = 8, sums = 8;
  auto [m, n, k] = info.matrix;
  unsigned workgroup = subgroups * info.subgroupSize;
  std::string lhs = fmt::format("!gpu.mma_matrix<{}x{}xf16, \"AOp\">", m, k);
  std::string rhs = fmt::format("!gpu.mma_matrix<{}x{}xf16, \"BOp\">", k, n);
  std::string sum = fmt::format("!gpu.mma_matrix<{}x{}xf32, \"COp\">", m, n);
  std::string text = fmt::format(
      "gpu.module @kernels attributes {{rlx.target = {0}}} {{\n"
      "gpu.func @matrix_chains(%in: memref<?xf32> {{rlx.name = \"in\"}}, "
      "%out: memref<?xf32> {{rlx.name = \"out\"}}, %count: i32 {{rlx.name = "
      "\"count\"}})\n"
      "    kernel attributes {{known_block_size = array<i32: {1}, 1, 1>}} {{\n"
      "  %zero = arith.constant 0 : index\n"
      "  %one = arith.constant 1 : index\n"
      "  %size = arith.constant {2} : index\n"
      "  %subgroups = arith.constant {3} : index\n"
      "  %end = arith.index_castui %count : i32 to index\n"
      "  %group = gpu.block_id x\n"
      "  %subgroup = gpu.subgroup_id : index\n"
      "  %before = arith.muli %group, %subgroups : index\n"
      "  %number = arith.addi %before, %subgroup : index\n"
      "  %item = arith.muli %number, %size : index\n"
      "  %x = memref.load %in[%zero] : memref<?xf32>\n"
      "  %half = arith.truncf %x : f32 to f16\n"
      "  %quarter = arith.mulf %half, %half : f16\n"
      "  %a = gpu.subgroup_mma_constant_matrix %half : {4}\n"
      "  %other = gpu.subgroup_mma_constant_matrix %quarter : {4}\n"
      "  %b = gpu.subgroup_mma_constant_matrix %half : {5}\n",
      target.attribute, workgroup, m * n, subgroups, lhs, rhs);
  std::string results = "%last:2", carried = "%now = %a, %next = %other",
              types = lhs + ", " + lhs, yielded = "%next, %now", products;
  for (unsigned i = 0; i < sums; ++i) {
    text += fmt::format("  %c{0} = arith.constant {0}.0 : f32\n"
                        "  %start{0} = gpu.subgroup_mma_constant_matrix %c{0} "
                        ": {1}\n",
                        i, sum);
    results += fmt::format(", %sum{}", i);
    carried += fmt::format(", %old{} = %start{}", i, i);
    types += ", " + sum;
    yielded += fmt::format(", %new{}", i);
    products += fmt::format("    %new{0} = gpu.subgroup_mma_compute %now, %b, "
                            "%old{0} : {1}, {2} -> {3}\n",
                            i, lhs, rhs, sum);
  }
  text += fmt::format("  {} = scf.for %i = %zero to %end step %one\n"
                      "      iter_args({}) -> ({}) {{\n{}"
                      "    scf.yield {} : {}\n  }}\n",
                      results, carried, types, products, yielded, types);
  std::string total = "%sum0";
  for (unsigned i = 1; i < sums; ++i) {
    text += fmt::format("  %total{0} = gpu.subgroup_mma_elementwise addf {1}, "
                        "%sum{0} : ({2}, {2}) -> {2}\n",
                        i, total, sum);
    total = fmt::format("%total{}", i);
  }
  text += fmt::format("  gpu.subgroup_mma_store_matrix {}, %out[%item] "
                      "{{leadDimension = {} : index}} : {}, memref<?xf32>\n"
                      "  gpu.return\n}}\n}}\n",
                      total, n, sum);
  return {text, "matrix_chains", workgroup, double(m) * n * subgroups,
          2.0 * m * n * k * sums * subgroups};
}
