//===- Record.h - Records of named values, and their forms ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_BENCH_RECORD_H
#define RLX_TOOLS_BENCH_RECORD_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>
#include <vector>

namespace rlx {

/// A value as JSON writes it. Numbers are kept as text, because JSON's own way
/// prints 0.1 with seventeen digits.
struct Cell {
  std::string name, text;
  bool isString = false;
};

class Record {
public:
  void add(const char *name, llvm::StringRef text);
  void add(const char *name, int64_t number);
  /// Five digits are enough for any use of a measurement.
  void add(const char *name, std::optional<double> number);
  void addNull(const char *name) { cells.push_back({name, "null"}); }
  /// Null where there is no text.
  void addText(const char *name, llvm::StringRef text);

  std::vector<Cell> cells;
};

/// An array of objects.
void writeJson(llvm::json::OStream &out, const std::vector<Record> &records);
/// A line of headings, and one for each record, of which there must be one.
void writeCsv(llvm::raw_ostream &stream, const std::vector<Record> &records);
/// One or the other, as the whole of a report.
void writeRecords(llvm::raw_ostream &stream, bool isCsv,
                  const std::vector<Record> &records);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_RECORD_H
