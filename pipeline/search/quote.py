"""Answers out of documents: the sentence that a question asks for, quoted with its place.

A small model phrases answers worse than the best sentence reads (EXPERIMENTS.md), so quoting is the way.
"""

import math
import re
from dataclasses import dataclass

from pipeline.encoder.sentences import split_sentences
from pipeline.search.find import Hit, Index
from pipeline.search.words import find_words
from pipeline.text.casing import lower

PASSAGES = 5  # of which sentences are compared
# The least share of a question's words, by their weights, that a passage must have. Of XQuAD's questions
# 0.09 are refused so whose passage is there, and 0.65 whose passage was taken out (benchmarks/ask.py).
MIN_COVERAGE = 0.35
ASKS_FOR_NUMBER = re.compile(r"\b(kaç|ne zaman|ne kadar|yüzde|hangi (yıl|tarih))")
NUMBER_BONUS = 0.2  # for a sentence with a digit, where a number is asked for
NOT_FOUND = "Belgelerde bulamadım."


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage that answers a question."""

    sentence: str
    hit: Hit
    coverage: float  # share of the question's words that the passage has, by their weights


def find_quote(index: Index, question: str, hits: list[Hit] | None = None) -> Quote | None:
    """Return the sentence that answers a question best, or None where no passage is near enough.

    `hits` are the passages to look in, the best first; by default those that a search finds. A sentence
    counts what it has of the question's words, rare ones more, and how well its passage was found. Raises
    UserError for a question without a word.
    """
    hits = index.search(question, PASSAGES) if hits is None else hits[:PASSAGES]
    weights = index.weigh_words(question)
    asks_for_number = bool(ASKS_FOR_NUMBER.search(lower(question)))
    best, best_score = None, -math.inf
    for hit in hits:
        coverage = share_of(weights, hit.text)
        for sentence in split_sentences(hit.text):
            score = share_of(weights, sentence) + hit.score / hits[0].score
            score += NUMBER_BONUS * (asks_for_number and any(map(str.isdigit, sentence)))
            if score > best_score:
                best, best_score = Quote(sentence, hit, coverage), score
    return best if best and best.coverage >= MIN_COVERAGE else None


def share_of(weights: dict[str, float], text: str) -> float:
    """Return the share of the weights whose keys a text has."""
    keys = {word.key for word in find_words(text)}
    return sum(weight for key, weight in weights.items() if key in keys) / sum(weights.values())
