//===- ViewOps.h - Plain tensors seen as quantized ones ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operation of ViewOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_VIEWOPS_H
#define RLX_IR_VIEWOPS_H

#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "ir/ViewOps.h.inc"

#endif // RLX_IR_VIEWOPS_H
