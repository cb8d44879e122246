"""Rows: conversations as token ids with a loss mask, and batches of them.

B batch    T time
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.tokenizer.chat_template import Message, encode_conversation
from pipeline.tokenizer.special import IGNORE_INDEX, PAD
from pipeline.tokenizer.tokenizer import Tokenizer

RowOutcome = Literal["whole", "cut", "too_long", "no_answer"]


@dataclass(frozen=True)
class Row:
    """A conversation as token ids, with the mask of those that are trained on."""

    messages: list[Message]  # those that `ids` holds
    ids: list[int]
    loss_mask: list[bool]  # True at the ids that are trained on

    @property
    def target_count(self) -> int:
        """The number of tokens that are trained on."""
        return sum(self.loss_mask)


def make_row(
    tokenizer: Tokenizer, messages: Sequence[Message], context: int
) -> tuple[Row | None, RowOutcome]:
    """Return the row of a conversation, None where it has none, and the outcome.

    Messages after the last assistant turn teach nothing and are left out. A conversation longer than
    `context` tokens is truncated after the last assistant turn that fits (`cut`). There is no row where not
    even the first one fits (`too_long`), or where there is no assistant turn (`no_answer`).
    """
    ends = [end for end, message in enumerate(messages, start=1) if message["role"] == "assistant"]
    if not ends:
        return None, "no_answer"
    ids, loss_mask = encode_conversation(tokenizer, messages[: ends[-1]])
    if len(ids) <= context:
        return Row(list(messages[: ends[-1]]), ids, loss_mask), "whole"
    # A trained token before an untrained one ends an assistant's turn.
    cuts = [i for i in range(1, context + 1) if loss_mask[i - 1] and not loss_mask[i]]
    if not cuts:
        return None, "too_long"
    kept = list(messages[: ends[len(cuts) - 1]])
    return Row(kept, ids[: cuts[-1]], loss_mask[: cuts[-1]]), "cut"


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass, padded to the longest."""

    ids_BxT: Tensor  # int64
    targets_BxT: Tensor  # the token after each, IGNORE_INDEX where it is not trained on
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
    return Batch(ids_BxT, targets_BxT, step_targets)
