//===- Cells.cpp - Which elements share which fields ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/Cells.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <numeric>

using namespace mlir;
using namespace rlx;
using namespace rlx::quantize;

FieldList::FieldList(QuantScheme scheme) {
  SchemeAttr attribute = scheme.attr();
  llvm::append_range(fields, attribute.getScale());
  numScales = int(fields.size());
  if (FieldAttr zero = attribute.getZero()) {
    fields.push_back(zero);
    numZeros = 1;
  }
  llvm::append_range(fields, attribute.getOffset());
}

bool quantize::hasBlocksOnly(QuantScheme scheme) {
  return scheme.sideOperands().empty();
}

/// How many rows share an index: 1 where the row is a part of it, a number
/// where a multiple of it is; else all of them.
static int64_t rowsOfIndex(AffineMap index, int64_t n) {
  int64_t rows = n;
  for (AffineExpr expr : index.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && dim.getPosition() == 0)
      return 1;
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!binary || binary.getKind() != AffineExprKind::FloorDiv)
      continue;
    auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
    auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (dim && divisor && dim.getPosition() == 0)
      rows = std::min(rows, divisor.getValue());
  }
  return rows;
}

bool quantize::isOfWholeWeight(const SideOperand &side) {
  return llvm::all_of(side.index.getResults(), [](AffineExpr expr) {
    return isa<AffineConstantExpr>(expr);
  });
}

int64_t quantize::rowsTogether(QuantScheme scheme, int64_t n,
                               bool leaveOutWholeWeight) {
  int64_t rows = 1;
  for (const SideOperand &side : scheme.sideOperands()) {
    if (leaveOutWholeWeight && isOfWholeWeight(side))
      continue;
    rows = std::lcm(rows, rowsOfIndex(side.index, n));
    if (rows >= n)
      return n;
  }
  return rows;
}

namespace {
/// Numbers the cells of a patch and the groups that read them.
class CellBuilder {
public:
  CellBuilder(QuantScheme scheme, Patch patch, FixedCodes fixed)
      : scheme(scheme), patch(patch), list(scheme), fixed(fixed) {}

  llvm::Expected<std::vector<Problem>> run();

private:
  /// Where the bits of a field of the block, or the index of a side field, are.
  struct Places {
    /// For each element of a block, the place of its cell, of those of the
    /// field.
    std::vector<int> byElement;
    int count = 0;
  };
  llvm::Expected<Places> placesOf(int field) const;
  int cellOf(int field, int64_t row, int64_t column);
  int newCell(int field, int64_t row, int64_t column);
  void addToGroup(int64_t position, llvm::ArrayRef<int> cells);
  bool isFixed(int cell) const {
    return !fixed.empty() && fixed[cells[cell].field];
  }
  std::vector<Problem> split();

  QuantScheme scheme;
  Patch patch;
  FieldList list;
  FixedCodes fixed;
  std::vector<Places> places;
  std::vector<llvm::DenseMap<int64_t, int>> cellByPlace; ///< of each field
  llvm::StringMap<std::map<std::vector<int64_t>, int>> cellBySide;
  std::map<std::vector<int>, int> groupByCells;
  std::vector<Cell> cells;
  std::vector<std::vector<int64_t>> elements; ///< of each group
  std::vector<std::vector<int>> cellsOfGroup;
};
} // namespace

llvm::Expected<CellBuilder::Places> CellBuilder::placesOf(int index) const {
  FieldAttr field = list.fields[index];
  Places result;
  if (field.isSide())
    return result;
  std::map<std::vector<int64_t>, int> known;
  std::map<std::pair<int, int64_t>, int> owner; ///< of a plane's first bit
  for (int64_t i = 0; i < scheme.block(); ++i) {
    std::vector<int64_t> bits;
    for (PlaneAttr plane : field.getPlanes())
      bits.push_back(firstBit(plane, i));
    int place = known.try_emplace(bits, int(known.size())).first->second;
    for (auto [plane, bit] : llvm::enumerate(bits))
      if (owner.try_emplace({int(plane), bit}, place).first->second != place)
        return llvm::createStringError(
            "scheme '" + scheme.displayName() +
            "' cannot be quantized: elements share a part of the bits of a "
            "scale, zero or offset, expected all of them or none");
    result.byElement.push_back(place);
  }
  result.count = int(known.size());
  return result;
}

int CellBuilder::newCell(int field, int64_t row, int64_t column) {
  cells.push_back({field, row * patch.columns + column, {}});
  return int(cells.size()) - 1;
}

