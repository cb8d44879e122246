"""Charts: points where their values are, labels apart, curves thinned."""

from itertools import pairwise

import pytest

from pipeline.reporting.charts import (
    LABEL_SPACE,
    MAX_POINTS,
    Key,
    Mark,
    Row,
    Series,
    draw_curves,
    draw_marks,
    find_ticks,
    spread_labels,
    thin,
    tick_digits,
)
from pipeline.reporting.markup import element, join
from pipeline.reporting.view import Extras, View

VIEW = View([], Extras(), "en")


def test_long_curve_is_thinned_and_keeps_its_ends():
    curve = [(step, 1.0) for step in range(1, 10_001)]
    thinned = thin(curve)
    assert len(thinned) == MAX_POINTS
    assert (thinned[0], thinned[-1]) == (curve[0], curve[-1])
    assert thin(curve[:5]) == curve[:5]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.3, 2.1, [0.2, 0.5, 1, 2, 5]),
        (1, 1, [1]),
        (0.88, 41.7, [0.5, 1, 2, 5, 10, 20, 50]),
        (200, 210, [200, 500]),
    ],
)
def test_ticks_are_round_and_hold_the_values(low, high, ticks):
    assert find_ticks(low, high) == pytest.approx(ticks)


def test_ticks_have_the_digits_that_they_need():
    assert [tick_digits(tick) for tick in (0.05, 0.2, 1, 50)] == ["2", "1", "0", "0"]


@pytest.mark.parametrize("places", [[0.9, 0.91, 0.92], [0.5, 0.1], [1.0, 1.0], [0.3]])
def test_labels_do_not_cover_each_other(places):
    moved = spread_labels(places)
    ordered = sorted(moved)
    assert all(b - a >= LABEL_SPACE - 1e-9 for a, b in pairwise(ordered))
    assert max(moved) <= 1 + 1e-9


def test_curve_stands_where_its_values_are():
    series = [Series("loss", [(0, 10.0), (50, 0.0), (100, 1.0)], 1)]
    drawn = draw_curves(VIEW, "c", "Loss", "nats", series, "file.tsv")
    assert 'points="0.0,0.0 1000.0,1000.0"' in drawn  # a value that has no logarithm is left out
    assert "<title" in drawn


def test_one_point_is_a_curve():
    assert "polyline" in draw_curves(VIEW, "c", "Loss", "nats", [Series("loss", [(5, 2.0)], 1)], "file.tsv")


def test_marks_stand_at_their_share_of_the_axis():
    rows = [Row("a", [Mark(0.5, "dot", 1, 0.4, 3.0)], "half")]
    drawn = draw_marks(VIEW, "m", "Shares", rows, [Key("model", "dot", 1)], limit=2.0)
    assert 'x1="20.00%" x2="100.00%"' in drawn
    assert 'x="25.00%"' in drawn


def test_element_escapes_all_but_html():
    assert element("p", "<b>", class_='"') == '<p class="&quot;">&lt;b&gt;</p>'
    assert join("<", element("b", "x"), None, ["&", ["y"]]) == "&lt;<b>x</b>&amp;y"
    assert element("svg", viewBox="0", aria_hidden="true", open=True, id=None) == (
        '<svg viewBox="0" aria-hidden="true" open></svg>'
    )
