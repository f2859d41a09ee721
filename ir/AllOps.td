//===- AllOps.td - All operations, for documents -----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

include "ir/RlxOps.td"
include "ir/QMatmul.td"
include "ir/ViewOps.td"
