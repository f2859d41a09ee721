//===- ProgramFile.cpp - Programs that once failed ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/fuzz/ProgramFile.h"

#include "tests/fuzz/ProgramGenerator.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace rlx;
using namespace rlx::fuzz;

/// `f32 [3, 64]` or `i32 [2] = 0 7`
static std::optional<Data> parseInput(llvm::StringRef text, Dice &dice) {
  auto [type, given] = text.split('=');
  auto [name, rest] = type.trim().split(' ');
  std::optional<ElementType> element = parseElementType(name.str());
  rest = rest.trim();
  if (!element || !rest.consume_front("[") || !rest.consume_back("]"))
    return std::nullopt;
  std::vector<int64_t> shape;
  for (llvm::StringRef size : llvm::split(rest, ',')) {
    int64_t number;
    if (size.trim().empty())
      continue;
    if (size.trim().getAsInteger(10, number) || number < 0)
      return std::nullopt;
    shape.push_back(number);
  }
  Data data(*element, shape);
  llvm::SmallVector<llvm::StringRef> numbers;
  given.split(numbers, ' ', -1, /*KeepEmpty=*/false);
  if (!numbers.empty() && int64_t(numbers.size()) != data.count())
    return std::nullopt;
  for (int64_t i = 0, e = data.count(); i < e; ++i) {
    double number = 4 * dice.number();
    if (!numbers.empty() && numbers[size_t(i)].getAsDouble(number))
      return std::nullopt;
    data.set(i, number);
  }
  return data;
}

llvm::Expected<RandomProgram> rlx::fuzz::readProgram(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError("cannot read '" + path +
                                   "': " + buffer.getError().message());
  RandomProgram program;
  program.text = (*buffer)->getBuffer().str();
  Dice dice(1);
  for (llvm::StringRef line : llvm::split((*buffer)->getBuffer(), '\n')) {
    if (line == "// error")
      program.altered = program.mustFail = true;
    if (!line.consume_front("// input: "))
      continue;
    std::optional<Data> data = parseInput(line, dice);
    if (!data)
      return llvm::createStringError("'" + path +
                                     "': expected an input as in "
                                     "'i32 [2] = 0 7', but got '" +
                                     line.str() + "'");
    program.inputs.push_back(*data);
  }
  return program;
}
