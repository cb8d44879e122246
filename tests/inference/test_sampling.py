import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.sampling import (
    Sampling,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    make_generators,
    penalize_seen,
    sample_tokens,
)

LOGITS = torch.tensor([[1.0, 3.0, 2.0, 0.0], [0.0, 0.0, 5.0, 5.0]])
scores = st.lists(st.lists(st.floats(-20, 20, width=32), min_size=6, max_size=6), min_size=1, max_size=4)


def test_sample_tokens_greedy_takes_the_first_of_the_highest():
    assert sample_tokens(LOGITS, make_generators(0, [0, 1])) == [1, 2]


def test_keep_top_k_keeps_exactly_k():
    assert keep_top_k(LOGITS, 2).isfinite().tolist() == [
        [False, True, True, False],
        [False, False, True, True],
    ]
    assert keep_top_k(torch.zeros(1, 4), 3).isfinite().tolist() == [[True, True, True, False]]
    assert torch.equal(keep_top_k(LOGITS, 0), LOGITS)
    assert torch.equal(keep_top_k(LOGITS, 9), LOGITS)


def test_keep_top_p_worked_by_hand():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    for p, kept in [(0.4, 1), (0.7, 2), (0.9, 3), (0.97, 4), (1.0, 4)]:
        assert keep_top_p(logits, p).isfinite().sum() == kept


@given(scores, st.floats(0.01, 0.99))
def test_keep_top_p_is_the_smallest_likely_enough_set(rows, p):
    logits = torch.tensor(rows)
    kept = keep_top_p(logits, p).isfinite()
    probs = logits.double().softmax(-1)
    for row in range(len(rows)):
        inside = probs[row][kept[row]]
        assert inside.sum() >= p - 1e-9
        assert len(inside) == 1 or inside.sum() - inside.min() < p + 1e-9
        assert not (~kept[row]).any() or probs[row][~kept[row]].max() <= inside.min()


@given(scores, st.integers(1, 6), st.floats(0.05, 1), st.floats(0.01, 5), st.integers(0, 2**31))
def test_sample_tokens_draws_from_the_top_k(rows, k, p, temperature, seed):
    logits = torch.tensor(rows)
    tokens = sample_tokens(
        logits, make_generators(seed, range(len(rows))), Sampling(temperature, top_k=k, top_p=p)
    )
    for row, token in enumerate(tokens):
        assert (logits[row] > logits[row, token]).sum() < k


def test_sample_tokens_follows_the_probabilities():
    logits = torch.tensor([[0.7, 0.2, 0.1]]).log().expand(4000, 3)
    tokens = torch.tensor(sample_tokens(logits, make_generators(7, range(4000)), Sampling(1.0)))
    shares = torch.bincount(tokens, minlength=3) / 4000
    assert torch.allclose(shares, torch.tensor([0.7, 0.2, 0.1]), atol=0.03)


def test_sample_tokens_row_draws_the_same_alone_and_in_a_batch():
    logits = torch.randn(5, 50, generator=torch.Generator().manual_seed(1))
    batch = sample_tokens(logits, make_generators(3, range(5)), Sampling(1.0))
    alone = [sample_tokens(logits[r : r + 1], make_generators(3, [r]), Sampling(1.0))[0] for r in range(5)]
    assert batch == alone


def test_make_generators_depends_on_seed_and_row():
    logits = torch.zeros(1, 100_000)
    tokens = {
        sample_tokens(logits, make_generators(s, [r]), Sampling(1.0))[0] for s in range(4) for r in range(4)
    }
    assert len(tokens) == 16


def test_sample_tokens_tiny_temperature_is_nearly_greedy():
    assert sample_tokens(LOGITS[:1] * 100, make_generators(0, [0]), Sampling(1e-6)) == [1]


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


def test_keep_min_p_worked_by_hand():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    for p, kept in [(0.0, 4), (0.09, 4), (0.11, 3), (0.5, 2), (0.7, 1), (1.0, 1)]:
        assert keep_min_p(logits, p).isfinite().sum() == kept


@given(scores, st.floats(1.01, 5))
def test_penalize_seen_lowers_seen_ids_alone(rows, penalty):
    logits = torch.tensor(rows)
    lowered = penalize_seen(logits, [{0, 2}] * len(rows), penalty)
    assert (lowered[:, [0, 2]] <= logits[:, [0, 2]]).all()
    assert torch.equal(lowered[:, [1, 3, 4, 5]], logits[:, [1, 3, 4, 5]])
    assert torch.equal(penalize_seen(logits, [], 1.0), logits)


def test_keep_min_p_and_penalize_seen_match_transformers():
    from transformers import MinPLogitsWarper, RepetitionPenaltyLogitsProcessor

    logits = torch.randn(3, 40, generator=torch.Generator().manual_seed(3)) * 3
    assert torch.equal(keep_min_p(logits, 0.2), MinPLogitsWarper(0.2)(None, logits.clone()))
    seen_ids = torch.tensor([[1, 2, 3], [7, 7, 9], [0, 39, 20]])
    theirs = RepetitionPenaltyLogitsProcessor(1.3)(seen_ids, logits.clone())
    assert torch.allclose(penalize_seen(logits, [set(row) for row in seen_ids.tolist()], 1.3), theirs)
