//===- Temporaries.h - Temporary files that signals remove ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names of the temporary files that are there at the moment, kept such that
// a handler of signals can walk them. For OutputFile.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEMPORARIES_H
#define RLX_RUNTIME_TEMPORARIES_H

#include <string>

namespace rlx {

/// Notes a name, before there is a file of it, until it is forgotten.
void noteTemporary(const std::string &path);
void forgetTemporary(const std::string &path);

} // namespace rlx

#endif // RLX_RUNTIME_TEMPORARIES_H
