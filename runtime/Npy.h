//===- Npy.h - NumPy's .npy files -----------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format in which the tools take inputs and give results: one array a
// file. Little-endian, row-major arrays of plain element types; structured,
// object and string arrays, and .npz archives, are not for tensors.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_NPY_H
#define RLX_RUNTIME_NPY_H

#include "runtime/OutputFile.h"
#include "runtime/Status.h"
#include "runtime/Tensor.h"

#include <string>

namespace rlx {

/// Reads a file of version 1, 2 or 3. NumPy has no bf16: '<u2', its bits, is
/// what writeNpy makes of it, and '<V2' what NumPy makes of the type of
/// ml_dtypes. The latter is read as bf16, the former only where bf16 is
/// `expected`, and else as u16. Likewise '<V1', a float of 8 bits of ml_dtypes,
/// is read as u8. Errors name the file: a wrong magic or version, a header that
/// is not the dictionary of the format, an element type without counterpart
/// here, big-endian data, column-major data of rank 2 or more, and more or
/// fewer bytes than the shape needs.
Result<Tensor> readNpy(const std::string &path,
                       std::optional<ElementType> expected = std::nullopt);
/// An array as it lies in the bytes of a file.
struct NpyView {
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> data; ///< Aligned to nothing.
};

/// The same without a copy, for a file's content, which has to stay; `path`
/// names it.
Result<NpyView> viewNpy(const std::string &path,
                        std::span<const std::byte> bytes,
                        std::optional<ElementType> expected = std::nullopt);
/// The same as a tensor.
Result<Tensor> parseNpy(const std::string &path,
                        std::span<const std::byte> bytes,
                        std::optional<ElementType> expected = std::nullopt);

/// Writes version 1.0, header padded to 64 bytes; the file appears whole or not
/// at all. bf16 is written as '<u2', its bits, which plain NumPy can read.
Status writeNpy(const std::string &path, const TensorView &tensor);
/// The same as a file that is written and waits for its name, so that several
/// appear together.
Result<OutputFile> beginNpy(const std::string &path, const TensorView &tensor);

} // namespace rlx

#endif // RLX_RUNTIME_NPY_H
