//===- ProductCodes.cpp - Vectors that leave codes free -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/ProductCodes.h"

#include "codegen/quantize/FieldBits.h"

#include <map>
#include <set>

using namespace rlx;
using namespace rlx::quantize;

std::optional<ProductCodes> ProductCodes::create(QuantScheme scheme) {
  FieldAttr field = scheme.attr().getCode();
  constexpr unsigned widestCode = 8;
  if (!field.hasLookups() || field.width() > widestCode)
    return std::nullopt;
  ProductCodes result;
  unsigned codeShift = 0;
  for (const FieldTerm &term : termsOf(field)) {
    if (!result.addTerm(scheme, term, codeShift))
      return std::nullopt;
    codeShift += term.width();
  }
  return result;
}

bool ProductCodes::addTerm(QuantScheme scheme, const FieldTerm &term,
                           unsigned codeShift) {
  size_t number = terms.size();
  Term &added = terms.emplace_back(Term{term, codeShift, {}});
  for (PlaneAttr plane : term.planes)
    added.widths.push_back(plane.width());
  std::map<llvm::SmallVector<int64_t, 2>, std::vector<Member>> joined;
  for (int64_t element = 0; element < scheme.block(); ++element) {
    llvm::SmallVector<int64_t, 2> firstBits;
    for (PlaneAttr plane : term.planes)
      firstBits.push_back(firstBit(plane, element));
    int64_t component = term.lookup ? componentOf(term.lookup, element) : 0;
    joined[firstBits].push_back(
        {int32_t(element), uint8_t(component * term.width())});
  }
  uint64_t partMask = (uint64_t(1) << term.width()) - 1;
  for (const auto &[firstBits, of] : joined) {
    Unit unit;
    unit.term = number;
    unit.firstBits = firstBits;
    unit.firstMember = members.size();
    unit.numMembers = of.size();
    uint64_t mask = 0;
    for (const Member &member : of) {
      // Two elements with the same component share its code.
      if (mask >> member.shift & partMask)
        return false;
      mask |= partMask << member.shift;
    }
    std::optional<size_t> table = tableOf(number, mask, unsigned(of.size()));
    if (!table)
      return false;
    unit.table = *table;
    constexpr unsigned byteWidth = 8;
    if (firstBits.size() == 1 && firstBits[0] % byteWidth == 0 &&
        added.widths[0] == byteWidth)
      unit.byte = firstBits[0] / byteWidth;
    members.insert(members.end(), of.begin(), of.end());
    units.push_back(std::move(unit));
  }
  return true;
}

/// Which index names a vector that has these bits where `mask` says. None where
/// a combination of components is missing.
std::optional<size_t> ProductCodes::tableOf(size_t number, uint64_t mask,
                                            unsigned numMembers) {
  for (auto [i, table] : llvm::enumerate(tables))
    if (table.term == number && table.mask == mask)
      return i;
  constexpr uint64_t most = uint64_t(1) << 16;
  if (mask >= most)
    return std::nullopt;
  const FieldTerm &term = terms[number].term;
  uint64_t partMask = (uint64_t(1) << term.width()) - 1;
  constexpr uint32_t none = ~uint32_t(0);
  Table table{number, mask, std::vector<uint32_t>(mask + 1, none)};
  std::vector<std::set<uint64_t>> parts;
  uint64_t found = 0;
  size_t count = term.lookup ? term.lookup.getEntries().size() : partMask + 1;
  for (size_t index = 0; index < count; ++index) {
    uint64_t vector =
        term.lookup ? uint64_t(term.lookup.getEntries()[index]) : index;
    uint32_t &known = table.indexOf[vector & mask];
    if (known != none)
      continue;
    known = uint32_t(index);
    ++found;
    parts.resize(numMembers);
    size_t part = 0;
    for (unsigned shift = 0; mask >> shift != 0; shift += term.width())
      if (mask >> shift & partMask)
        parts[part++].insert(vector >> shift & partMask);
  }
  uint64_t combinations = 1;
  for (const std::set<uint64_t> &of : parts) {
    combinations *= of.size();
    if (of != parts.front())
      return std::nullopt;
  }
  if (found != combinations)
    return std::nullopt;
  tables.push_back(std::move(table));
  return tables.size() - 1;
}

void ProductCodes::writeIndex(const Unit &unit, uint32_t index,
                              uint8_t *block) const {
  for (auto [width, first] :
       llvm::zip(terms[unit.term].widths, unit.firstBits)) {
    writeBits(block, first, width,
              index & uint32_t((uint64_t(1) << width) - 1));
    index = uint32_t(uint64_t(index) >> width);
  }
}

void ProductCodes::store(const uint8_t *codes, uint8_t *block) const {
  for (const Unit &unit : units) {
    const Term &term = terms[unit.term];
    uint32_t partMask = (1u << term.term.width()) - 1, vector = 0;
    const Member *of = &members[unit.firstMember];
    for (size_t i = 0; i < unit.numMembers; ++i)
      vector |= (uint32_t(codes[of[i].element]) >> term.codeShift & partMask)
                << of[i].shift;
    uint32_t index = tables[unit.table].indexOf[vector];
    if (unit.byte >= 0)
      block[unit.byte] = uint8_t(index);
    else
      writeIndex(unit, index, block);
  }
}

void ProductCodes::write(uint8_t *block, int64_t element, uint32_t code) const {
  for (const Unit &unit : units) {
    llvm::ArrayRef<Member> of(&members[unit.firstMember], unit.numMembers);
    const Member *member = llvm::find_if(
        of, [&](const Member &m) { return m.element == element; });
    if (member == of.end())
      continue;
    const Term &term = terms[unit.term];
    uint64_t stored = 0;
    unsigned at = 0;
    for (auto [width, first] : llvm::zip(term.widths, unit.firstBits)) {
      stored |= uint64_t(readBits(block, first, width)) << at;
      at += width;
    }
    uint64_t partMask = (uint64_t(1) << term.term.width()) - 1;
    uint64_t vector = term.term.lookup
                          ? uint64_t(term.term.lookup.getEntries()[stored])
                          : stored;
    vector &= ~(partMask << member->shift);
    vector |= (code >> term.codeShift & partMask) << member->shift;
    const Table &table = tables[unit.table];
    writeIndex(unit, table.indexOf[vector & table.mask], block);
  }
}
