//===- MatmulBench.h - Speed and error of one matmul ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a program with one quantized matmul, binds random weights, measures.
// Weights rotate through more memory than the caches hold: each copy of a
// weight belongs to an executable of its own, made from the same object code.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_MATMULBENCH_H
#define RLX_TOOLS_BENCH_MATMULBENCH_H

#include "codegen/Compiler.h"
#include "tools/bench/RandomWeight.h"

#include <functional>
#include <map>
#include <optional>

namespace rlx {

struct MatmulCase {
  std::string scheme, activations;
  int64_t m = 1, n = 0, k = 0;
  unsigned threads = 1;        ///< 0 on a device.
  bool reencoded = false;      ///< Where activations are integers.
  std::string data = "normal"; ///< Of activationDataNames().

  /// `gguf_q4k, i8, 512 x 4096 x 4096, 1 thread`
  std::string describe() const;
  double operations() const { return 2.0 * double(m) * double(n) * double(k); }
  /// What one row of activations waits for is memory, what several wait for is
  /// the instruction that multiplies.
  bool isBoundByMemory() const { return m == 1; }
};

bool sameWeight(const MatmulCase &a, const MatmulCase &b);
/// The random weight of a case. Fails where its scheme is unknown.
llvm::Expected<RandomWeight> makeWeight(mlir::MLIRContext &context,
                                        const MatmulCase &wanted);

struct MatmulFigures {
  double medianMs = 0, minMs = 0;
  double fileBytes = 0;      ///< Of the weight with its side tensors.
  double bitsPerElement = 0; ///< The same, per element.
  double relativeError = 0;  ///< Of a sample, against double precision.
  double compileMs = 0;
  int64_t weightCopies = 0;
  size_t runs = 0;
  std::optional<double> packedBits, packMs; ///< Where the weight was packed.
  std::string kernel;                       ///< As the compiler describes it.
  std::string computedIn = {}; ///< The activations' type, where it is another.
  /// What limits it, as the upper quartile of looks between runs, where there
  /// were any.
  std::optional<double> limit = {};
};

struct MatmulSettings {
  double seconds = 0.5;
  /// Of distinct weights that the runs of a measurement rotate through.
  int64_t rotatedBytes = int64_t(256) << 20;
  std::string choices = {}; ///< CompileOptions::choices.
};

class MatmulBench {
public:
  explicit MatmulBench(MatmulSettings settings = {});
  ~MatmulBench();

  /// Cases that follow each other should share scheme, n and k, then
  /// activations and m: what they share is made once. `limit` gives the rate of
  /// what limits the case. It is asked again and again between runs, so that
  /// other programs on the machine disturb both alike.
  using LimitSample = std::function<llvm::Expected<std::optional<double>>()>;
  llvm::Expected<MatmulFigures> run(const MatmulCase &wanted,
                                    const LimitSample &limit = nullptr);

  mlir::MLIRContext &context() { return *ownContext; }

private:
  /// The tensors of one weight: the blocks, then the side tensors.
  using Copy = std::vector<Tensor>;

  llvm::Error prepareWeight(const MatmulCase &wanted);
  llvm::Error prepareProgram(const MatmulCase &wanted, const RunOptions &how);
  std::string programText(const MatmulCase &wanted) const;
  llvm::Error measure(MatmulFigures &figures, const RunOptions &how,
                      const LimitSample &limit);
  /// Makes executables, packed, until there are `count`.
  llvm::Error prepareCopies(int64_t count, const RunOptions &how);

  MatmulSettings settings;
  std::unique_ptr<mlir::MLIRContext> ownContext;
  std::string cacheDirectory;
  std::map<unsigned, std::unique_ptr<ThreadPool>> pools;

  std::optional<MatmulCase> weightCase, programCase;
  RandomWeight weight;
  std::vector<Copy> copies;

  std::string text;
  std::vector<std::unique_ptr<Executable>> executables;
  double compileMs = 0;
  Tensor x, y;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_MATMULBENCH_H
