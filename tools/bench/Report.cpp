//===- Report.cpp - Measurements as table, JSON or CSV ---------------------===//

#include "tools/bench/Report.h"

#include "tools/bench/Table.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace rlx;
namespace json = llvm::json;

std::string MatmulRow::limitName() const {
  return isBoundByMemory() ? "memory" : Limits::peakName(wanted.activations);
}

std::optional<double> MatmulRow::limit() const {
  return isBoundByMemory() ? limits.readGbps : limits.peakFor(wanted.activations);
}

std::optional<double> MatmulRow::fractionOfLimit() const {
  std::optional<double> most = limit();
  if (!most || !figures)
    return std::nullopt;
  return (isBoundByMemory() ? fileGbps() : gflops()) / *most;
}

std::string rlx::describe(const MachineName &machine) {
  return fmt::format("{} ({}), {} processor{}", machine.processor, machine.llvmCpu,
                     machine.processors, machine.processors == 1 ? "" : "s");
}

std::string rlx::percent(std::optional<double> fraction) {
  return fraction ? fmt::format("{:.0f} %", *fraction * 100) : "-";
}

/// Enough digits for any use of a measurement.
static json::Value rounded(std::optional<double> value) {
  if (!value || !std::isfinite(*value))
    return nullptr;
  double result = 0;
  // Through text, so that the shortest number that reads the same is printed.
  llvm::to_float(fmt::format("{:.5g}", *value), result);
  return result;
}

//===----------------------------------------------------------------------===//
// Objects of named values, and their forms
//===----------------------------------------------------------------------===//

using Record = std::vector<std::pair<std::string, json::Value>>;

static void writeJson(json::OStream &out, const std::vector<Record> &records) {
  out.array([&] {
    for (const Record &record : records)
      out.object([&] {
        for (const auto &[name, value] : record)
          out.attribute(name, value);
      });
  });
}

