"""Near-duplicates are found whatever was changed in them, and nothing else is."""

import random

import numpy as np
import pytest

from pipeline.overlap.minhash import NO_SIGNATURE, folded_words, minhash_signatures
from pipeline.overlap.near_duplicates import (
    connected_components,
    find_near_duplicates,
    group_near_duplicates,
)
from pipeline.overlap.text_batch import TextBatch

WORDS = [
    f"{a}{b}"
    for a in ("kara", "su", "dağ", "yol", "göl", "ışık", "İz")
    for b in ("lar", "da", "dan", "ı", "cık")
]


def random_words(rng, length=200):
    return [rng.choice(WORDS) + rng.choice(["", "ki", "dır", "mış"]) for _ in range(length)]


def part_signatures(texts):
    return minhash_signatures(folded_words(TextBatch(texts))).T


def group_texts(texts, kept=None):
    half = len(texts) // 2
    parts = part_signatures(texts[:half]), part_signatures(texts[half:])
    kept = np.ones(len(texts), bool) if kept is None else kept
    return group_near_duplicates([lambda part=part: part for part in parts], kept)


def removed_mask(texts, group, kept=None):
    sizes = np.array([len(text.encode()) for text in texts])
    kept = np.ones(len(texts), bool) if kept is None else kept
    return find_near_duplicates(group, sizes, kept).tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda words, rng: " ".join(word if rng.random() > 0.1 else "başka" for word in words),
        lambda words, rng: "\n".join([" ".join(words[100:]), " ".join(words[:100])]),
        lambda words, rng: " ".join(words).upper(),
        lambda words, rng: ", ".join(words).replace("ı", "i").replace("ğ", "g").replace("ş", "s"),
    ],
)
def test_find_near_duplicates_keeps_longest_of_changed_copies(change):
    rng = random.Random(1)
    originals = [random_words(rng) for _ in range(30)]
    texts = [" ".join(words) for words in originals]
    copies = [change(words, rng) for words in originals]
    group = group_texts([*texts, *copies])
    assert group.tolist() == [*range(30), *range(30)]
    is_removed = removed_mask([*texts, *copies], group)
    for number, (text, copy) in enumerate(zip(texts, copies, strict=True)):
        longer = len(copy.encode()) > len(text.encode())
        assert (is_removed[number], is_removed[number + 30]) == (longer, not longer)


def test_group_near_duplicates_leaves_other_and_short_texts_alone():
    rng = random.Random(2)
    texts = [" ".join(random_words(rng)) for _ in range(60)] + ["iki söz"] * 4
    assert group_texts(texts).tolist() == list(range(64))


def test_find_near_duplicates_ignores_removed_documents():
    text = " ".join(random_words(random.Random(3)))
    texts = [text, text + " son", text]
    group = group_texts(texts)
    assert group.tolist() == [0, 0, 0]
    assert removed_mask(texts, group) == [True, False, True]
    assert removed_mask(texts, group, np.array([True, False, True])) == [False, False, True]
    assert group_texts(texts, np.array([True, False, True])).tolist() == [0, 1, 0]


def test_minhash_signatures_estimate_ngram_overlap():
    rng = random.Random(4)
    words = random_words(rng, 2000)
    other = words[:1000] + random_words(rng, 1000)
    one, two = (part_signatures([" ".join(text)])[:112, 0] for text in (words, other))
    ngrams = [{tuple(text[i : i + 5]) for i in range(1996)} for text in (words, other)]
    share = len(ngrams[0] & ngrams[1]) / len(ngrams[0] | ngrams[1])
    assert abs((one == two).mean() - share) < 0.12
    assert (part_signatures(["bir iki üç dört"]) == NO_SIGNATURE).all()


def test_connected_components_take_their_lowest_node():
    pairs = np.array([[5, 1], [1, 7], [2, 3], [9, 8], [8, 2]])
    assert connected_components(pairs, 10).tolist() == [0, 1, 2, 2, 4, 1, 6, 1, 2, 2]
    chain = np.stack([np.arange(999), np.arange(1, 1000)], axis=1)
    assert not connected_components(np.random.default_rng(0).permutation(chain), 1000).any()
    assert connected_components(np.empty((0, 2), int), 3).tolist() == [0, 1, 2]
