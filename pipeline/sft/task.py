"""Instruction tuning as a task of the shared training loop.

B batch    T time    N trained tokens    D model width    V vocabulary
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.model.decoder import Decoder
from pipeline.model.masks import PackedRows
from pipeline.sft.dataset import Dataset
from pipeline.sft.loss_mask import Batch, Row, collate
from pipeline.sft.mixture import mix_by_weights
from pipeline.sft.params import SftParams
from pipeline.tokenizer.special import IGNORE_INDEX
from pipeline.training import distributed

PACKED_BELOW = 0.95  # share of real tokens in a batch; with more of them packing costs what it saves
CHUNK_BYTES = 1 << 28  # of logits in fp32 that are in memory at a time


class SftTask:
    """Conversations in a new random order each epoch, or mixed by the sources' weights.

    The loss is on the assistant's tokens alone.
    """

    def __init__(self, data: Dataset, params: SftParams, seed: int) -> None:
        self.train = data.train
        self.val = data.val
        self.params = params
        self.seed = seed
        self.unit = "conversations"
        self.units_per_step = params.conversations_per_step
        self.batch_size_key = "sft.batch_size"
        self.batch_size = params.batch_size
        self.compile = None
        self.order = mix_by_weights(
            data.train, data.sources, params, seed
        )  # of the whole run; None: no source has a weight
        read = params.epochs * len(data.train) if self.order is None else len(self.order)
        self.steps = max(1, round(read / params.conversations_per_step))
        self.epoch_order = lru_cache(maxsize=2)(self._epoch_order)

    def micro_batches(self, step: int) -> list[Batch]:
        """Return this process's forward passes of optimizer step `step`, counted from 0.

        Those of all processes are a pure function of (seed, step). Each epoch is a permutation of its own,
        and a step may end one and begin the next. `batch_size` only sets how the step is cut.
        """
        size = self.params.conversations_per_step
        rows = [self.row(position) for position in range(step * size, (step + 1) * size)]
        return make_batches(rows, self.batch_size)[distributed.rank() :: distributed.world_size()]

    def row(self, position: int) -> Row:
        """Return the row at `position` in the endless sequence of epochs, or of the run's order."""
        if self.order is not None:
            return self.train[self.order[position % len(self.order)]]
        epoch, index = divmod(position, len(self.train))
        return self.train[self.epoch_order(epoch)[index]]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.train))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return this forward pass's part of the step's mean loss over trained tokens (nats a token)."""
        assert isinstance(model, Decoder)
        return answer_loss(model, batch) / batch.step_targets

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Return the mean loss over all answer tokens of the validation conversations (nats a token)."""
        losses = (self.loss(model, batch).item() for batch in make_batches(self.val, self.batch_size))
        return {"val_loss": sum(losses)}


def make_batches(rows: Sequence[Row], batch_size: int) -> list[Batch]:
    """Cut rows into forward passes, similar lengths together: less padding, the same sum."""
    rows = sorted(rows, key=lambda row: len(row.ids))
    step_targets = sum(row.target_count for row in rows)
    return [collate(rows[i : i + batch_size], step_targets) for i in range(0, len(rows), batch_size)]


def answer_loss(model: Decoder, batch: Batch) -> Tensor:
    """Return the cross-entropy summed over the trained tokens of a batch (nats).

    Only their hidden states are multiplied by the output matrix, which at small widths is most of the work.
    Nothing is computed for padding, where there is much of it.
    """
    device = next(model.parameters()).device
    ids_BxT, targets_BxT = batch.ids_BxT, batch.targets_BxT
    positions_BxT, rows = None, None
    real_BxT = torch.arange(ids_BxT.shape[1]) < batch.lengths_B[:, None]
    if real_BxT.float().mean() < PACKED_BELOW:
        rows = PackedRows(real_BxT.flatten().nonzero()[:, 0].to(device), *ids_BxT.shape)
        positions_BxT = torch.arange(ids_BxT.shape[1]).expand_as(ids_BxT)[real_BxT][None].to(device)
        ids_BxT, targets_BxT = ids_BxT[real_BxT][None], targets_BxT[real_BxT][None]
    targets_BxT = targets_BxT.to(device)
    trained_BxT = targets_BxT != IGNORE_INDEX
    hidden_BxTxD = model.hidden_states(ids_BxT.to(device), positions_BxT=positions_BxT, rows=rows)
    return summed_loss(model, hidden_BxTxD[trained_BxT], targets_BxT[trained_BxT])


def summed_loss(model: Decoder, hidden_NxD: Tensor, targets_N: Tensor) -> Tensor:
    """Return the summed cross-entropy of tokens, given the hidden states before them (nats).

    With many tokens and a large vocabulary it is computed in chunks, whose logits are recomputed in the
    backward pass: those of 2,048 tokens of Llama 3 would take 1 GB, several times over.
    """
    rows = max(1, CHUNK_BYTES // (4 * model.vocab_size))
    if len(targets_N) <= rows:
        return chunk_loss(model, hidden_NxD, targets_N)
    chunks = zip(hidden_NxD.split(rows), targets_N.split(rows), strict=True)
    losses = [
        checkpoint(chunk_loss, model, *chunk, use_reentrant=False, preserve_rng_state=False)
        for chunk in chunks
    ]
    return torch.stack(losses).sum()


def chunk_loss(model: Decoder, hidden_NxD: Tensor, targets_N: Tensor) -> Tensor:
    """Return the summed cross-entropy of tokens, all at once."""
    logits_NxV = model.lm_head(hidden_NxD)
    # At least fp32, which costs little for so few: a sum of bf16 losses is itself rounded to bf16.
    logits_NxV = logits_NxV.to(torch.promote_types(logits_NxV.dtype, torch.float32))
    return F.cross_entropy(logits_NxV, targets_N, reduction="sum")
