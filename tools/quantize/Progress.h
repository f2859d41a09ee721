//===- Progress.h - How far a conversion is ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line of a terminal. What counts are numbers that are quantized, as often
// as a method looks at them, so that slow schemes and large weights are seen to
// go on. Says nothing where there is no terminal.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_PROGRESS_H
#define RLX_TOOLS_QUANTIZE_PROGRESS_H

#include "llvm/ADT/StringRef.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace rlx::quantize {

class Progress {
public:
  Progress(size_t numSteps, double totalWork);
  ~Progress();

  /// Begins a weight, number `step`, that takes so much work.
  void begin(size_t step, llvm::StringRef name, double work);
  /// Some of it is done. Several threads may say so.
  void advance(int64_t work);
  /// Makes place for a line of text; what is shown comes back by itself.
  void clear();

private:
  void show();

  size_t numSteps;
  double totalWork;
  bool shown;
  std::mutex mutex; ///< Of what is shown.
  size_t step = 0;
  std::string name;
  double work = 1, before = 0;
  std::atomic<int64_t> done{0}; ///< Of this weight.
  std::atomic<int> last{-1};    ///< Its percent, as shown.
};

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_PROGRESS_H
