"""How well a chat model answers: validation conversations, and first messages as people type them."""

from collections.abc import Sequence
from typing import Any

from pipeline.common.paths import FIRST_WORDS_DEV
from pipeline.inference.answers import answer_greedily
from pipeline.inference.first_words import measure_first_words, read_first_words
from pipeline.model.decoder import Decoder
from pipeline.sft.conversations import unit_hash
from pipeline.sft.loss_mask import Row
from pipeline.text.comparison_keys import answer_key
from pipeline.tokenizer.chat_template import ChatTokenizer

MAX_CONVERSATIONS = 200  # generating their answers takes about as long as the validation loss


def measure_answers(
    model: Decoder, tokenizer: ChatTokenizer, rows: Sequence[Row], max_new_tokens: int
) -> dict[str, Any]:
    """Return the exact match on validation conversations, and the figures of the miniworld's dev list."""
    first_words = read_first_words(FIRST_WORDS_DEV)
    return {
        **exact_match(model, tokenizer, rows, max_new_tokens),
        "first_words": measure_first_words(model, tokenizer, first_words, max_new_tokens),
    }


def exact_match(
    model: Decoder, tokenizer: ChatTokenizer, rows: Sequence[Row], max_new_tokens: int
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
