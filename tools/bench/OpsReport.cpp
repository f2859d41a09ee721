//===- OpsReport.cpp - Operations as table, JSON or CSV -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/Record.h"
#include "tools/bench/Report.h"
#include "tools/bench/Table.h"

using namespace rlx;
namespace json = llvm::json;

static std::string sizesOf(const OpRow &row) {
  std::string text;
  for (int64_t size : row.sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

static const char *limitName(const OpRow &row) {
  return row.isBoundByMemory() ? "copy" : "f32 FMA";
}

static Record recordOf(const OpRow &row, const MachineName &machine) {
  Record record;
  record.add("op", row.name);
  record.add("sizes", sizesOf(row));
  record.add("threads", int64_t(row.threads));
  auto figure = [&](const char *name, auto &&value) {
    record.add(name, row.figures ? std::optional<double>(value(*row.figures))
                                 : std::nullopt);
  };
  using Figures = const OpFigures &;
  figure("median_ms", [](Figures f) { return f.medianMs; });
  figure("min_ms", [](Figures f) { return f.minMs; });
  figure("runs", [](Figures f) { return double(f.runs); });
  figure("rate", [&](Figures) { return row.rate(); });
  record.add("unit", row.isBoundByMemory() ? "GB/s" : "GFLOP/s");
  record.add("limit", limitName(row));
  figure("limit_value", [](Figures f) { return f.limit; });
  figure("fraction_of_limit", [&](Figures f) { return row.rate() / f.limit; });
  figure("numpy_ms", [](Figures f) { return f.numpyMs; });
  figure("compile_ms", [](Figures f) { return f.compileMs; });
  record.add("machine", machine.processor);
  record.addText("error", row.error);
  return record;
}

static void writeTable(llvm::raw_ostream &stream, const MachineName &machine,
                       const std::vector<OpRow> &rows) {
  stream << describe(machine) << "\n\n";
  bool hasNumpy = llvm::any_of(rows, [](const OpRow &row) {
    return row.figures && row.figures->numpyMs;
  });
  using enum Table::Align;
  std::vector<Table::Column> columns = {
      {"operation", left}, {"sizes", left}, {"threads"}, {"ms"},
      {"least"},           {"rate"},        {"", left},  {"of limit"},
      {"limit", left},     {"compile ms"}};
  if (hasNumpy)
    columns.insert(columns.end(), {{"numpy ms"}, {"of numpy"}});
  Table table(columns);
  for (const OpRow &row : rows) {
    std::vector<std::string> cells = {row.name, sizesOf(row),
                                      std::to_string(row.threads)};
    if (!row.figures) {
      cells.push_back("failed");
      table.addRow(cells);
      continue;
    }
    const OpFigures &figures = *row.figures;
    cells.insert(
        cells.end(),
        {fmt::format("{:.3f}", figures.medianMs),
         fmt::format("{:.3f}", figures.minMs), shortNumber(row.rate()),
         row.isBoundByMemory() ? "GB/s" : "GFLOP/s",
         percent(row.rate() / figures.limit),
         fmt::format("{} {}", limitName(row), shortNumber(figures.limit)),
         fmt::format("{:.0f}", figures.compileMs)});
    if (figures.numpyMs)
      cells.insert(cells.end(), {fmt::format("{:.3f}", *figures.numpyMs),
                                 fmt::format("{:.2f}", *figures.numpyMs /
                                                           figures.medianMs)});
    table.addRow(cells);
  }
  table.print(stream);
  for (const OpRow &row : rows)
    if (!row.figures)
      stream << row.describe() << ": " << row.error << "\n";
}

void rlx::reportOps(llvm::raw_ostream &stream, Format format,
                    const MachineName &machine,
                    const std::vector<OpRow> &rows) {
  if (format == Format::table)
    return writeTable(stream, machine, rows);
  std::vector<Record> records;
  for (const OpRow &row : rows)
    records.push_back(recordOf(row, machine));
  writeRecords(stream, format == Format::csv, records);
}
