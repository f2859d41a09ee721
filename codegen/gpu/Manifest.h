//===- Manifest.h - Programs of devices as JSON -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_MANIFEST_H
#define RLX_CODEGEN_GPU_MANIFEST_H

#include "codegen/Signature.h"
#include "runtime/gpu/Program.h"

#include "llvm/Support/JSON.h"

namespace rlx {

/// A file that has the kernels of a manifest.
struct ManifestCode {
  std::string file; ///< Its name, as others find it; empty where not known.
  std::string form; ///< `spirv`, `spirv-asm` or `opencl-c`.
};

/// What others need to run `programs`, those of the functions of `signatures`,
/// without RLX. All indices are positions in the lists of the same function.
///
/// - `target`: the attribute that the kernels were generated for.
/// - `code`: `file` and `form`, see ManifestCode.
/// - `functions`, for each:
///   - `arguments`: what the caller gives and gets, in order: `kind` (`input`,
///     `weight`, `result`), `type` of the elements, `shape` as sizes; of
///     weights `name` and, where quantized, `scheme`, whose stored bytes the
///     argument is; of inputs that runs write in place `state`, their name.
///   - `sizes`: `["constant", value]`, `["dimension", argument, position]`, or
///     an operation on two sizes before it. Quotients are rounded down, or up
///     by `ceil_divide`; `equal` and `less` are 1 or 0.
///   - `size_checks`, where there are some: before anything runs, size
///     `condition` is not 0, else `message` is the error, with `values`, sizes,
///     in the places of its `{}`.
///   - `buffers`: `kind` (`argument`, from byte `offset` on if there is one,
///     `packed`: written by the setup and kept, `temporary`, `constant`: with
///     `data` in hexadecimal digits), `bytes` as a size. Of a packed weight
///     also `device_block`, `rows`, `words` and, where it is cut, `part`: see
///     below.
///   - `kernels`: `entry`, `workgroup`, how many `buffers` and `scalars` each
///     takes. Where there is a `subgroup`, the numbers are right only if the
///     device runs the kernel in subgroups of so many work-items, all of them
///     there; a file of OpenCL C with such a kernel is of version 2.0 or 3.0,
///     others are of 1.2.
///   - `setup`, run once when the weights are there, and `steps`, run each
///     time: `dispatch` of a kernel on `groups` workgroups with `buffers` and
///     `scalars` (sizes), or `copy` of `bytes` from `from` to `to`, each
///     `[buffer, offset]`.
///   - `status`: the buffer that kernels report wrong ids to, set to zero
///     before each run. After it, its words are 0, or 1 + the index of the
///     check that failed, the position of the id, and the id. `checks` says
///     `what` was checked to be less than `bound`.
///
/// Packed weights can be written by other means than the setup, whose step that
/// writes one reads first the stored weight and then its side operands.
/// `device_block` is a scheme as text. Its fields are those of the weight's
/// scheme in the same order, with the same codes, fields of side operands too,
/// all in its block. A row of K elements is cut into R = ceil(K / block) device
/// blocks of W = bytes / 4 little-endian words, the last of which is filled up
/// with zeros. Rows come in tiles of `rows`; what rows beyond the last one hold
/// is not used. Word w of device block r of row n is word
///
///     ((((n / rows) * R + r) * (W / words) + w / words) * rows + n % rows)
///         * words + w % words
///
/// of the buffer, with divisions rounded down. The tiles of experts follow each
/// other. With `part`, `[first, count, of how many]`, rows, or experts where
/// there are some, count from `first` on.
llvm::json::Object
describePrograms(llvm::ArrayRef<Program> programs,
                 llvm::ArrayRef<FunctionSignature> signatures,
                 llvm::StringRef target, const ManifestCode &code = {});

} // namespace rlx

#endif // RLX_CODEGEN_GPU_MANIFEST_H
