"""Two runs: in which figures they differ by more than chance, and in which params."""

from pipeline.common.errors import UserError
from pipeline.evaluation.compare import Comparison, Line, compare_runs
from pipeline.reporting.data import ITEMS
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.recipe import draw_differences, list_differences
from pipeline.reporting.view import Column, View, code

SOURCE = "compare"


def draw_comparison(view: View) -> Html:
    """Return the differences that `tezgah compare` finds between A and B, and the params that differ."""
    a, b = view.runs
    params = list_differences(a.params, b.params)
    same = view.say_paragraph("Both have the same params.")
    return join(
        element("p", view.say("A is {}, B is {}. A difference is B less A.", code(a.name), code(b.name))),
        draw_items(view),
        draw_differences(view, ["A", "B"], params) if params else same,
    )


def draw_items(view: View) -> Part:
    """Return the figures that differ by more than chance, and all others on a click."""
    a, b = view.runs
    if not a.scores or not b.scores:
        return view.absent(ITEMS)
    try:
        comparison = compare_runs([a.scores], [b.scores])
    except UserError:
        return view.say_paragraph("No task was measured in both.")
    differing = [line for line in comparison.lines if line.verdict == "differ"]
    others = [line for line in comparison.lines if line.verdict != "differ"]
    return [
        draw_lines(view, view.word("Figures that differ by more than chance"), differing)
        if differing
        else view.say_paragraph("No figure differs by more than chance."),
        view.details(
            "Figures that do not differ", draw_lines(view, view.word("Figures that do not differ"), others)
        )
        if others
        else None,
        view.say_paragraph(
            "Interval and p tell how far the items lie apart. p is corrected for the number of lines (Holm)."
            " It is about these two models: for recipes, compare three seeds or more of each with {}.",
            code("tezgah compare"),
            class_="note",
        ),
        draw_missing(view, comparison),
    ]


def draw_missing(view: View, comparison: Comparison) -> Html | None:
    """Return what only one of the runs has measured."""
    missing = [sorted({key.task for key in keys}) for keys in comparison.missing]
    if not any(missing):
        return None
    names = (", ".join(side) or "–" for side in missing)
    return view.say_paragraph("Missing in A: {}; missing in B: {}.", *names, class_="note")


def draw_lines(view: View, caption: str, lines: list[Line]) -> Html:
    """Return a table with a row for each figure."""
    columns = [
        Column("task", False),
        Column("model", False),
        Column("A"),
        Column("B"),
        Column("B − A"),
        Column("95 % interval"),
    ]
    columns += [Column("p"), Column("verdict", False)]
    return view.table(caption, columns, [draw_line(view, line) for line in lines])


def draw_line(view: View, line: Line) -> list[Part]:
    """Return the cells of a figure."""
    source = f"{SOURCE}#{line.key.label}/{line.key.model}"
    cells: list[Part] = ["", "", "", "", ""]
    if line.sides and line.difference:
        cells[:3] = [
            view.number(value, "4", f"{source}/{name}")
            for value, name in (
                (line.sides[0].value, "a"),
                (line.sides[1].value, "b"),
                (line.difference.value, "difference"),
            )
        ]
        if line.interval:
            low, high = (
                view.number(end, "4", f"{source}/{name}")
                for end, name in zip(line.interval, ("low", "high"), strict=True)
            )
            cells[3] = join(low, " … ", high)
        if line.corrected is not None:
            cells[4] = view.number(line.corrected, "p", f"{source}/p")
    return [code(line.key.label), code(line.key.model), *cells, view.word(line.verdict)]
