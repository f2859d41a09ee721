//===- VectorCodes.cpp - Codes that elements share ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/VectorCodes.h"

#include "codegen/quantize/FieldBits.h"

#include "llvm/ADT/DenseMap.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

using namespace rlx;
using namespace rlx::quantize;

/// Components that are looked up together have so many bits; elements that are
/// looked up no more.
static constexpr unsigned tableBits = 8;

/// What each element's codes cost, and the codes so far.
struct VectorCodes::Choice {
  std::vector<double> costs;   ///< Of each element, by code.
  std::vector<uint32_t> known; ///< The bits of its code that are chosen.
  std::vector<uint32_t> mask;  ///< Which these are.
  std::vector<int64_t> units;  ///< -1 before one is chosen.
  double cost = 0;
};

llvm::Expected<VectorCodes> VectorCodes::create(QuantScheme scheme,
                                                const FieldNumbers &code,
                                                const Problem &problem) {
  VectorCodes result(code);
  if (result.width > tableBits)
    return llvm::createStringError("scheme '" + scheme.displayName() +
                                   "' cannot be quantized: vectors "
                                   "make codes of " +
                                   llvm::Twine(result.width) +
                                   " bits, expected at most " +
                                   llvm::Twine(tableBits));
  for (uint32_t i = 0; i < uint32_t(1) << result.width; ++i)
    result.numbers.push_back(code.number(i));
  FieldAttr field = code.attr();
  // All units, and which positions of the problem each joins.
  std::vector<Unit> units;
  std::vector<llvm::SmallVector<std::pair<int64_t, unsigned>>> positions;
  unsigned codeShift = 0;
  std::vector<int64_t> positionOf(scheme.block(), -1);
  for (auto [position, element] : llvm::enumerate(problem.elements))
    positionOf[element] = int64_t(position);
  auto refuse = [&] {
    return llvm::createStringError(
        "scheme '" + scheme.displayName() +
        "' cannot be quantized: elements of a vector have different scales, "
        "expected them to share all");
  };
  for (const FieldTerm &term : termsOf(field)) {
    // No unit where other problems of the block have it.
    std::map<llvm::SmallVector<int64_t>, std::optional<size_t>> known;
    for (auto [element, position] : llvm::enumerate(positionOf)) {
      llvm::SmallVector<int64_t> firstBits;
      unsigned bits = 0;
      for (PlaneAttr plane : term.planes) {
        firstBits.push_back(firstBit(plane, int64_t(element)));
        bits += plane.width();
      }
      auto [entry, inserted] = known.try_emplace(firstBits);
      std::optional<size_t> &unit = entry->second;
      if (!inserted && unit.has_value() != (position >= 0))
        return refuse();
      if (position < 0)
        continue;
      if (inserted) {
        unit = units.size();
        units.push_back({term, bits, codeShift, firstBits, {}});
        positions.emplace_back();
      }
      unsigned shift =
          term.lookup ? unsigned(componentOf(term.lookup, int64_t(element))) *
                            term.width()
                      : 0;
      positions[*unit].push_back({position, shift});
    }
    codeShift += term.width();
  }
  // Positions that units join are a cluster.
  std::vector<int64_t> root(problem.elements.size());
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](int64_t i) {
    while (root[i] != i)
      i = root[i] = root[root[i]];
    return i;
  };
  for (const auto &joined : positions)
    for (auto [position, shift] : joined)
      root[find(position)] = find(joined.front().first);
  result.clusters.resize(problem.groups.size());
  for (auto [g, group] : llvm::enumerate(problem.groups)) {
    llvm::DenseMap<int64_t, size_t> clusterOf;
    std::vector<int> elementOf(problem.elements.size(), -1);
    auto &clusters = result.clusters[g];
    for (int64_t i = group.begin; i < group.end; ++i) {
      auto [entry, inserted] = clusterOf.try_emplace(find(i), clusters.size());
      if (inserted)
        clusters.emplace_back();
      Cluster &cluster = clusters[entry->second];
      elementOf[i] = int(cluster.elements.size());
      cluster.elements.push_back(int(i - group.begin));
    }
    for (auto [unit, joined] : llvm::zip(units, positions)) {
      if (elementOf[joined.front().first] < 0)
        continue;
      Unit placed = unit;
      for (auto [position, shift] : joined) {
        if (elementOf[position] < 0)
          return refuse();
        placed.members.push_back({elementOf[position], shift});
      }
      clusters[clusterOf.at(find(joined.front().first))].units.push_back(
          std::move(placed));
    }
    for (Cluster &cluster : clusters)
      llvm::stable_sort(cluster.units, [](const Unit &a, const Unit &b) {
        return a.bits * b.members.size() < b.bits * a.members.size();
      });
  }
  return result;
}

