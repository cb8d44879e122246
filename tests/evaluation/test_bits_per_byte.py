import json
import math
import unicodedata
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.eval_sets.readers import Document, read_documents
from pipeline.eval_sets.tasks import EvalTask
from pipeline.evaluation import bits_per_byte
from pipeline.evaluation.bits_per_byte import (
    batch_windows,
    find_mixture_weight,
    measure_bits_per_byte,
    mix_bits,
    score_documents,
    sequence_bits,
    split_windows,
    token_bits,
)


def measure(documents, tokenizer, scorer):
    """Measure one scorer's bits per byte."""
    return measure_bits_per_byte(documents, score_documents(documents, tokenizer, {"base": scorer}))


def one_window_at_a_time(model, ids):
    """The definition, token by token: a first window, then half a window further each time."""
    context, half = model.context, model.context // 2
    bits = 0.0
    for target in range(1, len(ids)):
        start = 0
        while target > start + context:
            start += half
        read = torch.tensor([ids[start:target]])
        logits_V = model(read)[0, -1]
        bits -= float(logits_V.double().log_softmax(-1)[ids[target]]) / math.log(2)
    return bits


@given(st.integers(0, 200), st.integers(1, 40))
def test_split_windows_scores_every_token_but_the_first_once(length, context):
    scored = [t for w in split_windows(length, context) for t in range(w.first, w.stop + 1)]
    assert scored == list(range(1, length))


@given(st.integers(2, 200), st.integers(1, 40))
def test_split_windows_gives_every_token_half_a_window_or_the_start(length, context):
    for window in split_windows(length, context):
        assert window.stop - window.start <= context
        assert window.start == 0 or window.first - window.start >= context / 2
        assert window.first > window.start


@given(st.lists(st.integers(2, 60), max_size=20), st.integers(8, 64))
def test_batch_windows_has_every_window_once_within_max_tokens(lengths, max_tokens):
    work = [w for i, length in enumerate(lengths) for w in split_windows(length, 8, i)]
    made = batch_windows(work, max_tokens)
    assert sorted((w for batch in made for w in batch), key=str) == sorted(work, key=str)
    for batch in made:
        assert len(batch) * max(w.stop - w.start for w in batch) <= max_tokens


def test_bits_per_byte_of_every_version_of_a_text_are_equal(make_decoder, tokenizer, tmp_path):
    model = make_decoder(context=16)
    plain = "Bir gün Iğdır'da güneş açtı.\nÇok güzeldi."
    versions = [
        plain,
        unicodedata.normalize("NFD", plain),
        plain.replace("\n", "\r\n"),
        plain.replace(" ", "\u00a0"),
    ]
    figures = []
    for version in versions:
        (tmp_path / "a.jsonl").write_text(json.dumps({"text": version}), encoding="utf-8")
        documents = read_documents("a", EvalTask(kind="text", path="a.jsonl"), tmp_path)
        figures.append(measure(documents, tokenizer, partial(token_bits, model)).figures)
    assert figures[0]["bytes"] == len(plain.encode())
    assert figures == [figures[0]] * len(versions)


def test_sequence_bits_match_one_window_at_a_time(make_decoder, monkeypatch):
    monkeypatch.setattr(bits_per_byte, "MAX_TOKENS", 30)  # several batches, each with padding
    model = make_decoder(context=8).double()
    random = np.random.default_rng(0)
    sequences = [[1, *random.integers(3, 264, n).tolist(), 2] for n in (0, 1, 5, 6, 7, 8, 11, 12, 13, 30)]
    with torch.no_grad():
        expected = [one_window_at_a_time(model, ids) for ids in sequences]
    np.testing.assert_allclose(sequence_bits(model, sequences), expected, rtol=1e-6)


def test_sequence_bits_do_not_depend_on_the_batch(make_decoder):
    model = make_decoder()
    sequences = [[1, 50, 60, 2], [1, *range(20, 60), 2]]
    together = sequence_bits(model, sequences)
    alone = [sequence_bits(model, [ids])[0] for ids in sequences]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_sequence_bits_of_nothing_are_zero(make_decoder):
    assert sequence_bits(make_decoder(), []).tolist() == []
    assert sequence_bits(make_decoder(), [[1]]).tolist() == [0.0]


def uniform(sequences):
    """A guess that knows nothing: 8 bits a token."""
    return [np.full(len(ids) - 1, 8.0) for ids in sequences]


def test_measure_bits_per_byte_counts_end_tokens_and_utf8_bytes(tokenizer):
    documents = [Document("1", "a", "çğ"), Document("2", "b.c", "12345678")]
    figures, items = measure(documents, tokenizer, uniform)
    assert figures["base"] == pytest.approx(8 * (4 + 1 + 8 + 1) / 12)
    assert items.scores["base"].tolist() == [10.0, 9.0]
    assert (figures["documents"], figures["tokens"], figures["bytes"]) == (2, 14, 12)
    assert figures["sources"]["a"] == {"base": 10.0, "documents": 1, "tokens": 5, "bytes": 4}
    assert figures["sources"]["b_c"]["bytes"] == 8


def test_measure_bits_per_byte_lists_no_single_source(tokenizer):
    figures, _ = measure([Document("1", "a", "x")], tokenizer, uniform)
    assert not {"sources", "low"} & set(figures)


def test_mixture_weight_is_the_best_and_mixing_adds_probabilities():
    random = np.random.default_rng(0)
    ours, theirs = random.uniform(0.01, 1, (2, 500))
    bits = [[-np.log2(p[:200]), -np.log2(p[200:])] for p in (ours, theirs)]
    weight = find_mixture_weight(*bits)
    mixed = np.concatenate(mix_bits(*bits, weight))
    np.testing.assert_allclose(2**-mixed, weight * ours + (1 - weight) * theirs)
    for other in np.linspace(0.01, 0.99, 99):
        assert mixed.sum() <= np.concatenate(mix_bits(*bits, other)).sum() + 1e-6
    assert find_mixture_weight([np.full(3, 1.0)], [np.full(3, 9.0)]) > 0.99
