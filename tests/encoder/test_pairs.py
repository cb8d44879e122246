import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encoder import pairs as spans


def encode(text):
    """A token for every two letters of a word and the space before it."""
    return [0 for word in re.findall(r" [^ \n]*|\n|[^ \n]+", text) for _ in range(-(-len(word) // 2))]


documents = st.lists(st.text("abcçğıİö.,", min_size=1, max_size=9), min_size=8, max_size=200).flatmap(
    lambda words: st.lists(st.sampled_from([" ", "\n", "  "]), min_size=len(words), max_size=len(words)).map(
        lambda gaps: "".join(word + gap for word, gap in zip(words, gaps, strict=True))
    )
)
uniform = st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4).map(np.array)


@given(documents, uniform, st.integers(8, 60))
def test_a_pair_is_two_spans_of_whole_words_that_do_not_overlap(text, draws, most):
    query, document = spans.pair(text, draws, encode, most)
    words = text.split()
    first, second = (query, document) if draws[3] < 0.5 else (document, query)
    assert any(
        words[i : i + len(first.split())] == first.split()
        and any(
            words[j : j + len(second.split())] == second.split()
            for j in range(i + len(first.split()), len(words))
        )
        for i in range(len(words))
    )
    for span in (first, second):
        assert span == span.strip()
        assert len(encode(span)) <= most or len(span.split()) == 1


@given(documents, uniform)
def test_both_spans_have_enough_words_when_tokens_allow(text, draws):
    assert all(len(span.split()) >= spans.MIN_WORDS for span in spans.pair(text, draws, encode, 10_000))


def test_a_text_of_few_words_is_too_short_and_counted():
    short, long = (
        "yedi kelime iki parçaya hiçbir zaman yetmez",
        "sekiz kelime dörder dörder iki parçaya tam yeter",
    )
    chosen = spans.choose_documents([short, long, short], 10, seed=1)
    assert chosen == ([long], 1, 2)


@given(st.integers(4, 200), st.integers(1, 30), st.integers(0, 2**32))
def test_an_epoch_reads_every_document_at_most_once(documents, batch_size, seed):
    batch_size = min(batch_size, documents)
    per_epoch = documents // batch_size
    for epoch in range(2):
        read = [
            spans.batch_documents(seed, epoch * per_epoch + step, documents, batch_size)
            for step in range(per_epoch)
        ]
        assert all(len(rows) == batch_size for rows in read)
        assert len(np.unique(np.concatenate(read))) == per_epoch * batch_size


def test_epochs_differ_and_steps_can_be_read_in_any_order():
    texts = [f"belge {i} " + " ".join(f"k{i}s{j}" for j in range(30)) for i in range(20)]
    batches = [spans.batch_pairs(texts, 7, step, 10, encode, 16) for step in range(4)]
    assert batches[0] != batches[2]
    assert spans.batch_pairs(texts, 7, 3, 10, encode, 16) == batches[3]
    assert spans.batch_pairs(texts, 8, 3, 10, encode, 16) != batches[3]


def test_a_row_does_not_depend_on_how_many_rows_there_are():
    texts = ["bir iki üç dört beş altı yedi sekiz dokuz on on bir on iki"] * 40
    few = spans.batch_pairs(texts, 7, 0, 4, encode, 16)
    assert spans.batch_pairs(texts, 7, 0, 40, encode, 16)[:4] == few


def test_more_documents_than_training_reads_are_sampled_evenly():
    texts = (f"{i} bir iki üç dört beş altı yedi sekiz" for i in range(2000))
    chosen = spans.choose_documents(texts, 200, seed=3)
    assert len(chosen.texts) == len(set(chosen.texts)) == 200
    assert chosen.long_enough == 2000
    numbers = [int(text.split()[0]) for text in chosen.texts]
    assert 800 < np.mean(numbers) < 1200


def test_no_string_occurs_twice_in_the_held_out_pool():
    same = "hep aynı dört kelime hep aynı dört kelime"
    texts = [same] * 5 + [" ".join(f"{word}{i}" for word in "abcçdefgğh") for i in range(20)]
    pool = spans.held_out_pairs(texts, 100, 5, encode, 20)
    strings = [text for pair in pool for text in pair]
    assert len(strings) == len(set(strings)) == 40
    assert spans.held_out_pairs(texts, 7, 5, encode, 20) == pool[:7]
