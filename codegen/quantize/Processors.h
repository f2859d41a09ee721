//===- Processors.h - Loops compiled for several processors -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quantizers' inner loops are in the library, for any processor, and are
// chosen where they run. A file with such loops says them once, as a macro
// LOOPS(NAME, TARGET): a namespace NAME with functions of the attributes
// TARGET, which take in what is RLX_INLINE, and a constant `loops` that points
// to them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_PROCESSORS_H
#define RLX_CODEGEN_QUANTIZE_PROCESSORS_H

#include "llvm/ADT/SmallVector.h"

#define RLX_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#define RLX_FOR_PROCESSORS(LOOPS, STEM)                                        \
  LOOPS(STEM##_generic, )                                                      \
  LOOPS(STEM##_avx2, __attribute__((target("avx2"))))                          \
  LOOPS(STEM##_avx512,                                                         \
        __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw"))))
/// What `supportedLoops` takes.
#define RLX_LOOPS_OF(STEM)                                                     \
  &STEM##_avx512::loops, &STEM##_avx2::loops, STEM##_generic::loops
#else
#define RLX_FOR_PROCESSORS(LOOPS, STEM) LOOPS(STEM##_generic, )
#define RLX_LOOPS_OF(STEM) nullptr, nullptr, STEM##_generic::loops
#endif

namespace rlx::quantize {

/// Those that this processor runs, the fastest first.
template <typename LoopsT>
llvm::SmallVector<LoopsT> supportedLoops(const LoopsT *avx512,
                                         const LoopsT *avx2,
                                         const LoopsT &generic) {
  llvm::SmallVector<LoopsT> loops;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    loops.push_back(*avx512);
  if (__builtin_cpu_supports("avx2"))
    loops.push_back(*avx2);
#endif
  loops.push_back(generic);
  return loops;
}

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_PROCESSORS_H
