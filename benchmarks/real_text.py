"""A folder of real texts, split, packed by any tokenizer, and a model trained on it: what studies share."""

import fcntl
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.texts import folder_texts, write_split_of
from pipeline.cli.check import AllParams
from pipeline.common.errors import UserError
from pipeline.common.io import atomic_folder
from pipeline.common.runtime import process_info
from pipeline.device.device import autocast, pick_device, pick_precision
from pipeline.eval_sets.readers import Document
from pipeline.evaluation import bits_per_byte
from pipeline.model.decoder import Decoder, initialize
from pipeline.ngrams.continuations import ContinuationSampler
from pipeline.ngrams.counting import Counts, smooth_level
from pipeline.ngrams.mixture import fit_gate, mix_logs
from pipeline.ngrams.model import NGramModel
from pipeline.ngrams.storage import Storage
from pipeline.packing.writer import write_manifest, write_split
from pipeline.pretrain.counts import read_fit_data
from pipeline.pretrain.task import make_task
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer_training import train as learning
from pipeline.tokenizer_training.hf_export import write_tokenizer_folder
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.training import distributed
from pipeline.training.loop import Trainer


@contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Let one process prepare what is missing in a folder; the others wait for it, and then find it there."""
    place.mkdir(parents=True, exist_ok=True)
    with open(place / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed, be it by the process's end
        yield


def prepare(place: Path, folder: Path) -> list[Document]:
    """Write the train split, if it is not there; every hundredth document, of all files, validates.

    Raises UserError where the place has been prepared from other texts.
    """
    val: list[Document] = []
    train: dict[str, str] = {}
    for number, text in enumerate(folder_texts(folder, without=["nutuk.txt"])):
        if number % 100 == 50:
            val.append(Document(str(number), "val", text))
        else:
            train[f"d{number}"] = text
    digest = hashlib.sha256("\0".join(train.values()).encode()).hexdigest()
    with one_at_a_time(place):
        if not (place / "train").exists():
            with atomic_folder(place / "train") as whole:
                write_split_of(whole / "parts", train)
                (whole / "sha256").write_text(digest)
    if (place / "train/sha256").read_text() != digest:
        raise UserError(
            "{fault}",
            fault=f"{place}: prepared from other texts than those of {folder}; give another --place",
        )
    return val


def read_documents(path: Path) -> list[Document]:
    """The documents of a file of JSON lines."""
    return [Document(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def packed(place: Path, settings: TokenizerParams, val: list[Document]) -> tuple[Tokenizer, Path]:
    """A tokenizer and its shards, made if they are not there."""
    name = f"{settings.kind}{'-morphemes' * settings.morphemes}-{settings.vocab_size}-{settings.sample_bytes}"
    made = place / name
    with one_at_a_time(place):
        if not made.exists():
            with atomic_folder(made) as whole:  # nothing stays of a call that was interrupted
                folder, shards = whole / "tokenizer", whole / "shards"
                corpora = {"train": place / "train/parts", "val": whole / "val"}
                lines = learning.sample_lines(corpora["train"], settings.sample_bytes, 0)
                write_tokenizer_folder(folder, learning.train_sentencepiece(lines, settings))
                write_split_of(corpora["val"], {document.id: document.text for document in val})
                splits = {
                    split: write_split(shards / split, corpus, folder, 4_000_000, 2)
                    for split, corpus in corpora.items()
                }
                write_manifest(shards, Tokenizer.load(folder), splits)
    return Tokenizer.load(made / "tokenizer"), made / "shards"


def trainer(
    params: AllParams, shards: Path, seed: int, continuations: ContinuationSampler | None = None
) -> Trainer:
    """A new model, ready to learn from the shards as `train_base` has it."""
    device = pick_device("auto")
    train, val = Shards(shards / "train"), Shards(shards / "val")
    model = Decoder(params.model, train.vocab_size)
    initialize(model, seed)
    model.set_activation_checkpointing(params.train.checkpointing)
    task = make_task(train, val, params.model.context, params.train, seed, device, continuations)
    return Trainer(model, task, params.train, params.train.steps, device)


def run_benchmark(main: Callable[[], None]) -> None:
    """Run a benchmark's main, in each of the processes where torchrun has started several."""
    process = process_info()
    if process.world_size > 1:
        distributed.run_rank(main, process)
    else:
        main()


def learn(trainer: Trainer, steps: int) -> tuple[float, float]:
    """Take all of a run's steps; the seconds that they took, and the last one's loss."""
    began = time.perf_counter()
    trainer.steps = steps
    trainer.train()
    trainer.drain_losses()
    return time.perf_counter() - began, trainer.history.losses[-1]


def bits(model: Decoder, tokenizer: Tokenizer, documents: list[Document]) -> float:
    """Bits per byte of documents, as `evaluate` has them."""
    device = next(model.parameters()).device
    precision = partial(autocast, device, pick_precision("auto", device))
    scorer = partial(bits_per_byte.token_bits, model.eval(), autocast=precision)
    return bits_per_byte.measure_bits_per_byte(
        documents, bits_per_byte.score_documents(documents, tokenizer, {"base": scorer})
    ).figures["base"]


def encode_documents(tokenizer: Tokenizer, documents: list[Document]) -> np.ndarray:
    """The tokens of documents, one after another."""
    return np.array([i for document in documents for i in (BOS, *tokenizer.encode(document.text), EOS)])


@torch.no_grad()
def consecutive_bits(model: Decoder, tokenizer: Tokenizer, documents: list[Document]) -> float:
    """The same of all documents as one stream in windows side by side: how the peers were measured."""
    device = next(model.parameters()).device
    ids = torch.from_numpy(encode_documents(tokenizer, documents)).to(device)
    nats = 0.0
    for ids_T, targets_T in zip(ids[:-1].split(model.context), ids[1:].split(model.context), strict=True):
        with autocast(device, pick_precision("auto", device)):
            logits_TxV = model.eval()(ids_T[None])[0]
        nats += F.cross_entropy(logits_TxV.float(), targets_T, reduction="sum").item()
    return nats / math.log(2) / sum(len(document.text.encode()) for document in documents)


def smooth(counts: list[Counts]) -> NGramModel:
    """The model of counted n-grams, in memory."""
    levels = [smooth_level(of_length, n, None, Storage()) for n, of_length in enumerate(counts, 1)]
    return NGramModel(len(counts[0].tokens), tuple(levels))


def score_with_counts(
    model: Decoder, ngram_model: NGramModel, tokenizer: Tokenizer, fit: list[Document], scored: list[Document]
) -> tuple[dict[str, float], Tensor]:
    """Bits per byte of the scored documents, and the gate that was fitted on the others."""
    fitted = read_fit_data(model, ngram_model, encode_documents(tokenizer, fit))
    network, counts, inputs = read_fit_data(model, ngram_model, encode_documents(tokenizer, scored))
    gate = fit_gate(*fitted)
    weight = fit_gate(fitted[0], fitted[1], fitted[2][:, -1:])  # the constant alone
    logs = {
        "network": network,
        "counts": counts,
        "one_weight": mix_logs(weight, network, counts, inputs[:, -1:]),
        "gate": mix_logs(gate, network, counts, inputs),
    }
    size = sum(len(document.text.encode()) for document in scored) * math.log(2)
    return {name: -values.double().sum().item() / size for name, values in logs.items()}, gate
