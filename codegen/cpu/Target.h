//===- Target.h - The CPU that code is generated for ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A triple, a CPU name and features, as LLVM names them, and what kernels must
// know of it. Nothing here depends on the machine RLX
// was built on.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CPU_TARGET_H
#define RLX_CODEGEN_CPU_TARGET_H

#include "ir/CpuProperties.h"

#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class MCSubtargetInfo;
class TargetMachine;
} // namespace llvm

namespace rlx {

struct CpuTarget {
  std::string triple, cpu, features;

  /// The machine this process runs on, with the features its system enables.
  static CpuTarget host();
  /// `triple` empty: the host's. `cpu` empty or "native": the host's where the
  /// triple is the host's, else generic. `features` are added to the CPU's.
  /// Fails where check() does.
  static llvm::Expected<CpuTarget>
  create(llvm::StringRef triple, llvm::StringRef cpu, llvm::StringRef features);

  /// Fails where LLVM does not know the triple, the CPU or a feature, or where
  /// the CPU lacks what calls need on such a machine.
  llvm::Error check() const;
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const;
  /// Whether the CPU and features together have `feature`, as in "avx2".
  llvm::Expected<bool> hasFeature(llvm::StringRef feature) const;
  /// Whether `features` ask for vectors of 256 bits where the CPU has those of
  /// 512: "+prefer-256-bit". That LLVM prefers them on many CPUs does not
  /// count: kernels are nothing but vectors.
  bool prefers256Bits() const;
  /// Fails, saying what is missing, where code for this target cannot run in
  /// this process. Features that the system does not tell of count as there.
  llvm::Error checkHost() const;
  /// What kernels must know of it.
  llvm::Expected<CpuProperties> properties() const;

private:
  std::unique_ptr<llvm::MCSubtargetInfo> describe() const;
};

} // namespace rlx

#endif // RLX_CODEGEN_CPU_TARGET_H
