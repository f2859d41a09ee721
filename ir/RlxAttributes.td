//===- RlxAttributes.td - Schemes and the quant encoding ---*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheme as data, and the encoding that puts one on a tensor. The textual
// language is parsed and printed in SchemeSyntax.cpp, checked in
// SchemeVerifier.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_RLXATTRIBUTES_TD
#define RLX_IR_RLXATTRIBUTES_TD

include "ir/RlxDialect.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"

class Rlx_Attr<string name, list<Trait> traits = []>
    : AttrDef<RlxDialect, name, traits>;

def Rlx_PlaneAttr : Rlx_Attr<"Plane"> {
  let attrName = "rlx.plane";
  let summary = "bits of a field: a width and where they lie";
  let description = [{
    In a block: `position` maps the element's index to (byte, bit); the plane's
    bits start at bit `8 * byte + bit` of the block read as a little-endian
    stream, and may run on into the next byte. In a side tensor: `position` maps
    (n, k) to the index into that tensor.

    Where elements of a block are laid out in several ways, `bounds` has the
    indices at which another begins, and `position` a (byte, bit) for each of them,
    one behind the other.
  }];
  let parameters = (ins "::mlir::Type":$type, "::mlir::AffineMap":$position,
    OptionalParameter<"::mlir::DenseI64ArrayAttr">:$bounds);
  let builders = [AttrBuilder<(ins "::mlir::Type":$type, "::mlir::AffineMap":$position), [{
    return $_get($_ctxt, type, position, ::mlir::DenseI64ArrayAttr());
  }]>];
  let extraClassDeclaration = [{
    /// The number of bits of this plane.
    unsigned width() const { return getType().getIntOrFloatBitWidth(); }
  }];
}

def Rlx_LookupAttr : Rlx_Attr<"Lookup"> {
  let attrName = "rlx.lookup";
  let summary = "a vector codebook: stored bits that name a vector of small codes";
  let description = [{
    `count` planes of a field, from number `first` on, do not hold a part of the
    element's code but name one of `entries`, a vector of codes of `type`. The
    element's part is component `component(i)` of that vector, `component * width`
    bits above the entry's lowest. `bounds` are those of a plane.

    Bounds:
    - `type` is an unsigned integer of at most 8 bits.
    - the planes have at most 12 bits, and there is an entry for each number of
      them.
    - a vector has at most 32 bits, and no bits beyond the components in use.
  }];
  let parameters = (ins "int64_t":$first, "int64_t":$count, "::mlir::Type":$type,
    "::mlir::AffineMap":$component,
    OptionalParameter<"::mlir::DenseI64ArrayAttr">:$bounds,
    "::mlir::DenseI64ArrayAttr":$entries);
  let extraClassDeclaration = [{
    /// Bounds on descriptions, so that tables fit what a kernel can read fast,
    /// and a vector a word.
    static constexpr unsigned widestIndex = 12, widestVector = 32, widestPart = 8;
    /// The bits of a component.
    unsigned width() const { return getType().getIntOrFloatBitWidth(); }
  }];
}

def Rlx_FieldAttr : Rlx_Attr<"Field"> {
  let attrName = "rlx.field";
  let summary = "a number that is read for each element";
  let description = [{
    The planes' bits, least significant plane first, read as `type` (an unsigned
    or signed integer, or a float type) or as an index into `codebook`, minus
    `bias`. Planes of one of `lookups` give what they name in its table in place of
    their bits. A field with an `operand` lies in that side tensor, any other in
    the block.

    Bounds, so that kernels compute in f32 what the description says:
    - an integer has at most 16 bits, a code with a codebook at most 8.
    - a float is f32, f16, bf16, f8E4M3FN, f8E5M2, f8E8M0FNU, f6E2M3FN, f6E3M2FN
      or f4E2M1FN.
    - a codebook has an entry for each code, 2^bits of them, each 0 or 1.2e-38 to
      3.4e+38 in magnitude.
    - a bias is -16711680 to 16711680, 2^24 - 2^16 in magnitude: codes minus it are
      exact in f32.
  }];
  let parameters = (ins
    ArrayRefParameter<"::rlx::PlaneAttr">:$planes,
    OptionalParameter<"::mlir::StringAttr">:$operand,
    "::mlir::Type":$type,
    OptionalParameter<"::mlir::DenseF64ArrayAttr">:$codebook,
    "int64_t":$bias,
    "bool":$nanAsZero,
    OptionalArrayRefParameter<"::rlx::LookupAttr">:$lookups);
  let builders = [AttrBuilder<(ins "::llvm::ArrayRef<::rlx::PlaneAttr>":$planes,
      "::mlir::StringAttr":$operand, "::mlir::Type":$type,
      "::mlir::DenseF64ArrayAttr":$codebook, "int64_t":$bias, "bool":$nanAsZero), [{
    return $_get($_ctxt, planes, operand, type, codebook, bias, nanAsZero,
                 ::llvm::ArrayRef<::rlx::LookupAttr>());
  }]>];
  let extraClassDeclaration = [{
    /// The number of bits of an element's code, all planes together; where they
    /// are looked up, what they give.
    unsigned width() const;
    /// Whether some of the stored bits name vectors of a table.
    bool hasLookups() const { return !getLookups().empty(); }
    /// Whether the field lies in a side tensor.
    bool isSide() const { return static_cast<bool>(getOperand()); }
    /// Whether the number is an integer: an integer code without a codebook.
    bool isInteger() const;
  }];
}

