import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.sampling import (
    Sampling,
    describe_choice,
    find_candidates,
    make_generator,
    penalize_seen,
    sample_token,
)

LOGITS = np.array([1.0, 3.0, 2.0, 0.0], np.float32)
HALVES = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
scores = st.lists(st.floats(-20, 20, width=32), min_size=6, max_size=6).map(
    lambda row: np.array(row, np.float32)
)


def kept(logits, **options):
    return sorted(find_candidates(logits, Sampling(**{"temperature": 1.0} | options))[0].tolist())


def test_sample_token_greedy_takes_the_first_of_the_highest():
    assert sample_token(LOGITS, make_generator(0, 0)) == 1
    assert sample_token(np.array([0, 0, 5, 5], np.float32), make_generator(0, 0)) == 2


def test_find_candidates_keeps_exactly_the_top_k():
    assert kept(LOGITS, top_k=2) == [1, 2]
    assert kept(np.zeros(4, np.float32), top_k=3) == [0, 1, 2]
    assert kept(LOGITS) == kept(LOGITS, top_k=9) == [0, 1, 2, 3]


def test_find_candidates_nucleus_worked_by_hand():
    for p, count in [(0.4, 1), (0.7, 2), (0.9, 3), (0.97, 4), (1.0, 4)]:
        assert kept(HALVES, top_p=p) == list(range(count))
    assert kept(np.zeros(4, np.float32), top_p=0.5) == [0, 1]  # of equal ones the lower ids


def test_find_candidates_min_p_worked_by_hand():
    for p, count in [(0.0, 4), (0.09, 4), (0.11, 3), (0.5, 2), (0.7, 1), (1.0, 1)]:
        assert kept(HALVES, min_p=p) == list(range(count))
    assert kept(HALVES, min_p=0.11, top_p=0.97) == [0, 1, 2]  # both cuts are of the whole distribution
    assert kept(HALVES, min_p=0.09, top_p=0.7) == [0, 1]


@given(scores, st.floats(0.01, 0.99))
def test_find_candidates_nucleus_is_the_smallest_likely_enough_set(logits, p):
    ids = kept(logits, top_p=p)
    probs = torch.tensor(logits).double().softmax(-1).numpy()
    inside, outside = probs[ids], np.delete(probs, ids)
    assert inside.sum() >= p - 1e-9
    assert len(inside) == 1 or inside.sum() - inside.min() < p + 1e-9
    assert not len(outside) or outside.max() <= inside.min()


def test_find_candidates_nucleus_of_many_unlikely_tokens():
    logits = np.full(200_000, -12.0, np.float32)
    logits[7] = 0.0  # has 0.45 of the probability; each of the others is less than LIKELY as likely
    ids = kept(logits, top_p=0.9)
    probs = torch.tensor(logits).double().softmax(-1).numpy()
    assert 7 in ids
    assert abs(probs[ids].sum() - 0.9) < 1e-5


@given(scores, st.integers(1, 6), st.floats(0.05, 1), st.floats(0.01, 5), st.integers(0, 2**31))
def test_sample_token_draws_from_the_top_k(logits, k, p, temperature, seed):
    token = sample_token(logits, make_generator(seed, 0), Sampling(temperature, top_k=k, top_p=p))
    assert (logits > logits[token]).sum() < k


def test_sample_token_follows_the_probabilities():
    logits = np.log(np.array([0.7, 0.2, 0.1]))
    tokens = [sample_token(logits, make_generator(7, row), Sampling(1.0)) for row in range(4000)]
    np.testing.assert_allclose(np.bincount(tokens, minlength=3) / 4000, [0.7, 0.2, 0.1], atol=0.03)


def test_sample_token_never_draws_what_is_impossible():
    class Highest:
        def random(self):
            return 1 - 2**-53

    logits = np.array([0.0, 1.0, -np.inf, -np.inf])
    assert sample_token(logits, Highest(), Sampling(1.0)) == 1


def test_make_generator_depends_on_seed_and_row():
    logits = np.zeros(100_000)
    tokens = {sample_token(logits, make_generator(s, r), Sampling(1.0)) for s in range(4) for r in range(4)}
    assert len(tokens) == 16


def test_sample_token_tiny_temperature_is_nearly_greedy():
    assert sample_token(LOGITS * 100, make_generator(0, 0), Sampling(1e-6)) == 1


@pytest.mark.parametrize(
    "invalid",
    [
        {"temperature": -1.0}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0.0},
        {"min_p": 1.5}, {"repetition_penalty": 0.0},
    ],
)  # fmt: skip
def test_sampling_out_of_range_raises(invalid):
    with pytest.raises(ValueError, match=next(iter(invalid))):
        Sampling(**invalid)


@given(scores, st.floats(1.01, 5))
def test_penalize_seen_lowers_seen_ids_alone(logits, penalty):
    lowered = penalize_seen(logits, {0, 2}, penalty)
    assert (lowered[[0, 2]] <= logits[[0, 2]]).all()
    assert np.array_equal(lowered[[1, 3, 4, 5]], logits[[1, 3, 4, 5]])
    assert np.array_equal(penalize_seen(logits, [], 1.0), logits)


def test_candidates_and_penalty_match_transformers():
    from transformers import (
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = torch.randn(1, 40, generator=torch.Generator().manual_seed(3)) * 3
    for options, warper in [
        ({"min_p": 0.2}, MinPLogitsWarper(0.2)),
        ({"top_k": 7}, TopKLogitsWarper(7)),
        ({"top_p": 0.8}, TopPLogitsWarper(0.8)),
    ]:
        expected = warper(None, logits.clone())[0].isfinite().nonzero()[:, 0].tolist()
        assert kept(logits[0].numpy(), **options) == expected
    seen_ids = torch.tensor([[1, 2, 3]])
    expected = RepetitionPenaltyLogitsProcessor(1.3)(seen_ids, logits.clone())[0]
    np.testing.assert_allclose(penalize_seen(logits[0].numpy(), {1, 2, 3}, 1.3), expected.numpy(), rtol=1e-6)


def test_describe_choice_worked_by_hand():
    choice = describe_choice(HALVES, 2, 2)
    assert math.isclose(choice.logprob, math.log(0.15), rel_tol=1e-5)
    assert [token for token, _ in choice.likeliest] == [0, 1]
    assert math.isclose(choice.likeliest[1][1], math.log(0.3), rel_tol=1e-5)
    assert describe_choice(HALVES, 0, 0).likeliest == []
    assert [token for token, _ in describe_choice(HALVES, 0, 9).likeliest] == [0, 1, 2, 3]
