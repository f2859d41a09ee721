//===- QMatmul.h - Products of integers, requantized ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operation of QMatmul.td.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_QMATMUL_H
#define RLX_IR_QMATMUL_H

#include "ir/Dialect.h"

#define GET_OP_CLASSES
#include "ir/QMatmul.h.inc"

#endif // RLX_IR_QMATMUL_H