/// The bits of `unit` that cost least, while other units are what they are, and
/// those that are not chosen yet become the best for each element.
uint32_t VectorCodes::best(const Unit &unit, const Choice &choice) const {
  unsigned partWidth = unit.term.width();
  uint32_t parts = uint32_t(1) << partWidth, own = (parts - 1)
                                                   << unit.codeShift;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  // What each part of each component costs.
  unsigned perChunk = std::max(1u, tableBits / partWidth), components = 1;
  for (const Member &member : unit.members)
    components = std::max(components, member.shift / partWidth + 1);
  unsigned chunks = (components + perChunk - 1) / perChunk;
  llvm::SmallVector<double, 64> costs(chunks * perChunk * parts, 0.0);
  llvm::SmallVector<double, 16> least(parts);
  for (const Member &member : unit.members) {
    const double *all = &choice.costs[size_t(member.element) << width];
    uint32_t mask = choice.mask[member.element] & ~own,
             known = choice.known[member.element] & mask;
    llvm::fill(least, infinity);
    for (uint32_t code = 0; code < uint32_t(1) << width; ++code) {
      if ((code & mask) != known)
        continue;
      double &cost = least[code >> unit.codeShift & (parts - 1)];
      cost = std::min(cost, all[code]);
    }
    double *of = &costs[size_t(member.shift / partWidth) * parts];
    for (uint32_t part = 0; part < parts; ++part)
      of[part] += least[part];
  }
  if (!unit.term.lookup)
    return uint32_t(std::min_element(costs.begin(), costs.begin() + parts) -
                    costs.begin());
  // And what some components together do: few loads a vector.
  unsigned chunkBits = perChunk * partWidth;
  llvm::SmallVector<double, 512> tables(size_t(chunks) << chunkBits, 0.0);
  for (unsigned chunk = 0; chunk < chunks; ++chunk) {
    double *table = &tables[size_t(chunk) << chunkBits];
    size_t filled = 1;
    for (unsigned i = 0; i < perChunk; ++i, filled *= parts) {
      const double *of = &costs[size_t(chunk * perChunk + i) * parts];
      for (uint32_t part = parts; part-- > 0;)
        for (size_t j = 0; j < filled; ++j)
          table[part * filled + j] = table[j] + of[part];
    }
  }
  uint32_t best = 0;
  double lowest = infinity;
  uint64_t chunkMask = (uint64_t(1) << chunkBits) - 1;
  llvm::ArrayRef<int64_t> entries = unit.term.lookup.getEntries();
  for (auto [index, entry] : llvm::enumerate(entries)) {
    auto vector = uint64_t(entry);
    double cost = 0;
    const double *table = tables.data();
    for (unsigned chunk = 0; chunk < chunks; ++chunk) {
      cost += table[vector & chunkMask];
      vector >>= chunkBits;
      table += size_t(1) << chunkBits;
    }
    if (cost < lowest) {
      lowest = cost;
      best = uint32_t(index);
    }
  }
  return best;
}

void VectorCodes::choose(const Cluster &cluster, Choice &choice) const {
  auto take = [&](size_t number, uint32_t bits) {
    const Unit &unit = cluster.units[number];
    uint32_t partMask = (uint32_t(1) << unit.term.width()) - 1;
    uint64_t vector =
        unit.term.lookup ? uint64_t(unit.term.lookup.getEntries()[bits]) : bits;
    for (const Member &member : unit.members) {
      uint32_t &known = choice.known[member.element];
      known &= ~(partMask << unit.codeShift);
      known |= uint32_t(vector >> member.shift & partMask) << unit.codeShift;
      choice.mask[member.element] |= partMask << unit.codeShift;
    }
    choice.units[number] = bits;
  };
  auto costOf = [&] {
    double cost = 0;
    for (size_t e = 0; e < cluster.elements.size(); ++e)
      cost += choice.costs[(e << width) + choice.known[e]];
    return cost;
  };
  constexpr int rounds = 4;
  double before = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < cluster.units.size(); ++i)
      take(i, best(cluster.units[i], choice));
    choice.cost = costOf();
    if (cluster.units.size() == 1 || !(choice.cost < before * (1 - 1e-9)))
      return;
    before = choice.cost;
  }
}

Sums VectorCodes::assign(int group, Samples samples, Line line, double *q,
                         uint8_t *block) const {
  Choice choice;
  for (const Cluster &cluster : clusters[group]) {
    size_t count = cluster.elements.size();
    choice.costs.assign(count << width, 0);
    choice.known.assign(count, 0);
    choice.mask.assign(count, 0);
    choice.units.assign(cluster.units.size(), -1);
    for (size_t e = 0; e < count; ++e) {
      double x = samples.x[cluster.elements[e]] - line.base,
             w = samples.w[cluster.elements[e]];
      for (size_t code = 0; code < numbers.size(); ++code) {
        double difference = line.scale * numbers[code] - x;
        // What is no number is never taken.
        choice.costs[(e << width) + code] =
            std::isfinite(numbers[code])
                ? w * difference * difference
                : std::numeric_limits<double>::max() / 1e6;
      }
    }
    choose(cluster, choice);
    for (size_t e = 0; e < count; ++e)
      q[cluster.elements[e]] = numbers[choice.known[e]];
    if (!block)
      continue;
    for (auto [unit, bits] : llvm::zip(cluster.units, choice.units)) {
      uint32_t rest = uint32_t(bits);
      for (auto [plane, first] : llvm::zip(unit.term.planes, unit.firstBits)) {
        writeBits(block, first, plane.width(),
                  rest & uint32_t((uint64_t(1) << plane.width()) - 1));
        rest = uint32_t(uint64_t(rest) >> plane.width());
      }
    }
  }
  return CodeLoops::get().given(samples, line, q);
}
