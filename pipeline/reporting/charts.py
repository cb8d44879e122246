"""Charts as small SVG without a library: curves over steps, and rows of marks with their intervals.

Colors and dashes are classes of page.css. Positions are shares of the width, and all words are HTML beside
the SVG, so a chart is as wide as its place, and its words are as large as those of the text.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pipeline.reporting.data import Curve
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import View

MAX_POINTS = 200  # of a drawn curve
TABLE_POINTS = 12  # of a curve's table
LABEL_SPACE = 0.085  # between the names at the ends of curves, of the height
SIZE = 1000  # of the drawing's own coordinates
SHAPES = {
    "dot": "M-5.5,0a5.5,5.5 0 1 0 11,0a5.5,5.5 0 1 0 -11,0z",
    "diamond": "M0,-6L6,0L0,6L-6,0z",
    "cross": "M-4.5,-4.5L4.5,4.5M-4.5,4.5L4.5,-4.5",
    "square": "M-4.5,-4.5h9v9h-9z",
    "guide": "M0,-7V7",
}


class Series(NamedTuple):
    """A curve, or a level that others are compared with."""

    label: str
    curve: Curve
    style: int  # color and dashes
    is_level: bool = False


class Mark(NamedTuple):
    """A mark in a row."""

    value: float
    shape: str
    style: int
    low: float | None = None
    high: float | None = None
    y: str = "50%"  # of the row's height


class Row(NamedTuple):
    """A line of a chart of marks: its name, its marks, and its figures as text."""

    label: Part
    marks: Sequence[Mark]
    figures: Part


class Key(NamedTuple):
    """What a mark of a chart means."""

    label: str
    shape: str
    style: int


def thin(curve: Curve, most: int = MAX_POINTS) -> Curve:
    """Return at most `most` points of a curve, evenly spaced, with its first and its last."""
    if len(curve) <= most:
        return curve
    return [curve[round(i * (len(curve) - 1) / (most - 1))] for i in range(most)]


def find_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from below `low` to above `high` for a logarithmic axis: 1, 2, 5, 10, …"""
    steps = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
    ]
    first = max((i for i, step in enumerate(steps) if step <= low), default=0)
    last = min((i for i, step in enumerate(steps) if step >= high), default=len(steps) - 1)
    return steps[first : last + 1]


