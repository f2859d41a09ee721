//===- BuildId.h - Which build of a library is running --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_RUNTIME_BUILDID_H
#define RLX_RUNTIME_BUILDID_H

#include <string>

namespace rlx {

/// Tells the builds of the program or shared library that has `address`, a
/// function or a constant, from each other: its build ID, which linkers make
/// from its content (`--build-id`), or, where it has none, a hash of what it
/// has loaded and never writes. Neither its path nor its time count. Empty
/// where no library has `address`.
std::string buildId(const void *address);

} // namespace rlx

#endif // RLX_RUNTIME_BUILDID_H
