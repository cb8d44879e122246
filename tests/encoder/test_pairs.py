import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encoder import pairs


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
def test_make_pair_spans_are_whole_words_and_do_not_overlap(text, uniforms, max_tokens):
    query, document = pairs.make_pair(text, uniforms, encode, max_tokens)
    words = text.split()
    first, second = (query, document) if uniforms[3] < 0.5 else (document, query)
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
        assert len(encode(span)) <= max_tokens or len(span.split()) == 1


@given(documents, uniform)
def test_make_pair_spans_have_min_words_when_tokens_allow(text, uniforms):
    assert all(
        len(span.split()) >= pairs.MIN_WORDS for span in pairs.make_pair(text, uniforms, encode, 10_000)
    )


def test_sample_documents_counts_short_texts():
    short, long = (
        "yedi kelime iki parçaya hiçbir zaman yetmez",
        "sekiz kelime dörder dörder iki parçaya tam yeter",
    )
    sample = pairs.sample_documents([short, long, short], 10, seed=1)
    assert sample == ([long], 1, 2)


@given(st.integers(4, 200), st.integers(1, 30), st.integers(0, 2**32))
def test_batch_documents_reads_each_document_at_most_once_an_epoch(documents, batch_size, seed):
    batch_size = min(batch_size, documents)
    per_epoch = documents // batch_size
    for epoch in range(2):
        read = [
            pairs.batch_documents(seed, epoch * per_epoch + step, documents, batch_size)
            for step in range(per_epoch)
        ]
        assert all(len(rows) == batch_size for rows in read)
        assert len(np.unique(np.concatenate(read))) == per_epoch * batch_size


def test_batch_pairs_epochs_differ_and_steps_need_no_order():
    texts = [f"belge {i} " + " ".join(f"k{i}s{j}" for j in range(30)) for i in range(20)]
    batches = [pairs.batch_pairs(texts, 7, step, 10, encode, 16) for step in range(4)]
    assert batches[0] != batches[2]
    assert pairs.batch_pairs(texts, 7, 3, 10, encode, 16) == batches[3]
    assert pairs.batch_pairs(texts, 8, 3, 10, encode, 16) != batches[3]


def test_batch_pairs_row_does_not_depend_on_batch_size():
    texts = ["bir iki üç dört beş altı yedi sekiz dokuz on on bir on iki"] * 40
    first_rows = pairs.batch_pairs(texts, 7, 0, 4, encode, 16)
    assert pairs.batch_pairs(texts, 7, 0, 40, encode, 16)[:4] == first_rows


def test_sample_documents_samples_uniformly():
    texts = (f"{i} bir iki üç dört beş altı yedi sekiz" for i in range(2000))
    sample = pairs.sample_documents(texts, 200, seed=3)
    assert len(sample.texts) == len(set(sample.texts)) == 200
    assert sample.usable_count == 2000
    numbers = [int(text.split()[0]) for text in sample.texts]
    assert 800 < np.mean(numbers) < 1200


def test_sample_held_out_pairs_repeats_no_string():
    same = "hep aynı dört kelime hep aynı dört kelime"
    texts = [same] * 5 + [" ".join(f"{word}{i}" for word in "abcçdefgğh") for i in range(20)]
    pool = pairs.sample_held_out_pairs(texts, 100, 5, encode, 20)
    strings = [text for pair in pool for text in pair]
    assert len(strings) == len(set(strings)) == 40
    assert pairs.sample_held_out_pairs(texts, 7, 5, encode, 20) == pool[:7]
