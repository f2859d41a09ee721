//===- DynamicLibrary.h - Libraries that may be missing -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads a shared library at run time and looks its functions up. Libraries stay
// loaded until the process ends: drivers start threads and register exit
// handlers, which would run into code that is no longer there.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_DYNAMICLIBRARY_H
#define RLX_RUNTIME_GPU_DYNAMICLIBRARY_H

#include "runtime/Status.h"

namespace rlx {

class DynamicLibrary {
public:
  /// Loads `name`. The error says why the system could not.
  static Result<DynamicLibrary> open(const char *name);

  /// The address of a function; null when the library has none of that name.
  template <class Function> Function find(const char *name) const {
    return reinterpret_cast<Function>(address(name));
  }

private:
  explicit DynamicLibrary(void *handle) : handle(handle) {}
  void *address(const char *name) const;

  void *handle;
};

} // namespace rlx

#endif // RLX_RUNTIME_GPU_DYNAMICLIBRARY_H
