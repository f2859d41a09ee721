//===- DynamicLibrary.cpp - Libraries that may be missing -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Thin over dlopen. Symbols stay local: two drivers may bring two versions of
// the same library.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/DynamicLibrary.h"

#include <dlfcn.h>

namespace rlx {

Result<DynamicLibrary> DynamicLibrary::open(const char *name) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    return errorf("cannot load {}: {}", name, reason ? reason : "no reason");
  }
  return DynamicLibrary(handle);
}

void *DynamicLibrary::address(const char *name) const {
  return dlsym(handle, name);
}

} // namespace rlx
