"""Documents that repeat themselves, against the same rule step by step on one text."""

import random
from collections import Counter

import pytest

from pipeline.corpus.filters.repetition import (
    MAX_DUPLICATE_LINES,
    MAX_DUPLICATE_NGRAMS,
    MAX_TOP_NGRAM,
    is_repetitive,
)
from pipeline.overlap.text_batch import TextBatch


def is_repetitive_by_hand(text: str) -> bool:
    """Apply the same rule step by step to one text."""
    lines = text.split("\n")
    if sum(count - 1 for count in Counter(lines).values()) > MAX_DUPLICATE_LINES * len(lines):
        return True
    batch = TextBatch([text])
    spans = zip(batch.words.starts, batch.words.stops, strict=True)
    words = [text[start:stop] for start, stop in spans]
    for n, limit in MAX_TOP_NGRAM.items():
        grams = [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]
        if grams:
            gram, times = Counter(grams).most_common(1)[0]
            if len(gram) * times > limit * len(text):
                return True
    for n, limit in MAX_DUPLICATE_NGRAMS.items():
        at = repeated = 0
        seen = set()
        while at < len(words) - n + 1:
            gram = tuple(words[at : at + n])
            if gram in seen:
                repeated += len("".join(gram))
                at += n
            else:
                seen.add(gram)
                at += 1
        if repeated > limit * len(text):
            return True
    return False


def repeating_texts(seed):
    """Yield texts of a few words and lines over and over, near the limits."""
    rng = random.Random(seed)
    for _ in range(40):
        words = [f"kelime{number}" for number in range(rng.choice([3, 12, 60, 400]))]
        runs = [rng.sample(words, min(len(words), rng.randrange(2, 14))) for _ in range(8)]
        lines = []
        for _ in range(rng.randrange(1, 12)):
            line = [rng.choice(words) for _ in range(rng.randrange(1, 40))]
            if rng.random() < 0.3:
                line += rng.choice(runs)
            lines.append(" ".join(line))
        lines += rng.choices(lines, k=rng.randrange(0, 5))
        rng.shuffle(lines)
        yield "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_is_repetitive_of_a_batch_matches_each_text(seed):
    texts = list(repeating_texts(seed))
    flags = is_repetitive(TextBatch(texts)).tolist()
    assert flags == [is_repetitive_by_hand(text) for text in texts]
    assert any(flags)
    assert not all(flags)
