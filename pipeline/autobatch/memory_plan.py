"""The peak memory of pretraining, computed before anything is trained.

A step runs on fake tensors, which have shapes and no contents (torch.FakeTensorMode). Every storage is
counted from the operation that allocates it until it is freed: the plan is the peak. Sizes in bytes.
`benchmarks/memory_plan.py` compares it with what a step takes.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipeline.device.device import autocast
from pipeline.model import cpu_kernels
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.norm import RMSNorm
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import TrainParams


class Overhead(NamedTuple):
    """Memory of a process besides the tensors counted."""

    libraries: int  # bytes
    lasting_share: float  # extra, as a share of weights, gradients and moments
    transient_share: float  # extra, as a share of activations and transient tensors


# On a GPU, fragmentation. On a CPU freed blocks stay in the process (device/memory.py), above all between
# lasting ones; fitted to measurements (experiments/memory-plan.md).
NO_OVERHEAD = Overhead(0, 0.0, 0.0)
ON_GPU, ON_CPU = Overhead(2**30, 0.08, 0.08), Overhead(540 * 2**20, 0.7, 0.1)
WORKSPACE = 2**25  # that cuBLAS takes from PyTorch for its matrix products
LARGER_BATCH = 8  # planned besides a batch of 1, to extrapolate to all others
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Memory:
    """The bytes of a training step at its peak, by kind."""

    weights: int
    gradients: int
    optimizer: int  # moments
    activations: int  # kept for the backward pass, with copies of weights in the precision of products
    transient: int  # logits, gradients in the backward pass, the optimizer's updates

    @property
    def total(self) -> int:
        """The sum of all kinds."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.transient

    def with_overhead(self, overhead: Overhead = ON_GPU) -> int:
        """Return the total with the memory of libraries and of fragmentation."""
        lasting = (self.weights + self.gradients + self.optimizer) * (1 + overhead.lasting_share)
        transient = (self.activations + self.transient) * (1 + overhead.transient_share)
        return overhead.libraries + round(lasting + transient)

    def fits(self, available: int, overhead: Overhead = ON_GPU) -> bool:
        """Return whether the total with overhead fits `available` bytes, such as all of a GPU's."""
        return self.with_overhead(overhead) <= available


def plan_memory(
    model_params: ModelParams,
    vocab_size: int,
    train_params: TrainParams,
    batch_size: int,
    precision: str,
    on_cpu: bool = False,
    passes: int = 0,
) -> Memory:
    """Return the peak memory of a step with `batch_size` sequences of the model's context in a pass.

    `on_cpu`: attention, norms and loss as computed on a CPU, not on a GPU. `passes`: forward passes in a
    step; 0: as `train_params` ask for. From the second pass on, gradients are allocated before it begins.
    """
    passes = passes or train_params.tokens_per_step // (batch_size * model_params.context)
    pass_peak = plan_pass(model_params, vocab_size, train_params, batch_size, precision, on_cpu, passes > 1)
    update_peak = plan_update(model_params, vocab_size, train_params)
    return max(pass_peak, update_peak, key=lambda memory: memory.total)


@cache
def plan_pass(
    model_params: ModelParams,
    vocab_size: int,
    train_params: TrainParams,
    batch_size: int,
    precision: str,
    on_cpu: bool,
    has_gradients: bool,
) -> Memory:
    """Return the peak of a forward and backward pass. `has_gradients`: not the first pass of the step."""
    with FakeTensorMode(), nullcontext() if on_cpu else cpu_kernels.disabled():
        model = Decoder(model_params, vocab_size)
        model.set_activation_checkpointing(train_params.checkpointing)
        if not on_cpu:
            imitate_gpu_norms(model)
        for weight in model.parameters() if has_gradients else ():
            weight.grad = torch.zeros_like(weight)
        old_gradients = sum(weight.grad.nbytes for weight in model.parameters() if weight.grad is not None)
        tokens = torch.zeros(batch_size, model_params.context + 1, dtype=torch.long)
        ids_BxT, targets_BxT = tokens[:, :-1], tokens[:, 1:]
        document_BxT = ids_BxT if train_params.document_mask else None
        with StorageCounter(
            [*model.parameters(), *(weight.grad for weight in model.parameters())]
        ) as counter:
            # What is allocated after the last norm is transient: logits, and gradients.
            model.model.norm.register_forward_hook(lambda *_: counter.set_label("transient"))
            with autocast(CPU, precision):
                hidden_BxTxD = model.hidden_states(ids_BxT, document_BxT=document_BxT)
                loss = summed_loss(model, hidden_BxTxD, targets_BxT, train_params.loss_chunks)
            loss.backward()
            counter.relabel([weight.grad for weight in model.parameters()], "gradients")
    at_peak, fixed = counter.peak_by_label(), plan_update(model_params, vocab_size, train_params)
    gradients, transient = old_gradients + at_peak["gradients"], at_peak["transient"]
    if not on_cpu:
        transient += WORKSPACE
    return Memory(fixed.weights, gradients, fixed.optimizer, at_peak["activations"], transient)


