"""How the page says things: sentences in its language, and figures that name the file they come from."""

import string
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.common.i18n import load_catalog
from pipeline.common.paths import REPORTS
from pipeline.reporting.data import Run
from pipeline.reporting.markup import Html, Part, element, escape, join

METRICS = "metrics.json"
NOT_MEASURED = "—"
LEAST_P = 0.001  # that is told
TURKISH = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Extras:
    """What no declared file of `evaluate` says. Each of it may be missing."""

    seconds: Mapping[str, float] = field(default_factory=dict)  # by stage
    memory_gib: Mapping[str, float] = field(default_factory=dict)  # by stage
    states: Mapping[str, str] = field(default_factory=dict)  # why a stage is stale, by stage
    rebuilt: Collection[str] | None = None  # stages that ran in the last `dvc repro`; none: not known
    machine: str = ""
    cost: str = ""
    commit: str = ""
    lock: str = ""  # hash of dvc.lock
    default_params: Mapping[str, Any] | None = None


class Column(NamedTuple):
    """A column of a table."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class View:
    """What the sections draw: one run or two, with the page's language."""

    runs: Sequence[Run]  # two: A, with which it is compared, and B
    extras: Extras
    lang: str

    @property
    def run(self) -> Run:
        """The run that the page is about."""
        return self.runs[-1]

    def word(self, english: str) -> str:
        """Return a label or sentence in the page's language."""
        return load_catalog().get(english, english) if self.lang == "tr" else english

    def name(self, key: str) -> str:
        """Return a key of a metrics file as words."""
        return self.word(key.replace("_", " "))

    def say(self, template: str, *values: Part) -> Html:
        """Return a sentence in the page's language with `values` in place of each {}, or of {0}, {1}."""
        in_order = iter(values)
        parts: list[Part] = []
        for text, number, *_ in string.Formatter().parse(self.word(template)):
            parts.append(text)
            if number is not None:
                parts.append(values[int(number)] if number else next(in_order))
        return join(parts)

    def say_paragraph(self, template: str, *values: Part, class_: str | None = None) -> Html:
        """Return a sentence as a paragraph."""
        return element("p", self.say(template, *values), class_=class_)

    def absent(self, file: str) -> Html:
        """Return the paragraph that stands where a file is missing or lacks what is shown there."""
        path = element("code", f"{REPORTS}/{file}")
        return self.say_paragraph("{} is missing, or lacks what is shown here.", path, class_="absent")

    def quantity(self, value: float, kind: str) -> str:
        """Return a number as text. `kind`: percent, points, millions, count, p, or a number of digits."""
        if kind in ("percent", "points"):
            text = f"{100 * value:.1f}".removesuffix(".0")
        elif kind == "millions":
            text = f"{value / 1e6:,.1f}"
        elif kind == "p":
            text = f"{value:.3f}" if value >= LEAST_P else f"<{LEAST_P}"
        elif kind == "count":
            text = f"{value:,.0f}"
        else:
            text = f"{value:,.{kind}f}"
        is_turkish = self.lang == "tr"
        text = text.translate(TURKISH) if is_turkish else text
        if kind == "percent":
            text = f"%{text}" if is_turkish else f"{text} %"
        return text

    def number(self, value: float, kind: str, source: str, **attributes: object) -> Html:
        """Return a number with the place that it comes from, which tests compare it with."""
        text = self.quantity(value, kind)
        return element("data", text, value=value, data_source=source, data_as=kind, **attributes)

    def figure(self, stage: str, path: str, kind: str = "3", run: Run | None = None) -> Html:
        """Return a figure of a stage's metrics; a dash where there is none."""
        run = run or self.run
        value = run.value(stage, path)
        if value is None:
            return element("span", NOT_MEASURED, title=self.word("not measured"))
        return self.number(
            value, kind, f"{REPORTS}/{stage}/{METRICS}#{path}", data_run=self.side(run) or None
        )

    def interval(self, stage: str, path: str, kind: str = "percent", run: Run | None = None) -> Html | None:
        """Return the bounds `low` and `high` under a path; None where it has none."""
        run = run or self.run
        if run.value(stage, f"{path}.low") is None or run.value(stage, f"{path}.high") is None:
            return None
        kinds = [kind, kind]
        if kind == "percent":  # one sign for both
            kinds = ["percent", "points"] if self.lang == "tr" else ["points", "percent"]
        low, high = (
            self.figure(stage, f"{path}.{end}", of_end, run)
            for end, of_end in zip(("low", "high"), kinds, strict=True)
        )
        return element("span", low, "–", high, class_="interval")

    def sides(self, draw: Callable[[Run], Part]) -> Html:
        """Return what `draw` makes of the run; of two runs, both in columns under their names."""
        if len(self.runs) == 1:
            return join(draw(self.run))
        drawn = [join(draw(run)) for run in self.runs]
        if not any(drawn):
            return Html()
        columns = [
            element("div", element("p", label, class_="side"), part)
            for label, part in zip(self.labels, drawn, strict=True)
        ]
        return element("div", columns, class_="sides")

    def side(self, run: Run) -> str:
        """Return the letter of a run, A or B; nothing for one alone."""
        if len(self.runs) == 1:
            return ""
        return "A" if run is self.runs[0] else "B"

    def style(self, run: Run) -> int:
        """Return the color and dashes of a run's first curve; its second has the next."""
        return 3 if self.side(run) == "A" else 1

    @property
    def labels(self) -> list[str]:
        """What the runs are called; nothing for one alone."""
        if len(self.runs) == 1:
            return [""]
        return [f"{letter}: {run.name}" for letter, run in zip("AB", self.runs, strict=True)]

    def table(self, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Part]]) -> Html:
        """Return a table whose first column names its rows. It scrolls by itself where it is too wide."""
        head = [
            element("th", self.word(column.title), scope="col", class_="number" if column.is_number else None)
            for column in columns
        ]
        body = [
            element(
                "tr",
                element("th", first, scope="row"),
                [
                    element("td", cell, class_="number" if column.is_number else None)
                    for column, cell in zip(columns[1:], cells, strict=True)
                ],
            )
            for first, *cells in rows
        ]
        return element(
            "div",
            element(
                "table",
                element("caption", caption),
                element("thead", element("tr", head)),
                element("tbody", body),
            ),
            class_="scroll",
            role="group",
            tabindex=0,
            aria_label=caption,
        )

    def details(self, summary: str, *parts: Part) -> Html:
        """Return what is shown on a click."""
        return element("details", element("summary", self.word(summary)), parts)

    def quote(self, text: str, **attributes: object) -> Html:
        """Return Turkish text of the corpus or of a model, every line a paragraph."""
        lines = [element("p", line) for line in text.split("\n") if line.strip()]
        return element("blockquote", lines or element("p", self.word("(nothing)")), lang="tr", **attributes)


def code(text: str) -> Html:
    """Return a name of a key, a file or a command."""
    return element("code", escape(text))
