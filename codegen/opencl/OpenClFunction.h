//===- OpenClFunction.h - The body of a function as statements --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An op without effects whose result is used once becomes part of the
// expression that uses it; everything else becomes a statement. Values are in
// one of three states: a name or literal, for as many uses as there are;
// pending, an expression that waits for its only use; not yet there.
//
// An expression may wait as long as nothing that it reads changes. Memory
// changes at stores, barriers, atomics and calls: what reads it is given a name
// before. Variables change only where all uses of the value that they held have
// gone by: at the end of a loop's body, and where a value that is used once is
// updated in place.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_OPENCL_OPENCLFUNCTION_H
#define RLX_CODEGEN_OPENCL_OPENCLFUNCTION_H

#include "codegen/opencl/OpenClArithmetic.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Error.h"

namespace rlx::opencl {

/// What the functions of a program share.
struct OpenClProgram {
  ClNames names;
  OpenClHelpers helpers;
  /// Names of functions and global arrays, by symbol.
  llvm::StringMap<std::string> symbols;
};

class OpenClFunction {
public:
  explicit OpenClFunction(OpenClProgram &program)
      : program(program), names(program.names),
        arithmetic(program.helpers, ranges) {}

  /// The function as text: `gpu.func`, or `func.func` for functions that
  /// kernels call.
  llvm::Expected<std::string> print(mlir::FunctionOpInterface function);
  /// Its declaration, for functions that others call before it is defined.
  llvm::Expected<std::string> declare(mlir::FunctionOpInterface function);

private:
  // OpenClC.cpp
  std::string signature(mlir::FunctionOpInterface function,
                        llvm::StringRef end);
  std::string parameter(mlir::FunctionOpInterface function, unsigned index);

  // OpenClStatements.cpp
  void printBlock(mlir::Block &block);
  void printOp(mlir::Operation *op);
  void printExpression(mlir::Operation *op);
  void printConstant(mlir::arith::ConstantOp op);
  void printIndexOp(mlir::Operation *op);
  void printLoad(mlir::Operation *op, mlir::Value memref,
                 mlir::ValueRange indices);
  void printStore(mlir::Operation *op, mlir::Value stored, mlir::Value memref,
                  mlir::ValueRange indices);
  void printAtomic(mlir::memref::AtomicRMWOp op);
  void printArray(mlir::Operation *op, mlir::Value memref,
                  llvm::StringRef qualifier, llvm::StringRef name);
  void printCall(mlir::Operation *op, llvm::StringRef callee);
  void printReturn(mlir::Operation *op);
  Expression elementAt(mlir::Value memref, mlir::ValueRange indices);
  Expression addressOf(mlir::Value memref, mlir::ValueRange indices);

  // OpenClSubgroups.cpp
  /// Asks for subgroups of the size that a kernel counts on, of devices that
  /// have several.
  static std::string subgroupAttribute(mlir::gpu::GPUFuncOp kernel);
  void printSubgroupIndex(mlir::Operation *op, llvm::StringRef function);
  void printShuffle(mlir::gpu::ShuffleOp op);
  void printSubgroupReduce(mlir::gpu::SubgroupReduceOp op);

  // OpenClElements.cpp
  void printTwoResults(mlir::Operation *op);
  void printDynamicExtract(mlir::vector::ExtractOp op);
  void printInsert(mlir::Operation *op, mlir::Value vector, mlir::Value part,
                   llvm::ArrayRef<int64_t> positions, mlir::Value dynamic);

  // OpenClControlFlow.cpp
  void printFor(mlir::scf::ForOp op);
  void printIf(mlir::scf::IfOp op);
  void printWhile(mlir::scf::WhileOp op);
  void printSwitch(mlir::scf::IndexSwitchOp op);
  /// The variables that an op of several regions leaves its results in.
  llvm::SmallVector<std::string> declareResults(mlir::Operation *op);
  void nameResults(mlir::Operation *op, llvm::ArrayRef<std::string> variables);
  /// A variable that begins as `initial`: that of `initial` itself, where it
  /// is not needed otherwise.
  std::string startVariable(mlir::Operation *op, mlir::Value initial,
                            mlir::Value variable, mlir::Value result);
  void assign(llvm::ArrayRef<std::string> targets, mlir::ValueRange sources);

  // OpenClValues.cpp
  /// Takes the expression of an operand for a use of it.
  Expression use(mlir::Value value);
  Expression atom(mlir::Value value);
  llvm::SmallVector<Expression> operands(mlir::Operation *op);
  /// Sets the expression of a result of `op` and decides where it will stand.
  void define(mlir::Operation *op, mlir::Value result, Expression expression);
  /// Gives a pending or new value a variable.
  void declareVariable(mlir::Value value, const Expression &expression);
  void declarePending(llvm::function_ref<bool(mlir::Value)> which);
  void declareMemoryReads();
  void declareUsedIn(mlir::Operation *op);
  /// The name that the value has in the module, or `otherwise`, or a number.
  std::string nameFor(mlir::Value value, llvm::StringRef otherwise = "");
  std::string typeName(mlir::Value value);

  void line(llvm::StringRef text);
  void openBlock(llvm::StringRef text);
  void closeBlock(llvm::StringRef after = "");
  /// Counts for which locations a comment tells something.
  void countLocations(mlir::Operation *function);
  void comment(mlir::Location location);

  void fail(mlir::Operation *op, const llvm::Twine &reason);
  bool hasFailed() const { return !failure.empty(); }

  OpenClProgram &program;
  ClNames names;
  ValueRanges ranges;
  OpenClArithmetic arithmetic;

  llvm::DenseMap<mlir::Value, Expression> values;
  llvm::SetVector<mlir::Value> pending;
  /// Values that no other value shares its variable with.
  llvm::DenseSet<mlir::Value> owners;

  llvm::StringMap<unsigned> opsAtLocation;
  std::string lastComment;
  std::string text;
  unsigned indent = 0;
  unsigned loopDepth = 0;
  std::string failure;
};

/// `file.mlir:12:5`, or the name that a location has; empty where unknown.
std::string describeLocation(mlir::Location location);
/// Starts a message about an op.
std::string describeOp(mlir::Operation *op, const llvm::Twine &reason);
/// A long line broken at blanks.
std::string wrapLine(llvm::StringRef line, unsigned indent);

} // namespace rlx::opencl

#endif // RLX_CODEGEN_OPENCL_OPENCLFUNCTION_H
