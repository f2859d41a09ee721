//===- TrialSolver.h - Least error by many lines at once --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Solver.h does for all schemes, for those of most blocks: a scale, or a
// scale and an offset, each of one factor of a group's own and at most one that
// all groups share, and codes of few numbers. Here sixteen lines are tried in
// the time of one (LineTrials.h).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_TRIALSOLVER_H
#define RLX_CODEGEN_QUANTIZE_TRIALSOLVER_H

#include "codegen/quantize/GroupSearch.h"
#include "codegen/quantize/Solver.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace rlx::quantize {

/// Solves problems one after the other. Holds what they need, once.
class TrialSolver {
public:
  explicit TrialSolver(const SchemeNumbers &numbers) : numbers(numbers) {}

  /// Whether a problem is of the kind. It must outlive calls of `solve`, and so
  /// must the codes of `fixed` fields, which stay.
  bool prepare(const Problem &problem, FixedCodes fixed = {});

  /// Codes for the cells of the problem. `x` and `w` are in the order of its
  /// elements; without `w`, all weigh 1. False where stored scales are too
  /// coarse for this way.
  bool solve(const float *x, const float *w, std::vector<uint32_t> &codes);

private:
  /// A scale, or an offset: numbers of fields, -1 where there is none.
  struct Product {
    int own = -1, shared = -1;
    double sign = 1; ///< Of what is subtracted.
  };
  /// What groups have that share factors.
  struct Chosen {
    uint32_t scaleCode = 0, baseCode = 0; ///< Own codes and their numbers.
    double scale = 1, base = 1;
    FoundLine best; ///< For the numbers of elements that these lead to.
    double qr = 0, r = 0;
  };
  struct State {
    double scale = 1, base = 1; ///< Shared factors, as they are stored.
    uint32_t scaleCode = 0, baseCode = 0;
    std::vector<Chosen> groups;
    double error = 0;
  };

  /// Whether what is stored is near to what was wanted. Where it is not,
  /// numbers are too small or too large for the field.
  static bool isNear(double wanted, double stored);
  bool prepareProduct(llvm::ArrayRef<int> fields, Product &product) const;
  void chooseLanes();
  /// The signs that are tried, one after the other.
  llvm::SmallVector<LineSigns, 4> hypotheses() const;
  void load(const float *x, const float *w);
  /// Makes `best` better, if these signs are.
  bool solveFor(LineSigns signs);
  bool isDirect() const;
  bool isSteep() const;
  void chooseDirectly(State &state) const;
  bool solveAlone(State &state) const;
  bool start(int attempt, State &state) const;
  bool startProduct(const Product &product, bool isBase, int attempt,
                    double &number, uint32_t &code) const;
  void choose(llvm::function_ref<FoundLine(size_t)> around, State &state) const;
  void interleave(const std::vector<float> &from, std::vector<float> &to) const;
  void chooseForPair(size_t g, const FoundLine &first, const FoundLine &second,
                     State &state) const;
  void chooseForGroup(size_t g, const FoundLine &around, State &state) const;
  bool improveShared(const State &from, State &to) const;

  std::optional<uint32_t> fixedCodeOf(int field) const {
    return fixed.empty() || field < 0 ? std::nullopt : fixed[field];
  }

  const SchemeNumbers &numbers;
  const Problem *problem = nullptr;
  FixedCodes fixed;
  Product scale, base;
  bool hasBase = false, isWeighted = false;
  TriedNumbers tried; ///< Of codes.
  struct SearchKind {
    LineSigns signs;
    bool hasBase, isWeighted;
    LaneUse use;
    bool operator==(const SearchKind &) const = default;
  };
  std::vector<std::pair<SearchKind, GroupSearch>> searches; ///< Those used.

  // Of the elements.
  double unit = 1; ///< What 1 in `x` stands for.
  LaneUse use = LaneUse::one;
  std::vector<float> x, w, least, most, pairedX, pairedW;
  std::vector<std::pair<float, float>> sides; ///< Weight and square of groups.
  std::vector<FloatSamples> samples;
  std::vector<FoundLine> found;
  State state, next, best;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_TRIALSOLVER_H
