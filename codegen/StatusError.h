//===- StatusError.h - The runtime's errors as LLVM's -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime knows nothing of LLVM and says what went wrong in a Status; the
// compiler's functions give llvm::Error. This is the one place where one
// becomes the other.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_STATUSERROR_H
#define RLX_CODEGEN_STATUSERROR_H

#include "runtime/Status.h"

#include "llvm/Support/Error.h"

namespace rlx {

/// Success, or an error with the sentence of the status.
inline llvm::Error toError(const Status &status) {
  return status ? llvm::Error::success()
                : llvm::createStringError(status.message());
}

/// The value, or an error with the sentence of the status.
template <typename T> llvm::Expected<T> toExpected(Result<T> result) {
  if (!result)
    return toError(result.status());
  return result.take();
}

} // namespace rlx

#endif // RLX_CODEGEN_STATUSERROR_H
