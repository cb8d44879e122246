from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ngrams.counting import train_ngram_model

A, B, END = 4, 5, 2
TOY = np.array([1, A, B, END, 1, A, A, B, END], dtype=np.uint16)  # "a b" and "a a b"
HALF = (0.5, 0.5, 0.5)


def next_token(model, *context):
    """p [V] of every token after `context`, which begins with <s>."""
    rows = np.array([[*context, w] for w in range(model.vocab_size)])
    p = model.probabilities(rows.ravel()).reshape(rows.shape)[:, -1].copy()
    p[1] = p[0]  # <s> is never asked for, but keeps the share of any unseen token
    return p


def test_train_ngram_model_unigrams_match_hand_calculation():
    # 7 tokens besides <s>: a 3 times, b 2, </s> 2. Discounts free 3 x 0.5 / 7, shared by 6 tokens.
    p = next_token(train_ngram_model(TOY, 6, 1, HALF), 1)
    shared = 1.5 / 7 / 6
    assert p == pytest.approx([shared, shared, 1.5 / 7 + shared, shared, 2.5 / 7 + shared, 1.5 / 7 + shared])


def test_train_ngram_model_bigrams_match_hand_calculation():
    model = train_ngram_model(TOY, 6, 2, HALF)
    # Below: a stands after 2 different tokens (<s>, a), b after 1, </s> after 1; 1.5 / 4 is shared by 6.
    below = {A: 1.5 / 4 + 0.0625, B: 0.5 / 4 + 0.0625, END: 0.5 / 4 + 0.0625, 0: 0.0625}
    # After a: b twice, a once; so 2 x 0.5 / 3 goes below.
    after_a = next_token(model, 1, A)
    assert after_a[B] == pytest.approx(1.5 / 3 + below[B] / 3)
    assert after_a[A] == pytest.approx(0.5 / 3 + below[A] / 3)
    assert after_a[END] == pytest.approx(below[END] / 3)
    assert after_a[0] == pytest.approx(below[0] / 3)
    assert next_token(model, 1)[A] == pytest.approx(1.5 / 2 + 0.25 * below[A])


def test_train_ngram_model_trigrams_match_hand_calculation():
    model = train_ngram_model(TOY, 6, 3, HALF)
    # Two tokens below the top count what stands before them: (a b) after <s> and a; (b </s>) after a;
    # (a a) after <s>. Only (<s> a), which nothing can precede, keeps its plain count of 2.
    end_after_b = 0.5 + 0.5 * 0.1875
    b_after_a, a_after_a = 1.5 / 3 + 0.1875 / 3, 0.5 / 3 + 0.4375 / 3
    steps = [
        1.5 / 2 + 0.25 * 0.4375,  # a after <s>
        0.5 / 2 + 0.5 * a_after_a,  # a after <s> a
        0.5 / 1 + 0.5 * b_after_a,  # b after a a
        1.5 / 2 + 0.25 * end_after_b,  # </s> after a b
    ]
    assert model.probabilities(np.array([1, A, A, B, END]))[1:] == pytest.approx(steps)
    assert model.sequence_bits([[1, A, A, B, END]]) == pytest.approx(-np.log2(steps).sum())


def reference(stream, vocab_size, order, discounts):
    """The same model with dictionaries, for streams of a few tokens: p(w | context)."""
    documents = [[1, *words] for words in "".join(map(chr, stream)).split(chr(1))[1:]]
    documents = [[1, *map(ord, words[1:])] for words in documents]
    plain = [
        Counter(tuple(d[i - n : i]) for d in documents for i in range(n, len(d) + 1) if n > 1 or i > 1)
        for n in range(1, order + 1)
    ]
    counts = []
    for n in range(1, order + 1):
        if n == order:
            counts.append(plain[n - 1])
            continue
        before = Counter(gram[1:] for gram in plain[n])
        counts.append({gram: plain[n - 1][gram] if gram[0] == 1 else before[gram] for gram in plain[n - 1]})
    followers = [defaultdict(list) for _ in range(order)]
    for n in range(order):
        for gram, count in counts[n].items():
            followers[n][gram[:-1]].append(count)

    def p(word, context):
        context = tuple(context)[len(context) - order + 1 :] if len(context) >= order else tuple(context)
        n = len(context)
        lower = p(word, context[1:]) if n else 1 / vocab_size
        if context not in followers[n]:
            return lower
        seen = followers[n][context]
        count = counts[n].get((*context, word), 0)
        own = count - discounts[min(count, 3) - 1] if count else 0
        return (own + sum(discounts[min(c, 3) - 1] for c in seen) * lower) / sum(seen)

    return p


streams = st.lists(st.lists(st.integers(2, 6), max_size=12), min_size=1, max_size=6).map(
    lambda documents: np.array([token for d in documents for token in [1, *d]], dtype=np.uint16)
)


@settings(deadline=None, max_examples=60)
@given(streams, streams, st.integers(1, 5))
def test_probabilities_match_a_dictionary_model(text, held_out, order):
    discounts = (0.4, 0.9, 1.3)
    model = train_ngram_model(text, 7, order, discounts)
    p = reference(text, 7, order, discounts)
    start, expected = 0, []
    for i, token in enumerate(held_out):
        start = i if token == 1 else start
        expected.append(1.0 if token == 1 else p(int(token), held_out[start:i].tolist()))
    assert model.probabilities(held_out) == pytest.approx(expected, rel=1e-5)


@settings(deadline=None, max_examples=30)
@given(streams, st.lists(st.integers(2, 6), max_size=6), st.integers(1, 5))
def test_probabilities_of_the_next_token_sum_to_1(text, context, order):
    model = train_ngram_model(text, 7, order)
    assert next_token(model, 1, *context).sum() == pytest.approx(1, abs=1e-5)
    assert next_token(model, 1, *context).min() > 0


def test_ngrams_do_not_cross_documents():
    model = train_ngram_model(np.array([1, A, END, 1, B, END]), 6, 2, HALF)
    # b is never seen after </s>: what follows it is the plain distribution of single tokens.
    assert next_token(model, 1, END) == pytest.approx(next_token(model, 1, 0))


def test_train_ngram_model_keys_fit_the_largest_vocabulary():
    random = np.random.default_rng(0)
    stream = random.integers(2, 65_536, 3000).astype(np.uint16)
    stream[::50] = 1
    model = train_ngram_model(stream, 65_536, 5)
    p = model.probabilities(stream)
    assert p[stream != 1].mean() > 0.3  # its own text is no surprise
    assert p.max() <= 1 + 1e-6


def test_train_ngram_model_refuses_a_stream_that_begins_no_document():
    with pytest.raises(ValueError, match="<s>"):
        train_ngram_model(np.array([4, 5]), 6, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(4, 8), max_size=6), min_size=1, max_size=6), st.integers(1, 5))
def test_predict_next_matches_probabilities(documents, order):
    stream = np.concatenate([[1, *document, END] for document in documents]).astype(np.uint16)
    model = train_ngram_model(stream, 10, order)
    for context in ([1], [1, *documents[0]], [1, 8, 7, 6, 5, 4, 4]):
        following = model.predict_next(context).p
        every = [w for w in range(10) if w != 1]  # <s> never follows
        assert following[every] == pytest.approx(next_token(model, *context)[every], rel=1e-4)
