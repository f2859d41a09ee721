//===- SpirvText.h - SPIR-V modules as assembly -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_COMPILE_SPIRVTEXT_H
#define RLX_TOOLS_COMPILE_SPIRVTEXT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstddef>
#include <string>

namespace rlx {

/// The module in the language of spirv-as. Fails where this program was built
/// without SPIRV-Tools.
llvm::Expected<std::string> disassemble(llvm::ArrayRef<std::byte> module);

} // namespace rlx

#endif // RLX_TOOLS_COMPILE_SPIRVTEXT_H
