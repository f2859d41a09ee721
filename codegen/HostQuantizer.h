//===- HostQuantizer.h - The quantizer for compiled code --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled code calls where scales are not chosen by loops of its own, as
// in searches: rlx::Quantizer, on the threads of the run. It knows schemes, so
// it cannot be in the runtime, and code in a file has to do without it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_HOSTQUANTIZER_H
#define RLX_CODEGEN_HOSTQUANTIZER_H

#include <cstdint>

extern "C" {
/// Quantizes a weight. `what` begins messages; `scheme` is a `#rlx.quant`
/// attribute, `rule` a rule's text, or empty for the scheme's own. `sizes` are
/// the rank, the sizes of x, and the number of importances. `buffers` are x,
/// importance, the blocks, scales, zero points and the global scale; null where
/// there is none. Ends the run where a number is not finite.
void rlx_quantize_rows(const char *what, const char *scheme, const char *rule,
                       const int64_t *sizes, void *const *buffers);
/// The same without importance, and what the codes mean: `buffers` are x and
/// the result.
void rlx_fake_quantize_rows(const char *what, const char *scheme,
                            const char *rule, const int64_t *sizes,
                            void *const *buffers);
}

#endif // RLX_CODEGEN_HOSTQUANTIZER_H
