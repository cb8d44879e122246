"""How the model learned: its losses, and its bits per byte beside n-grams and the scaling law."""

from typing import NamedTuple

from pipeline.common.paths import REPORTS
from pipeline.reporting.charts import TABLE_POINTS, Key, Mark, Row, Series, draw_curves, draw_marks, thin
from pipeline.reporting.data import Curve, Run
from pipeline.reporting.evaluation import draw_contamination
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import METRICS, Column, View, code
from pipeline.statistics import scaling

CURVES = "{}/live/plots/metrics/{}.tsv"
OVER_STEPS = "nats a token, over optimizer steps"
TRAININGS = {
    "train_base": ("Pretraining: loss", OVER_STEPS),
    "train_sft": ("Tuning on conversations: loss", OVER_STEPS),
    "train_encoder": ("Encoder: loss", "nats a pair of texts, over optimizer steps"),
}
LOSSES = {"train_loss": "training", "val_loss": "validation"}
MODELS = {
    "base": "the network",
    "with_counts": "the network with its counts",
    "mixture": "the network mixed with the 5-gram",
    "counts": "its counts alone",
    "kneser_ney_5": "5-gram",
    "bigram": "bigram",
    "unigram": "unigram",
}
AXIS_LIMITS = (1, 2, 3, 4, 6, 8)  # of bits per byte
KINDS_OF_MODEL = [("trained here", "dot", 1), ("n-grams of the same text", "diamond", 2)]
OWN_MODELS = ("base", "with_counts", "mixture")


def draw_training(view: View) -> Html:
    """Return the curves of the trainings, and the bits per byte beside those of n-grams."""
    return join(
        view.sides(lambda run: draw_bits(view, run)),
        draw_contamination(view, "bits_per_byte"),
        draw_bits_curve(view),
        draw_expectation(view),
        [draw_losses(view, stage, *words) for stage, words in TRAININGS.items()],
        view.sides(lambda run: draw_second_halves(view, run)),
    )


def draw_bits(view: View, run: Run) -> Html:
    """Return the bits per byte of the network and of n-grams, for each text."""
    texts = run.branch("evaluate", "bits_per_byte")
    if not texts:
        return view.absent(f"evaluate/{METRICS}")
    charts = []
    for text in texts:
        path = f"bits_per_byte.{text}"
        values = {name: run.value("evaluate", f"{path}.{name}") for name in MODELS}
        bounds = [run.value("evaluate", f"{path}.{end}") for end in ("low", "high")]
        rows = []
        for name, value in sorted(values.items(), key=lambda pair: pair[1] or 0):
            if value is None:
                continue
            shape, style = ("dot", 1) if name in OWN_MODELS else ("diamond", 2)
            figures: list[Part] = [view.figure("evaluate", f"{path}.{name}", "3", run), " "]
            figures += [view.interval("evaluate", path, "3", run)] if name == "base" else []
            mark = Mark(value, shape, style, *(bounds if name == "base" else ()))
            rows.append(Row(view.word(MODELS[name]), [mark], element("span", figures, class_="of-run")))
        if not rows:
            continue
        most = max(row.marks[0].value for row in rows)
        limit = next((limit for limit in AXIS_LIMITS if limit >= most), most)
        title = view.say("Bits for a byte of {} (lower is better)", name_text(view, text))
        keys = [Key(view.word(words), shape, style) for words, shape, style in KINDS_OF_MODEL]
        charts.append(draw_marks(view, f"bits-{text}-{view.side(run)}", title, rows, keys, limit, axis="1"))
    return join(charts) or view.absent(f"evaluate/{METRICS}")


def name_text(view: View, text: str) -> Html | str:
    """Return what a measured text is called."""
    names = {"val": "validation text", "test": "test text"}
    return view.word(names[text]) if text in names else code(text)


def draw_bits_curve(view: View) -> Html | None:
    """Return the validation bits per byte over the steps, with the levels of the n-grams."""
    series = []
    for run in view.runs:
        factor = bits_per_nat(run)
        curve = run.curves.get(CURVES.format("train_base", "val_loss"), [])
        if factor and curve:
            name = view.side(run) or view.word("the network")
            series.append(Series(name, [(step, factor * loss) for step, loss in curve], view.style(run)))
    if not series:
        return None
    last = max(step for each in series for step, _ in each.curve)
    for name in ("kneser_ney_5", "bigram", "unigram"):
        value = view.run.value("evaluate", f"bits_per_byte.val.{name}")
        if value:
            series.append(Series(view.word(MODELS[name]), [(0, value), (last, value)], 2, is_level=True))
    title = view.word("When it passed the n-grams")
    curve_file = f"{REPORTS}/{CURVES.format('train_base', 'val_loss')}"
    note = view.say_paragraph(
        "The curve is measured on windows of validation text during training, the levels on whole documents"
        " afterwards, so read it to the nearest step of the curve.",
        class_="note",
    )
    return join(
        draw_curves(
            view, "passed", title, view.word("bits per byte over optimizer steps"), series, curve_file
        ),
        note,
    )


