"""What pretraining will hold in memory, counted before anything is trained.

A step is run on fake tensors, which have shapes and no contents (torch.FakeTensorMode), while every storage
is counted from the operation that makes it until it is let go: the plan is what was there when most was.
Sizes in bytes. `benchmarks/memory_plan.py` compares with what a step takes.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline.device.select import autocast
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.norm import RMSNorm
from pipeline.training.loss import summed_loss, token_losses
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import TrainParams


class Overhead(NamedTuple):
    """What a process takes besides the tensors counted."""

    libraries: int  # bytes that they hold
    of_lasting: float  # share of weights, gradients and moments that is taken once more
    of_passing: float  # and of what comes and goes


# A GPU's fragments. On a processor freed blocks stay with the process (memory.py), above all between those
# that last; found from measurements (EXPERIMENTS.md, 2026-11-27).
ON_GPU, ON_CPU = Overhead(2**30, 0.08, 0.08), Overhead(540 * 2**20, 0.7, 0.1)
WORKSPACE = 2**25  # that cuBLAS takes from PyTorch for its matrix products
MANY = 8
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Memory:
    """Where the bytes of a training step lie when it holds most."""

    weights: int
    gradients: int
    optimiser: int  # moments
    activations: int  # kept for the backward pass, with copies of weights in the precision of products
    passing: int  # there for a moment: logits, gradients on their way, an optimiser's updates

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimiser + self.activations + self.passing

    def taken(self, beside: Overhead = ON_GPU) -> int:
        """All of it with what libraries hold and fragments waste."""
        lasting, passing = self.weights + self.gradients + self.optimiser, self.activations + self.passing
        return beside.libraries + round(lasting * (1 + beside.of_lasting) + passing * (1 + beside.of_passing))

    def fits(self, room: int, beside: Overhead = ON_GPU) -> bool:
        """Whether it fits `room` bytes, such as a GPU's, of which libraries hold some."""
        return self.taken(beside) <= room


def plan(
    config: ModelParams,
    vocab_size: int,
    settings: TrainParams,
    batch_size: int,
    precision: str,
    on_cpu: bool = False,
    passes: int = 0,
) -> Memory:
    """The memory of a step that passes `batch_size` sequences of the model's context at once.

    `on_cpu`: attention, norms and loss as a processor computes them, and not a GPU. `passes`: how often in a
    step; 0: as often as `settings` ask for. From the second pass on the gradients are there from its start.
    """
    passes = passes or settings.tokens_per_step // (batch_size * config.context)
    in_pass = of_pass(config, vocab_size, settings, batch_size, precision, on_cpu, passes > 1)
    return max(in_pass, of_update(config, vocab_size, settings), key=lambda memory: memory.total)


@cache
def of_pass(
    config: ModelParams,
    vocab_size: int,
    settings: TrainParams,
    batch_size: int,
    precision: str,
    on_cpu: bool,
    again: bool,
) -> Memory:
    """While sequences pass forth and back; `again`: not for the first time in the step."""
    with FakeTensorMode():
        model = Decoder(config, vocab_size)
        model.recompute(settings.checkpointing)
        if not on_cpu:
            as_on_gpu(model)
        for weight in model.parameters() if again else ():
            weight.grad = torch.zeros_like(weight)
        old_gradients = sum(weight.grad.nbytes for weight in model.parameters() if weight.grad is not None)
        tokens = torch.zeros(batch_size, config.context + 1, dtype=torch.long)
        ids_BxT, targets_BxT = tokens[:, :-1], tokens[:, 1:]
        document_BxT = ids_BxT if settings.document_mask else None
        with Live([*model.parameters(), *(weight.grad for weight in model.parameters())]) as live:
            model.model.norm.register_forward_hook(lambda *_: live.name("passing"))
            of_batch = model, ids_BxT, targets_BxT, document_BxT, settings.loss_chunks
            with autocast(CPU, precision):
                # On a GPU F.cross_entropy is taken, by which `token_losses` goes on a processor as well.
                loss = summed_loss(*of_batch) if on_cpu else token_losses(*of_batch).sum()
            loss.backward()
            live.rename([weight.grad for weight in model.parameters()], "gradients")
    at_peak, fixed = live.by_name(), of_update(config, vocab_size, settings)
    gradients, passing = old_gradients + at_peak["gradients"], at_peak["passing"]
    if not on_cpu:
        passing += WORKSPACE
    return Memory(fixed.weights, gradients, fixed.optimiser, at_peak["activations"], passing)