@cache
def plan_update(model_params: ModelParams, vocab_size: int, train_params: TrainParams) -> Memory:
    """Return the peak while the optimizers update the weights."""
    with FakeTensorMode():
        model = Decoder(model_params, vocab_size)
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight)
        optimizers = Optimizers(model, train_params)
        for optimizer in optimizers.all:
            optimizer.step()  # allocates the moments
        states = [state for optimizer in optimizers.all for state in optimizer.state.values()]
        moments = [moment for state in states for moment in state.values()]
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        with StorageCounter([*model.parameters(), *gradients, *moments]) as counter:
            for optimizer in optimizers.all:
                optimizer.step()
        return Memory(
            weights=sum(weight.nbytes for weight in (*model.parameters(), *model.buffers())),
            gradients=sum(gradient.nbytes for gradient in gradients),
            optimizer=sum(moment.nbytes for moment in moments),
            activations=0,
            transient=counter.peak_bytes,
        )


def largest_batch(
    model_params: ModelParams,
    vocab_size: int,
    train_params: TrainParams,
    precision: str,
    available: int,
    *,
    on_cpu: bool = False,
    sequences: int = 0,
) -> int | None:
    """Return the largest batch that divides a step's sequences and fits `available` bytes, else None.

    `sequences` of a step in one process; 0: of the whole step.
    """
    sequences = sequences or train_params.tokens_per_step // model_params.context
    overhead = ON_CPU if on_cpu else ON_GPU
    estimate = estimate_by_batch(model_params, vocab_size, train_params, precision, on_cpu, overhead)
    divisors = (size for size in range(1, sequences + 1) if sequences % size == 0)
    return max((size for size in divisors if estimate(size) <= available), default=None)


def estimate_by_batch(
    model_params: ModelParams,
    vocab_size: int,
    train_params: TrainParams,
    precision: str,
    on_cpu: bool,
    overhead: Overhead,
    has_gradients: bool = True,
) -> Callable[[int], float]:
    """Return a function from a batch size to the bytes of a step at its peak.

    Computed from the plans of 1 and of LARGER_BATCH sequences, as memory grows linearly. `has_gradients`: see
    `plan_pass`.
    """
    plans = (
        plan_pass(model_params, vocab_size, train_params, size, precision, on_cpu, has_gradients)
        for size in (1, LARGER_BATCH)
    )
    one, larger = (memory.with_overhead(overhead) for memory in plans)
    update = plan_update(model_params, vocab_size, train_params).with_overhead(overhead)
    return lambda size: max(update, one + (larger - one) * (size - 1) / (LARGER_BATCH - 1))


class StorageCounter(TorchDispatchMode):
    """Counts the storages that operations inside it allocate, until they are freed, and keeps the peak."""

    def __init__(self, existing: Iterable[Tensor | None] = ()) -> None:
        """`existing` tensors are not counted when an operation in place returns them."""
        super().__init__()
        self.count = 0  # of storages so far, which numbers them
        # A storage's Python object lives as long as the storage, so `id` tells live storages apart.
        objects = (id(tensor.untyped_storage()) for tensor in existing if tensor is not None)
        self.number_by_object = dict.fromkeys(objects, -1)  # of live storages
        self.size_by_number: dict[int, int] = {}  # of live storages
        self.peak_sizes: dict[int, int] = {}
        self.labels: dict[int, str] = {}  # by number
        self.current_bytes = self.peak_bytes = 0
        self.label = "activations"

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation and count the storages of its results."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and id(tensor.untyped_storage()) not in self.number_by_object:
                self._add(tensor.untyped_storage())
        if self.current_bytes > self.peak_bytes:
            self.peak_bytes, self.peak_sizes = self.current_bytes, dict(self.size_by_number)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        self.number_by_object[id(storage)], self.size_by_number[self.count] = self.count, storage.nbytes()
        self.labels[self.count] = self.label
        self.current_bytes += storage.nbytes()
        weakref.finalize(storage, self._remove, id(storage))
        self.count += 1

    def _remove(self, storage_object: int) -> None:
        self.current_bytes -= self.size_by_number.pop(self.number_by_object.pop(storage_object))

    def set_label(self, label: str) -> None:
        """Set the label of storages allocated from now on."""
        self.label = label

    def relabel(self, tensors: Iterable[Tensor | None], label: str) -> None:
        """Change the label of tensors counted already."""
        for tensor in tensors:
            if tensor is not None:
                self.labels[self.number_by_object[id(tensor.untyped_storage())]] = label

    def peak_by_label(self) -> Counter[str]:
        """Return the bytes at the peak by label."""
        sizes: Counter[str] = Counter()
        for number, size in self.peak_sizes.items():
            sizes[self.labels[number]] += size
        return sizes


def imitate_gpu_norms(model: Decoder) -> None:
    """Make norms keep what their fused kernel keeps on a GPU, which is less than on a CPU."""
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.forward = partial(FusedNorm.apply, module.weight)  # type: ignore[method-assign]


class FusedNorm(torch.autograd.Function):
    """The memory of torch's `_fused_rms_norm`: it keeps its input, the scale and a root mean square a row."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: Tensor) -> Tensor:
        """Return a tensor like the input."""
        ctx.save_for_backward(weight, x, torch.empty(x.shape[:-1]))
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Return tensors like the scale and the input."""
        weight, x, _ = ctx.saved_tensors
        return torch.empty_like(weight), torch.empty_like(x)
