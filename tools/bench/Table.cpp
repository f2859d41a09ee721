//===- Table.cpp - Tables on a terminal -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/Table.h"

#include "llvm/Support/Process.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace rlx;

bool rlx::mayColor(llvm::raw_ostream &stream) {
  const char *disabled = std::getenv("NO_COLOR");
  return stream.has_colors() && !(disabled && *disabled);
}

void rlx::printHeading(llvm::raw_ostream &stream, llvm::StringRef text) {
  bool bold = mayColor(stream);
  stream << (bold ? "\033[1m" : "") << text << (bold ? "\033[0m" : "") << "\n";
}

void Table::print(llvm::raw_ostream &stream) const {
  std::vector<size_t> widths;
  for (const Column &column : columns)
    widths.push_back(column.heading.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  auto lineOf = [&](auto &&cellAt) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string &cell = cellAt(i);
      line += i ? "  " : "";
      line += columns[i].align == Align::left
                  ? fmt::format("{:<{}}", cell, widths[i])
                  : fmt::format("{:>{}}", cell, widths[i]);
    }
    return llvm::StringRef(line).rtrim().str();
  };
  printHeading(stream, lineOf([&](size_t i) -> const std::string & {
                 return columns[i].heading;
               }));
  static const std::string none;
  for (const auto &row : rows)
    stream << lineOf([&](size_t i) -> const std::string & {
      return i < row.size() ? row[i] : none;
    }) << "\n";
}

void Progress::say(llvm::StringRef text) {
  if (!llvm::sys::Process::StandardErrIsDisplayed() || (text.empty() && !shown))
    return;
  // Back to the start of the line, and clear it.
  llvm::errs() << "\r\033[K" << text;
  shown = !text.empty();
}

std::string rlx::shortNumber(double value) {
  if (!std::isfinite(value))
    return "-";
  double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size < 10 ? 2 : size < 100 ? 1 : 0);
}
