"""Pretraining as a task of the training loop: predict the next token of the shards.

B batch    T time    N windows or tokens    D documents
"""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.i18n import print_message
from pipeline.common.metrics import metric_key
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.shards.best_fit import BestFitSampler
from pipeline.shards.format import Shards
from pipeline.shards.sampler import Sampler, WindowSampler
from pipeline.tokenizer.special import BOS, EOS, IGNORE_INDEX, PAD
from pipeline.training import distributed
from pipeline.training.loop import History
from pipeline.training.loss import summed_loss, token_losses
from pipeline.training.params import TrainParams


class Pretraining:
    """Reads rows of the train shards, and validates on a fixed set of windows of the val shards.

    For a GPU a thread prefetches the next step into pinned memory.
    """

    unit = "tokens"
    batch_size_key = "train.batch_size"

    def __init__(
        self,
        train: Sampler,
        val: WindowSampler,
        params: TrainParams,
        device: torch.device,
        continuations: ContinuationSampler | None = None,
    ) -> None:
        """With `continuations` each token has other targets beside its own (`train.ngram_draws`).

        Raises UserError where the shards do not fill one optimizer step, or one validation window.
        """
        assert isinstance(params.batch_size, int)  # pipeline/autobatch/choose.py has replaced `auto`
        self.train, self.val, self.params, self.device = train, val, params, device
        self.continuations = continuations
        self.batch_size = params.batch_size
        self.units_per_step = params.tokens_per_step
        self.windows_per_step = params.tokens_per_step // train.context
        train.require_rows(self.windows_per_step, "add text, or lower train.tokens_per_step")
        val.require_rows(1, "raise corpus.val_fraction, or lower model.context")
        self.val_windows = min(val.rows_per_epoch, max(1, params.eval_tokens // val.context))
        self.reader = ThreadPoolExecutor(1)
        self.prefetched: dict[int, Future[list[Tensor]]] = {}  # by step

    def micro_batches(self, step: int) -> list[Tensor]:
        """Return this process's share of the step's rows, int64 [batch_size, context + 1] each.

        With draws from the counts, [batch_size, context + 1, 1 + draws]: a token, and others in its place.
        """
        if self.device.type == "cpu":  # no spare cores to prefetch
            return self._read_step(step)
        batches = self.prefetched.pop(step, None) or self.reader.submit(self._read_step, step)
        self.prefetched = {step + 1: self.reader.submit(self._read_step, step + 1)}
        return batches.result()

    def _read_step(self, step: int) -> list[Tensor]:
        count = self.windows_per_step // distributed.world_size()  # in this process
        first = step * self.windows_per_step + distributed.rank() * count
        return self._read_batches(self.train, first, count, self.continuations)

    def _read_batches(
        self, sampler: Sampler, first: int, count: int, continuations: ContinuationSampler | None = None
    ) -> list[Tensor]:
        stop = first + count
        batches = []
        for i in range(first, stop, self.batch_size):
            rows = sampler.read(i, min(self.batch_size, stop - i))
            if continuations:
                rows = continuations.add_draws(rows, self.params.ngram_draws, sampler.seed, i)
            batches.append(torch.from_numpy(rows))
        return [batch.pin_memory() for batch in batches] if self.device.type == "cuda" else batches

    def compile(self, model: nn.Module) -> None:
        """Compile the layers of `model`. See `Task`: all batches have the same shape."""
        assert isinstance(model, Decoder)
        model.compile_layers()

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        """Return this batch's share of the step's mean cross-entropy (nats a token).

        The mean is over all `tokens_per_step`. Targets that are not learned, such as padding, count as 0.
        With draws from the counts, a token's own target counts 1 - `ngram_share`.
        """
        assert isinstance(model, Decoder)
        batch = batch.to(self.device, non_blocking=True)
        has_draws = batch.ndim == 3
        ids_BxT, targets, document_BxT = self._split_batch(batch[..., 0] if has_draws else batch)
        hidden_BxTxD = model.hidden_states(ids_BxT, document_BxT=document_BxT)
        if has_draws:
            targets = torch.cat([targets[..., None], batch[:, 1:, 1:]], dim=2)
        share = 1 - self.params.ngram_share
        loss = summed_loss(model, hidden_BxTxD, targets, self.params.loss_chunks, share)
        return loss / self.params.tokens_per_step

    def _split_batch(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return ids, targets and, with a document mask, each token's document number, on the device."""
        batch = batch.to(self.device, non_blocking=True)
        ids_BxT = batch[:, :-1]
        document_BxT = number_documents(ids_BxT) if self.params.document_mask else None
        return ids_BxT, next_token_targets(batch), document_BxT

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Return mean cross-entropies (nats a token) over the same windows of the val shards each time.

        `val_loss` is that of all tokens, `val_loss_by_position/0005` that of the fifth to the eighth token of
        the windows, `val_loss_by_source/<name>` that of a source. `logit_scale` is added.
        """
        assert isinstance(model, Decoder)
        windows = self._read_batches(self.val, 0, self.val_windows)
        losses = []
        for ids_BxT, targets_BxT, document_BxT in map(self._split_batch, windows):
            hidden_BxTxD = model.hidden_states(ids_BxT, document_BxT=document_BxT)
            losses.append(token_losses(model, hidden_BxTxD, targets_BxT, self.params.loss_chunks).cpu())
        losses_NxT = torch.cat(losses).numpy()
        metrics = {
            "val_loss": float(losses_NxT.mean(dtype=np.float64)),
            "logit_scale": logit_scale(model, windows[0][:1, :-1].to(self.device)),
        }
        for first, stop in octaves(self.val.context):
            metrics[f"val_loss_by_position/{first + 1:04}"] = float(losses_NxT[:, first:stop].mean())
        for name, mask_NxT in self.source_masks.items():
            metrics[f"val_loss_by_source/{metric_key(name)}"] = float(losses_NxT[mask_NxT].mean())
        return metrics

    @cached_property
    def source_masks(self) -> dict[str, np.ndarray]:
        """Masks of the validation targets that are of each source, by name, bool [N, T]."""
        names, source_D = self.val.shards.document_sources()
        positions_NxT = self.val.token_positions(0, self.val_windows) + 1  # of the targets
        document_NxT = np.searchsorted(self.val.shards.document_starts(), positions_NxT, side="right") - 1
        source_NxT = source_D[document_NxT]
        return {names[number]: source_NxT == number for number in np.unique(source_NxT)}


def make_task(
    train: Shards,
    val: Shards,
    context: int,
    params: TrainParams,
    seed: int,
    device: torch.device,
    continuations: ContinuationSampler | None = None,
) -> Pretraining:
    """Return the task of the params. The order of training depends on `seed`, the validation does not."""
    sampler = {"stream": WindowSampler, "best_fit": BestFitSampler}[params.packing](train, context, seed)
    return Pretraining(sampler, WindowSampler(val, context, 0), params, device, continuations)


def print_size(model: Decoder, train: Shards, params: TrainParams) -> None:
    """Print how large the model is, and how often it reads the training text."""
    print_message(
        "{parameters:,} parameters; {tokens:,} tokens to read, {epochs:.1f} times",
        parameters=parameter_count(model),
        tokens=train.tokens,
        epochs=params.steps * params.tokens_per_step / train.tokens,
    )


def logit_scale(model: Decoder, ids_BxT: Tensor) -> float:
    """Return the standard deviation of the logits over the vocabulary (nats), in the mean over positions."""
    return model(ids_BxT).float().std(dim=-1).mean().item()


def next_token_targets(batch_BxN: Tensor) -> Tensor:
    """Return the next tokens [B, N - 1], with IGNORE_INDEX for what cannot be predicted.

    That is <pad>, and a token other than <s> after </s>: there, rows of whole documents (best_fit.py) have
    the rest of a cut document.
    """
    next_BxT = batch_BxN[:, 1:]
    unpredictable_BxT = (batch_BxN[:, :-1] == EOS) & (next_BxT != BOS)
    return next_BxT.masked_fill(unpredictable_BxT | (next_BxT == PAD), IGNORE_INDEX)


def number_documents(ids_BxT: Tensor) -> Tensor:
    """Return the number of each token's document in its row. Documents start at <s> and after </s>."""
    starts_BxT = ids_BxT == BOS
    starts_BxT[:, 1:] |= ids_BxT[:, :-1] == EOS
    return starts_BxT.cumsum(1)


def octaves(context: int) -> list[tuple[int, int]]:
    """Return ranges of positions, each as long as all before it: 0-1, 1-2, 2-4, 4-8 …"""
    edges = [0, *(1 << power for power in range((context - 1).bit_length())), context]
    return list(pairwise(edges))


def training_metrics(history: History, val: Shards, parameters: int, params: TrainParams) -> dict[str, float]:
    """Return the metrics of the stage. Losses in nats a token; bits per byte over plain windows of val.

    `val_bits_per_byte` comes from the validation, whose windows start without context. The stage `evaluate`
    measures the comparable value.
    """
    val_loss = history.last_validation["val_loss"]
    return {
        "train_loss": history.train_loss,
        "val_loss": val_loss,
        "best_val_loss": history.best_val_loss,
        "val_perplexity": math.exp(min(val_loss, 50.0)),  # so that a diverged run has metrics
        "val_bits_per_byte": val_loss / math.log(2) * val.tokens / val.bytes,
        "tokens_seen": params.steps * params.tokens_per_step,
        "parameters": parameters,
    }