def bits_per_nat(run: Run) -> float | None:
    """Return what a loss in nats a token is multiplied by for bits per byte, from the last validation."""
    bits, loss = run.value("train_base", "val_bits_per_byte"), run.value("train_base", "val_loss")
    return bits / loss if bits and loss else None


def draw_losses(view: View, stage: str, title: str, unit: str) -> Html:
    """Return the losses of a training over its steps, with a table of their points."""
    series, tables = [], []
    for run in view.runs:
        for style, (name, words) in enumerate(LOSSES.items(), start=view.style(run)):
            if curve := run.curves.get(CURVES.format(stage, name)):
                heading = " ".join(filter(None, (view.side(run), view.word(words))))
                series.append(Series(heading, curve, style))
                tables.append((heading, name, curve, run))
    if not any(value > 0 for each in series for _, value in each.curve):
        return view.absent(CURVES.format(stage, "train_loss"))
    source = f"{REPORTS}/{CURVES.format(stage, 'train_loss')}"
    chart = draw_curves(view, f"loss-{stage}", view.word(title), view.word(unit), series, source)
    points = [draw_points(view, stage, *table) for table in tables]
    return join(chart, view.details("The curves as tables", points))


def draw_points(view: View, stage: str, heading: str, name: str, curve: Curve, run: Run) -> Html:
    """Return points of a curve as a table."""
    file = f"{REPORTS}/{CURVES.format(stage, name)}"
    rows = [
        [
            view.quantity(step, "count"),
            view.number(value, "3", f"{file}#{step}", data_run=view.side(run) or None),
        ]
        for step, value in thin(curve, TABLE_POINTS)
    ]
    return view.table(heading, [Column("optimizer step"), Column("loss (nats)")], rows)


class Expectation(NamedTuple):
    """What the scaling law expects of a run of this size on real Turkish text."""

    bits_per_byte: float
    error: float | None  # of which it stays within; none: no run of that size was measured


def expect_bits(run: Run) -> Expectation | None:
    """Return what the scaling law expects of a run; None where its size or its text is not known."""
    parameters, tokens = (run.value("train_base", name) for name in ("parameters", "tokens_seen"))
    text, text_tokens = (run.value("pack_shards", f"train.{name}") for name in ("bytes", "tokens"))
    if not (parameters and tokens and text and text_tokens):
        return None
    read = tokens * text / text_tokens
    effective = float(scaling.effective_bytes(text, read))
    bits = scaling.LAW.bits_per_byte(parameters, effective)
    is_measured = scaling.is_within_runs(parameters, read)
    error = bits * scaling.LAW.relative_error(parameters, effective)
    return Expectation(bits, error if is_measured else None)


def draw_expectation(view: View) -> Part:
    """Return where the scaling law expected the model on real text."""
    expected = expect_bits(view.run)
    if not expected:
        return None
    bits = view.number(expected.bits_per_byte, "2", "scaling_law#bits_per_byte")
    measured = view.figure("evaluate", "bits_per_byte.val.base", "2")
    if expected.error is None:
        certainty = view.say("a guess: no run of that size was measured")
    else:
        error = view.number(expected.error, "2", "scaling_law#error")
        certainty = view.say("give or take {}", error)
    sources = set(view.run.branch("slice_corpus", "sources"))
    if "miniworld" in sources:
        return view.say_paragraph(
            "On real Turkish text the scaling law expects {} bits per byte of a model of this size and"
            " reading ({}). Here it has {}: composed text is easier to foretell than real text.",
            bits, certainty, measured,
        )  # fmt: skip
    return view.say_paragraph(
        "The scaling law expected {} bits per byte of a model of this size and reading ({}); it has {}.",
        bits, certainty, measured,
    )  # fmt: skip


def draw_second_halves(view: View, run: Run) -> Html | None:
    """Return the bits of second halves, where such a task was measured."""
    tasks = run.branch("evaluate", "second_halves")
    if not tasks:
        return None
    names = [
        name
        for name in MODELS
        if any(run.value("evaluate", f"second_halves.{task}.{name}") for task in tasks)
    ]
    rows = [
        [code(task), *(view.figure("evaluate", f"second_halves.{task}.{name}", "1", run) for name in names)]
        for task in tasks
    ]
    columns = [Column("task", False), *(Column(MODELS[name]) for name in names)]
    return element(
        "div",
        view.table(view.word("Bits of a second half, given the first (lower is better)"), columns, rows),
    )
