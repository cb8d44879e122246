"""Rows: conversations as token ids with a loss mask, and batches of them.

B batch    T time
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from pipeline.tokenizer.chat_template import ChatTokenizer, Message
from pipeline.tokenizer.special import IGNORE_INDEX, PAD

RowOutcome = Literal["whole", "cut", "too_long", "no_answer", "changed", "refused"]


@dataclass(frozen=True)
class Row:
    """A conversation as token ids, with the mask of those that are trained on."""

    messages: list[Message]  # those that `ids` holds
    ids: list[int]
    loss_mask: list[bool]  # True at the ids that are trained on

    @cached_property
    def target_count(self) -> int:
        """The number of tokens that are trained on."""
        return sum(self.loss_mask)


def make_row(
    tokenizer: ChatTokenizer, messages: Sequence[Message], context: int
) -> tuple[Row | None, RowOutcome]:
    """Return the row of a conversation, None where it has none, and the outcome.

    Messages after the last trained answer teach nothing and are left out. A conversation longer than
    `context` tokens is truncated after the last trained answer that fits (`cut`). There is no row where not
    even the first one fits (`too_long`), where no answer is trained (`no_answer`), and where the chat
    template writes all of them otherwise than they are asked for (`changed`).
    """
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    trained = [i for i in answers if messages[i].get("weight") != "0"]
    if not trained:
        return None, "no_answer"
    ids, ranges = tokenizer.encode_conversation(messages[: trained[-1] + 1])
    range_of = dict(zip(answers, ranges, strict=False))  # answers after the last trained one have none
    trained = [answer for answer in trained if range_of[answer]]
    if not trained:
        return None, "changed"
    fitting = [answer for answer in trained if range_of[answer].stop <= context]
    if not fitting:
        return None, "too_long"
    end = range_of[fitting[-1]].stop
    loss_mask = [False] * end
    for answer in fitting:
        for position in range_of[answer]:
            loss_mask[position] = True
    row = Row(list(messages[: fitting[-1] + 1]), ids[:end], loss_mask)
    return row, "whole" if fitting == trained else "cut"


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass, padded to the longest."""

    ids_BxT: Tensor  # int64
    targets_BxT: Tensor  # the token after each, IGNORE_INDEX where it is not trained on
    lengths_B: Tensor  # tokens that are no padding
    step_targets: int  # trained tokens in all forward passes of this optimizer step


def collate(rows: Sequence[Row], step_targets: int) -> Batch:
    """Return rows as one batch, padded on the right: no real token attends to what follows it."""
    longest = max(len(row.ids) for row in rows) - 1
    ids_BxT = torch.full((len(rows), longest), PAD)
    targets_BxT = torch.full((len(rows), longest), IGNORE_INDEX)
    for b, row in enumerate(rows):
        ids, loss_mask = torch.tensor(row.ids), torch.tensor(row.loss_mask)
        ids_BxT[b, : len(ids) - 1] = ids[:-1]
        targets_BxT[b, : len(ids) - 1] = ids[1:].masked_fill(~loss_mask[1:], IGNORE_INDEX)
    lengths_B = torch.tensor([len(row.ids) - 1 for row in rows])
    return Batch(ids_BxT, targets_BxT, lengths_B, step_targets)
