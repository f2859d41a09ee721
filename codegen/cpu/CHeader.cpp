//===- CHeader.cpp - Compiled functions for C -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors are pointers to their elements, row by row, with a parameter for each
// size that the program leaves open. The functions here are inline: they make
// the descriptors that compiled code takes and call its entries.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/CHeader.h"

#include "codegen/cpu/ObjectCode.h"
#include "runtime/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

#include <set>

using namespace rlx;

/// What compiled code calls (runtime/cpu/KernelAbi.h), and how it can be had.
static constexpr char hostPart[] = R"(#ifndef RLX_HOST_FUNCTIONS
#define RLX_HOST_FUNCTIONS

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What compiled code calls. Either define RLX_IMPLEMENTATION in front of this
 * header in one file of your program, which gives it the functions below; or
 * write your own, for threads or errors that do not end the process; or link
 * RLX's runtime, which has them. The code may also call memcpy, memset and
 * functions of the mathematical library (-lm).
 *
 * A part of a parallel loop: the iterations begin <= i < end. */
typedef void (*rlx_loop_body)(void *closure, int64_t begin, int64_t end);
/* Calls `body` so that each i in 0 <= i < count is in exactly one call, on any
 * threads, and returns when all calls have. */
void rlx_parallel_for(rlx_loop_body body, void *closure, int64_t count);
/* Says that the index `value`, read at `position`, is not in 0 <= i < bound.
 * Returns; results are then undefined. */
void rlx_report_index(const char *what, int64_t position, int64_t value,
                      int64_t bound);
/* Says why the call cannot go on, each {} in the text standing for the next of
 * `count` values, and does not return. */
void rlx_fail(const char *message, const int64_t *values, int64_t count);
/* Memory at a multiple of `alignment`, a power of two; fails by rlx_fail. */
void *rlx_allocate(int64_t bytes, int64_t alignment);
void rlx_release(void *memory);

#ifdef __cplusplus
}
#endif
#endif /* RLX_HOST_FUNCTIONS */

#if defined(RLX_IMPLEMENTATION) && !defined(RLX_HOST_FUNCTIONS_IMPLEMENTED)
#define RLX_HOST_FUNCTIONS_IMPLEMENTED
/* One thread; messages go to stderr, and rlx_fail ends the process. */
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

void rlx_parallel_for(rlx_loop_body body, void *closure, int64_t count) {
  if (count > 0)
    body(closure, 0, count);
}

void rlx_report_index(const char *what, int64_t position, int64_t value,
                      int64_t bound) {
  fprintf(stderr,
          "rlx: %s at position %lld is out of range, expected 0 <= index < "
          "%lld, got %lld\n",
          what, (long long)position, (long long)bound, (long long)value);
}

void rlx_fail(const char *message, const int64_t *values, int64_t count) {
  int64_t next = 0;
  fputs("rlx: ", stderr);
  for (; *message; ++message) {
    if (message[0] == '{' && message[1] == '}' && next < count) {
      fprintf(stderr, "%lld", (long long)values[next++]);
      ++message;
    } else {
      fputc(*message, stderr);
    }
  }
  fputc('\n', stderr);
  exit(EXIT_FAILURE);
}

void *rlx_allocate(int64_t bytes, int64_t alignment) {
  /* What malloc gave stands in front of the tensor. */
  uintptr_t unit = (uintptr_t)alignment, room = unit + sizeof(void *), place;
  char *block = 0;
  if (bytes >= 0 && (uint64_t)bytes <= UINTPTR_MAX / 2 - room)
    block = (char *)malloc((size_t)bytes + room);
  if (!block)
    rlx_fail("cannot allocate {} bytes for a tensor", &bytes, 1);
  place = ((uintptr_t)block + room) & ~(unit - 1);
  ((void **)place)[-1] = block;
  return (void *)place;
}

void rlx_release(void *memory) {
  if (memory)
    free(((void **)memory)[-1]);
}

#ifdef __cplusplus
}
#endif
#endif /* RLX_IMPLEMENTATION */
)";

/// How C calls elements. Halves of a float and bf16 come as their bits.
static llvm::StringRef elementInC(ElementType type) {
  switch (type) {
  case ElementType::f64:
    return "double";
  case ElementType::f32:
    return "float";
  case ElementType::i64:
    return "int64_t";
  case ElementType::i32:
    return "int32_t";
  case ElementType::i16:
    return "int16_t";
  case ElementType::i8:
    return "int8_t";
  case ElementType::u64:
    return "uint64_t";
  case ElementType::u32:
    return "uint32_t";
  case ElementType::f16:
  case ElementType::bf16:
  case ElementType::u16:
    return "uint16_t";
  case ElementType::u8:
  case ElementType::boolean:
    return "uint8_t";
  }
  return "uint8_t";
}

