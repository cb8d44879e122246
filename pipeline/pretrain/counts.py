"""n-gram counts of the training text, beside the network (`model.ngram`) or as targets (`train.ngram_draws`).

N tokens    D width    C context
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.common.i18n import translate
from pipeline.model.decoder import Decoder
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.ngrams.counting import Counts, count_ngrams
from pipeline.ngrams.folder import check_disk, write_ngram_folder
from pipeline.ngrams.mixture import (
    NGRAM_FOLDER,
    describe_contexts,
    fit_gate,
    gate_inputs,
    mix_logs,
    save_gate,
)
from pipeline.ngrams.model import NGramModel
from pipeline.ngrams.storage import Storage
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS
from pipeline.training import distributed

DRAW_ORDER = 5  # of the counts that targets are drawn from, where the model keeps none
FIT_TOKENS = 65_536  # of val, on which the gate is fitted


@dataclass(frozen=True)
class Stream:
    """The tokens of shards, with the length and the slices of an array, which are read when asked for."""

    shards: Shards

    def __len__(self) -> int:
        return self.shards.tokens

    def __getitem__(self, piece: slice) -> np.ndarray:
        start, stop, _ = piece.indices(self.shards.tokens)
        return self.shards.read(start, stop)


class TextCounts:
    """What the params ask for: `counts` to keep beside the model, and a `sampler` of targets."""

    def __init__(self, counts: list[Counts], sampler: ContinuationSampler | None = None) -> None:
        self.counts, self.sampler = counts, sampler

    def save(self, model_folder: Path, model: Decoder, val: Shards) -> None:
        """Write the counts, if any, into the folder of `model`, with a gate that is fitted on val.

        Prints what they bring.
        """
        if not self.counts:
            return
        folder = model_folder / NGRAM_FOLDER
        ngram_model = write_ngram_folder(folder, self.counts, model_folder / "tokenizer.model")
        network_N, counts_N, inputs_NxI = read_fit_data(model, ngram_model, select_documents(val, FIT_TOKENS))
        gate = fit_gate(network_N, counts_N, inputs_NxI)
        save_gate(folder, gate)
        together_N = mix_logs(gate, network_N, counts_N, inputs_NxI)
        network, alone, together = (-logs.mean().item() for logs in (network_N, counts_N, together_N))
        print(
            translate(
                f"loss of {len(network_N):,} tokens of val: network {network:.3f}, counts {alone:.3f},"
                f" both {together:.3f}"
            )
        )


@contextmanager
def count_text(train: Shards, order: int, draws: int, folder: Path) -> Iterator[TextCounts]:
    """Count the n-grams of the training text, in files below `folder` that are gone after the block.

    `order` is the longest length that the model keeps, 0 for none; `draws` the targets for each token, which
    need counts too. Raises UserError where the disk is too small.
    """
    if not draws and (order == 0 or distributed.rank() > 0):  # the counts are kept by the first process
        yield TextCounts([])
        return
    place = folder / f"ngrams-{distributed.rank()}"
    shutil.rmtree(place, ignore_errors=True)  # of a run that was killed
    place.mkdir(parents=True)
    try:
        length = order or DRAW_ORDER
        check_disk(place, train.tokens, length)
        print(translate(f"counting n-grams of {train.tokens:,} tokens …"), flush=True)
        storage = Storage(place)
        counts = count_ngrams(Stream(train), train.vocab_size, length, storage, storage)
        sampler = ContinuationSampler(counts, train.vocab_size, storage) if draws else None
        yield TextCounts(counts if order else [], sampler)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@torch.inference_mode()
def read_fit_data(model: Decoder, counts: NGramModel, stream: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return log p [N] of the tokens of documents by the network and the counts, and what the gate reads.

    The network reads windows that overlap by half, and each token once, as in the evaluation.
    """
    stream = stream.astype(np.int64)
    prediction = counts.predict(stream)
    figures_NxF = describe_contexts(prediction, len(counts.levels))
    device = next(model.parameters()).device
    network, inputs, predicted = [], [], []
    first = 1  # token that was not predicted yet
    for start in range(0, len(stream) - 1, max(1, model.context // 2)):
        window = stream[start : start + model.context + 1]
        positions = np.arange(first, start + len(window))
        positions = positions[stream[positions] != BOS]
        hidden_TxD = model.hidden_states(torch.from_numpy(window[None, :-1]).to(device))[0]
        hidden_NxD = hidden_TxD[positions - start - 1]
        logs_NxV = model.lm_head(hidden_NxD).float().log_softmax(dim=1)
        targets_N = torch.from_numpy(stream[positions]).to(device)
        network.append(logs_NxV.gather(1, targets_N[:, None])[:, 0].cpu())
        inputs.append(gate_inputs(hidden_NxD.cpu(), figures_NxF[positions]))
        predicted.append(positions)
        first = start + len(window)
    counts_N = torch.from_numpy(np.log(prediction.p[np.concatenate(predicted)]))
    return torch.cat(network), counts_N, torch.cat(inputs)


def select_documents(shards: Shards, max_tokens: int) -> np.ndarray:
    """Return the tokens of every n-th document, about `max_tokens` in all: of every source its share."""
    starts = shards.document_starts()
    ends = np.append(starts[1:], shards.tokens)
    every = -(-shards.tokens // max_tokens)
    return np.concatenate([shards.read(*span) for span in zip(starts[::every], ends[::every], strict=True)])
