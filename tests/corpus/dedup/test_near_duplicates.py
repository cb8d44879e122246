"""Near-copies are found whatever was changed in them, and nothing else is."""

import random

import numpy as np
import pytest

from pipeline.corpus.dedup.minhash import NONE, folded_words, signatures
from pipeline.corpus.dedup.near_duplicates import connected, groups, near_copies
from pipeline.corpus.filters.text_batch import LaidOut

WORDS = [
    f"{a}{b}"
    for a in ("kara", "su", "dağ", "yol", "göl", "ışık", "İz")
    for b in ("lar", "da", "dan", "ı", "cık")
]


def made(rng, length=200):
    return [rng.choice(WORDS) + rng.choice(["", "ki", "dır", "mış"]) for _ in range(length)]


def marks(texts):
    return signatures(folded_words(LaidOut(texts))).T


def grouped(texts, alive=None):
    half = len(texts) // 2
    both = marks(texts[:half]), marks(texts[half:])
    alive = np.ones(len(texts), bool) if alive is None else alive
    return groups([lambda part=part: part for part in both], alive)


def gone(texts, group, alive=None):
    sizes = np.array([len(text.encode()) for text in texts])
    alive = np.ones(len(texts), bool) if alive is None else alive
    return near_copies(group, sizes, alive).tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda words, rng: " ".join(word if rng.random() > 0.1 else "başka" for word in words),
        lambda words, rng: "\n".join([" ".join(words[100:]), " ".join(words[:100])]),
        lambda words, rng: " ".join(words).upper(),
        lambda words, rng: ", ".join(words).replace("ı", "i").replace("ğ", "g").replace("ş", "s"),
    ],
)
def test_a_changed_copy_gives_way_to_the_longest(change):
    rng = random.Random(1)
    originals = [made(rng) for _ in range(30)]
    texts = [" ".join(words) for words in originals]
    copies = [change(words, rng) for words in originals]
    group = grouped([*texts, *copies])
    assert group.tolist() == [*range(30), *range(30)]
    found = gone([*texts, *copies], group)
    for number, (text, copy) in enumerate(zip(texts, copies, strict=True)):
        longer = len(copy.encode()) > len(text.encode())
        assert (found[number], found[number + 30]) == (longer, not longer)


def test_other_texts_stay_and_so_do_short_ones():
    rng = random.Random(2)
    texts = [" ".join(made(rng)) for _ in range(60)] + ["iki söz"] * 4
    assert grouped(texts).tolist() == list(range(64))


def test_what_is_gone_already_takes_nothing_with_it():
    text = " ".join(made(random.Random(3)))
    texts = [text, text + " son", text]
    group = grouped(texts)
    assert group.tolist() == [0, 0, 0]
    assert gone(texts, group) == [True, False, True]
    assert gone(texts, group, np.array([True, False, True])) == [False, False, True]
    assert grouped(texts, np.array([True, False, True])).tolist() == [0, 1, 0]


def test_signatures_agree_as_far_as_runs_of_words_do():
    rng = random.Random(4)
    words = made(rng, 2000)
    other = words[:1000] + made(rng, 1000)
    one, two = (marks([" ".join(text)])[:112, 0] for text in (words, other))
    runs = [{tuple(text[at : at + 5]) for at in range(1996)} for text in (words, other)]
    share = len(runs[0] & runs[1]) / len(runs[0] | runs[1])
    assert abs((one == two).mean() - share) < 0.12
    assert (marks(["bir iki üç dört"]) == NONE).all()


def test_connected_groups_take_their_lowest_number():
    pairs = np.array([[5, 1], [1, 7], [2, 3], [9, 8], [8, 2]])
    assert connected(pairs, 10).tolist() == [0, 1, 2, 2, 4, 1, 6, 1, 2, 2]
    chain = np.stack([np.arange(999), np.arange(1, 1000)], axis=1)
    assert not connected(np.random.default_rng(0).permutation(chain), 1000).any()
    assert connected(np.empty((0, 2), int), 3).tolist() == [0, 1, 2]
