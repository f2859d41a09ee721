//===- Manifest.cpp - Programs of devices as JSON -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/Manifest.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace rlx;
namespace json = llvm::json;

static llvm::StringRef nameOf(ProgramArgument::Kind kind) {
  switch (kind) {
  case ProgramArgument::Kind::input:
    return "input";
  case ProgramArgument::Kind::weight:
    return "weight";
  case ProgramArgument::Kind::result:
    return "result";
  }
  return "";
}

static llvm::StringRef nameOf(ProgramBuffer::Kind kind) {
  switch (kind) {
  case ProgramBuffer::Kind::argument:
    return "argument";
  case ProgramBuffer::Kind::packed:
    return "packed";
  case ProgramBuffer::Kind::temporary:
    return "temporary";
  case ProgramBuffer::Kind::constant:
    return "constant";
  }
  return "";
}

static llvm::StringRef nameOf(ProgramSize::Kind kind) {
  switch (kind) {
  case ProgramSize::Kind::constant:
    return "constant";
  case ProgramSize::Kind::dimension:
    return "dimension";
  case ProgramSize::Kind::number:
    return "number";
  case ProgramSize::Kind::add:
    return "add";
  case ProgramSize::Kind::subtract:
    return "subtract";
  case ProgramSize::Kind::multiply:
    return "multiply";
  case ProgramSize::Kind::divide:
    return "divide";
  case ProgramSize::Kind::ceilDivide:
    return "ceil_divide";
  case ProgramSize::Kind::remainder:
    return "remainder";
  case ProgramSize::Kind::minimum:
    return "minimum";
  case ProgramSize::Kind::maximum:
    return "maximum";
  case ProgramSize::Kind::equal:
    return "equal";
  case ProgramSize::Kind::less:
    return "less";
  }
  return "";
}

static json::Array describeSizes(const Program &program) {
  json::Array sizes;
  for (const ProgramSize &size : program.sizes) {
    json::Array entry{nameOf(size.kind), size.a};
    if (size.kind != ProgramSize::Kind::constant &&
        size.kind != ProgramSize::Kind::number)
      entry.push_back(size.b);
    sizes.push_back(std::move(entry));
  }
  return sizes;
}

static json::Array describeSizeChecks(const Program &program) {
  json::Array checks;
  for (const ProgramSizeCheck &check : program.sizeChecks)
    checks.push_back(json::Object{{"condition", check.condition},
                                  {"message", check.message},
                                  {"values", json::Array(check.values)}});
  return checks;
}

static json::Array describeArguments(const Program &program,
                                     const FunctionSignature &signature) {
  json::Array arguments;
  for (const ProgramArgument &argument : program.arguments) {
    json::Object entry{{"kind", nameOf(argument.kind)},
                       {"type", llvm::StringRef(elementName(argument.type))},
                       {"shape", json::Array(argument.shape)}};
    if (argument.kind == ProgramArgument::Kind::weight) {
      entry["name"] = argument.name;
      for (const TensorSignature &weight : signature.weights)
        if (weight.weight == argument.name && weight.isQuantized())
          entry["scheme"] = weight.scheme;
    }
    if (argument.isState)
      entry["state"] = argument.name;
    arguments.push_back(std::move(entry));
  }
  return arguments;
}

static json::Array describeBuffers(const Program &program) {
  json::Array buffers;
  for (const ProgramBuffer &buffer : program.buffers) {
    json::Object entry{{"kind", nameOf(buffer.kind)}, {"bytes", buffer.bytes}};
    if (buffer.kind == ProgramBuffer::Kind::argument) {
      entry["argument"] = buffer.argument;
      if (buffer.offset)
        entry["offset"] = int64_t(buffer.offset);
    }
    if (const ProgramPacking &packing = buffer.packing;
        !packing.deviceBlock.empty()) {
      entry["device_block"] = packing.deviceBlock;
      entry["rows"] = packing.rows;
      entry["words"] = packing.words;
      if (!packing.part.empty())
        entry["part"] = json::Array(packing.part);
    }
    if (buffer.kind == ProgramBuffer::Kind::constant)
      entry["data"] = llvm::toHex(
          llvm::ArrayRef(reinterpret_cast<const uint8_t *>(buffer.data.data()),
                         buffer.data.size()),
          /*LowerCase=*/true);
    buffers.push_back(std::move(entry));
  }
  return buffers;
}

static json::Array describeKernels(const Program &program) {
  json::Array kernels;
  for (const ProgramKernel &kernel : program.kernels) {
    json::Object entry{{"entry", kernel.name},
                       {"workgroup", json::Array(kernel.workgroup)},
                       {"buffers", kernel.buffers},
                       {"scalars", kernel.scalars}};
    if (kernel.subgroup)
      entry["subgroup"] = kernel.subgroup;
    kernels.push_back(std::move(entry));
  }
  return kernels;
}

static json::Array describeSteps(llvm::ArrayRef<ProgramStep> steps) {
  json::Array entries;
  for (const ProgramStep &step : steps) {
    if (step.kind == ProgramStep::Kind::dispatch)
      entries.push_back(json::Object{{"dispatch", step.kernel},
                                     {"groups", json::Array(step.groups)},
                                     {"buffers", json::Array(step.buffers)},
                                     {"scalars", json::Array(step.scalars)}});
    else
      entries.push_back(
          json::Object{{"copy", step.bytes},
                       {"from", json::Array{step.buffers[0], step.fromOffset}},
                       {"to", json::Array{step.buffers[1], step.toOffset}}});
  }
  return entries;
}

static json::Object describeProgram(const Program &program,
                                    const FunctionSignature &signature) {
  json::Object entry{{"name", program.name},
                     {"arguments", describeArguments(program, signature)},
                     {"sizes", describeSizes(program)},
                     {"buffers", describeBuffers(program)},
                     {"kernels", describeKernels(program)},
                     {"setup", describeSteps(program.setup)},
                     {"steps", describeSteps(program.steps)}};
  if (!program.sizeChecks.empty())
    entry["size_checks"] = describeSizeChecks(program);
  if (program.status == Program::none)
    return entry;
  entry["status"] = program.status;
  json::Array checks;
  for (const ProgramCheck &check : program.checks)
    checks.push_back(
        json::Object{{"what", check.what}, {"bound", check.bound}});
  entry["checks"] = std::move(checks);
  return entry;
}

json::Object rlx::describePrograms(llvm::ArrayRef<Program> programs,
                                   llvm::ArrayRef<FunctionSignature> signatures,
                                   llvm::StringRef target,
                                   const ManifestCode &code) {
  json::Array functions;
  for (auto [program, signature] : llvm::zip_equal(programs, signatures))
    functions.push_back(describeProgram(program, signature));
  json::Object manifest{{"target", target},
                        {"functions", std::move(functions)}};
  if (!code.file.empty())
    manifest["code"] = json::Object{{"file", code.file}, {"form", code.form}};
  return manifest;
}
