"""Learning rate schedules."""

from itertools import pairwise

import pytest

from pipeline.training.schedule import lr_multiplier
from tests.helpers.factories import loop_params


def warmup_params(**changes):
    return loop_params(**{"warmup_steps": 10} | changes)


@pytest.mark.parametrize("schedule", ["wsd", "cosine", "linear"])
def test_lr_multiplier_warms_up_peaks_once_and_ends_low(schedule):
    multipliers = [
        lr_multiplier(s, 100, warmup_params(schedule=schedule, final_fraction=0.1)) for s in range(101)
    ]
    assert multipliers[:10] == [pytest.approx((s + 1) / 10) for s in range(10)]
    assert max(multipliers) == 1.0
    assert all(a >= b for a, b in pairwise(multipliers[10:]))
    assert multipliers[100] == pytest.approx(0.1)


def test_lr_multiplier_of_wsd_is_constant_before_the_decay():
    multipliers = [
        lr_multiplier(s, 100, warmup_params(schedule="wsd", decay_fraction=0.4)) for s in range(101)
    ]
    assert set(multipliers[10:61]) == {1.0}
    assert multipliers[80] == pytest.approx(0.5)


def test_lr_multiplier_without_warmup_starts_at_the_peak():
    assert lr_multiplier(0, 10, warmup_params(warmup_steps=0)) == 1.0