def spread_labels(places: Sequence[float]) -> list[float]:
    """Return places from 0 to 1 moved as far apart as labels need, in their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + LABEL_SPACE)
    lowest = 1.0
    for i in reversed(order):  # those that were moved out at the bottom come up again
        moved[i] = min(moved[i], lowest)
        lowest = moved[i] - LABEL_SPACE
    return moved


def draw_curves(view: View, id: str, title: str, unit: str, series: Sequence[Series], source: str) -> Html:
    """Return a chart of positive curves over steps with a logarithmic axis, and a name at each one's end."""
    drawn = [each._replace(curve=[point for point in each.curve if point[1] > 0]) for each in series]
    drawn = [each for each in drawn if each.curve]
    values = [value for each in drawn for _, value in each.curve]
    last_step = max(step for each in drawn for step, _ in each.curve) or 1
    ticks = find_ticks(min(values), max(values))
    bottom, top = math.log(ticks[0]), math.log(ticks[-1])

    def place(value: float) -> float:
        """Return how far below the top a value stands, of the height."""
        return 1 - (math.log(value) - bottom) / (top - bottom or 1)

    def points(curve: Curve) -> str:
        return " ".join(f"{SIZE * step / last_step:.1f},{SIZE * place(value):.1f}" for step, value in curve)

    grid = [
        element("line", x1=0, x2=SIZE, y1=f"{SIZE * place(tick):.1f}", y2=f"{SIZE * place(tick):.1f}")
        for tick in ticks
    ]
    lines = [
        element(
            "polyline",
            points=points(thin(each.curve)),
            class_=f"line s{each.style}{' level' if each.is_level else ''}",
        )
        for each in drawn
    ]
    ends = spread_labels([place(each.curve[-1][1]) for each in drawn])
    steps = [0, last_step // 2, last_step]
    names = ", ".join(each.label for each in drawn)
    drawing = element(
        "svg",
        element("title", title, id=f"{id}-title"),
        element("desc", f"{unit}: {names}", id=f"{id}-desc"),
        element("g", grid, class_="grid"),
        lines,
        viewBox=f"0 0 {SIZE} {SIZE}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"{id}-title {id}-desc",
        data_source=source,
    )
    plot = element(
        "div",
        place_labels(
            "y", [(view.quantity(tick, tick_digits(tick)), at(place(tick)), None) for tick in ticks]
        ),
        drawing,
        place_labels(
            "ends", [(each.label, at(end), f"s{each.style}") for each, end in zip(drawn, ends, strict=True)]
        ),
        place_labels(
            "x", [(view.quantity(step, "count"), at(step / last_step, "left"), None) for step in steps]
        ),
        class_="plot",
    )
    caption = element("strong", title), " ", element("span", unit, class_="unit")
    return element("figure", element("figcaption", caption), plot, class_="chart", id=id)


def place_labels(side: str, labels: Sequence[tuple[str, str, str | None]]) -> Html:
    """Return the words at a side of a chart: each with its place and its class."""
    spans = [element("span", text, style=place, class_=name) for text, place, name in labels]
    return element("div", spans, class_=side, aria_hidden="true")


def at(share: float, side: str = "top") -> str:
    """Return the CSS of a place in a chart."""
    return f"{side}:{100 * share:.2f}%"


def tick_digits(tick: float) -> str:
    """Return how many digits after the point a number of an axis needs."""
    return str(max(0, -math.floor(math.log10(tick))))


def draw_shape(shape: str, style: int, x: str = "50%", y: str = "50%") -> Html:
    """Return a mark of a chart."""
    path = element("path", d=SHAPES[shape], class_=f"mark s{style} {shape}")
    return element("svg", path, x=x, y=y, class_="shape")


def draw_marks(
    view: View,
    id: str,
    title: Part,
    rows: Sequence[Row],
    keys: Sequence[Key],
    limit: float = 1.0,
    guide: float | None = None,
    axis: str = "percent",
) -> Html:
    """Return a chart with a row of marks for each of `rows`, from 0 to `limit`, and a line at `guide`."""

    def percent(value: float) -> str:
        return f"{100 * min(max(value / limit, 0), 1):.2f}%"

    def draw_row(row: Row) -> Html:
        marks = []
        for mark in row.marks:
            if mark.low is not None and mark.high is not None:
                ends = {"x1": percent(mark.low), "x2": percent(mark.high)}
                marks.append(element("line", **ends, y1=mark.y, y2=mark.y, class_=f"range s{mark.style}"))
        marks += [draw_shape(mark.shape, mark.style, percent(mark.value), mark.y) for mark in row.marks[::-1]]
        lines = [element("line", x1=0, x2="100%", y1="50%", y2="50%", class_="track")]
        if guide is not None:
            lines.append(
                element("line", x1=percent(guide), x2=percent(guide), y1=0, y2="100%", class_="guide")
            )
        return element(
            "li",
            element("span", row.label, class_="label"),
            element("svg", lines, marks, class_="marks", aria_hidden="true"),
            element("span", row.figures, class_="figures"),
        )

    legend = [
        element("li", element("svg", draw_shape(key.shape, key.style), aria_hidden="true"), " ", key.label)
        for key in keys
    ]
    ends = [element("span", view.quantity(limit * share, axis)) for share in (0, 0.5, 1)]
    return element(
        "figure",
        element("figcaption", element("strong", title), element("ul", legend, class_="legend")),
        element("ul", map(draw_row, rows), class_="rows"),
        element("div", element("span", ends), class_="axis", aria_hidden="true"),
        class_="chart",
        id=id,
    )


def draw_bars(id: str, title: str, rows: Sequence[tuple[Part, float, Part]]) -> Html:
    """Return a chart of bars from 0 on: a name, its value, and its figures as text."""
    limit = max((value for _, value, _ in rows), default=0) or 1
    bars = [
        element(
            "li",
            element("span", label, class_="label"),
            element(
                "svg",
                element(
                    "rect", x=0, y="20%", height="60%", width=f"{100 * value / limit:.2f}%", class_="bar"
                ),
                class_="marks",
                aria_hidden="true",
            ),
            element("span", figures, class_="figures"),
        )
        for label, value, figures in rows
    ]
    caption = element("figcaption", element("strong", title))
    return join(element("figure", caption, element("ul", bars, class_="rows"), class_="chart", id=id))
