"""The SFT dataset: all configured conversations as rows, split into training and validation, and counted."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.sft.loss_mask import Row, make_row
from pipeline.sft.params import MINIWORLD_CONVERSATIONS, SftParams, list_local_files
from pipeline.text.careless import is_short, type_carelessly
from pipeline.tokenizer.chat_template import Message
from pipeline.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Dataset:
    """Rows to train on, rows to validate on, and counts of the conversations by outcome."""

    train: list[Row]
    val: list[Row]
    counts: dict[str, int]


def list_source_files(params: SftParams, root: Path = Path()) -> list[Path]:
    """Return every file that the configured sources read, in order. Raises UserError where one is missing."""
    files: list[Path] = []
    for name, source in params.sources.items():
        if source.kind == "local":
            files += list_local_files(name, source, root)
        elif (root / MINIWORLD_CONVERSATIONS).is_file() and (root / MINIWORLD_CONVERSATIONS).stat().st_size:
            files.append(root / MINIWORLD_CONVERSATIONS)
        else:
            raise UserError(
                f"params.yaml: sft.sources.{name}: {MINIWORLD_CONVERSATIONS} holds no conversation;"
                f" add a miniworld source to corpus.sources, or remove sft.sources.{name}"
            )
    return files


def build_dataset(
    conversations: Iterable[Sequence[Message]], tokenizer: Tokenizer, params: SftParams, seed: int
) -> Dataset:
    """Turn conversations into rows and split them.

    Of the training rows, `sft.careless_fraction` of the user's messages are typed carelessly. Those of
    validation stay as they are. Raises UserError where too few remain for one optimizer step or for
    validation.
    """
    outcomes: Counter[str] = Counter()
    train: list[Row] = []
    val: list[Row] = []
    for messages in conversations:
        row, outcome = make_row(tokenizer, messages, params.context)
        outcomes[outcome] += 1
        if row is None:
            continue
        if unit_hash(cut_after_first_answer(row.messages)) < params.val_fraction:
            val.append(row)
        else:
            train.append(type_row(row, tokenizer, params, seed))
    check_enough(len(train), len(val), params)
    counts = {
        "read": outcomes.total(),
        "whole": outcomes["whole"],
        "cut": outcomes["cut"],
        "dropped_too_long": outcomes["too_long"],
        "dropped_without_answer": outcomes["no_answer"],
        "train": len(train),
        "val": len(val),
        "train_tokens": sum(len(row.ids) for row in train),
        "trained_tokens": sum(row.target_count for row in train),
    }
    return Dataset(train, val, counts)


def type_row(row: Row, tokenizer: Tokenizer, params: SftParams, seed: int) -> Row:
    """Return a training row with some of the user's messages typed carelessly, or as it is.

    Careless letters take more tokens. A conversation that would no longer fit keeps its own.
    """
    typed = type_messages(row.messages, params.careless_fraction, f"{seed}:{unit_hash(row.messages)}")
    if typed == row.messages:
        return row
    typed_row, outcome = make_row(tokenizer, typed, params.context)
    return typed_row if typed_row is not None and outcome == "whole" else row


def type_messages(messages: Sequence[Message], fraction: float, seed: str) -> list[Message]:
    """Return a conversation in which about `fraction` of the user's short messages are typed carelessly.

    A message's form depends on `seed` and its position alone.
    """
    typed = []
    for turn, message in enumerate(messages):
        rng = random.Random(f"{seed}:{turn}")
        is_typed = message["role"] == "user" and is_short(message["content"])
        if is_typed and rng.random() < fraction:
            message = message | {"content": type_carelessly(message["content"], rng)}
        typed.append(message)
    return typed


def check_enough(train: int, val: int, params: SftParams) -> None:
    """Raise UserError unless there are enough rows for an optimizer step and for validation."""
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


def cut_after_first_answer(messages: Sequence[Message]) -> Sequence[Message]:
    """Return a conversation up to its first answer.

    The split depends on it alone. So conversations with the same beginning never fall on both sides, even
    where truncation made them the same.
    """
    roles = [message["role"] for message in messages]
    return messages[: roles.index("assistant") + 1]


def unit_hash(messages: Sequence[Message]) -> float:
    """Hash the messages to a number in [0, 1)."""
    text = json.dumps([[message["role"], message["content"]] for message in messages])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48
