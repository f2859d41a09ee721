//===- WeightSource.h - Weights to be quantized -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight file, or an npy file, which is one weight that has the file's name.
// Rows are read when they are asked for, as f32, whatever they are stored as.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_WEIGHTSOURCE_H
#define RLX_TOOLS_QUANTIZE_WEIGHTSOURCE_H

#include "codegen/quantize/Quantizer.h"
#include "runtime/MappedFile.h"
#include "runtime/weights/Gguf.h"
#include "runtime/weights/Safetensors.h"

#include "mlir/IR/MLIRContext.h"

#include <map>
#include <memory>

namespace rlx::quantize {

class WeightSource {
public:
  /// Opens a file; its first bytes say which kind it is of.
  static llvm::Expected<std::unique_ptr<WeightSource>>
  open(const std::string &path, mlir::MLIRContext &context);

  llvm::ArrayRef<WeightEntry> entries() const { return weights; }
  /// As GGUF has it; that of other containers says the architecture alone.
  llvm::ArrayRef<GgufEntry> metadata() const { return keys; }
  /// As safetensors has it; empty where the source is none.
  const SafetensorsMetadata &textMetadata() const { return texts; }
  WeightContainer container() const {
    return file ? file->container() : WeightContainer::npy;
  }
  const std::string &path() const { return name; }
  /// The file, its further parts, and what stands beside it.
  std::vector<std::string> files() const;

  /// Whether rows of the weight can be read as numbers: RLX has a scheme for
  /// its format, and its bytes are there.
  bool isReadable(const WeightEntry &entry) const;
  /// Whether they are stored as plain floats.
  bool isPlain(const WeightEntry &entry) const;

  /// The weight that several tensors make up, this one among them; null where a
  /// tensor is a weight by itself.
  const LogicalWeight *partOf(const WeightEntry &entry) const;

  /// Rows `begin` to `end` of a readable weight, all dimensions but the
  /// innermost counted as rows.
  void readRows(const WeightEntry &entry, int64_t begin, int64_t end,
                llvm::MutableArrayRef<float> values) const;
  /// The system may forget the rows' bytes.
  void release(const WeightEntry &entry, int64_t begin, int64_t end) const;
  void releaseBytes(const WeightEntry &entry, uint64_t begin,
                    uint64_t size) const;

private:
  WeightSource(std::string path, mlir::MLIRContext &context)
      : name(std::move(path)), context(context) {}
  llvm::Error openFile();
  llvm::Error openNpy();
  /// Makes what reads each format, so that reading needs no lock.
  void prepareReaders();

  std::string name;
  mlir::MLIRContext &context;
  std::unique_ptr<WeightFile> file; ///< Null where it is an npy file.
  std::shared_ptr<MappedFile> npy;  ///< Null where it is none.
  std::vector<WeightEntry> weights;
  std::vector<GgufEntry> keys;
  SafetensorsMetadata texts;
  /// Formats that cannot be quantized are read by their descriptions, slower.
  struct Reader {
    QuantScheme scheme;
    std::unique_ptr<Quantizer> quantizer;
  };
  std::map<std::string, Reader> readers; ///< By type.
};

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_WEIGHTSOURCE_H