static void writeCsv(llvm::raw_ostream &stream, const std::vector<Record> &records) {
  if (records.empty())
    return;
  for (const auto &entry : records.front())
    stream << (&entry == &records.front().front() ? "" : ",") << entry.first;
  stream << "\n";
  for (const Record &record : records) {
    for (const auto &entry : record) {
      stream << (&entry == &record.front() ? "" : ",");
      if (auto text = entry.second.getAsString()) {
        // A quote within quotes is doubled.
        std::string escaped;
        for (char c : *text)
          escaped += c == '"' ? "\"\"" : std::string(1, c);
        stream << '"' << escaped << '"';
      } else if (entry.second.kind() != json::Value::Null) {
        stream << entry.second;
      }
    }
    stream << "\n";
  }
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

void rlx::reportLimits(llvm::raw_ostream &stream, Format format, const MachineName &machine,
                       const std::vector<Limits> &limits) {
  std::vector<Record> records;
  for (const Limits &one : limits)
    records.push_back({{"threads", one.threads},
                       {"read_gbps", rounded(one.readGbps)},
                       {"f32_gflops", rounded(one.f32Gflops)},
                       {"bf16_gflops", rounded(one.bf16Gflops)},
                       {"int8_gops", rounded(one.int8Gops)}});
  if (format == Format::csv)
    return writeCsv(stream, records);
  if (format == Format::json) {
    json::OStream out(stream, 2);
    out.object([&] {
      out.attribute("machine", machine.processor);
      out.attribute("cpu", machine.llvmCpu);
      out.attribute("processors", machine.processors);
      out.attributeBegin("limits");
      writeJson(out, records);
      out.attributeEnd();
    });
    stream << "\n";
    return;
  }
  stream << describe(machine) << "\n\n";
  Table table({{"threads"}, {"memory GB/s"}, {"f32 FMA GFLOP/s"}, {"bf16 dot GFLOP/s"},
               {"int8 dot GOP/s"}});
  auto text = [](std::optional<double> value) { return value ? shortNumber(*value) : "-"; };
  for (const Limits &one : limits)
    table.addRow({std::to_string(one.threads), text(one.readGbps), text(one.f32Gflops),
                  text(one.bf16Gflops), text(one.int8Gops)});
  table.print(stream);
}

//===----------------------------------------------------------------------===//
// Matmuls
//===----------------------------------------------------------------------===//

static Record recordOf(const MatmulRow &row, const MachineName &machine) {
  const MatmulCase &wanted = row.wanted;
  Record record = {{"scheme", wanted.scheme},
                   {"activations", wanted.activations},
                   {"m", wanted.m},
                   {"n", wanted.n},
                   {"k", wanted.k},
                   {"threads", wanted.threads}};
  auto figure = [&](const char *name, auto &&value) {
    record.emplace_back(name, row.figures ? rounded(value(*row.figures)) : json::Value(nullptr));
  };
  bool hasKernel = row.figures && !row.figures->kernel.empty();
  record.emplace_back("kernel", hasKernel ? json::Value(row.figures->kernel) : nullptr);
  using Figures = const MatmulFigures &;
  figure("median_ms", [](Figures f) { return f.medianMs; });
  figure("min_ms", [](Figures f) { return f.minMs; });
  figure("runs", [](Figures f) { return double(f.runs); });
  figure("gflops", [&](Figures) { return row.gflops(); });
  figure("file_gbps", [&](Figures) { return row.fileGbps(); });
  figure("file_bits", [](Figures f) { return f.bitsPerElement; });
  figure("packed_bits", [](Figures f) { return f.packedBits; });
  figure("rel_err", [](Figures f) { return f.relativeError; });
  figure("compile_ms", [](Figures f) { return f.compileMs; });
  figure("pack_ms", [](Figures f) { return f.packMs; });
  record.emplace_back("limit", row.limitName());
  record.emplace_back("limit_value", rounded(row.limit()));
  record.emplace_back("limit_unit", row.isBoundByMemory() ? "GB/s" : "GFLOP/s");
  record.emplace_back("fraction_of_limit", rounded(row.fractionOfLimit()));
  record.emplace_back("weight_copies",
                      row.figures ? json::Value(row.figures->weightCopies) : nullptr);
  record.emplace_back("machine", machine.processor);
  record.emplace_back("error", row.error.empty() ? json::Value(nullptr) : row.error);
  return record;
}

static void writeTable(llvm::raw_ostream &stream, const MachineName &machine,
                       const std::vector<MatmulRow> &rows) {
  stream << describe(machine) << "\n\n";
  using enum Table::Align;
  Table table({{"scheme", left},
               {"act.", left},
               {"M"},
               {"N"},
               {"K"},
               {"threads"},
               {"kernel", left},
               {"ms"},
               {"least"},
               {"GFLOP/s"},
               {"file GB/s"},
               {"of limit"},
               {"limit", left},
               {"rel. error"},
               {"bits"},
               {"packed"},
               {"compile ms"},
               {"pack ms"}});
  std::vector<const MatmulRow *> failed;
  for (const MatmulRow &row : rows) {
    const MatmulCase &wanted = row.wanted;
    std::vector<std::string> cells = {wanted.scheme,
                                      wanted.activations,
                                      std::to_string(wanted.m),
                                      std::to_string(wanted.n),
                                      std::to_string(wanted.k),
                                      std::to_string(wanted.threads)};
    if (!row.figures) {
      failed.push_back(&row);
      cells.push_back("unsupported");
      table.addRow(cells);
      continue;
    }
    const MatmulFigures &figures = *row.figures;
    std::string limit = row.limitName();
    if (std::optional<double> most = row.limit())
      limit += fmt::format(" {}", shortNumber(*most));
    auto optional = [](std::optional<double> value) {
      return value ? shortNumber(*value) : std::string("-");
    };
    cells.insert(cells.end(),
                 {figures.kernel.empty() ? "-" : figures.kernel,
                  fmt::format("{:.3f}", figures.medianMs), fmt::format("{:.3f}", figures.minMs),
                  shortNumber(row.gflops()), shortNumber(row.fileGbps()),
                  percent(row.fractionOfLimit()), limit,
                  fmt::format("{:.1e}", figures.relativeError),
                  fmt::format("{:.4g}", figures.bitsPerElement), optional(figures.packedBits),
                  fmt::format("{:.0f}", figures.compileMs), optional(figures.packMs)});
    table.addRow(cells);
  }
  table.print(stream);
  for (const MatmulRow *row : failed)
    stream << (row == failed.front() ? "\n" : "") << "unsupported: " << row->wanted.describe()
           << ": " << row->error << "\n";
}

void rlx::reportMatmuls(llvm::raw_ostream &stream, Format format, const MachineName &machine,
                        const std::vector<MatmulRow> &rows) {
  if (format == Format::table)
    return writeTable(stream, machine, rows);
  std::vector<Record> records;
  for (const MatmulRow &row : rows)
    records.push_back(recordOf(row, machine));
  if (format == Format::csv)
    return writeCsv(stream, records);
  json::OStream out(stream, 2);
  writeJson(out, records);
  stream << "\n";
}
