//===- GroupSearch.h - The best line of a group by itself -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds scale and base of a group as real numbers. How they are stored is not
// looked at here but in TrialSolver.h. LineSearch.h does the same for numbers
// of any kind, one line at a time.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_GROUPSEARCH_H
#define RLX_CODEGEN_QUANTIZE_GROUPSEARCH_H

#include "codegen/quantize/TrialNumbers.h"

#include <limits>

namespace rlx::quantize {

/// Signs that scales and bases may have: 1, -1, or 0 for both.
struct LineSigns {
  int scale = 0, base = 0;
  bool operator==(const LineSigns &) const = default;
};

/// A line, the sums of its numbers, and its error.
struct FoundLine {
  double scale = 0, base = 0;
  double error = std::numeric_limits<double>::infinity();
  double q = 0, qq = 0;
};

class GroupSearch {
public:
  /// `isThorough`: more guesses, and once more from lines to numbers.
  GroupSearch(const TrialNumbers &numbers, bool hasBase, LineSigns signs,
              LaneUse use, bool isThorough);

  /// `least`, `most`: of each group of the samples; so many are found.
  void run(llvm::ArrayRef<FloatSamples> samples, const float *least,
           const float *most, FoundLine *found) const;

private:
  /// First guesses as parts of the scales that reach all elements by rising and
  /// by falling, and where between both ends the base lies.
  struct Guesses {
    LineLanes up, down, place;
  };
  void guess(const FloatSamples &samples, const float *least, const float *most,
             const Guesses &guess, TriedLines &lines) const;
  void runSome(llvm::ArrayRef<FloatSamples> samples, const float *least,
               const float *most, FoundLine *found) const;
  void runAlike(llvm::ArrayRef<FloatSamples> samples, FoundLine *found) const;
  void prepareGuesses(int64_t levels, bool isThorough);

  TriedNumbers tried;
  bool hasBase;
  LineSigns signs;
  LaneUse use;
  std::vector<Guesses> guesses;
  int times = 1;
  bool hasFewMagnitudes = false; ///< The numbers are symmetric, and few.
  bool fromSize = false; ///< Guesses are multiples of the root mean square.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_GROUPSEARCH_H
