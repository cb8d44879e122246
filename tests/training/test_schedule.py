"""Learning rates over time."""

from itertools import pairwise

import pytest

from pipeline.training.params import LoopParams
from pipeline.training.schedule import rate


def settings(**changes):
    default = {
        "learning_rate": 1.0,
        "weight_decay": 0.0,
        "warmup_steps": 10,
        "clip": 1.0,
        "precision": "fp32",
        "eval_every": 1,
        "sharding": "none",
        "optimizer": "adamw",
        "matrix_learning_rate": 1.0,
        "momentum": 0.95,
        "beta1": 0.9,
        "beta2": 0.95,
        "schedule": "wsd",
        "decay_fraction": 0.6,
        "final_fraction": 0.0,
    }
    return LoopParams(**{**default, **changes})


@pytest.mark.parametrize("schedule", ["wsd", "cosine", "linear"])
def test_it_warms_up_peaks_once_and_ends_low(schedule):
    rates = [rate(s, 100, settings(schedule=schedule, final_fraction=0.1)) for s in range(101)]
    assert rates[:10] == [pytest.approx((s + 1) / 10) for s in range(10)]
    assert max(rates) == 1.0
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)


def test_wsd_stays_before_it_decays():
    rates = [rate(s, 100, settings(schedule="wsd", decay_fraction=0.4)) for s in range(101)]
    assert set(rates[10:61]) == {1.0}
    assert rates[80] == pytest.approx(0.5)


def test_no_warmup_starts_at_the_top():
    assert rate(0, 10, settings(warmup_steps=0)) == 1.0
