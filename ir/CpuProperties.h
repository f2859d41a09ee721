//===- CpuProperties.h - The CPU that kernels are for -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fields of #rlx.cpu: what kernels must know of a CPU, and what a user
// wants otherwise than the cost model of --rlx-choose-tiles. One table gives
// each field its name, bounds and default; parser, printer and the options of
// tools read it. RlxAttributes.td says what the fields mean.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_CPUPROPERTIES_H
#define RLX_IR_CPUPROPERTIES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace rlx {

/// The most that a size of a loop may be: more than any K, and so that sizes in
/// bytes do not overflow.
constexpr int64_t mostLoopSize = 1 << 24;
/// The most rows of a register tile, and vectors or panels side by side: more
/// fit no registers, and each is code of its own.
constexpr int64_t mostTileRows = 32, mostTileColumns = 4;

struct CpuProperties {
  // The machine.
  int64_t vectorBits = 512, vectorRegisters = 32;
  llvm::SmallVector<std::string> features; ///< in LLVM's spelling
  bool twoVectorPorts = false;
  /// In bytes. The defaults are what most servers since 2018 have; an EPYC
  /// before Zen 4 has half the L2. The host is not asked, so that code for a
  /// target is the same wherever it is compiled.
  int64_t cacheLine = 64, page = 4096, l1 = 32 << 10, l2 = 1 << 20;
  // Which modes kernels may use.
  bool deterministic = false;
  bool i16Pairs = true, magicNumbers = true, prescaledWeights = true;
  // Sizes of #rlx.tiles; 0 leaves one to the cost model.
  int64_t mr = 0, minMPanel = 0, mrPanel = 0, nrPanel = 0, mc = 0, nc = 0,
          kc = 0, prefetchBytes = 0;
  /// Elements of K whose activations of integers share a scale, where a matmul
  /// does not say it; 0: as usual (ir/ActivationGroup.h).
  int64_t activationGroup = 0;

  /// f32 lanes of a vector register.
  int64_t lanes() const { return vectorBits / 32; }
  bool has(llvm::StringRef feature) const;

  /// Sets the field `name` to what `value` says: an integer, true or false, or
  /// names in brackets, separated by commas. Fails on a name that there is not,
  /// with the nearest one, and on a value that the field cannot have.
  llvm::Error set(llvm::StringRef name, llvm::StringRef value);
  /// Sets fields from `text`, `name=value ...`, separated by white space.
  llvm::Error setAll(llvm::StringRef text);
  /// `name = value, ...`: the fields that differ from their defaults, and all
  /// of the machine where `wholeMachine`.
  std::string text(bool wholeMachine = false) const;
};

} // namespace rlx

#endif // RLX_IR_CPUPROPERTIES_H
