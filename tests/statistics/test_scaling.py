"""The scaling law: its fit, its uncertainty and what follows from it."""

import numpy as np
import pytest

from benchmarks.scaling import RUNS, UNIQUE_MEGABYTES, fit_law, law_of_runs, unseen_factor
from pipeline.statistics.scaling import (
    LAW,
    RUN_BYTES,
    RUN_PARAMETERS,
    ScalingLaw,
    effective_bytes,
    gradient,
    is_within_runs,
    log_bits,
)

LOGS = np.log([1.5, 0.25, 2.5, 0.18, 3.0])
SIZES, TEXTS = (grid.ravel() for grid in np.meshgrid([1.0, 3.0, 10.0, 30.0], [5.0, 20.0, 80.0, 300.0]))


@pytest.fixture
def bits():
    return np.exp(log_bits(LOGS, SIZES, TEXTS))


def test_fit_law_recovers_the_law_of_its_data(bits):
    law = fit_law(SIZES, TEXTS, bits)
    assert law.logs == pytest.approx(LOGS, abs=1e-4)
    assert law.deviation < 1e-6


def test_relative_error_covers_the_truth_and_grows_away_from_the_runs(bits):
    noise = np.random.default_rng(0).normal(1, 0.01, len(bits))
    law = fit_law(SIZES, TEXTS, bits * noise)
    near, far = (10e6, 80e6), (200e6, 20e9)
    truth = ScalingLaw(LOGS, np.zeros((5, 5)), 0.0)
    for run in (near, far):
        assert law.bits_per_byte(*run) == pytest.approx(
            truth.bits_per_byte(*run), rel=law.relative_error(*run)
        )
    assert 0.01 < law.relative_error(*near) < law.relative_error(*far)


def test_gradient_is_the_slope_of_log_bits():
    steps = 1e-6 * np.eye(5)
    rises = [log_bits(LOGS + step, SIZES, TEXTS) - log_bits(LOGS - step, SIZES, TEXTS) for step in steps]
    assert gradient(LOGS, SIZES, TEXTS) == pytest.approx(np.stack(rises, axis=1) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("parameters", [1e6, 1e7, 1e8])
def test_optimal_bytes_minimize_bits_at_equal_operations(parameters):
    law = LAW
    text = law.optimal_bytes(parameters)
    best = law.bits_per_byte(parameters, text)
    for more in (0.8, 1.25):  # more of one and less of the other, for as many operations
        assert law.bits_per_byte(parameters * more, text / more) > best


def test_law_is_the_fit_of_the_benchmarks_runs():
    fitted = law_of_runs()
    assert pytest.approx(fitted.logs, rel=1e-6) == LAW.logs
    assert pytest.approx(fitted.covariance, rel=1e-5) == LAW.covariance
    assert pytest.approx(fitted.deviation, rel=1e-6) == LAW.deviation
    ranges = list(zip(RUNS.min(axis=0), RUNS.max(axis=0), strict=True))
    assert ranges[:2] == [RUN_PARAMETERS, RUN_BYTES]


def test_scaling_law_is_within_one_and_a_half_percent_of_every_run():
    for parameters, text, measured in RUNS:
        predicted = LAW.bits_per_byte(parameters * 1e6, effective_bytes(UNIQUE_MEGABYTES, text) * 1e6)
        assert predicted == pytest.approx(measured, rel=0.015)


def test_law_times_one_factor_predicts_runs_that_it_has_not_seen():
    factor, misses = unseen_factor(LAW)
    assert factor == pytest.approx(0.967, abs=5e-4)
    assert max(map(abs, misses)) < 0.013
    assert sorted(map(abs, misses))[-2] < 0.01


def test_is_within_runs_covers_the_measured_range():
    assert is_within_runs(3e6, 40e6)
    assert not is_within_runs(134e6, 40e6)
    assert not is_within_runs(3e6, 10e9)


def test_effective_bytes_of_repeated_text_grow_less_and_less():
    assert effective_bytes(100, 40) == 40
    assert effective_bytes(100, 100) == 100
    assert 185 < effective_bytes(100, 200) < 200
    assert effective_bytes(100, 4000) < effective_bytes(100, 400000) < 100 * 16.5
