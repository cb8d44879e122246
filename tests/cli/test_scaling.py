"""The law finds what made the figures, and says what follows from it."""

import numpy as np
import pytest

from pipeline.cli.scaling import RUNS, THERE, Law, fitted, law, log_bits, measured, worth

LOGS = np.log([1.5, 0.25, 2.5, 0.18, 3.0])
SIZES, TEXTS = (grid.ravel() for grid in np.meshgrid([1.0, 3.0, 10.0, 30.0], [5.0, 20.0, 80.0, 300.0]))


@pytest.fixture
def bits():
    return np.exp(log_bits(LOGS, SIZES, TEXTS))


def test_a_fit_finds_the_law_that_made_the_figures(bits):
    found = fitted(SIZES, TEXTS, bits)
    assert found.logs == pytest.approx(LOGS, abs=1e-4)
    assert found.deviation < 1e-6


def test_the_error_covers_the_truth_and_grows_away_from_the_runs(bits):
    noise = np.random.default_rng(0).normal(1, 0.01, len(bits))
    found = fitted(SIZES, TEXTS, bits * noise)
    near, far = (10e6, 80e6), (200e6, 20e9)
    truth = Law(LOGS, np.zeros((5, 5)), 0.0)
    for place in (near, far):
        assert found.bits_per_byte(*place) == pytest.approx(
            truth.bits_per_byte(*place), rel=found.error(*place)
        )
    assert 0.01 < found.error(*near) < found.error(*far)


@pytest.mark.parametrize("parameters", [1e6, 1e7, 1e8])
def test_at_what_a_model_deserves_neither_more_weights_nor_more_text_are_better(parameters):
    found = law()
    text = found.deserved(parameters)
    best = found.bits_per_byte(parameters, text)
    for more in (0.8, 1.25):  # of one at the cost of the other, for as many operations
        assert found.bits_per_byte(parameters * more, text / more) > best


def test_the_law_misses_no_measured_run_by_more_than_a_hundredth_and_a_half():
    for parameters, text, reached in RUNS:
        found = law().bits_per_byte(parameters * 1e6, worth(THERE, text) * 1e6)
        assert found == pytest.approx(reached, rel=0.015)


def test_how_far_the_runs_reach():
    assert measured(3e6, 40e6)
    assert not measured(134e6, 40e6)
    assert not measured(3e6, 10e9)


def test_text_read_again_is_worth_less_and_less():
    assert worth(100, 40) == 40
    assert worth(100, 100) == 100
    assert 185 < worth(100, 200) < 200
    assert worth(100, 4000) < worth(100, 400000) < 100 * 16.5
