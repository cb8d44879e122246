"""Question answering by exact match: greedy answers of a chat model, compared as Turkish folds them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.splits import hash_order
from pipeline.inference.generate import crop, generate
from pipeline.model.decoder import Decoder
from pipeline.text.normalize import answer_key
from pipeline.tokenizer.chat_template import END, prompt_ids
from pipeline.tokenizer.tokenizer import EOS, Tokenizer


def chosen_questions(questions: Sequence[Question], most: int, seed: int) -> list[Question]:
    """At most `most` questions, chosen by a hash of their words and the seed."""
    return sorted(questions, key=lambda question: hash_order(question.question, seed))[:most]


def greedy_answers(
    model: Decoder, tokenizer: Tokenizer, questions: Sequence[str], max_new_tokens: int
) -> list[str]:
    """The likeliest answer of a chat model to each question, asked alone.

    The beginning of a question too long for the model's context is dropped.
    """
    room = min(max_new_tokens, model.context // 2)
    prompts = [
        crop(prompt_ids(tokenizer, [{"role": "user", "content": question}]), model.context, room)
        for question in questions
    ]
    answers = generate(model, prompts, max_new_tokens=max_new_tokens, stop_ids={EOS, END})
    return [tokenizer.decode(ids).strip() for ids in answers]


def is_right(answer: str, question: Question) -> bool:
    """Whether `answer` is one of the right ones, up to what `answer_key` folds."""
    return answer_key(answer) in {answer_key(right) for right in question.answers}


def measure(
    model: Decoder, tokenizer: Tokenizer, questions: Sequence[Question], max_new_tokens: int
) -> dict[str, Any]:
    """Share of right answers: of all questions (at least one), by family, and by kind."""
    answers = greedy_answers(model, tokenizer, [each.question for each in questions], max_new_tokens)
    right = [is_right(answer, question) for answer, question in zip(answers, questions, strict=True)]
    return {
        **share(right),
        "families": grouped(right, [question.family for question in questions]),
        "kinds": grouped(right, [question.kind for question in questions]),
    }


def grouped(right: Sequence[bool], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The share of every group, in order of name."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for hit, name in zip(right, names, strict=True):
        groups[metric_key(name)].append(hit)
    return {name: share(groups[name]) for name in sorted(groups)}


def share(right: Sequence[bool]) -> dict[str, float]:
    """Exact match and of how many."""
    return {"exact_match": sum(right) / len(right), "n": len(right)}
