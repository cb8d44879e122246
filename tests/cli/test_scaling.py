"""The scaling law: its fit, its uncertainty and what follows from it."""

import numpy as np
import pytest

from pipeline.cli.scaling import (
    RUNS,
    UNIQUE_MEGABYTES,
    ScalingLaw,
    effective_bytes,
    fit_law,
    is_within_runs,
    log_bits,
    scaling_law,
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


@pytest.mark.parametrize("parameters", [1e6, 1e7, 1e8])
def test_optimal_bytes_minimize_bits_at_equal_operations(parameters):
    law = scaling_law()
    text = law.optimal_bytes(parameters)
    best = law.bits_per_byte(parameters, text)
    for more in (0.8, 1.25):  # more of one and less of the other, for as many operations
        assert law.bits_per_byte(parameters * more, text / more) > best


def test_scaling_law_is_within_one_and_a_half_percent_of_every_run():
    for parameters, text, measured in RUNS:
        predicted = scaling_law().bits_per_byte(
            parameters * 1e6, effective_bytes(UNIQUE_MEGABYTES, text) * 1e6
        )
        assert predicted == pytest.approx(measured, rel=0.015)


def test_is_within_runs_covers_the_measured_range():
    assert is_within_runs(3e6, 40e6)
    assert not is_within_runs(134e6, 40e6)
    assert not is_within_runs(3e6, 10e9)


def test_effective_bytes_of_repeated_text_grow_less_and_less():
    assert effective_bytes(100, 40) == 40
    assert effective_bytes(100, 100) == 100
    assert 185 < effective_bytes(100, 200) < 200
    assert effective_bytes(100, 4000) < effective_bytes(100, 400000) < 100 * 16.5
