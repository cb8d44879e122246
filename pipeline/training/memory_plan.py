"""What pretraining will hold in memory, counted before anything is trained.

The forward pass is run on fake tensors, which have shapes and no contents (torch.FakeTensorMode), and what
autograd keeps of it for the backward pass is added up. Sizes in bytes.

B batch    T time    V vocabulary
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.params import ModelParams
from pipeline.training.device import autocast
from pipeline.training.params import TrainParams

# What a GPU's own libraries hold, and the share of the rest that fragments cost.
CONTEXT_BYTES, FRAGMENTS = 2**30, 0.08
FP32 = 4
# A logit's bytes at the peak, in the backward pass of its loss: the log-probability, the gradients of it and
# of the fp32 score, and that of the score in its own precision.
LOGIT_BYTES = {"fp32": 12, "bf16": 14, "fp16": 14}
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Memory:
    """Where the bytes of a training step lie."""

    weights: int  # fp32, and their copies in the precision of matrix products
    gradients: int
    optimiser: int
    activations: int  # kept for the backward pass, the logits apart
    logits: int  # with what their loss and its gradient hold

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimiser + self.activations + self.logits

    def of(self, batch_size: int) -> "Memory":
        """The same with `batch_size` times the sequences, if this is of one."""
        return replace(self, activations=batch_size * self.activations, logits=batch_size * self.logits)

    def taken(self, held: int = CONTEXT_BYTES) -> float:
        """All of it with what libraries hold and fragments waste."""
        return held + self.total * (1 + FRAGMENTS)

    def fits(self, room: int, held: int = CONTEXT_BYTES) -> bool:
        """Whether it fits `room` bytes, such as a GPU's, of which libraries hold some."""
        return self.taken(held) <= room

    def largest_batch(self, sequences: int, card: int) -> int | None:
        """The largest power of two that divides a step's sequences and fits a card, if this is of one.

        None: not even one does.
        """
        best, size = None, 1
        while sequences % size == 0 and self.of(size).fits(card):
            best, size = size, 2 * size
        return best


def plan(
    config: ModelParams,
    vocab_size: int,
    settings: TrainParams,
    batch_size: int,
    precision: str,
    on_cpu: bool = False,
) -> Memory:
    """The memory of a step that passes `batch_size` sequences of the model's context at once.

    `on_cpu` counts the scores that attention spells out there.
    """
    with FakeTensorMode():
        model = Decoder(config, vocab_size)
        if not on_cpu:
            model.fuse_attention()
        one, two = (kept(model, rows, precision, settings.document_mask) for rows in (1, 2))
    casts = 2 * one - two  # what does not grow with the batch: matrices in the precision of their products
    parameters = parameter_count(model)
    hidden = sum(weight.numel() for weight in model.model.layers.parameters() if weight.ndim == 2)
    moments = 2 * parameters - (hidden if settings.optimizer == "muon" else 0)  # Muon keeps one of each
    return Memory(
        weights=FP32 * parameters + casts,
        gradients=FP32 * parameters,
        optimiser=FP32 * moments,
        activations=batch_size * (two - one),
        logits=batch_size * config.context * vocab_size * LOGIT_BYTES[precision],
    )


def kept(model: Decoder, rows: int, precision: str, document_mask: bool = False) -> int:
    """Bytes that the backward pass of `rows` sequences needs, up to the last hidden vectors."""
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    found: dict[int, Tensor] = {}  # by storage: what two operations keep lies there once

    def note(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage()._cdata not in own:
            found[tensor.untyped_storage()._cdata] = tensor  # held, so that its place is given to no other
        return tensor

    ids_BxT = torch.zeros(rows, model.context, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), autocast(CPU, precision):
        model.hidden(ids_BxT, document_BxT=ids_BxT if document_mask else None)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())
