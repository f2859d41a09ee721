//===- InputText.h - Files that hold text -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs, schemes and configurations are read whole. A file says how long it
// is; a pipe or a device does not, so that what comes from one has a limit.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_INPUTTEXT_H
#define RLX_IR_INPUTTEXT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdint>
#include <memory>

namespace rlx {

/// What a pipe or a device may give of a program.
constexpr uint64_t maxStreamedBytes = uint64_t(256) << 20;

/// The bytes of the file `path`, "-" for stdin, with a zero behind them. The
/// error names the file where it cannot be read, has more than `maxBytes`, or
/// is no regular file and gives more than `maxStreamedBytes`.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readInputText(llvm::StringRef path, uint64_t maxBytes = UINT64_MAX);

} // namespace rlx

#endif // RLX_IR_INPUTTEXT_H
