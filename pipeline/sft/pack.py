"""From conversations to token rows, and from rows to batches.

B batch    T time
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.tokenizer.chat_template import Message, conversation_ids
from pipeline.tokenizer.tokenizer import PAD, Tokenizer
from pipeline.training.loss import IGNORED

Fate = Literal["whole", "cut", "too_long", "no_answer"]


@dataclass(frozen=True)
class Row:
    """A conversation as the model reads it."""

    messages: list[Message]  # those that are left
    ids: list[int]
    trained: list[bool]  # which of `ids` the model learns to say

    @property
    def targets(self) -> int:
        """How many tokens it is trained on."""
        return sum(self.trained)


def pack(tokenizer: Tokenizer, messages: Sequence[Message], context: int) -> tuple[Row | None, Fate]:
    """The row of a conversation, and what became of it.

    What follows the last assistant turn teaches nothing and is left out. A conversation longer than
    `context` tokens ends with the last assistant turn that fits whole (`cut`); where not even the
    first one does, there is no row (`too_long`), nor where the assistant says nothing (`no_answer`).
    """
    ends = [end for end, message in enumerate(messages, start=1) if message["role"] == "assistant"]
    if not ends:
        return None, "no_answer"
    ids, trained = conversation_ids(tokenizer, messages[: ends[-1]])
    if len(ids) <= context:
        return Row(list(messages[: ends[-1]]), ids, trained), "whole"
    # A trained token before an untrained one ends an assistant's turn.
    cuts = [i for i in range(1, context + 1) if trained[i - 1] and not trained[i]]
    if not cuts:
        return None, "too_long"
    kept = list(messages[: ends[len(cuts) - 1]])
    return Row(kept, ids[: cuts[-1]], trained[: cuts[-1]]), "cut"


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass, padded to the longest."""

    ids_BxT: Tensor  # int64
    targets_BxT: Tensor  # the token after each, IGNORED where it is not trained on
    step_targets: int  # trained tokens in all forward passes of this optimiser step


def collate(rows: Sequence[Row], step_targets: int) -> Batch:
    """Rows as one batch: padded on the right, where causal attention never looks back from."""
    longest = max(len(row.ids) for row in rows) - 1
    ids_BxT = torch.full((len(rows), longest), PAD)
    targets_BxT = torch.full((len(rows), longest), IGNORED)
    for b, row in enumerate(rows):
        ids, trained = torch.tensor(row.ids), torch.tensor(row.trained)
        ids_BxT[b, : len(ids) - 1] = ids[:-1]
        targets_BxT[b, : len(ids) - 1] = ids[1:].masked_fill(~trained[1:], IGNORED)
    return Batch(ids_BxT, targets_BxT, step_targets)
