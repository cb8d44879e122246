"""Question answering by exact match: greedy answers of a chat model, normalized for Turkish."""

from collections.abc import Sequence

import numpy as np

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.evaluation.select_documents import hash_sort_key
from pipeline.inference.answers import answer_greedily
from pipeline.model.decoder import Decoder
from pipeline.statistics.intervals import estimate_mean
from pipeline.text.comparison_keys import answer_key
from pipeline.tokenizer.tokenizer import Tokenizer


def select_questions(questions: Sequence[Question], max_questions: int, seed: int) -> list[Question]:
    """Select at most `max_questions`, by a hash of their words and the seed."""
    return sorted(questions, key=lambda question: hash_sort_key(question.question, seed))[:max_questions]


def answer_questions(
    model: Decoder, tokenizer: Tokenizer, questions: Sequence[Question], max_new_tokens: int
) -> list[str]:
    """Return a chat model's greedy answer to each question, asked alone."""
    conversations = [[{"role": "user", "content": question.question}] for question in questions]
    room = min(max_new_tokens, model.context // 2)
    return answer_greedily(model, tokenizer, conversations, max_new_tokens, room)


def is_correct(answer: str, question: Question) -> bool:
    """Tell if `answer` is one of the right ones, as normalized by `answer_key`."""
    return answer_key(answer) in {answer_key(expected) for expected in question.answers}


def measure_questions(
    model: Decoder, tokenizer: Tokenizer, questions: Sequence[Question], max_new_tokens: int
) -> Measured:
    """Measure the share of right answers: of all questions (at least one), by family, and by kind.

    Questions for the same answer of a family are one cluster.
    """
    answers = answer_questions(model, tokenizer, questions, max_new_tokens)
    right = np.array(
        [is_correct(answer, question) for answer, question in zip(answers, questions, strict=True)]
    )
    items = Items(
        keys=hash_items((question.question, *question.answers) for question in questions),
        clusters=hash_items((question.family, *question.answers) for question in questions),
        scores={"sft": right},
        right={"sft": right},
    )
    figures = {
        **exact_match(items, np.full(len(right), True)),
        "families": exact_match_by_group(items, [question.family for question in questions]),
        "kinds": exact_match_by_group(items, [question.kind for question in questions]),
    }
    return Measured(figures, items)


def exact_match_by_group(items: Items, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the exact match of every group, sorted by name."""
    groups = np.array([metric_key(name) for name in names])
    return {name: exact_match(items, groups == name) for name in sorted(set(groups.tolist()))}


def exact_match(items: Items, mask: np.ndarray) -> dict[str, float]:
    """Return the share of right answers with its interval, and their number."""
    estimate = estimate_mean(items.right["sft"][mask], items.clusters[mask])
    low, high = estimate.share_interval()
    return {"exact_match": estimate.value, "low": low, "high": high, "n": estimate.n}
