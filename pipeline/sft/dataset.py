"""All configured conversations, packed, counted, and split into training and validation."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.sft.data import read_conversations
from pipeline.sft.pack import Row, pack
from pipeline.sft.params import MINIWORLD, SftParams, local_files
from pipeline.tokenizer.chat_template import Message
from pipeline.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Dataset:
    """Rows to train on, rows to validate on, and what became of every conversation read."""

    train: list[Row]
    val: list[Row]
    counts: dict[str, int]


def source_files(params: SftParams, root: Path = Path()) -> list[Path]:
    """Every file the configured sources read, in order. Raises UserError where one is missing."""
    files: list[Path] = []
    for name, source in params.sources.items():
        if source.kind == "local":
            files += local_files(name, source, root)
        elif (root / MINIWORLD).is_file() and (root / MINIWORLD).stat().st_size:
            files.append(root / MINIWORLD)
        else:
            raise UserError(
                f"params.yaml: sft.sources.{name}: {MINIWORLD} holds no conversation;"
                f" add a miniworld source to corpus.sources, or remove sft.sources.{name}"
            )
    return files


def read_all(files: Iterable[Path]) -> Iterator[list[Message]]:
    """The conversations of all files. Raises UserError for a file that holds none."""
    for file in files:
        empty = True
        for messages in read_conversations(file):
            empty = False
            yield messages
        if empty:
            raise UserError(f"{file}: no conversation in it; add some, or remove it from sft.sources")


def prepare(conversations: Iterable[Sequence[Message]], tokenizer: Tokenizer, params: SftParams) -> Dataset:
    """Pack and split conversations.

    Raises UserError where too few are left for one optimiser step or for validation.
    """
    fates: Counter[str] = Counter()
    train: list[Row] = []
    val: list[Row] = []
    for messages in conversations:
        row, fate = pack(tokenizer, messages, params.context)
        fates[fate] += 1
        if row is not None:
            (val if share(opening(row.messages)) < params.val_fraction else train).append(row)
    check_enough(len(train), len(val), params)
    counts = {
        "read": fates.total(),
        "whole": fates["whole"],
        "cut": fates["cut"],
        "dropped_too_long": fates["too_long"],
        "dropped_without_answer": fates["no_answer"],
        "train": len(train),
        "val": len(val),
        "train_tokens": sum(len(row.ids) for row in train),
        "trained_tokens": sum(row.targets for row in train),
    }
    return Dataset(train, val, counts)


def check_enough(train: int, val: int, params: SftParams) -> None:
    """Raise UserError unless an optimiser step can be filled and something is left to validate on."""
    if train < params.conversations_per_step:
        raise UserError(
            f"params.yaml: sft.conversations_per_step: {params.conversations_per_step}: more than the"
            f" {train} training conversations of at most sft.context {params.context} tokens;"
            f" lower it or add conversations"
        )
    if not val:
        raise UserError(
            f"params.yaml: sft.val_fraction: {params.val_fraction}: none of {train} conversations falls"
            f" to validation; raise it or add conversations"
        )


def opening(messages: Sequence[Message]) -> Sequence[Message]:
    """A conversation up to its first answer.

    The split follows it, so that conversations which begin alike, or which cutting makes alike,
    never sit on both sides.
    """
    roles = [message["role"] for message in messages]
    return messages[: roles.index("assistant") + 1]


def share(messages: Sequence[Message]) -> float:
    """A number from 0 up to 1 that looks random and depends on the messages alone."""
    text = json.dumps([[message["role"], message["content"]] for message in messages])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48