int CellBuilder::cellOf(int index, int64_t row, int64_t column) {
  FieldAttr field = list.fields[index];
  if (field.isSide()) {
    std::vector<int64_t> key;
    for (AffineExpr expr : field.getPlanes().front().getPosition().getResults())
      key.push_back(evaluate(expr, {patch.firstRow + row, column}));
    auto [entry, inserted] =
        cellBySide[field.getOperand().getValue()].try_emplace(std::move(key),
                                                              0);
    if (inserted)
      entry->second = newCell(index, row, column);
    return entry->second;
  }
  int64_t block =
      row * (patch.columns / scheme.block()) + column / scheme.block();
  int64_t place = block * places[index].count +
                  places[index].byElement[column % scheme.block()];
  auto [entry, inserted] = cellByPlace[index].try_emplace(place, 0);
  if (inserted)
    entry->second = newCell(index, row, column);
  return entry->second;
}

void CellBuilder::addToGroup(int64_t position, llvm::ArrayRef<int> key) {
  // Neighbours mostly are of one group.
  if (!elements.empty() && llvm::ArrayRef(cellsOfGroup.back()) == key) {
    elements.back().push_back(position);
    return;
  }
  auto [entry, inserted] = groupByCells.try_emplace(
      std::vector<int>(key.begin(), key.end()), int(elements.size()));
  if (inserted) {
    elements.emplace_back();
    cellsOfGroup.push_back(entry->first);
  }
  elements[entry->second].push_back(position);
}

/// One problem for each set of groups that cells join.
std::vector<Problem> CellBuilder::split() {
  // Cell c is c, group g is g less all groups: joined by what reads what.
  std::vector<int> root(cells.size() + elements.size());
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](int i) {
    while (root[i] != i)
      i = root[i] = root[root[i]];
    return i;
  };
  int numCells = int(cells.size());
  for (int g = 0; g < int(elements.size()); ++g)
    for (int cell : cellsOfGroup[g])
      if (!isFixed(cell))
        root[find(numCells + g)] = find(cell);
  std::vector<Problem> problems;
  llvm::DenseMap<int, int> problemOf;
  std::vector<int> cellIndex(cells.size(), -1);
  // Each problem has its own cell of a fixed field.
  std::vector<llvm::SmallVector<int>> fixedIndex;
  for (int g = 0; g < int(elements.size()); ++g) {
    auto [entry, inserted] =
        problemOf.try_emplace(find(numCells + g), int(problems.size()));
    if (inserted)
      problems.emplace_back();
    Problem &problem = problems[entry->second];
    if (inserted)
      fixedIndex.emplace_back(list.fields.size(), -1);
    Group group;
    group.begin = int64_t(problem.elements.size());
    llvm::append_range(problem.elements, elements[g]);
    group.end = int64_t(problem.elements.size());
    for (int cell : cellsOfGroup[g]) {
      int &place = isFixed(cell) ? fixedIndex[entry->second][cells[cell].field]
                                 : cellIndex[cell];
      if (place < 0) {
        place = int(problem.cells.size());
        problem.cells.push_back(cells[cell]);
        if (isFixed(cell))
          problem.cells.back().element = elements[g].front();
      }
      int index = place, number = int(problem.groups.size());
      auto &groups = problem.cells[index].groups;
      if (groups.empty() || groups.back() != number)
        groups.push_back(number);
      group.cells.push_back(index);
    }
    problem.groups.push_back(std::move(group));
  }
  return problems;
}

llvm::Expected<std::vector<Problem>> CellBuilder::run() {
  for (int i = 0; i < int(list.fields.size()); ++i) {
    llvm::Expected<Places> found = placesOf(i);
    if (!found)
      return found.takeError();
    places.push_back(std::move(*found));
  }
  cellByPlace.resize(list.fields.size());
  llvm::SmallVector<int> key(list.fields.size());
  for (int64_t row = 0; row < patch.rows; ++row)
    for (int64_t column = 0; column < patch.columns; ++column) {
      for (int i = 0; i < int(list.fields.size()); ++i)
        key[i] = cellOf(i, row, column);
      addToGroup(row * patch.columns + column, key);
    }
  return split();
}

llvm::Expected<std::vector<Problem>>
quantize::problemsOf(QuantScheme scheme, Patch patch, FixedCodes fixed) {
  return CellBuilder(scheme, patch, fixed).run();
}
