"""The SFT dataset: all configured conversations as rows, split into training and validation, and counted."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.common.errors import UserError
from pipeline.sft.conversations import unit_hash
from pipeline.sft.load import LoadedSource, check_sources, count_findings, load_sources
from pipeline.sft.loss_mask import Row, RowOutcome, make_row
from pipeline.sft.params import SftParams
from pipeline.text.careless import is_short, type_carelessly
from pipeline.tokenizer.chat_template import ChatTokenizer, Message, RefusedConversation


@dataclass(frozen=True)
class Dataset:
    """Rows to train on, rows to validate on, and counts of the conversations by outcome."""

    train: list[Row]
    val: list[Row]
    counts: dict[str, Any]
    sources: dict[str, list[int]] = field(default_factory=dict)  # by name, the indices of its rows in `train`
    outcomes: dict[str, Counter[RowOutcome]] = field(default_factory=dict)  # of conversations, by source
    val_counts: Counter[str] = field(default_factory=Counter)  # of those that validate, by source


def load_dataset(
    params: SftParams, eval_texts: Sequence[str], tokenizer: ChatTokenizer, seed: int
) -> tuple[list[LoadedSource], Dataset]:
    """Return all sources (see `load_sources`) and their rows.

    Raises UserError where one has none left, and where too few are left for a step or for validation.
    """
    sources = load_sources(params, eval_texts)
    check_sources(sources)
    data = build_dataset({loaded.name: loaded.conversations for loaded in sources}, tokenizer, params, seed)
    check_enough(len(data.train), len(data.val), params)
    data.counts.update(count_findings(sources))
    return sources, data


def build_dataset(
    sources: Mapping[str, Iterable[Sequence[Message]]], tokenizer: ChatTokenizer, params: SftParams, seed: int
) -> Dataset:
    """Turn the conversations of all sources into rows and split them.

    Of the training rows, `sft.careless_fraction` of the user's messages are typed carelessly. Those of
    validation stay as they are.
    """
    train: list[Row] = []
    val: list[Row] = []
    indices: dict[str, list[int]] = {name: [] for name in sources}
    val_counts: Counter[str] = Counter()
    by_source: dict[str, Counter[RowOutcome]] = {name: Counter() for name in sources}
    for name, conversations in sources.items():
        for messages in conversations:
            row, outcome = make_row_or_skip(tokenizer, messages, params)
            by_source[name][outcome] += 1
            if row is None:
                continue
            if unit_hash(cut_after_first_answer(row.messages)) < params.val_fraction:
                val.append(row)
                val_counts[name] += 1
            else:
                indices[name].append(len(train))
                train.append(type_row(row, tokenizer, params, seed))
    outcomes = sum(by_source.values(), Counter[RowOutcome]())
    counts = {
        "read": outcomes.total(),
        "whole": outcomes["whole"],
        "cut": outcomes["cut"],
        "dropped_too_long": outcomes["too_long"],
        "dropped_without_answer": outcomes["no_answer"],
        "dropped_by_template": outcomes["refused"] + outcomes["changed"],
        "train": len(train),
        "val": len(val),
        "train_tokens": sum(len(row.ids) for row in train),
        "trained_tokens": sum(row.target_count for row in train),
    }
    return Dataset(train, val, counts, indices, by_source, val_counts)


def make_row_or_skip(
    tokenizer: ChatTokenizer, messages: Sequence[Message], params: SftParams
) -> tuple[Row | None, RowOutcome]:
    """Return what `make_row` does. Raises RefusedConversation only where such rows are not skipped."""
    try:
        return make_row(tokenizer, messages, params.context)
    except RefusedConversation as error:
        if params.on_error == "skip":
            return None, "refused"
        raise UserError("{error}, or set sft.on_error: skip", error=error) from None


def type_row(row: Row, tokenizer: ChatTokenizer, params: SftParams, seed: int) -> Row:
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
            "params.yaml: sft.conversations_per_step: {conversations_per_step}: more than the "
            "{train} training conversations of at most sft.context {context} tokens; lower it "
            "or add conversations",
            conversations_per_step=params.conversations_per_step,
            train=train,
            context=params.context,
        )
    if not val:
        raise UserError(
            "params.yaml: sft.val_fraction: {val_fraction}: none of {train} conversations "
            "falls to validation; raise it or add conversations",
            val_fraction=params.val_fraction,
            train=train,
        )


def cut_after_first_answer(messages: Sequence[Message]) -> Sequence[Message]:
    """Return a conversation up to its first answer.

    The split depends on it alone. So conversations with the same beginning never fall on both sides, even
    where truncation made them the same.
    """
    roles = [message["role"] for message in messages]
    return messages[: roles.index("assistant") + 1]
