//===- Program.h - A function compiled for a device, as data --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiled function asks of a device: buffers, kernels and the order in
// which they run. Sizes may depend on the inputs' shapes; they are a list of
// small operations on them. The compiler makes a Program (or writes it as a
// manifest), Session.h runs it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_PROGRAM_H
#define RLX_RUNTIME_GPU_PROGRAM_H

#include "runtime/Tensor.h"
#include "runtime/gpu/Device.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace rlx {

/// An integer that is known once the inputs' shapes are. `a` and `b` are
/// indices of earlier sizes, but for `constant`, where `a` is the value,
/// `dimension`, where they are an argument and a dimension of it, and `number`,
/// what the input `a`, an integer of rank 0, is: a position. Values are
/// signed and of 64 bits; a value that does not fit, and dividing by zero, are
/// errors of the run. Comparisons are 1 or 0.
struct ProgramSize {
  enum class Kind {
    constant,
    dimension,
    number,
    add,
    subtract,
    multiply,
    divide, ///< Rounded down.
    ceilDivide,
    remainder,
    minimum,
    maximum,
    equal,
    less
  } kind = Kind::constant;
  int64_t a = 0, b = 0;
};
/// Index of a ProgramSize.
using SizeIndex = uint32_t;

/// What the caller gives and gets, in the function's order: inputs and weights,
/// then results.
struct ProgramArgument {
  enum class Kind { input, weight, result } kind = Kind::input;
  std::string name; ///< Of a weight, in the weight files, or of a state.
  ElementType type = ElementType::f32;
  std::vector<SizeIndex> shape;
  /// Of an input: steps write it in place, and the next run finds what they
  /// wrote.
  bool isState = false;
};

/// How the words of a packed weight lie, for those who pack it by other means;
/// Manifest.h says what this means.
struct ProgramPacking {
  std::string deviceBlock; ///< A scheme as text; empty where nothing is packed.
  int64_t rows = 0, words = 0;
  std::vector<int64_t> part; ///< First, count, of how many; empty for all.
};

struct ProgramBuffer {
  enum class Kind {
    argument,  ///< Holds argument `argument`, from byte `offset` on.
    packed,    ///< Written by the setup, kept between runs.
    temporary, ///< Written before it is read, in each run.
    constant,  ///< Holds `data`.
  } kind = Kind::temporary;
  uint32_t argument = 0;
  SizeIndex bytes = 0; ///< Rounded up to a multiple of 16 when allocated.
  std::vector<std::byte> data;
  uint64_t offset = 0; ///< 0 but for parts of weights.
  ProgramPacking packing;
};

struct ProgramKernel {
  std::string name;
  uint32_t module = 0; ///< Index into Program::modules.
  std::array<uint32_t, 3> workgroup{1, 1, 1};
  uint32_t buffers = 0, scalars = 0;
  /// Work-items of the subgroups that it counts on; 0 where it uses none.
  uint32_t subgroup = 0;
};

struct ProgramStep {
  enum class Kind { dispatch, copy } kind = Kind::dispatch;
  uint32_t kernel = 0;
  std::vector<uint32_t> buffers; ///< Indices; of a copy: from, to.
  std::vector<SizeIndex> scalars;
  std::array<SizeIndex, 3> groups{};
  SizeIndex fromOffset = 0, toOffset = 0, bytes = 0; ///< Of a copy.
};

/// A kernel's check of the ids it was given. Word 0 of the status buffer is 0,
/// or 1 + the index of the check that failed; words 1 and 2 are then the
/// position of the id and the id.
struct ProgramCheck {
  std::string what; ///< `expert id of 'rlx.gather_matmul'`
  int64_t bound = 0;
};

/// What the sizes of a run must be like: where size `condition` is 0, nothing
/// runs, and `message`, in which each `{}` stands for one of `values`, is the
/// error of the run.
struct ProgramSizeCheck {
  SizeIndex condition = 0;
  std::string message;
  std::vector<SizeIndex> values;
};

struct Program {
  static constexpr uint32_t none = ~0u;

  std::string name;
  KernelForm form = KernelForm::spirv;
  std::vector<std::vector<std::byte>> modules;
  /// Whether kernels of the modules do, those of other functions too.
  bool usesSubgroups = false;
  std::vector<ProgramSize> sizes;
  /// Hold before anything runs; the first that does not is the error.
  std::vector<ProgramSizeCheck> sizeChecks;
  std::vector<ProgramArgument> arguments;
  std::vector<ProgramBuffer> buffers;
  std::vector<ProgramKernel> kernels;
  /// Run once, when all weights are bound: reads weights and constants, writes
  /// packed buffers. A weight that no step of `steps` reads is freed after it.
  std::vector<ProgramStep> setup;
  std::vector<ProgramStep> steps;
  /// The buffer (a temporary of 4 words) that kernels report to, or none. Its
  /// first word is set to zero before each run.
  uint32_t status = none;
  std::vector<ProgramCheck> checks;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_PROGRAM_H
