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
  int64_t stride = 0;                    ///< Elements, and a few more.
  llvm::SmallVector<float, 64> t, w;     ///< Of each element.
  llvm::SmallVector<float, 512> costs;   ///< By code, of each element.
  llvm::SmallVector<uint32_t, 32> known; ///< The bits of its code chosen.
  llvm::SmallVector<uint32_t, 32> mask;  ///< Which these are.
  llvm::SmallVector<uint32_t, 16> units;
  llvm::SmallVector<float, 256> parts, sums, room; ///< For one unit.
};

int VectorCodes::tableOf(const Unit &unit) {
  unsigned components = 1;
  for (const Member &member : unit.members)
    components = std::max(components, member.shift / unit.partWidth + 1);
  for (auto [i, table] : llvm::enumerate(tables))
    if (table.lookup == unit.term.lookup && table.components == components)
      return int(i);
  LookupAttr lookup = unit.term.lookup;
  tables.push_back(
      {lookup, components,
       VectorTable::make(lookup.getEntries(), unit.partWidth, components)});
  return int(tables.size()) - 1;
}

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
  result.singles.assign(result.numbers.begin(), result.numbers.end());
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
        Unit &added = units.emplace_back();
        added.term = term;
        added.bits = bits;
        added.codeShift = codeShift;
        added.firstBits = firstBits;
        added.partWidth = term.width();
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
        placed.members.push_back(
            {elementOf[position], shift, shift / unit.partWidth});
      }
      clusters[clusterOf.at(find(joined.front().first))].units.push_back(
          std::move(placed));
    }
    for (Cluster &cluster : clusters) {
      llvm::stable_sort(cluster.units, [](const Unit &a, const Unit &b) {
        if ((a.members.size() == 1) != (b.members.size() == 1))
          return a.members.size() != 1;
        return a.bits * b.members.size() < b.bits * a.members.size();
      });
      cluster.joining = llvm::count_if(cluster.units, [](const Unit &unit) {
        return unit.members.size() > 1;
      });
      for (Unit &unit : cluster.units)
        if (unit.term.lookup) {
          unit.table = result.tableOf(unit);
          unit.entries = unit.term.lookup.getEntries();
        }
    }
  }
  return result;
}

/// The bits of `unit` that cost least, while other units are what they are, and
/// those that are not chosen yet become the best for each element.
uint32_t VectorCodes::best(const Unit &unit, Choice &choice) const {
  uint32_t parts = uint32_t(1) << unit.partWidth, own = (parts - 1)
                                                        << unit.codeShift;
  int64_t stride = choice.stride;
  const VectorLoops &loops = VectorLoops::get();
  // Its own bits are free.
  for (const Member &member : unit.members) {
    choice.mask[member.element] &= ~own;
    choice.known[member.element] &= ~own;
  }
  choice.parts.resize_for_overwrite(parts * stride);
  loops.parts(choice.costs.data(), choice.known.data(), choice.mask.data(),
              stride, 1 << width, unit.codeShift, int(parts),
              choice.parts.data());
  if (unit.table < 0) {
    choice.sums.assign(parts, 0);
    for (const Member &member : unit.members)
      for (uint32_t part = 0; part < parts; ++part)
        choice.sums[part] += choice.parts[part * stride + member.element];
    return uint32_t(llvm::min_element(choice.sums) - choice.sums.begin());
  }
  const VectorTable &table = tables[unit.table].vectors;
  unsigned radix = table.radix;
  choice.sums.assign((table.components[0] + table.components[1]) * radix, 0);
  for (const Member &member : unit.members) {
    float *of = &choice.sums[member.component * radix];
    for (unsigned part = 0; part < radix; ++part)
      of[part] += choice.parts[part * stride + member.element];
  }
  choice.room.assign(table.room(), 0);
  return loops.best(table, choice.sums.data(), choice.room.data());
}