namespace {
/// A tensor as a parameter of a C function.
struct Parameter {
  std::string name;
  ElementType element = ElementType::u8;
  std::vector<int64_t> shape; ///< -1 where it is a parameter, too.
  std::string comment;
  bool isConst = true;
  bool isState = false; ///< What is given is written, too.

  /// `input0_size1`, or the number.
  std::string size(size_t dimension) const {
    return shape[dimension] < 0 ? name + "_size" + std::to_string(dimension)
                                : std::to_string(shape[dimension]);
  }
};

/// Writes the C functions of one function of the program.
class FunctionPrinter {
public:
  FunctionPrinter(llvm::raw_ostream &stream, const FunctionSignature &signature,
                  std::string stem)
      : stream(stream), signature(signature), stem(std::move(stem)) {}
  void print();

private:
  Parameter weight(size_t index) const;
  Parameter packed(size_t index) const;
  std::vector<Parameter> arguments() const;
  std::vector<Parameter> results() const;
  void printEntry(llvm::StringRef name, llvm::StringRef function);
  void printHead(llvm::StringRef name, llvm::ArrayRef<Parameter> parameters,
                 llvm::StringRef last = "");
  void printDescriptor(const Parameter &parameter,
                       llvm::ArrayRef<std::string> sizes);
  void printDescriptor(const Parameter &parameter);
  void printCall(llvm::StringRef name, llvm::ArrayRef<Parameter> parameters);
  void printPacking(size_t index);
  void printShapes();

  llvm::raw_ostream &stream;
  const FunctionSignature &signature;
  std::string stem; ///< The function's name as part of a C identifier.
};
} // namespace

/// Text that ends no comment.
static std::string inComment(llvm::StringRef text) {
  std::string result = text.str();
  for (size_t at; (at = result.find("*/")) != std::string::npos;)
    result.replace(at, 2, "* /");
  for (char &c : result)
    if (c == '\n')
      c = ' ';
  return result;
}

Parameter FunctionPrinter::weight(size_t index) const {
  const TensorSignature &tensor = signature.weights[index];
  return {"weight" + std::to_string(index), tensor.element, tensor.shape,
          tensor.describe() + ", weight " + quoted(tensor.weight) + ", " +
              tensor.type};
}

Parameter FunctionPrinter::packed(size_t index) const {
  const PackingSignature &packing = signature.packings[index];
  int64_t bytes = elementBytes(packing.element);
  for (int64_t size : packing.shape)
    bytes *= size;
  std::string number = std::to_string(index);
  return {"packed" + number, packing.element, packing.shape,
          std::to_string(bytes) + " bytes that rlx_pack" + number + "_" + stem +
              " filled, best at a multiple of 64"};
}

/// What the code takes, without results.
std::vector<Parameter> FunctionPrinter::arguments() const {
  std::vector<Parameter> parameters;
  for (const CodeArgument &argument : signature.arguments) {
    if (argument.kind == CodeArgument::weight) {
      parameters.push_back(weight(argument.index));
    } else if (argument.kind == CodeArgument::packed) {
      parameters.push_back(packed(argument.index));
    } else {
      const TensorSignature &input = signature.inputs[argument.index];
      bool isState = !input.state.empty();
      parameters.push_back(
          {"input" + std::to_string(argument.index), input.element, input.shape,
           input.describe() + ", " +
               (isState ? "state " + quoted(input.state) + ", " : "") +
               input.type,
           /*isConst=*/true, isState});
    }
  }
  return parameters;
}

std::vector<Parameter> FunctionPrinter::results() const {
  std::vector<Parameter> parameters;
  for (auto [i, result] : llvm::enumerate(signature.results))
    parameters.push_back({"result" + std::to_string(i), result.element,
                          result.shape, result.describe() + ", " + result.type,
                          false});
  return parameters;
}

/// Declares an entry of the object, whose own name is none of C.
void FunctionPrinter::printEntry(llvm::StringRef name,
                                 llvm::StringRef function) {
  stream << "void rlx_entry_" << name << "(void **arguments) __asm__(\""
         << invokeSymbol(function) << "\");\n";
}

