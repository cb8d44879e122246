"""Pretraining as a task for the loop: predict the next token of the shards."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.metrics import metric_key
from pipeline.model.decoder import Decoder
from pipeline.shards.best_fit import Rows
from pipeline.shards.format import Shards
from pipeline.shards.sampler import Numbered, Windows
from pipeline.tokenizer.tokenizer import BOS, EOS, PAD
from pipeline.training import distributed
from pipeline.training.loop import History
from pipeline.training.loss import IGNORED, summed_loss, token_losses
from pipeline.training.params import TrainParams


class Pretraining:
    """Reads windows or rows of the train shards; validates on a fixed choice of windows of the val shards.

    For a GPU the next step is read ahead, by a thread, into memory that the GPU can fetch from by itself.
    """

    unit = "tokens"
    batch_size_key = "train.batch_size"

    def __init__(self, train: Numbered, val: Windows, settings: TrainParams, device: torch.device) -> None:
        """Raises UserError where the shards do not fill one optimiser step, or one validation window."""
        assert isinstance(settings.batch_size, int)  # pipeline/autobatch/choose.py has replaced `auto`
        self.train, self.val, self.settings, self.device = train, val, settings, device
        self.batch_size = settings.batch_size
        self.units_per_step = settings.tokens_per_step
        self.windows_per_step = settings.tokens_per_step // train.context
        train.require(self.windows_per_step, "add text, or lower train.tokens_per_step")
        val.require(1, "raise corpus.val_fraction, or lower model.context")
        self.val_windows = min(val.per_epoch, max(1, settings.eval_tokens // val.context))
        self.reader = ThreadPoolExecutor(1)
        self.ahead: dict[int, Future[list[Tensor]]] = {}  # steps that are being read

    def _batches(self, windows: Numbered, first: int, count: int) -> list[Tensor]:
        read = range(first, first + count, self.batch_size)
        found = [torch.from_numpy(windows.read(at, min(self.batch_size, first + count - at))) for at in read]
        return [batch.pin_memory() for batch in found] if self.device.type == "cuda" else found

    def _step(self, step: int) -> list[Tensor]:
        share = self.windows_per_step // distributed.size()
        return self._batches(self.train, step * self.windows_per_step + distributed.rank() * share, share)

    def micro_batches(self, step: int) -> list[Tensor]:
        """This process's share of the step's windows, int64 [batch_size, context + 1] each."""
        if self.device.type == "cpu":  # whose cores are busy
            return self._step(step)
        now = self.ahead.pop(step, None) or self.reader.submit(self._step, step)
        self.ahead = {step + 1: self.reader.submit(self._step, step + 1)}
        return now.result()

    def compile(self, model: nn.Module) -> None:
        """See `Task`; all batches of the step are alike."""
        assert isinstance(model, Decoder)
        model.compile_layers()

    def loss(self, model: nn.Module, batch: Tensor) -> Tensor:
        """Mean cross-entropy (nats a token) over the step: this batch's share."""
        assert isinstance(model, Decoder)
        summed = summed_loss(model, *self._read(batch), self.settings.loss_chunks)
        return summed / self.settings.tokens_per_step

    def _read(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Inputs, targets, and the documents that must not see one another, on the device."""
        batch = batch.to(self.device, non_blocking=True)
        ids_BxT = batch[:, :-1]
        return ids_BxT, targets(batch), documents(ids_BxT) if self.settings.document_mask else None

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Mean cross-entropy (nats a token) over the same windows of the val shards each time.

        `val_loss` of all; `val_loss_by_position/0005` of the fifth to the eighth token of the windows, and so
        on; `val_loss_by_source/<name>` of each source. Beside them `logit_scale`.
        """
        assert isinstance(model, Decoder)
        chunks = self.settings.loss_chunks
        windows = self._batches(self.val, 0, self.val_windows)
        batches = map(self._read, windows)
        losses_NxT = torch.cat([token_losses(model, *batch, chunks).cpu() for batch in batches]).numpy()
        found = {
            "val_loss": float(losses_NxT.mean(dtype=np.float64)),
            "logit_scale": logit_scale(model, windows[0][:1, :-1].to(self.device)),
        }
        for first, stop in octaves(self.val.context):
            found[f"val_loss_by_position/{first + 1:04}"] = float(losses_NxT[:, first:stop].mean())
        for name, chosen_NxT in self.of_sources.items():
            found[f"val_loss_by_source/{metric_key(name)}"] = float(losses_NxT[chosen_NxT].mean())
        return found

    @cached_property
    def of_sources(self) -> dict[str, np.ndarray]:
        """Which of the validated targets are of each source, bool [N, T]."""
        names, source_D = self.val.shards.sources()
        places_NxT = self.val.places(0, self.val_windows) + 1  # of the targets
        document_NxT = np.searchsorted(self.val.shards.begins(), places_NxT, side="right") - 1
        source_NxT = source_D[document_NxT]
        return {names[number]: source_NxT == number for number in np.unique(source_NxT)}


def pretraining(
    train: Shards, val: Shards, context: int, settings: TrainParams, seed: int, device: torch.device
) -> Pretraining:
    """The task as params.yaml has it: what is read depends on `seed`, what is validated on does not."""
    rows = {"stream": Windows, "best_fit": Rows}[settings.packing](train, context, seed)
    return Pretraining(rows, Windows(val, context, 0), settings, device)


def logit_scale(model: Decoder, ids_BxT: Tensor) -> float:
    """How far apart the scores of all next tokens lie (nats): their deviation, in the mean over places."""
    return model(ids_BxT).float().std(dim=-1).mean().item()


def targets(batch_BxN: Tensor) -> Tensor:
    """The next tokens [B, N - 1]: IGNORED is <pad>, and what follows a document's end but begins none.

    Rows of whole documents (best_fit.py) have there the rest of a cut one, which nothing foretells.
    """
    next_BxT = batch_BxN[:, 1:]
    apart_BxT = (batch_BxN[:, :-1] == EOS) & (next_BxT != BOS)
    return next_BxT.masked_fill(apart_BxT | (next_BxT == PAD), IGNORED)


def documents(ids_BxT: Tensor) -> Tensor:
    """The number of the document that each token is of, in its row: one begins at <s>, and after </s>."""
    begins_BxT = ids_BxT == BOS
    begins_BxT[:, 1:] |= ids_BxT[:, :-1] == EOS
    return begins_BxT.cumsum(1)


def octaves(context: int) -> list[tuple[int, int]]:
    """Stretches of a window, each as long as all before it: 0-1, 1-2, 2-4, 4-8 …"""
    edges = [0, *(1 << power for power in range((context - 1).bit_length())), context]
    return list(pairwise(edges))


def figures(history: History, val: Shards, parameters: int, settings: TrainParams) -> dict[str, float]:
    """The stage's metrics. Losses in nats a token; bits per byte over plain windows of val.

    `val_bits_per_byte` comes from the periodic check, whose windows start without context;
    `evaluate` measures the comparable figure.
    """
    val_loss = history.last["val_loss"]
    return {
        "train_loss": history.train_loss,
        "val_loss": val_loss,
        "best_val_loss": history.best_val_loss,
        "val_perplexity": math.exp(min(val_loss, 50.0)),  # a diverged run still has figures
        "val_bits_per_byte": val_loss / math.log(2) * val.tokens / val.bytes,
        "tokens_seen": settings.steps * settings.tokens_per_step,
        "parameters": parameters,
    }
