//===- Record.cpp - Records of named values, and their forms --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/Record.h"

#include "runtime/Text.h"

#include <cmath>

using namespace rlx;
namespace json = llvm::json;

void Record::add(const char *name, llvm::StringRef text) {
  std::string quoted;
  llvm::raw_string_ostream(quoted) << json::Value(text);
  cells.push_back({name, quoted, true});
}

void Record::add(const char *name, int64_t number) {
  cells.push_back({name, std::to_string(number)});
}

void Record::add(const char *name, std::optional<double> number) {
  bool known = number && std::isfinite(*number);
  cells.push_back({name, known ? fmt::format("{:.5g}", *number) : "null"});
}

void Record::addText(const char *name, llvm::StringRef text) {
  if (text.empty())
    addNull(name);
  else
    add(name, text);
}

void rlx::writeJson(json::OStream &out, const std::vector<Record> &records) {
  out.array([&] {
    for (const Record &record : records)
      out.object([&] {
        for (const Cell &cell : record.cells) {
          out.attributeBegin(cell.name);
          out.rawValue(cell.text);
          out.attributeEnd();
        }
      });
  });
}

/// A line of a CSV file, where a quote within quotes is doubled and what is not
/// known is empty.
static void writeCsvLine(llvm::raw_ostream &stream,
                         const std::vector<std::string> &texts) {
  for (size_t i = 0; i < texts.size(); ++i)
    stream << (i ? "," : "") << texts[i];
  stream << "\n";
}

void rlx::writeCsv(llvm::raw_ostream &stream,
                   const std::vector<Record> &records) {
  std::vector<std::string> line;
  for (const Cell &cell : records.front().cells)
    line.push_back(cell.name);
  writeCsvLine(stream, line);
  for (const Record &record : records) {
    line.clear();
    for (const Cell &cell : record.cells) {
      std::string text = cell.text == "null" ? "" : cell.text;
      if (cell.isString)
        // JSON escapes a quote with a backslash.
        for (size_t at = 0; (at = text.find("\\\"", at)) != std::string::npos;
             at += 2)
          text[at] = '"';
      line.push_back(text);
    }
    writeCsvLine(stream, line);
  }
}

void rlx::writeRecords(llvm::raw_ostream &stream, bool isCsv,
                       const std::vector<Record> &records) {
  if (isCsv)
    return writeCsv(stream, records);
  llvm::json::OStream out(stream, 2);
  writeJson(out, records);
  stream << "\n";
}