/// The function up to its opening brace. Results have the sizes that follow
/// from the inputs.
void FunctionPrinter::printHead(llvm::StringRef name,
                                llvm::ArrayRef<Parameter> parameters,
                                llvm::StringRef last) {
  llvm::SmallVector<std::string> texts;
  for (const Parameter &parameter : parameters) {
    bool isWritten = !parameter.isConst || parameter.isState;
    texts.push_back((isWritten ? "" : "const ") +
                    elementInC(parameter.element).str() + " *" +
                    parameter.name);
    for (size_t i = 0; parameter.isConst && i < parameter.shape.size(); ++i)
      if (parameter.shape[i] < 0)
        texts.push_back("int64_t " + parameter.size(i));
  }
  if (!last.empty())
    texts.push_back(last.str());
  stream << "static inline void rlx_" << name << "("
         << (texts.empty() ? "void" : llvm::join(texts, ", ")) << ") {\n";
}

/// A variable that compiled code takes for `parameter`.
void FunctionPrinter::printDescriptor(const Parameter &parameter,
                                      llvm::ArrayRef<std::string> sizes) {
  llvm::SmallVector<std::string> strides(sizes.size());
  std::string stride;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = stride.empty() ? "1" : stride;
    stride = stride.empty() ? sizes[i] : sizes[i] + " * " + stride;
  }
  stream << "  struct rlx_tensor_" << sizes.size() << " " << parameter.name
         << "_ = {(void *)" << parameter.name << ", (void *)" << parameter.name
         << ", 0";
  if (!sizes.empty())
    stream << ", {" << llvm::join(sizes, ", ") << "}, {"
           << llvm::join(strides, ", ") << "}";
  stream << "};\n";
}

void FunctionPrinter::printDescriptor(const Parameter &parameter) {
  llvm::SmallVector<std::string> sizes;
  for (size_t i = 0; i < parameter.shape.size(); ++i)
    sizes.push_back(parameter.size(i));
  printDescriptor(parameter, sizes);
}

void FunctionPrinter::printCall(llvm::StringRef name,
                                llvm::ArrayRef<Parameter> parameters) {
  stream << "  void *arguments_[] = {";
  for (const Parameter &parameter : parameters)
    stream << "&" << parameter.name << "_, ";
  stream << "0};\n  rlx_entry_" << name << "(arguments_);\n}\n";
}

void FunctionPrinter::printPacking(size_t index) {
  const PackingSignature &packing = signature.packings[index];
  std::vector<Parameter> parameters;
  for (const std::string &name : packing.weights)
    for (auto [i, given] : llvm::enumerate(signature.weights))
      if (given.weight == name)
        parameters.push_back(weight(i));
  Parameter target = packed(index);
  target.isConst = false;
  parameters.push_back(target);
  std::string name = "pack" + std::to_string(index) + "_" + stem;
  stream << "\n/* Brings weights into the layout of the code, once.\n";
  for (const Parameter &parameter : llvm::ArrayRef(parameters).drop_back())
    stream << " *   " << parameter.name << "  " << inComment(parameter.comment)
           << "\n";
  int64_t bytes = elementBytes(packing.element);
  for (int64_t size : packing.shape)
    bytes *= size;
  stream << " *   " << target.name << "  RLX_PACK" << index << "_" << stem
         << "_BYTES bytes\n */\n#define RLX_PACK" << index << "_" << stem
         << "_BYTES " << bytes << "\n";
  printEntry(name, packing.function);
  printHead(name, parameters);
  for (const Parameter &parameter : parameters)
    printDescriptor(parameter);
  printCall(name, parameters);
}

/// The sizes of all results, one after another.
void FunctionPrinter::printShapes() {
  std::string name = "shapes_" + stem;
  size_t count = 0;
  for (const TensorSignature &result : signature.results)
    count += result.shape.size();
  stream << "\n/* The " << count << " sizes of the results of rlx_run_" << stem
         << ", of one after the other. */\n";
  printEntry(name, signature.name + ".shapes");
  std::vector<Parameter> parameters = arguments();
  printHead(name, parameters, "int64_t sizes[" + std::to_string(count) + "]");
  parameters.push_back(
      {"sizes", ElementType::i64, {int64_t(count)}, "", false});
  for (const Parameter &parameter : parameters)
    printDescriptor(parameter);
  printCall(name, parameters);
}

