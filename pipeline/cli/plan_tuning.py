"""`tezgah plan --tuning`: which models of others can be tuned on which card, whole and with LoRA.

A forward and a backward pass run on fake tensors, as in pipeline/autobatch/memory_plan.py. No run on a card
has confirmed these plans.

B batch    T time    I inputs    O outputs    R rank
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Column, Table
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.autobatch.memory_plan import (
    CPU,
    ON_GPU,
    WORKSPACE,
    StorageCounter,
    imitate_gpu_norms,
)
from pipeline.cli.check import AllParams, check_params, tuned_model
from pipeline.common.i18n import Translatable, format_number, translate, translate_table
from pipeline.common.paths import RAW_MODEL
from pipeline.device.device import autocast
from pipeline.model import cpu_kernels
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.pretrained.quantize import find_odd_widths
from pipeline.sft.task import summed_loss

CARDS = (8, 12, 16, 24, 80)  # GB of 10^9 bytes
CONTEXT = 2048  # tokens, for which the models of others are planned
PRECISION = "bf16"
PLANNED_LAYERS = 2, 4
PLANNED_BATCHES = 1, 4, 16  # between them memory grows linearly
BATCHES = (1, 2, 4, 8, 16)
LARGEST_WHOLE = 2e9  # weights; no card here holds the moments of more
RANK = 16  # where params.yaml asks for no LoRA
# Bytes of a frozen weight. With 4 bits every 64 have a scale of 8 bits, and every 256 scales one of 32.
FROZEN_BYTES = {16: 2.0, 4: 0.5 + 1 / 64 + 4 / (64 * 256)}
TRAINED_BYTES = 16  # of a trained weight: itself, its gradient and two moments, in fp32


class Shape(NamedTuple):
    """A published model: its name, its decoder and the size of its vocabulary."""

    name: str
    params: ModelParams
    vocab_size: int


def make_shape(name: str, arch: str, sizes: str, vocab_size: int, tied: bool) -> Shape:
    """Return a shape. `sizes`: width, layers, heads, heads of keys, size of a head, feed-forward width."""
    keys = ("width", "layers", "heads", "kv_heads", "head_dim", "ffn")
    values: dict[str, Any] = dict(zip(keys, map(int, sizes.split()), strict=True))
    values |= {"arch": arch, "context": CONTEXT, "rope_theta": 1e6, "norm_eps": 1e-6, "tie_embeddings": tied}
    return Shape(name, ModelParams(**values), vocab_size)


# By their config.json on the hub.
KNOWN = (
    make_shape("Qwen3-0.6B", "qwen3", "1024 28 16 8 128 3072", 151936, True),
    make_shape("Llama-3.2-1B", "llama", "2048 16 32 8 64 8192", 128256, True),
    make_shape("Qwen3-4B", "qwen3", "2560 36 32 8 128 9728", 151936, True),
    make_shape("Mistral-7B-v0.3", "mistral", "4096 32 32 8 128 14336", 32768, False),
    make_shape("Llama-3-8B", "llama", "4096 32 32 8 128 14336", 128256, False),
)


class PlannedLora(nn.Module):
    """A frozen matrix with LoRA's two beside it, as `peft` computes them."""

    def __init__(self, frozen: nn.Linear, rank: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.a_RxI = nn.Parameter(torch.empty(rank, frozen.in_features))  # in fp32
        self.b_OxR = nn.Parameter(torch.empty(frozen.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        """Return x W^T + x A^T B^T."""
        return self.frozen(x) + F.linear(F.linear(x, self.a_RxI), self.b_OxR)


class Method(NamedTuple):
    """A way to tune: all weights, or LoRA beside frozen ones of so many bits."""

    name: str
    rank: int
    bits: int


def print_tuning_plan() -> None:
    """Print for models and cards the largest `sft.batch_size` that fits. Raises UserError for bad params."""
    params = check_params()
    rank = params.sft.lora.rank or RANK
    table = Table(
        Column("model", no_wrap=True),
        Column("tuned", no_wrap=True),
        "GB",
        *map(str, CARDS),
        title="the largest sft.batch_size that fits a card of so many GB",
    )
    own = own_shape(params)
    for shape, context in [(own, params.sft.context), *((shape, CONTEXT) for shape in KNOWN)]:
        for method in list_methods(shape, rank):
            memory = TuningMemory(shape, method, context)
            batches = (memory.largest_batch(card * 1e9) for card in CARDS)
            size = format_number(memory.bytes(1) / 1e9, ".1f")
            table.add_row(shape.name, method.name, size, *map(show_batch, batches))
        table.add_section()
    console = Console(highlight=False)
    console.print(translate_table(table))
    lengths = translate(
        "conversations of {tokens:,} tokens for {model}, of {others:,} for the others",
        tokens=params.sft.context,
        model=own.name,
        others=CONTEXT,
    )
    console.print(lengths, soft_wrap=True, markup=False)
    note = translate(
        "planned, no run has confirmed it: bf16, sft.checkpointing: true, every token trained; GB: of one "
        "conversation at a time"
    )
    console.print(note, soft_wrap=True, markup=False)


def show_batch(batch_size: int) -> str:
    """Return a largest batch as text."""
    if batch_size == BATCHES[-1]:
        return f"{batch_size}+"
    return str(batch_size) if batch_size else Translatable("none")


def own_shape(params: AllParams) -> Shape:
    """Return the model that `sft.init_from` names."""
    return Shape(params.sft.init_from.removeprefix(f"{RAW_MODEL}/"), *tuned_model(params))


def list_methods(shape: Shape, rank: int) -> Iterator[Method]:
    """Yield the ways in which a model can be tuned on a card."""
    if shape.params.count_weights(shape.vocab_size) < LARGEST_WHOLE:
        yield Method(Translatable("all weights"), 0, 16)
    yield Method(f"LoRA {rank}", rank, 16)
    if not find_odd_widths(shape.params):
        yield Method(Translatable("LoRA {rank}, 4 bits", rank=rank), rank, 4)


class TuningMemory:
    """The memory of a tuning step by its batch, with activation checkpointing and every token trained."""

    def __init__(self, shape: Shape, method: Method, context: int) -> None:
        p = shape.params
        layers = p.layers * p.count_layer_weights()
        if method.rank:
            attention = 2 * (p.width + p.heads * p.head_dim) + 2 * (p.width + p.kv_heads * p.head_dim)
            trained = p.layers * method.rank * (attention + 3 * (p.width + p.ffn))
            frozen = layers * FROZEN_BYTES[method.bits] + 2 * (p.count_weights(shape.vocab_size) - layers)
        else:
            trained, frozen = p.count_weights(shape.vocab_size), 0.0
        lasting = frozen + TRAINED_BYTES * trained
        # A matrix of 4 bits is unpacked while it is used.
        unpacked = 2 * max(p.width * p.ffn, p.width * p.heads * p.head_dim) if method.bits == 4 else 0
        self.fixed = (
            ON_GPU.libraries
            + lasting * (1 + ON_GPU.lasting_share)
            + (unpacked + WORKSPACE) * (1 + ON_GPU.transient_share)
        )
        planned = (plan_activations(shape, method.rank, context, batch) for batch in PLANNED_BATCHES)
        self.by_batch = [size * (1 + ON_GPU.transient_share) for size in planned]

    def bytes(self, batch_size: int) -> float:
        """Return the bytes at the peak of a step with `batch_size` conversations in a pass."""
        return self.fixed + float(np.interp(batch_size, PLANNED_BATCHES, self.by_batch))

    def largest_batch(self, available: float) -> int:
        """Return the largest of BATCHES that fits `available` bytes, 0 where none does."""
        return max((size for size in BATCHES if self.bytes(size) <= available), default=0)


@cache
def plan_activations(shape: Shape, rank: int, context: int, batch_size: int) -> float:
    """Return the bytes that a forward and backward pass takes besides weights, gradients and moments.

    Computed from the peaks of models with few layers, as each layer adds the same.
    """
    few, more = (plan_layers(shape, layers, rank, context, batch_size) for layers in PLANNED_LAYERS)
    each = (more - few) / (PLANNED_LAYERS[1] - PLANNED_LAYERS[0])
    return few + each * (shape.params.layers - PLANNED_LAYERS[0])


def plan_layers(shape: Shape, layers: int, rank: int, context: int, batch_size: int) -> int:
    """Return those bytes for a model of so many layers."""
    with FakeTensorMode(), cpu_kernels.disabled():
        params = shape.params.model_copy(update={"context": context, "layers": layers})
        with default_dtype(torch.bfloat16 if rank else torch.float32):
            model = Decoder(params, shape.vocab_size)
        model.set_activation_checkpointing(True)
        if rank:
            model.requires_grad_(False)
            for name, module in list(model.model.layers.named_modules()):
                if isinstance(module, nn.Linear):
                    model.model.layers.set_submodule(name, PlannedLora(module, rank))
        imitate_gpu_norms(model)
        for weight in model.parameters():
            if weight.requires_grad:
                weight.grad = torch.zeros_like(weight)
        ids_BxT = torch.zeros(batch_size, context, dtype=torch.long)
        existing = [*model.parameters(), *(weight.grad for weight in model.parameters())]
        with StorageCounter(existing) as counter:
            with autocast(CPU, PRECISION):
                hidden_NxD = model.hidden_states(ids_BxT).flatten(0, 1)
                loss = summed_loss(model, hidden_NxD, ids_BxT.flatten())
            del hidden_NxD
            loss.backward()
        return counter.peak_bytes


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Make new weights of a precision inside the block."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
