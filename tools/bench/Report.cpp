//===- Report.cpp - Measurements as table, JSON or CSV --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/Report.h"

#include "tools/bench/Record.h"
#include "tools/bench/Table.h"

#include <cmath>

using namespace rlx;
namespace json = llvm::json;

bool MatmulRow::usesMatrices() const {
  return limits.ofDevice && computedIn() == "f16";
}

std::string MatmulRow::limitName() const {
  if (isBoundByMemory())
    return limits.ofDevice ? "copy" : "memory";
  return usesMatrices() ? "f16 matrices" : Limits::peakName(computedIn());
}

std::optional<double> MatmulRow::limit() const {
  if (figures && figures->limit)
    return figures->limit;
  if (isBoundByMemory())
    return limits.readGbps;
  return usesMatrices() ? limits.f16MatrixGflops : limits.peakFor(computedIn());
}

llvm::StringRef MatmulRow::computedIn() const {
  return figures && !figures->computedIn.empty()
             ? llvm::StringRef(figures->computedIn)
             : llvm::StringRef(wanted.activations);
}

std::optional<double> MatmulRow::fractionOfLimit() const {
  std::optional<double> most = limit();
  if (!most || !figures)
    return std::nullopt;
  return (isBoundByMemory() ? fileGbps() : gflops()) / *most;
}

std::string rlx::describe(const MachineName &machine) {
  std::string text =
      fmt::format("{} ({}), {} processor{}", machine.processor, machine.llvmCpu,
                  machine.processors, machine.processors == 1 ? "" : "s");
  return machine.device.empty()
             ? text
             : fmt::format("{}, in {}", machine.device, text);
}

std::string rlx::percent(std::optional<double> fraction) {
  return fraction ? fmt::format("{:.0f} %", *fraction * 100) : "-";
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

void rlx::reportLimits(llvm::raw_ostream &stream, Format format,
                       const MachineName &machine,
                       const std::vector<Limits> &limits) {
  std::vector<Record> records;
  for (const Limits &one : limits) {
    Record &record = records.emplace_back();
    if (one.ofDevice) {
      record.add("copy_gbps", std::optional(one.readGbps));
      record.add("f32_gflops", one.f32Gflops);
      record.add("f16_matrix_gflops", one.f16MatrixGflops);
      record.add("int8_gops", one.int8Gops);
      continue;
    }
    record.add("threads", int64_t(one.threads));
    record.add("read_gbps", std::optional(one.readGbps));
    record.add("f32_gflops", one.f32Gflops);
    record.add("bf16_gflops", one.bf16Gflops);
    record.add("int8_gops", one.int8Gops);
  }
  if (format == Format::csv)
    return writeCsv(stream, records);
  if (format == Format::json) {
    json::OStream out(stream, 2);
    out.object([&] {
      if (!machine.device.empty())
        out.attribute("device", machine.device);
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
  auto text = [](std::optional<double> value) {
    return value ? shortNumber(*value) : "-";
  };
  stream << describe(machine) << "\n\n";
  if (limits.front().ofDevice) {
    Table table({{"copy GB/s"},
                 {"f32 FMA GFLOP/s"},
                 {"f16 matrix GFLOP/s"},
                 {"int8 dot GOP/s"}});
    for (const Limits &one : limits)
      table.addRow({shortNumber(one.readGbps), text(one.f32Gflops),
                    text(one.f16MatrixGflops), text(one.int8Gops)});
    return table.print(stream);
  }
  Table table({{"threads"},
               {"memory GB/s"},
               {"f32 FMA GFLOP/s"},
               {"bf16 dot GFLOP/s"},
               {"int8 dot GOP/s"}});
  for (const Limits &one : limits)
    table.addRow({std::to_string(one.threads), text(one.readGbps),
                  text(one.f32Gflops), text(one.bf16Gflops),
                  text(one.int8Gops)});
  table.print(stream);
}

//===----------------------------------------------------------------------===//
// Matmuls
//===----------------------------------------------------------------------===//

static Record recordOf(const MatmulRow &row, const MachineName &machine) {
  const MatmulCase &wanted = row.wanted;
  Record record;
  record.add("scheme", wanted.scheme);
  record.add("activations", wanted.activations);
  record.add("m", wanted.m);
  record.add("n", wanted.n);
  record.add("k", wanted.k);
  if (wanted.threads)
    record.add("threads", int64_t(wanted.threads));
  else
    record.addNull("threads");
  using Figures = const MatmulFigures &;
  auto figure = [&](const char *name, auto &&value) {
    record.add(name, row.figures ? std::optional<double>(value(*row.figures))
                                 : std::nullopt);
  };
  auto count = [&](const char *name, auto &&value) {
    row.figures ? record.add(name, int64_t(value(*row.figures)))
                : record.addNull(name);
  };
  if (row.figures && !row.figures->kernel.empty())
    record.add("kernel", row.figures->kernel);
  else
    record.addNull("kernel");
  figure("median_ms", [](Figures f) { return f.medianMs; });
  figure("min_ms", [](Figures f) { return f.minMs; });
  count("runs", [](Figures f) { return int64_t(f.runs); });
  figure("gflops", [&](Figures) { return row.gflops(); });
  figure("file_gbps", [&](Figures) { return row.fileGbps(); });
  figure("file_bits", [](Figures f) { return f.bitsPerElement; });
  figure("packed_bits", [](Figures f) { return f.packedBits; });
  figure("rel_err", [](Figures f) { return f.relativeError; });
  figure("compile_ms", [](Figures f) { return f.compileMs; });
  figure("pack_ms", [](Figures f) { return f.packMs; });
  record.add("limit", row.limitName());
  record.add("limit_value", row.limit());
  record.add("limit_unit", row.isBoundByMemory() ? "GB/s" : "GFLOP/s");
  record.add("fraction_of_limit", row.fractionOfLimit());
  count("weight_copies", [](Figures f) { return f.weightCopies; });
  record.add("data", wanted.data);
  record.add("machine", machine.processor);
  record.addText("device", machine.device);
  record.addText("error", row.error);
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
    std::vector<std::string> cells = {
        wanted.scheme,
        wanted.data == MatmulCase().data
            ? wanted.activations
            : wanted.activations + ", " + wanted.data,
        std::to_string(wanted.m),
        std::to_string(wanted.n),
        std::to_string(wanted.k),
        wanted.threads ? std::to_string(wanted.threads) : "-"};
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
    cells.insert(
        cells.end(),
        {figures.kernel.empty() ? "-" : figures.kernel,
         fmt::format("{:.3f}", figures.medianMs),
         fmt::format("{:.3f}", figures.minMs), shortNumber(row.gflops()),
         shortNumber(row.fileGbps()), percent(row.fractionOfLimit()), limit,
         fmt::format("{:.1e}", figures.relativeError),
         fmt::format("{:.4g}", figures.bitsPerElement),
         optional(figures.packedBits), fmt::format("{:.0f}", figures.compileMs),
         optional(figures.packMs)});
    table.addRow(cells);
  }
  table.print(stream);
  for (const MatmulRow *row : failed)
    stream << (row == failed.front() ? "\n" : "")
           << "unsupported: " << row->wanted.describe() << ": " << row->error
           << "\n";
}

void rlx::reportMatmuls(llvm::raw_ostream &stream, Format format,
                        const MachineName &machine,
                        const std::vector<MatmulRow> &rows) {
  if (format == Format::table)
    return writeTable(stream, machine, rows);
  std::vector<Record> records;
  for (const MatmulRow &row : rows)
    records.push_back(recordOf(row, machine));
  writeRecords(stream, format == Format::csv, records);
}
