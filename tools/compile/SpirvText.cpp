//===- SpirvText.cpp - SPIR-V modules as assembly -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/SpirvText.h"

#ifdef RLX_SPIRV_TOOLS
#include "llvm/ADT/ScopeExit.h"

#include <spirv-tools/libspirv.h>

#include <cstring>
#include <vector>

llvm::Expected<std::string> rlx::disassemble(llvm::ArrayRef<std::byte> module) {
  std::vector<uint32_t> words(module.size() / sizeof(uint32_t));
  std::memcpy(words.data(), module.data(), words.size() * sizeof(uint32_t));
  spv_context context = spvContextCreate(SPV_ENV_UNIVERSAL_1_6);
  spv_text text = nullptr;
  spv_diagnostic diagnostic = nullptr;
  llvm::scope_exit free([&] {
    spvDiagnosticDestroy(diagnostic);
    spvTextDestroy(text);
    spvContextDestroy(context);
  });
  spv_result_t result =
      spvBinaryToText(context, words.data(), words.size(),
                      SPV_BINARY_TO_TEXT_OPTION_INDENT |
                          SPV_BINARY_TO_TEXT_OPTION_FRIENDLY_NAMES,
                      &text, &diagnostic);
  if (result != SPV_SUCCESS)
    return llvm::createStringError(
        llvm::Twine("cannot disassemble the SPIR-V module: ") +
        (diagnostic ? diagnostic->error : "no reason given"));
  return std::string(text->str, text->length);
}

#else

llvm::Expected<std::string> rlx::disassemble(llvm::ArrayRef<std::byte>) {
  return llvm::createStringError(
      "this rlx-compile was built without SPIRV-Tools, which writes assembly; "
      "use --emit spirv");
}

#endif
