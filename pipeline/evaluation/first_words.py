"""First messages to a chat model: the shares of right answers as figures with intervals, and their items."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.inference.answers import answer_greedily
from pipeline.inference.first_words import OUTSIDE, REFUSALS, FirstWords, is_accepted
from pipeline.model.decoder import Decoder
from pipeline.statistics.intervals import estimate_mean
from pipeline.tokenizer.chat_template import ChatTokenizer

FALSE_REFUSALS = "false_refusals"


def measure_first_words(
    model: Decoder, tokenizer: ChatTokenizer, rows: Sequence[FirstWords], max_new_tokens: int
) -> dict[str, Measured]:
    """Measure the share of right greedy answers by kind, and of refusals where an answer was due."""
    answers = answer_greedily(model, tokenizer, [row.messages for row in rows], max_new_tokens)
    kinds = np.array([row.kind for row in rows])
    keys = hash_items([message["content"] for message in row.messages] for row in rows)
    right = np.array([is_accepted(answer, row.answers) for row, answer in zip(rows, answers, strict=True)])
    refused = np.array([is_accepted(answer, REFUSALS) for answer in answers])
    groups = {kind: (kinds == kind, right) for kind in sorted(set(kinds.tolist()))}
    if rows:
        groups[FALSE_REFUSALS] = (kinds != OUTSIDE, refused)
    measured = {}
    for kind, (mask, hits) in groups.items():
        if not mask.any():
            continue
        items = Items(keys[mask], clusters=keys[mask], scores={"sft": hits[mask]}, right={"sft": hits[mask]})
        estimate = estimate_mean(hits[mask], keys[mask])
        low, high = estimate.share_interval()
        measured[kind] = Measured({"share": estimate.value, "low": low, "high": high, "n": estimate.n}, items)
    return measured
