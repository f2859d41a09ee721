//===- GgufByteOrder.h - Tensors of big-endian GGUF files -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the words of a block lie is said by the table of types (GgmlTypes.h);
// no type has a loop of its own.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUFBYTEORDER_H
#define RLX_RUNTIME_WEIGHTS_GGUFBYTEORDER_H

#include "runtime/Tensor.h"
#include "runtime/weights/GgufReader.h"

#include <vector>

namespace rlx {

/// Has the tensors of a big-endian part point to copies, `turned`, whose words
/// are as this machine has them. Error: no memory for one.
Status turnBytes(GgufPart &part, std::vector<Tensor> &turned);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUFBYTEORDER_H
