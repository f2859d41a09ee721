//===- SpirvRequirements.h - What a SPIR-V module declares --------*- C++
//-*-===//

#ifndef RLX_PASSES_GPU_SPIRVREQUIREMENTS_H
#define RLX_PASSES_GPU_SPIRVREQUIREMENTS_H

#include "mlir/Pass/Pass.h"

namespace rlx {

/// A pass on spirv.module that declares the version, the capabilities and the
/// extensions that its operations need.
std::unique_ptr<mlir::Pass> createSpirvRequirementsPass();

} // namespace rlx

#endif // RLX_PASSES_GPU_SPIRVREQUIREMENTS_H
