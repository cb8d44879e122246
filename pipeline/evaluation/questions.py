"""Question answering by exact match: greedy answers of a chat model, normalized for Turkish."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.select_documents import hash_sort_key
from pipeline.inference.answers import answer_greedily
from pipeline.model.decoder import Decoder
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
) -> dict[str, Any]:
    """Measure the share of right answers: of all questions (at least one), by family, and by kind."""
    answers = answer_questions(model, tokenizer, questions, max_new_tokens)
    is_right = [is_correct(answer, question) for answer, question in zip(answers, questions, strict=True)]
    return {
        **exact_match(is_right),
        "families": exact_match_by_group(is_right, [question.family for question in questions]),
        "kinds": exact_match_by_group(is_right, [question.kind for question in questions]),
    }


def exact_match_by_group(is_right: Sequence[bool], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the exact match of every group, sorted by name."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for hit, name in zip(is_right, names, strict=True):
        groups[metric_key(name)].append(hit)
    return {name: exact_match(groups[name]) for name in sorted(groups)}


def exact_match(is_right: Sequence[bool]) -> dict[str, float]:
    """Return the share of right answers and their number."""
    return {"exact_match": sum(is_right) / len(is_right), "n": len(is_right)}
