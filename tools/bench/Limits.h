//===- Limits.h - What the machine can do -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read bandwidth from memory and peak rates of the instructions that matmuls
// are made of, measured with code that RLX's own back end emits: what stands in
// the way of a kernel is then the same compiler and the same machine.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_LIMITS_H
#define RLX_TOOLS_BENCH_LIMITS_H

#include "codegen/Executable.h"
#include "codegen/cpu/Target.h"

#include <map>
#include <optional>

namespace rlx {

/// The machine by name: its processor, LLVM's name of it, and how many there
/// are.
struct MachineName {
  std::string processor, llvmCpu;
  unsigned processors = 0;
  std::string device = {}; ///< Where it is not the processor that is measured.
  static MachineName read();
};

/// Rates of `threads` threads together. A multiplication and an addition are
/// two operations. What the machine has no instruction for is missing.
struct Limits {
  unsigned threads = 1; ///< 0 on a device.
  /// From memory, in 10^9 bytes a second; on a device those that copies within
  /// its memory read and write.
  double readGbps = 0;
  std::optional<double> f32Gflops, bf16Gflops, int8Gops;
  /// Of a device whose subgroups multiply matrices.
  std::optional<double> f16MatrixGflops;
  bool ofDevice = false;

  /// The peak for activations of that type, and its name. Integers of
  /// several bytes take as many products of int8's.
  std::optional<double> peakFor(llvm::StringRef activations) const;
  /// The figure that this peak is made of; null where there is none.
  static std::optional<double> Limits::*peakOf(llvm::StringRef activations);
  static std::string peakName(llvm::StringRef activations);
  /// Keeps the better of two measurements: a machine that others use as well
  /// shows its limits only now and then.
  void raiseTo(const Limits &other);
};

class LimitsBench {
public:
  static constexpr unsigned mostThreads = 1024;
  /// Compiles the code. `seconds` are spent on each number.
  static llvm::Expected<LimitsBench> create(double seconds = 0.3);
  /// With 1 to `mostThreads` threads.
  llvm::Expected<Limits> measure(unsigned threads);
  /// A look of some milliseconds at the rate of memory, read the way that
  /// `measure` found fastest with so many threads, or at the peak for
  /// activations of a type, null where the machine has no such instruction.
  llvm::Expected<std::optional<double>> sampleMemory(unsigned threads);
  llvm::Expected<std::optional<double>> samplePeak(llvm::StringRef activations,
                                                   unsigned threads);

private:
  struct Program {
    std::string function;
    double workPerRun = 0; ///< Operations or bytes.
    bool reads = false;
    std::optional<double> Limits::*result = nullptr;
    Tensor input;
  };

  /// 10^9 operations or bytes a second of all threads, in each of some tries.
  llvm::Expected<std::vector<double>>
  rates(const Program &program, unsigned threads, size_t tries, double seconds);
  /// Grows `memory` to a part for each thread and gives the bytes of one.
  llvm::Expected<int64_t> allocateParts(unsigned threads);
  llvm::Expected<double> best(const Program &program, unsigned threads);
  llvm::Expected<double> sample(const Program &program, unsigned threads);

  double seconds = 0;
  /// Which program reads fastest, by the number of threads.
  std::map<unsigned, size_t> fastestRead;
  std::unique_ptr<Executable> code;
  std::vector<Program> programs;
  Tensor memory;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_LIMITS_H
