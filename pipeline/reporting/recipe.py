"""The params of the run, and how to make it again."""

from typing import Any

from pipeline.common.paths import PARAMS_FILE
from pipeline.reporting.data import Run, flatten
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import Column, View, code

UNSET = "—"


def write_value(value: Any) -> str:
    """Return a value as params.yaml writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def list_differences(ours: Any, theirs: Any) -> list[tuple[str, str, str]]:
    """Return the keys whose values differ, each with both values."""
    left, right = flatten(ours), flatten(theirs)
    keys = [*left, *(key for key in right if key not in left)]
    return [
        (key, write_value(left.get(key, UNSET)), write_value(right.get(key, UNSET)))
        for key in keys
        if key not in left or key not in right or left[key] != right[key]
    ]


def draw_differences(view: View, heads: list[str], rows: list[tuple[str, str, str]]) -> Html:
    """Return a table of params that differ."""
    columns = [Column("param", False), *(Column(head, False) for head in heads)]
    return view.table(
        view.word("Params that differ"), columns, [[code(key), code(a), code(b)] for key, a, b in rows]
    )


def draw_params(view: View) -> Html:
    """Return the params that differ from the default, or from those of the other run, and all of them."""
    if not view.run.params:
        return element(
            "p",
            view.say("{} is missing, or lacks what is shown here.", code(str(PARAMS_FILE))),
            class_="absent",
        )
    parts: list[Part] = []
    default = view.extras.default_params
    if default is None:
        parts.append(
            view.say_paragraph(
                "Which of them differ from the default: {} tells, as it can ask git.",
                code("tezgah report --open"),
                class_="note",
            )
        )
    else:
        known = {key: value for key, value in default.items() if key in view.run.params}
        rows = list_differences(known, view.run.params)
        no_difference = view.say_paragraph("Every param has its default value.")
        parts.append(draw_differences(view, ["default value", "this run"], rows) if rows else no_difference)
    return join(parts, view.sides(lambda run: draw_all_params(view, run)))


def draw_all_params(view: View, run: Run) -> Html:
    """Return all params of a run as a table."""
    rows = [[code(key), code(write_value(value))] for key, value in flatten(run.params).items()]
    table = view.table(view.word("All params"), [Column("param", False), Column("value", False)], rows)
    return view.details("All params", table)


def draw_reproduction(view: View) -> Html:
    """Return the commands that make the run again, with its commit, its lock file and its seed."""
    extras = view.extras
    seed = view.run.params.get("seed")
    facts = [
        (view.word("commit"), extras.commit),
        (view.say("hash of {}", "dvc.lock"), extras.lock),
        (view.word("seed of the run"), "" if seed is None else str(seed)),
    ]
    told = [element("div", element("dt", name), element("dd", code(value))) for name, value in facts if value]
    commands = [f"git checkout {extras.commit}"] if extras.commit else []
    commands += ["make install", "dvc repro", "tezgah report --open"]
    return join(
        element("dl", told, class_="facts") if told else None,
        element("pre", element("code", "\n".join(commands)), tabindex=0),
        view.say_paragraph(
            "The same commit, params and files give the same models on the same kind of machine, and the"
            " same page from the same models."
        ),
        None
        if extras.commit
        else view.say_paragraph(
            "Commit and lock file are not part of this file, which is the same wherever the run is the same."
            " {} adds them.",
            code("tezgah report --open"),
            class_="note",
        ),
    )
