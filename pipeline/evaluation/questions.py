"""Question answering by exact match: greedy answers of a chat model, normalized for Turkish."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.evaluation.select_documents import hash_sort_key
from pipeline.inference.answers import answer_greedily
from pipeline.model.decoder import Decoder
from pipeline.statistics.intervals import estimate_mean
from pipeline.text.comparison_keys import answer_key
from pipeline.text.grounded import NOT_IN_PASSAGE, ask_about, best_sentence
from pipeline.tokenizer.chat_template import ChatTokenizer


def select_questions(questions: Sequence[Question], max_questions: int, seed: int) -> list[Question]:
    """Select at most `max_questions`, by a hash of their words and the seed."""
    return sorted(questions, key=lambda question: hash_sort_key(question.question, seed))[:max_questions]


def answer_questions(
    model: Decoder, tokenizer: ChatTokenizer, questions: Sequence[Question], max_new_tokens: int
) -> list[str]:
    """Return a chat model's greedy answer to each question, asked alone or about its passage."""
    conversations = [[{"role": "user", "content": write_prompt(question)}] for question in questions]
    room = min(max_new_tokens, model.context // 2)
    return answer_greedily(model, tokenizer, conversations, max_new_tokens, room)


def write_prompt(question: Question) -> str:
    """Return the message that asks a question."""
    return ask_about(question.passage, question.question) if question.passage else question.question


def is_correct(answer: str, question: Question) -> bool:
    """Tell if `answer` is one of the right ones, as normalized by `answer_key`."""
    return answer_key(answer) in {answer_key(expected) for expected in question.answers}


def holds_answer(text: str, question: Question) -> bool:
    """Tell if a text has one of the right answers in it, from the beginning of a word on.

    An ending may follow, but no digit after a digit: 2 is not in 24.
    """
    key = answer_key(text)
    return any(
        re.search(rf"(?<!\w){re.escape(answer_key(answer))}(?!(?<=\d)\d)", key) for answer in question.answers
    )


def measure_questions(
    model: Decoder, tokenizer: ChatTokenizer, questions: Sequence[Question], max_new_tokens: int
) -> Measured:
    """Measure the share of right answers: of all questions (at least one), by family, and by kind.

    Questions for the same answer of a family, or of a passage, are one cluster.
    """
    answers = answer_questions(model, tokenizer, questions, max_new_tokens)
    right = np.array(
        [is_correct(answer, question) for answer, question in zip(answers, questions, strict=True)]
    )
    items = Items(
        keys=hash_items((write_prompt(question), *question.answers) for question in questions),
        clusters=hash_items((row.passage or row.family, *row.answers) for row in questions),
        scores={"sft": right},
        right={"sft": right},
    )
    figures = {
        **exact_match(items, np.full(len(right), True)),
        "families": exact_match_by_group(items, [question.family for question in questions]),
        "kinds": exact_match_by_group(items, [question.kind for question in questions]),
        **measure_passages(questions, answers, items),
    }
    return Measured(figures, items)


def measure_passages(questions: Sequence[Question], answers: Sequence[str], items: Items) -> dict[str, Any]:
    """Return the figures of the questions about passages that tell the answer; nothing without any.

    `right` is the share that is answered rightly, `false_refusals` the share answered with `NOT_IN_PASSAGE`.
    `best_sentence` is the share in which the sentence with most words in common holds the answer.
    """
    refusal = Question("", (NOT_IN_PASSAGE,), "", "")
    told = [i for i, row in enumerate(questions) if row.passage and not is_correct(NOT_IN_PASSAGE, row)]
    if not told:
        return {}
    mask = np.zeros(len(questions), bool)
    mask[told] = True
    right = exact_match(items, mask)
    sentences = [best_sentence(questions[i].passage, questions[i].question) for i in told]
    holds = [holds_answer(sentence, questions[i]) for i, sentence in zip(told, sentences, strict=True)]
    return {
        "told": {"right": right.pop("exact_match"), **right},
        "false_refusals": float(np.mean([is_correct(answers[i], refusal) for i in told])),
        "best_sentence": float(np.mean(holds)),
    }


def exact_match_by_group(items: Items, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the exact match of every group, sorted by name."""
    groups = np.array([metric_key(name) for name in names])
    return {name: exact_match(items, groups == name) for name in sorted(set(groups.tolist()))}


def exact_match(items: Items, mask: np.ndarray) -> dict[str, float]:
    """Return the share of right answers with its interval, and their number."""
    estimate = estimate_mean(items.right["sft"][mask], items.clusters[mask])
    low, high = estimate.share_interval()
    return {"exact_match": estimate.value, "low": low, "high": high, "n": estimate.n}