def Rlx_SchemeAttr : Rlx_Attr<"Scheme"> {
  let mnemonic = "scheme";
  let summary = "a quantization scheme as data";
  let description = [{
    ```
    value(i) = product(scale) * (number(code) - zero) +- product(offset)
    ```
    for element `i` of a block of `block` elements stored in `bytes` bytes. With
    `rounded = bf16` or `rounded = f16`, values are rounded to that type, once.

    ```mlir
    #q4 = #rlx.scheme<"q4_1", block = 32, bytes = 20,
      code = ui4 at (i) -> (4 + i mod 16, 4 * (i floordiv 16)),
      scale = f16 at byte 0,
      offset = f16 at byte 2>
    ```

    A field is one or more planes (`ui4 at MAP ++ ui1 at MAP`, least significant
    first), then optionally `as TYPE`, `as [codebook]` or `as A * code + B`, then
    optionally `- bias`, then optionally `nan_as_zero`. A map gives (byte, bit) for
    the element's index; `at byte B` is short for a constant; `MAP until I else MAP`
    is another one from element I on. `ui2 from TABLE by (ui8 at MAP) at (i) -> (i
    mod 8)` stands where a plane may: two bits, component i mod 8 of the vector of
    TABLE that the planes in parentheses name. TABLE is a list of integers, whose
    bits are the components, `parity` or `digits BASE`. `TYPE in OPERAND at
    (n, k) -> (...)` is a field in a side tensor (`scales`, `zero_points` or
    `global_scale`). `bytes` may be left out and is then what the planes span.
    Bits that no plane reads must be announced by `unused = BITS`. The index into
    a side tensor must grow with n and k, so that the last element tells the
    tensor's shape.
    `ggml = "..."` names the ggml type that is stored like this.

    Bounds:
    - `block` is 1 to 65536, `bytes` 1 to 1048576.
    - every bit of the block belongs to one plane, or is unused. Elements may share
      all bits of a scale, zero or offset, but never a part, nor those of a code.
      Of a code that is looked up, no two elements have all bits and components in
      common.
    - the bits of a plane lie in 4 bytes, and positions are computed in 31 bits.
    - the code lies in the block; each side tensor is read with one type and map.
    - maps divide by positive constants.

    docs/schemes.md explains the language step by step.
  }];
  let parameters = (ins
    "::mlir::StringAttr":$name,
    OptionalParameter<"::mlir::StringAttr">:$ggml,
    "int64_t":$block,
    "int64_t":$bytes,
    "int64_t":$unused,
    "::rlx::FieldAttr":$code,
    OptionalParameter<"::rlx::FieldAttr">:$zero,
    ArrayRefParameter<"::rlx::FieldAttr">:$scale,
    ArrayRefParameter<"::rlx::FieldAttr">:$offset,
    "bool":$offsetNegative,
    OptionalParameter<"::mlir::Type">:$rounded);
  let extraClassDeclaration = [{
    /// Bounds on descriptions, which come from users.
    static constexpr int64_t largestBlock = 1 << 16, largestBytes = 1 << 20;
  }];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Rlx_QuantAttr : Rlx_Attr<"Quant",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "quant";
  let summary = "the encoding of a quantized tensor";
  let description = [{
    `tensor<4096x14336xf32, #rlx.quant<gguf_q4k>>`: the shape and element type
    are the logical ones, the scheme says how the tensor is stored. Built-in
    schemes are written by name, others as a `#rlx.scheme` attribute:
    `#rlx.quant<#q4>`.

    Constraints on the tensor: rank 2 (`[N, K]`) or 3 (`[E, N, K]`), static,
    element type f32, f16 or bf16, K a multiple of the scheme's block.
  }];
  let parameters = (ins "::rlx::SchemeAttr":$scheme);
  let hasCustomAssemblyFormat = 1;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Rlx_PackedAttr : Rlx_Attr<"Packed"> {
  let mnemonic = "packed";
  let summary = "how a weight is stored for a CPU's integer kernels";
  let description = [{
    ```mlir
    #rlx.packed<lanes = 16, k_block = 256, group = 32, block_bytes = 2368, header = [1], steps = [2]>
    ```

    A micro-panel is `lanes` rows of the weight, interleaved so that a 32-bit lane
    of a vector is a row. It is a sequence of K blocks of `block_bytes` bytes. A K
    block has `k_block` elements of each row: a header, then a K step for each 32
    elements. passes/cpu/packed/PackedLayout.h has a picture of the bytes.

    - `group`: elements of K that share a group scale, and whose activations' sum
      is needed: 16 or 32.
    - `header`, `steps`: the fields that lie in the header and in each K step, in
      this order. The scheme's fields are numbered: the code is 0, then come the
      zero point, scales and offsets.
    - `minimum`: the field whose bytes lie in the header so that dot products
      multiply them with the sums of activations; 0 if there is none.
    - `activation_group`: elements of K whose activations share a scale; left out,
      all of the K block. Shorter ones leave no minimum.

    `--rlx-pack-weights` chooses it.
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$k_block, "int64_t":$group,
      "int64_t":$block_bytes,
      OptionalParameter<"::mlir::DenseI64ArrayAttr">:$header,
      OptionalParameter<"::mlir::DenseI64ArrayAttr">:$steps,
      DefaultValuedParameter<"int64_t", "0">:$minimum,
      DefaultValuedParameter<"int64_t", "0">:$activation_group);
  let extraClassDeclaration = [{
    /// Micro-panels of a weight of so many rows.
    int64_t microPanels(int64_t rows) const {
      return (rows + getLanes() - 1) / getLanes();
    }
    /// The bytes of a weight `[n, k]`; nothing if they overflow.
    std::optional<int64_t> bytes(int64_t n, int64_t k) const;
  }];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Rlx_KernelMode : I32EnumAttr<"KernelMode", "how a kernel sums and scales products", [
    I32EnumAttrCase<"decoded", 0>, I32EnumAttrCase<"i32", 1>,
    I32EnumAttrCase<"f32", 2>, I32EnumAttrCase<"magic", 3>,
    I32EnumAttrCase<"prescaled", 4>, I32EnumAttrCase<"reencoded", 5>]> {
  let cppNamespace = "::rlx";
}

def Rlx_KernelAttr : Rlx_Attr<"Kernel"> {
  let mnemonic = "kernel";
  let summary = "a kernel of a matmul: its mode, and for which M it is";
  let description = [{
    ```mlir
    #rlx.kernel<f32, min_m_panel = 64, i16_pairs = true>
    ```

    Modes:
    - `decoded`: weights become f32, or pairs of bf16, before they are multiplied.
      The only one of weights that are read in place.
    - `i32`: products with i8, i16 or i24 are summed up as i32 for a K block; group
      scales, if there are any, are integers and multiply i32 sums.
    - `f32`: group scales multiply the sums of groups, converted to f32.
    - `magic`: the same, with sums that start as the bits of 1.5 * 2^23, so that
      they are floats without a conversion. It rounds.
    - `prescaled`: codes are multiplied with their group scales first, where the
      products are integers that fit a byte. Exact.
    - `reencoded`: weights become i8 with one scale a row and K block, in panels.
      It rounds; a program asks for it with `weights = reencoded`.

    `min_m` (1): the least M that the kernel is for; of experts, the mean number of
    rows. `min_m_panel` (0): the least M for which weights go through panels, a
    scratch buffer of decoded weights in a cache: 0 for never, 1 for always.
    `i16_pairs` (false): in panels, the sums of two groups and their scales are
    pairs of i16, which one instruction multiplies: the mode of rows through
    panels, beside `i32` or `f32`. It rounds.
  }];
  let parameters = (ins EnumParameter<Rlx_KernelMode>:$mode,
      DefaultValuedParameter<"int64_t", "1">:$min_m,
      DefaultValuedParameter<"int64_t", "0">:$min_m_panel,
      DefaultValuedParameter<"bool", "false">:$i16_pairs);
  let assemblyFormat = "`<` $mode (`,` struct($min_m, $min_m_panel, $i16_pairs)^)? `>`";
  let genVerifyDecl = 1;
}

def Rlx_TilesAttr : Rlx_Attr<"Tiles"> {
  let mnemonic = "tiles";
  let summary = "how the loops of a matmul on a CPU are cut, and its kernels";
  let description = [{
    ```mlir
    #rlx.tiles<mr = 8, mr_panel = 8, mc = 256, nc = 64, kc = 256, kernels = [<i32, min_m_panel = 16>]>
    ```

    Sizes have the names of the literature (Goto and van de Geijn, "Anatomy of
    high-performance matrix multiplication", 2008; BLIS): MR x NR is a register
    tile, MC, NC and KC are cache blocks of M, N and K.

    - `mr`: M of a register tile that decodes weights as it reads them.
    - `mr_panel`: M of a register tile that reads a panel.
    - `nr_panel` (1): NR of such a tile, in vectors of packed weights or in pairs of
      vectors of weights that are read in place. If packed weights have several,
      rows are rounded up to whole register tiles.
    - `mc`: most M that shares a panel. All of N is computed for these rows before
      the next ones; 0 if M is not cut.
    - `nc`: N of an iteration of the parallel loop.
    - `kc`: K after which the next columns follow. Of packed weights it is the K
      block, as they are stored.
    - `prefetch_bytes` (0): distance at which register tiles without a panel
      prefetch packed weights into the first cache. 0 leaves one or two rows to the
      hardware prefetcher, and prefetches for more rows into the second cache.
    - `kernels`: one or two; the second is for the M from its `min_m` on.

    `--rlx-choose-tiles` chooses them.
  }];
  let parameters = (ins "int64_t":$mr, "int64_t":$mr_panel,
      DefaultValuedParameter<"int64_t", "1">:$nr_panel, "int64_t":$mc,
      "int64_t":$nc, "int64_t":$kc,
      DefaultValuedParameter<"int64_t", "0">:$prefetch_bytes,
      ArrayRefParameter<"::rlx::KernelAttr">:$kernels);
  let assemblyFormat = [{ `<` struct($mr, $mr_panel, $mc, $nc, $kc) `,`
    `kernels` `=` `[` $kernels `]` (`,` struct($nr_panel, $prefetch_bytes)^)? `>` }];
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

def Rlx_CpuAttr : Rlx_Attr<"Cpu"> {
  let mnemonic = "cpu";
  let summary = "the CPU that kernels are generated for";
  let description = [{
    What kernels must know of a CPU, and what a user wants otherwise than the cost
    model. `rlx.target` of a module has it; passes read it there. What is not said
    has a default.

    ```mlir
    #rlx.cpu<vector_bits = 256, vector_registers = 16, features = [avx2, ssse3]>
    ```

    The machine:
    - `vector_bits` (512), `vector_registers` (32): of the vector unit.
    - `features`: LLVM's names of instruction sets whose instructions may be used.
      passes/cpu/target/CpuFeatures.cpp says what each gives and costs.
    - `two_vector_ports` (false): all vector operations share two issue ports, so
      that a multiplication displaces any other. So it is with 512 bits on Intel.
    - `cache_line` (64), `page` (4096), `l1` (32768), `l2` (1048576): in bytes.

    Modes of kernels:
    - `deterministic` (false): a row is computed in the same order for any number
      of rows. Modes that round are off then.
    - `i16_pairs`, `magic_numbers`, `prescaled_weights` (true): whether these modes
      may be chosen (docs/numerics.md).

    - `activation_group`: 32, 64, 128 or 256 elements of K whose activations of
      integers share a scale, of matmuls that do not say it themselves. Left out, it
      is as rlx.matmul says.

    Sizes of `#rlx.tiles` that replace those of the cost model, 0 for none: `mr`,
    `min_m_panel`, `mr_panel`, `nr_panel`, `mc`, `nc`, `kc`, `prefetch_bytes`.
  }];
  let parameters = (ins StringRefParameter<>:$text);
  let extraClassDeclaration = [{
    static CpuAttr get(::mlir::MLIRContext *context,
                       const ::rlx::CpuProperties &properties);
    ::rlx::CpuProperties properties() const;
    /// The target of the module around `op`, or the default.
    static ::rlx::CpuProperties of(::mlir::Operation *op);
  }];
  let hasCustomAssemblyFormat = 1;
}

def Rlx_RopeStyle : I32EnumAttr<"RopeStyle", "which numbers are rotated together", [
    I32EnumAttrCase<"pairs", 0>, I32EnumAttrCase<"halves", 1>]> {
  let cppNamespace = "::rlx";
  let genSpecializedAttr = 0;
}
def Rlx_RopeStyleAttr : EnumAttr<RlxDialect, Rlx_RopeStyle, "rope_style">;

def Rlx_GpuApi : I32EnumAttr<"GpuApi", "an interface to devices", [
    I32EnumAttrCase<"vulkan", 0>, I32EnumAttrCase<"opencl", 1>]> {
  let cppNamespace = "::rlx";
}

class Rlx_Default<string type, string value>
    : DefaultValuedParameter<type, value>;

def Rlx_GpuAttr : Rlx_Attr<"Gpu"> {
  let mnemonic = "gpu";
  let summary = "the device that kernels are generated for";
  let description = [{
    An interface and what the device can do. What is not said is missing: kernels
    then do without, and are right all the same.

    ```mlir
    #rlx.gpu<vulkan, storage16 = true, subgroup_size = 32>
    ```

    Kernels need no more than Vulkan 1.1 and OpenCL 1.2; what later versions add
    is a capability of its own. OpenCL C whose kernels use subgroups is built as
    version 2.0 or 3.0, and their size is part of the kernel: on a device that
    runs it with another one, the numbers are wrong.

    - `storage8`, `storage16`: elements of 8 and 16 bits in buffers; without them
      kernels read and write words.
    - `int8`, `int16`, `int64`, `float16`, `float64`: arithmetic on them.
    - `fma`: (OpenCL) a product and a sum that are rounded once are as fast as if
      they were rounded twice; without it kernels multiply and add. Vulkan leaves
      it to the device how its own operation rounds.
    - `denormals`: (Vulkan) f32 numbers below 2^-126 are kept where a kernel asks
      for it, as all kernels do then. Without it the device may take them for 0.
      OpenCL keeps them where the device can.
    - `nonfinite`: (Vulkan) the same for infinities, NaNs and the signs of zeros.
    - `integer_dot`: sums of four products of bytes.
    - `subgroup_size`: work-items that run together; 1 where unknown.
    - `subgroup_arithmetic`: sums and maxima across a subgroup, whose
      `subgroup_size` work-items are all there; without it they meet in the
      workgroup's memory. Of OpenCL this is `cl_khr_subgroups`.
    - `subgroup_shuffle`: work-items of such a subgroup read each other's numbers;
      without it these pass through the workgroup's memory. Of OpenCL this is
      `cl_khr_subgroup_shuffle`, beside `cl_khr_subgroups`.
    - `cooperative_matrix`: (Vulkan) `[M, N, K]`, of the matrices of f16 that a
      subgroup multiplies and adds in f32. Kernels with them need Vulkan 1.3.
    - `vector_width`: f32 lanes of a vector register that a work-item should fill
      by itself, as on a CPU; 1 where work-items are lanes.
    - `workgroup_size`: most work-items of a workgroup.
    - `workgroup_memory`: bytes that the work-items of a workgroup share.
    - `buffer_bytes`: of the largest buffer; larger weights are split.
  }];
  let parameters = (ins
    EnumParameter<Rlx_GpuApi>:$api,
    Rlx_Default<"bool", "false">:$storage8,
    Rlx_Default<"bool", "false">:$storage16,
    Rlx_Default<"bool", "false">:$int8,
    Rlx_Default<"bool", "false">:$int16,
    Rlx_Default<"bool", "false">:$int64,
    Rlx_Default<"bool", "false">:$float16,
    Rlx_Default<"bool", "false">:$float64,
    Rlx_Default<"bool", "false">:$fma,
    Rlx_Default<"bool", "false">:$denormals,
    Rlx_Default<"bool", "false">:$nonfinite,
    Rlx_Default<"bool", "false">:$integer_dot,
    Rlx_Default<"int64_t", "1">:$subgroup_size,
    Rlx_Default<"bool", "false">:$subgroup_arithmetic,
    Rlx_Default<"bool", "false">:$subgroup_shuffle,
    OptionalParameter<"::mlir::DenseI64ArrayAttr">:$cooperative_matrix,
    Rlx_Default<"int64_t", "1">:$vector_width,
    Rlx_Default<"int64_t", "128">:$workgroup_size,
    Rlx_Default<"int64_t", "16384">:$workgroup_memory,
    Rlx_Default<"int64_t", "int64_t(1) << 27">:$buffer_bytes);
  let assemblyFormat = [{ `<` $api (`,` struct($storage8, $storage16, $int8,
    $int16, $int64, $float16, $float64, $fma, $denormals, $nonfinite,
    $integer_dot, $subgroup_size, $subgroup_arithmetic, $subgroup_shuffle, $cooperative_matrix, $vector_width,
    $workgroup_size, $workgroup_memory, $buffer_bytes)^)? `>` }];
  let genVerifyDecl = 1;
}

#endif