/// Units of one element, for which all else is chosen.
void VectorCodes::takeSingles(const Cluster &cluster, Choice &choice) const {
  for (size_t number = cluster.joining; number < cluster.units.size();
       ++number) {
    const Unit &unit = cluster.units[number];
    const Member &member = unit.members.front();
    uint32_t partMask = (uint32_t(1) << unit.partWidth) - 1,
             own = partMask << unit.codeShift,
             mask = choice.mask[member.element] & ~own,
             known = choice.known[member.element] & mask, chosen = 0, bits = 0;
    float least = std::numeric_limits<float>::infinity();
    // What other units of the element have not chosen yet is free.
    for (uint32_t code = 0; code < uint32_t(1) << width; ++code) {
      float cost = choice.costs[code * choice.stride + member.element];
      if ((code & mask) == known && cost < least) {
        least = cost;
        chosen = code & own;
      }
    }
    bits = chosen >> unit.codeShift;
    if (unit.table >= 0)
      bits = uint32_t(llvm::find_if(unit.entries,
                                    [&](int64_t vector) {
                                      return (uint64_t(vector) >> member.shift &
                                              partMask) == bits;
                                    }) -
                      unit.entries.begin());
    choice.known[member.element] = known | chosen;
    choice.mask[member.element] |= own;
    choice.units[number] = bits;
  }
}

void VectorCodes::choose(const Cluster &cluster, Choice &choice) const {
  // Whether something changes; at first, everything does.
  auto take = [&](size_t number, uint32_t bits, bool isFirst) {
    const Unit &unit = cluster.units[number];
    uint32_t partMask = (uint32_t(1) << unit.partWidth) - 1;
    uint64_t vector = unit.table >= 0 ? uint64_t(unit.entries[bits]) : bits;
    for (const Member &member : unit.members) {
      choice.known[member.element] |=
          uint32_t(vector >> member.shift & partMask) << unit.codeShift;
      choice.mask[member.element] |= partMask << unit.codeShift;
    }
    bool isNew = isFirst || choice.units[number] != bits;
    choice.units[number] = bits;
    return isNew;
  };
  // Units of one element stay free until all others are chosen.
  size_t count = cluster.joining, settled = 0;
  constexpr size_t rounds = 4;
  for (size_t step = 0; step < rounds * count && settled < count; ++step) {
    size_t i = step % count;
    bool isNew = take(i, best(cluster.units[i], choice), step < count);
    // Since when nothing has changed.
    settled = isNew ? 1 : settled + 1;
  }
  if (count == cluster.units.size())
    return;
  takeSingles(cluster, choice);
}

Sums VectorCodes::assign(int group, Samples samples, Line line, double *q,
                         uint8_t *block) const {
  Choice choice;
  const VectorLoops &loops = VectorLoops::get();
  double inverse = std::fabs(line.scale) < 1e-300 ? 0 : 1 / line.scale,
         heaviest = 0;
  for (int64_t i = 0; i < samples.count; ++i)
    heaviest = std::max(heaviest, samples.w[i]);
  double part = heaviest > 0 ? 1 / heaviest : 0;
  // Far beyond all numbers, and its product with them has a square in f32.
  constexpr double beyond = 1e12;
  for (const Cluster &cluster : clusters[group]) {
    size_t count = cluster.elements.size();
    int64_t stride = choice.stride = VectorLoops::stride(int64_t(count));
    choice.t.assign(stride, 0);
    choice.w.assign(stride, 0);
    choice.costs.resize_for_overwrite(stride << width);
    choice.known.assign(stride, 0);
    choice.mask.assign(stride, 0);
    choice.units.assign(cluster.units.size(), 0);
    for (size_t e = 0; e < count; ++e) {
      double t = (samples.x[cluster.elements[e]] - line.base) * inverse;
      choice.t[e] = float(std::clamp(t, -beyond, beyond));
      choice.w[e] = float(samples.w[cluster.elements[e]] * part);
    }
    loops.costs(choice.t.data(), choice.w.data(), stride, singles.data(),
                int(singles.size()), choice.costs.data());
    choose(cluster, choice);
    for (size_t e = 0; e < count; ++e)
      q[cluster.elements[e]] = numbers[choice.known[e]];
    if (!block)
      continue;
    for (auto [unit, bits] : llvm::zip(cluster.units, choice.units)) {
      uint32_t rest = bits;
      for (auto [plane, first] : llvm::zip(unit.term.planes, unit.firstBits)) {
        writeBits(block, first, plane.width(),
                  rest & uint32_t((uint64_t(1) << plane.width()) - 1));
        rest = uint32_t(uint64_t(rest) >> plane.width());
      }
    }
  }
  return CodeLoops::get().given(samples, line, q);
}