void FunctionPrinter::print() {
  for (size_t i = 0; i < signature.packings.size(); ++i)
    printPacking(i);
  bool isDynamic = signature.hasDynamicResults();
  if (isDynamic)
    printShapes();
  std::string name = "run_" + stem;
  std::vector<Parameter> given = arguments(), made = results();
  stream << "\n/* The function '" << inComment(signature.name) << "'.\n";
  for (llvm::ArrayRef<Parameter> list :
       {llvm::ArrayRef(given), llvm::ArrayRef(made)})
    for (const Parameter &parameter : list)
      stream << " *   " << parameter.name << "  "
             << inComment(parameter.comment) << "\n";
  if (isDynamic)
    stream << " * Open sizes of results are those of rlx_shapes_" << stem
           << ".\n";
  if (!signature.states.empty())
    stream << " * States are read, and written in place.\n";
  stream << " * Results have memory of their own.\n */\n";
  printEntry(name, signature.name);
  std::vector<Parameter> all = given;
  all.insert(all.end(), made.begin(), made.end());
  printHead(name, all);
  for (const Parameter &parameter : given)
    printDescriptor(parameter);
  if (isDynamic) {
    size_t count = 0;
    for (const Parameter &result : made)
      count += result.shape.size();
    stream << "  int64_t sizes_[" << count << "];\n  rlx_shapes_" << stem
           << "(";
    for (const Parameter &parameter : given) {
      stream << parameter.name << ", ";
      for (size_t i = 0; i < parameter.shape.size(); ++i)
        if (parameter.shape[i] < 0)
          stream << parameter.size(i) << ", ";
    }
    stream << "sizes_);\n";
  }
  size_t next = 0;
  for (const Parameter &result : made) {
    llvm::SmallVector<std::string> sizes;
    for (size_t i = 0; i < result.shape.size(); ++i, ++next)
      sizes.push_back(isDynamic ? "sizes_[" + std::to_string(next) + "]"
                                : result.size(i));
    printDescriptor(result, sizes);
  }
  printCall(name, all);
}

/// The function's name as part of a C identifier. Fails where no assembler
/// takes it as it is.
static llvm::Expected<std::string> stemOf(llvm::StringRef function,
                                          llvm::StringSet<> &taken) {
  auto isPlain = [](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '.';
  };
  if (!llvm::all_of(function, isPlain))
    return llvm::createStringError(
        "a C header cannot refer to the function " + quoted(function) +
        "; expected a name of letters, digits, '_' and '.'");
  std::string plain = function.str();
  for (char &c : plain)
    if (!llvm::isAlnum(c))
      c = '_';
  std::string stem = plain;
  for (int i = 2; !taken.insert(stem).second; ++i)
    stem = plain + "_" + std::to_string(i);
  return stem;
}

/// The structures of tensors of all ranks that occur.
static void printDescriptors(llvm::raw_ostream &stream,
                             llvm::ArrayRef<FunctionSignature> signatures) {
  // That of the sizes of results.
  std::set<size_t> ranks = {1};
  for (const FunctionSignature &signature : signatures) {
    for (const auto *tensors :
         {&signature.inputs, &signature.weights, &signature.results})
      for (const TensorSignature &tensor : *tensors)
        ranks.insert(tensor.shape.size());
    for (const PackingSignature &packing : signature.packings)
      ranks.insert(packing.shape.size());
  }
  stream << "\n/* Tensors as compiled code takes them. */\n";
  for (size_t rank : ranks) {
    stream << "#ifndef RLX_TENSOR_" << rank << "\n#define RLX_TENSOR_" << rank
           << "\nstruct rlx_tensor_" << rank
           << " {\n  void *allocated, *aligned;\n  int64_t offset";
    if (rank)
      stream << ", sizes[" << rank << "], strides[" << rank << "]";
    stream << ";\n};\n#endif\n";
  }
}

llvm::Expected<std::string>
rlx::printHeader(llvm::ArrayRef<FunctionSignature> signatures,
                 const CpuTarget &target, llvm::StringRef program) {
  std::string functions, text;
  llvm::raw_string_ostream functionStream(functions), stream(text);
  llvm::StringSet<> taken;
  for (const FunctionSignature &signature : signatures) {
    llvm::Expected<std::string> stem = stemOf(signature.name, taken);
    if (!stem)
      return stem.takeError();
    FunctionPrinter(functionStream, signature, *stem).print();
  }
  stream << "/* " << inComment(program) << ", compiled by RLX for "
         << inComment(target.triple) << ", CPU '" << inComment(target.cpu)
         << "'.\n"
            " *\n"
            " * Tensors are pointers to their elements, row by row; a size "
            "that the program\n"
            " * leaves open is a parameter behind its tensor. f16 and bf16 "
            "come as their bits.\n"
            " * Link the object that was emitted with the same options.\n"
            " */\n"
         << hostPart;
  // Two programs whose functions have the same names shall meet as an error of
  // the C compiler.
  std::string guard =
      "RLX_PROGRAM_" + llvm::utohexstr(llvm::xxh3_64bits(functions));
  stream << "\n#ifndef " << guard << "\n#define " << guard << "\n";
  printDescriptors(stream, signatures);
  stream << "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
         << functions << "\n#ifdef __cplusplus\n}\n#endif\n#endif /* " << guard
         << " */\n";
  return text;
}
