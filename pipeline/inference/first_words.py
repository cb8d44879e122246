"""First messages to a chat model, as people type them, and the share that it answers rightly."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.inference.answers import answer_greedily
from pipeline.model.decoder import Decoder
from pipeline.text.comparison_keys import answer_key
from pipeline.tokenizer.chat_template import ChatTokenizer, Message

REFUSALS = ("…bilmiyorum…", "…bilgim yok…")
OUTSIDE = "outside"  # the kind of messages that ask what the model cannot know


@dataclass(frozen=True)
class FirstWords:
    """A conversation that ends with a user's message. In its right answers "…" stands for any words."""

    kind: str
    messages: list[Message]
    answers: list[str]


def read_first_words(path: Path) -> list[FirstWords]:
    """Return the rows of a file that slice_corpus has written, none where there is no miniworld."""
    if not path.is_file():
        return []
    return [FirstWords(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def measure_first_words(
    model: Decoder, tokenizer: ChatTokenizer, rows: Sequence[FirstWords], max_new_tokens: int
) -> dict[str, Any]:
    """Return the share of right greedy answers by kind, and of refusals where an answer was due.

    Empty without rows.
    """
    answers = answer_greedily(model, tokenizer, [row.messages for row in rows], max_new_tokens)
    right: dict[str, list[bool]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        right[row.kind].append(is_accepted(answer, row.answers))
        if row.kind != OUTSIDE:
            right["false_refusals"].append(is_accepted(answer, REFUSALS))
    return {kind: {"share": sum(hits) / len(hits), "n": len(hits)} for kind, hits in sorted(right.items())}


def is_accepted(answer: str, accepted: Sequence[str]) -> bool:
    """Return whether `answer` is one of the accepted ones, compared by `answer_key`."""
    key = answer_key(answer)
    return any(
        matches(key, [answer_key(part) if part else "" for part in text.split("…")]) for text in accepted
    )


def matches(key: str, parts: Sequence[str]) -> bool:
    """Return whether `key` is made of `parts` in order, with any words between them."""
    if len(parts) == 1:
        return key == parts[0]
    first, *middle, last = parts
    if not key.startswith(first) or len(key) < len(first) + len(last) or not key.endswith(last):
        return False
    start, end = len(first), len(key) - len(last)
    for part in middle:
        start = key.find(part, start, end)
        if start < 0:
            return False
        start += len(part)
    return True
