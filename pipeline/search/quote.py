"""Answers out of documents: the sentence that a question asks for, quoted with its place.

A small model phrases answers worse than the best sentence reads, so quoting is the way
(experiments/passage-questions.md).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.common.errors import UserError
from pipeline.encoder.sentences import split_sentences
from pipeline.search.find import Hit, Index, QueryWord
from pipeline.search.words import find_words, make_key
from pipeline.text.casing import lower

PASSAGES = 5  # of which sentences are compared
# The least share of a question's telling words, by their weights, that a passage must have: chosen by half of
# XQuAD's questions (benchmarks/ask.py).
MIN_COVERAGE = 0.45
ASKS_FOR_NUMBER = re.compile(r"\b(kaç|ne zaman|ne kadar|yüzde|hangi (yıl|tarih))")
# Words that say how something is asked, and tell nothing of what is asked for.
ASKING = """
ne nedir neden niçin niye nasıl nasıldır nere neresi neresidir nerede nerededir nereye nereden kim
kimdir kime kimin kimi kimler kaç kaçta kaçtır kaçıncı hangi hangisi hangisidir hangileri zaman
kadar mi mı mu mü midir mıdır mudur müdür misin mısın ve ile için bir bu şu o da de ki olarak olan
oldu olur var varmıdır lütfen bana söyle söyler anlat
"""
ASKING_KEYS = frozenset(map(make_key, ASKING.split()))
NUMBER_BONUS = 0.2  # for a sentence with a digit, where a number is asked for
NOT_FOUND = "Belgelerde bulamadım."


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage that answers a question."""

    sentence: str
    hit: Hit
    coverage: float  # share of the question's telling words that the passage has, by their weights


def find_quote(index: Index, question: str, hits: list[Hit] | None = None) -> Quote | None:
    """Return the sentence that answers a question best, or None where no passage is near enough.

    `hits` are the passages to look in, the best first; by default those that a search finds. A sentence
    counts what it has of the question's words, rare ones more, and how well its passage was found. Raises
    UserError for a question without a word.
    """
    hits = index.search(question, PASSAGES) if hits is None else hits[:PASSAGES]
    words = index.weigh_words(question)
    telling = [word for word in words if not word.meant & ASKING_KEYS] or words
    asks_for_number = bool(ASKS_FOR_NUMBER.search(lower(question)))
    best, best_score = None, -math.inf
    for hit in hits:
        coverage = share_of(telling, f"{hit.title} {hit.heading} {hit.text}")
        for sentence in split_sentences(hit.text):
            score = share_of(words, sentence) + hit.score / hits[0].score
            score += NUMBER_BONUS * (asks_for_number and any(map(str.isdigit, sentence)))
            if score > best_score:
                best, best_score = Quote(sentence, hit, coverage), score
    return best if best and best.coverage >= MIN_COVERAGE else None


def is_for_documents(index: Index, message: str) -> bool:
    """Tell if a message asks something, or has a word that the documents know: not a greeting, say."""
    if index.knows_word(message):
        return True
    try:
        words = index.weigh_words(message)
    except UserError:
        return False
    return any(word.meant & ASKING_KEYS for word in words)


def share_of(words: Sequence[QueryWord], text: str) -> float:
    """Return the share of words, by their weights, that a text has."""
    keys = {word.key for word in find_words(text)}
    return sum(word.weight for word in words if word.keys & keys) / sum(word.weight for word in words)