@cache
def of_update(config: ModelParams, vocab_size: int, settings: TrainParams) -> Memory:
    """While the optimisers change the weights."""
    with FakeTensorMode():
        model = Decoder(config, vocab_size)
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight)
        optimizers = Optimizers(model, settings)
        for optimizer in optimizers.all:
            optimizer.step()  # makes the moments
        states = [state for optimizer in optimizers.all for state in optimizer.state.values()]
        moments = [moment for state in states for moment in state.values()]
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        with Live([*model.parameters(), *gradients, *moments]) as live:
            for optimizer in optimizers.all:
                optimizer.step()
        return Memory(
            weights=sum(weight.nbytes for weight in (*model.parameters(), *model.buffers())),
            gradients=sum(gradient.nbytes for gradient in gradients),
            optimiser=sum(moment.nbytes for moment in moments),
            activations=0,
            passing=live.most,
        )


def largest_batch(
    config: ModelParams,
    vocab_size: int,
    settings: TrainParams,
    precision: str,
    room: int,
    *,
    on_cpu: bool = False,
    sequences: int = 0,
) -> int | None:
    """The largest batch that divides a step's sequences and fits `room` bytes; None: not even one does.

    By the plans of one and of MANY sequences, between which memory grows evenly. `sequences` of a step: those
    of one process, or, 0, of all of it.
    """
    sequences = sequences or settings.tokens_per_step // config.context
    beside = ON_CPU if on_cpu else ON_GPU
    one, many = (
        of_pass(config, vocab_size, settings, size, precision, on_cpu, True).taken(beside)
        for size in (1, MANY)
    )
    at_least = of_update(config, vocab_size, settings).taken(beside)

    def taken(size: int) -> float:
        return max(at_least, one + (many - one) * (size - 1) / (MANY - 1))

    fitting = (size for size in range(1, sequences + 1) if sequences % size == 0 and taken(size) <= room)
    return max(fitting, default=None)


class Live(TorchDispatchMode):
    """Counts the storages that operations inside it make, until they are let go, and remembers the peak."""

    def __init__(self, there: Iterable[Tensor | None] = ()) -> None:
        """What is `there` already does not count, when an operation in place returns it."""
        super().__init__()
        self.made = 0  # storages so far: their numbers
        old = (tensor.untyped_storage()._cdata for tensor in there if tensor is not None)
        self.number = dict.fromkeys(old, -1)  # by address, of those that are there
        self.size: dict[int, int] = {}  # by number, of those that are there
        self.peak: dict[int, int] = {}
        self.names: dict[int, str] = {}  # by number
        self.now = self.most = 0
        self.called = "activations"

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and look at what it made."""
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.number:
                self._add(tensor.untyped_storage())
        if self.now > self.most:
            self.most, self.peak = self.now, dict(self.size)
        return found

    def _add(self, storage: torch.UntypedStorage) -> None:
        self.number[storage._cdata], self.size[self.made] = self.made, storage.nbytes()
        self.names[self.made] = self.called
        self.now += storage.nbytes()
        weakref.finalize(storage, self._remove, storage._cdata)
        self.made += 1

    def _remove(self, address: int) -> None:
        self.now -= self.size.pop(self.number.pop(address))

    def name(self, what: str) -> None:
        """What storages made from now on are."""
        self.called = what

    def rename(self, tensors: Iterable[Tensor | None], what: str) -> None:
        """What these have turned out to be."""
        for tensor in tensors:
            if tensor is not None:
                self.names[self.number[tensor.untyped_storage()._cdata]] = what

    def by_name(self) -> Counter[str]:
        """The bytes at the peak by what they are."""
        found: Counter[str] = Counter()
        for number, size in self.peak.items():
            found[self.names[number]] += size
        return found


def as_on_gpu(model: Decoder) -> None:
    """Let attention and norms keep what their fused kernels keep on a GPU, which is less."""
    model.fuse_attention()
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.forward = partial(FusedNorm.apply, module.weight)  # type: ignore[method-assign]


class FusedNorm(torch.autograd.Function):
    """Of torch's `_fused_rms_norm` what takes memory: it keeps its argument, the scale and a root a row."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: Tensor) -> Tensor:
        """A tensor like the argument."""
        ctx.save_for_backward(weight, x, torch.empty(x.shape[:-1]))
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Tensors like scale and argument."""
        weight, x, _ = ctx.saved_tensors
        return torch.empty_like(weight), torch.empty_like(x)
