"""n-gram counts of the training text: as targets (`train.ngram_draws`), and beside the model (`model.ngram`).

N tokens    D width    F figures of a context
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.ngrams.counting import Counts, count_ngrams
from pipeline.ngrams.folder import write_ngram_folder
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

DRAW_ORDER = 5  # of the counts that targets are drawn from
FIT_TOKENS = 65_536  # of val, on which the gate is fitted
SCRATCH = "ngrams-{rank}"  # in the run's scratch folder
BYTES = 26  # of disk for each token and each length while counting; twice as many for a very long text
DRAW_BYTES = 16  # more where targets are drawn


@dataclass(frozen=True)
class Stream:
    """The tokens of shards, with the length and the slices of an array, which are read when asked for."""

    shards: Shards

    def __len__(self) -> int:
        return self.shards.tokens

    def __getitem__(self, piece: slice) -> np.ndarray:
        start, stop, _ = piece.indices(self.shards.tokens)
        return self.shards.read(start, stop)


@contextmanager
def open_sampler(train: Shards, draws: int, scratch: Path) -> Iterator[ContinuationSampler | None]:
    """Yield what draws targets from the counts of the training text; None without `draws`.

    The counts lie in files below `scratch`, the folder of the run, and are gone after the block. Each of
    several processes counts for itself. Raises UserError where the disk is too small.
    """
    if not draws:
        yield None
        return
    with count_text(train, DRAW_ORDER, scratch, "train.ngram_draws", BYTES + DRAW_BYTES) as (counts, storage):
        yield ContinuationSampler(counts, train.vocab_size, storage)


def save_counts(model_folder: Path, train: Shards, val: Shards, order: int, scratch: Path) -> None:
    """Write the counts of the training text into a model's folder, with a gate that is fitted on val.

    None with `order` 0. Prints what they bring. Raises UserError where the disk is too small.
    """
    if not order:
        return
    folder = model_folder / NGRAM_FOLDER
    with count_text(train, order, scratch, "model.ngram.order", BYTES) as (counts, _):
        ngram_model = write_ngram_folder(folder, counts, model_folder / "tokenizer.model")
    model = load_decoder(model_folder)  # as it will be read: whole, and not compiled
    network_N, counts_N, inputs_NxI = read_fit_data(model, ngram_model, select_documents(val, FIT_TOKENS))
    gate = fit_gate(network_N, counts_N, inputs_NxI)
    save_gate(folder, gate)
    together_N = mix_logs(gate, network_N, counts_N, inputs_NxI)
    network, alone, together = (-logs.mean().item() for logs in (network_N, counts_N, together_N))
    print_message(
        "loss of {count:,} tokens of val: network {network:.3f}, counts {alone:.3f}, both {together:.3f}",
        count=len(network_N),
        network=network,
        alone=alone,
        together=together,
    )


@contextmanager
def count_text(
    train: Shards, order: int, scratch: Path, key: str, bytes_each: int
) -> Iterator[tuple[list[Counts], Storage]]:
    """Count the n-grams of the training text, in files below `scratch` that are gone after the block.

    `key` is the param that asks for it, and `bytes_each` the disk for each token and length. Raises UserError
    where the disk is too small.
    """
    for left in scratch.parent.glob(f"*/{SCRATCH.format(rank=distributed.rank())}"):  # of killed runs
        shutil.rmtree(left, ignore_errors=True)
    place = scratch / SCRATCH.format(rank=distributed.rank())
    place.mkdir(parents=True)
    try:
        needed, free = train.tokens * order * bytes_each, shutil.disk_usage(place).free
        if needed > free:
            raise UserError(
                "params.yaml: {key}: counting {tokens:,} tokens may take {needed:.1f} GB of disk, "
                "and {free:.1f} GB are free; make room, or lower it",
                key=key,
                tokens=train.tokens,
                needed=needed / 1e9,
                free=free / 1e9,
            )
        print_message("counting n-grams of {tokens:,} tokens …", tokens=train.tokens)
        storage = Storage(place)
        yield count_ngrams(Stream(train), train.vocab_size, order, storage), storage
    finally:
        shutil.rmtree(place, ignore_errors=True)


@torch.inference_mode()
def read_fit_data(model: Decoder, counts: NGramModel, stream: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return log p [N] of the tokens of documents by the network and the counts, and what the gate reads.

    As in the evaluation the network reads each document from its `<s>`, in windows that overlap by half, and
    predicts each token once.
    """
    stream = stream.astype(np.int64)
    prediction = counts.predict(stream)
    figures_NxF = describe_contexts(prediction, len(counts.levels))
    network, inputs, predicted = [], [], []
    starts = np.flatnonzero(stream == BOS)
    for begin, end in zip(starts, np.append(starts[1:], len(stream)), strict=True):
        first = begin + 1  # token that was not predicted yet
        for start in range(begin, end, max(1, model.context // 2)):
            stop = min(start + model.context, end - 1)
            if first > stop:
                break
            positions = np.arange(first, stop + 1)
            hidden_TxD = model.hidden_states(torch.from_numpy(stream[None, start:stop]))[0]
            hidden_NxD = hidden_TxD[positions - start - 1]
            logs_NxV = model.lm_head(hidden_NxD).log_softmax(dim=1)
            targets_N = torch.from_numpy(stream[positions])
            network.append(logs_NxV.gather(1, targets_N[:, None])[:, 0])
            inputs.append(gate_inputs(hidden_NxD, figures_NxF[positions]))
            predicted.append(positions)
            first = stop + 1
    counts_N = torch.from_numpy(np.log(prediction.p[np.concatenate(predicted)]))
    return torch.cat(network), counts_N, torch.cat(inputs)


def select_documents(shards: Shards, max_tokens: int) -> np.ndarray:
    """Return the beginnings of documents, about `max_tokens` in all, of every source its share."""
    starts = shards.document_starts()
    ends = np.append(starts[1:], shards.tokens)
    every = -(-shards.tokens // max_tokens)
    longest = -(-max_tokens // len(starts[::every]))
    spans = zip(starts[::every], ends[::every], strict=True)
    return np.concatenate([shards.read(start, min(end, start + longest)) for start, end in spans])
