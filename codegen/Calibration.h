//===- Calibration.h - What a program's values are like ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a compiled program on batches of inputs and makes a record of what its
// values were (ir/CalibrationRecord.h): those that weights are multiplied with,
// and those that the program names. They are results of the code that is run,
// so that programs of real sizes can be calibrated; a batch needs memory for
// all of them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CALIBRATION_H
#define RLX_CODEGEN_CALIBRATION_H

#include "codegen/Compiler.h"
#include "codegen/quantize/methods/ValueCollector.h"

namespace rlx {

struct CalibrationOptions {
  std::string function = "main";
  /// A glob: which values, by their own names or those of weights.
  std::string values = "*";
  /// How much a batch counts in the moving averages of extremes.
  double averaging = 0.01;
  /// Whether to keep all rows, which GPTQ needs, in memory.
  bool keepRows = false;
};

/// All that a value was, batch after batch: rows of channels.
struct ValueRows {
  std::string name;
  int64_t channels;
  std::vector<float> values;
};

class Calibration {
public:
  /// Compiles `module`, which is as it was parsed. Errors: those of the
  /// compiler, a function with nothing to observe, averaging that is not above
  /// 0 or above 1.
  static llvm::Expected<Calibration>
  create(mlir::ModuleOp module, const CalibrationOptions &options = {},
         const CompileOptions &compile = {});

  /// For weights to be bound. Its results are the program's own, and then what
  /// is observed.
  Executable &executable() { return *program; }
  const FunctionSignature &function() const { return *signature; }

  /// Runs one batch and adds it. Errors: those of the run; a value that is
  /// empty, or has a number that is not finite. After one, the calibration is
  /// of no use.
  llvm::Error run(llvm::ArrayRef<TensorView> inputs,
                  const RunOptions &options = {});

  /// Error: no batch.
  llvm::Expected<CalibrationRecord> record() const;
  /// Of each value, in the record's order; nothing unless rows are kept.
  llvm::ArrayRef<ValueRows> rows() const { return kept; }

private:
  /// A result of the code that belongs to a value.
  struct Observation {
    size_t result, value;
    int64_t channels;
  };

  Calibration() = default;
  void addObservation(mlir::func::FuncOp function, unsigned result,
                      double averaging);

  std::unique_ptr<Executable> program;
  const FunctionSignature *signature = nullptr;
  std::vector<Observation> observations;
  std::vector<ValueCollector> values;
  std::vector<std::string> names;
  bool keepsRows = false;
  std::vector<ValueRows> kept;
  int64_t batches = 0;
};

} // namespace rlx

#endif // RLX_CODEGEN_CALIBRATION_H
