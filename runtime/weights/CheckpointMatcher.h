//===- CheckpointMatcher.h - Finds the weights of a checkpoint ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Follows the rules of CheckpointKinds.h over the tensors of a file. Data is
// read only where a rule says that a tensor holds parameters.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_CHECKPOINTMATCHER_H
#define RLX_RUNTIME_WEIGHTS_CHECKPOINTMATCHER_H

#include "runtime/Json.h"
#include "runtime/weights/LogicalWeight.h"
#include "runtime/weights/WeightFile.h"

#include <vector>

namespace rlx {

/// Files beside a weight file that say how it is quantized, the first ones
/// first.
inline constexpr std::string_view checkpointConfigNames[] = {
    "config.json", "hf_quant_config.json", "quantize_config.json"};

/// What files beside a weight file say of its quantization: the object
/// `quantization_config` or `quantization` of config.json, or what stands in
/// hf_quant_config.json or quantize_config.json. Null where there is none.
/// Error: such a file that is no JSON.
Result<JsonValue> readCheckpointConfig(const std::string &weightFile);

/// The key of a safetensors file's metadata that says the logical shape of a
/// tensor of encoded bytes and its scheme: `8x512 int4/32`.
std::string schemeMetadataKey(std::string_view tensor);

/// The weights that tensors of `file` make up, in the order of their codes. A
/// tensor belongs to one weight.
std::vector<LogicalWeight> findLogicalWeights(const WeightFile &file,
                                              const JsonValue &config);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_CHECKPOINTMATCHER_H
