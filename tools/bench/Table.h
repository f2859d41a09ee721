//===- Table.h - Tables on a terminal ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_BENCH_TABLE_H
#define RLX_TOOLS_BENCH_TABLE_H

#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace rlx {

/// Rows of cells under a heading. Columns are as wide as their widest cell; the
/// heading is bold where `stream` is a terminal that shows colours.
class Table {
public:
  enum class Align { left, right };
  struct Column {
    std::string heading;
    Align align = Align::right;
  };

  explicit Table(std::vector<Column> columns) : columns(std::move(columns)) {}
  /// Cells that are missing at the end stay empty.
  void addRow(std::vector<std::string> cells) {
    rows.push_back(std::move(cells));
  }
  void print(llvm::raw_ostream &stream) const;
  bool empty() const { return rows.empty(); }

private:
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Whether text on `stream` may have colours and be overwritten: a terminal,
/// and NO_COLOR (https://no-color.org) is not set.
bool mayColor(llvm::raw_ostream &stream);
void printHeading(llvm::raw_ostream &stream, llvm::StringRef text);

/// One line on stderr that says what is being done and goes away again; nothing
/// where stderr is no terminal.
class Progress {
public:
  ~Progress() { say(""); }
  void say(llvm::StringRef text);

private:
  bool shown = false;
};

/// `31.4`, `469`: three digits.
std::string shortNumber(double value);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_TABLE_H
