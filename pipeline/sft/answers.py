"""Exact match of a chat model's greedy answers on the validation conversations."""

from collections.abc import Sequence

from pipeline.inference.answers import answer_greedily
from pipeline.model.decoder import Decoder
from pipeline.sft.dataset import unit_hash
from pipeline.sft.loss_mask import Row
from pipeline.text.comparison_keys import answer_key
from pipeline.tokenizer.tokenizer import Tokenizer

MAX_CONVERSATIONS = 200  # generating their answers takes about as long as the validation loss


def exact_match(
    model: Decoder, tokenizer: Tokenizer, rows: Sequence[Row], max_new_tokens: int
) -> dict[str, float]:
    """Return the share of conversations whose last answer the model gives exactly, and their number.

    Answers are compared by `answer_key` (Turkish casing, punctuation, spaces). Of more than
    MAX_CONVERSATIONS conversations it takes a fixed sample from all sources.
    """
    sample = sorted(rows, key=lambda row: unit_hash(row.messages))[:MAX_CONVERSATIONS]
    answers = answer_greedily(model, tokenizer, [row.messages[:-1] for row in sample], max_new_tokens)
    correct = sum(
        answer_key(answer) == answer_key(row.messages[-1]["content"])
        for answer, row in zip(answers, sample, strict=True)
    )
    return {"exact_match": correct / len(sample), "exact_match_n": len(sample)}
