//===- Manifest.h - Programs of devices as JSON -------------------*- C++
//-*-===//

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
///     argument is.
///   - `sizes`: `["constant", value]`, `["dimension", argument, position]`, or
///     an operation on two sizes before it.
///   - `buffers`: `kind` (`argument`, from byte `offset` on if there is one,
///     `packed`: written by the setup and kept, `temporary`, `constant`: with
///     `data` in hexadecimal digits), `bytes` as a size.
///   - `kernels`: `entry`, `workgroup`, how many `buffers` and `scalars` each
///     takes.
///   - `setup`, run once when the weights are there, and `steps`, run each
///     time: `dispatch` of a kernel on `groups` workgroups with `buffers` and
///     `scalars` (sizes), or `copy` of `bytes` from `from` to `to`, each
///     `[buffer, offset]`.
///   - `status`: the buffer that kernels report wrong ids to, set to zero
///     before each run. After it, its words are 0, or 1 + the index of the
///     check that failed, the position of the id, and the id. `checks` says
///     `what` was checked to be less than `bound`.
llvm::json::Object
describePrograms(llvm::ArrayRef<Program> programs,
                 llvm::ArrayRef<FunctionSignature> signatures,
                 llvm::StringRef target, const ManifestCode &code = {});

} // namespace rlx

#endif // RLX_CODEGEN_GPU_MANIFEST_H
