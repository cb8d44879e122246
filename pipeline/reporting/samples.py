"""What the models write: as training went on, at its end, and beside an untrained model and a 5-gram."""

import re
from typing import Any

from pipeline.reporting.data import BASELINE_SAMPLES, SAMPLES, STEPS, Run, Sample, read_samples
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import Column, View

WRITERS = {"trained": "trained", "untrained": "untrained", "ngram": "5-gram"}
LONGEST_TEXT = 240  # characters of a cell


def draw_samples(view: View) -> Html:
    """Return what the models write, in two columns for two runs."""
    return view.sides(lambda run: [draw_steps(view, run), draw_last(view, run), draw_beside(view, run)])


def draw_steps(view: View, run: Run) -> Part:
    """Return how each prompt was continued as training went on."""
    by_prompt: dict[str, list[Sample]] = {}
    for sample in read_samples(run.text(STEPS)):
        by_prompt.setdefault(sample.prompt, []).append(sample)
    if not by_prompt:
        return view.absent(STEPS)
    groups = []
    for prompt, samples in by_prompt.items():
        steps = []
        for sample in samples:
            step = re.sub(r"\D", "", sample.heading)
            said = view.say("step {}", view.quantity(int(step), "count")) if step else sample.heading
            steps.append(element("li", element("p", said, class_="step"), draw_continuation(view, sample)))
        groups.append([element("h4", prompt, lang="tr"), element("ol", steps, class_="steps", tabindex=0)])
    return [element("h3", view.word("As training went on")), groups]


def draw_continuation(view: View, sample: Sample) -> Html:
    """Return a prompt with what the model went on with."""
    first, *rest = sample.text.split("\n")
    return element(
        "blockquote",
        element("p", element("b", sample.prompt), first),
        [element("p", line) for line in rest if line.strip()],
        lang="tr",
    )


def draw_last(view: View, run: Run) -> Part:
    """Return how the finished base model continues the prompts."""
    samples = [sample for sample in read_samples(run.text(SAMPLES)) if "models/base" in sample.heading]
    if not samples:
        return view.absent(SAMPLES)
    return [
        element("h3", view.word("At the end")),
        element("ul", [element("li", draw_continuation(view, sample)) for sample in samples], class_="cards"),
    ]


def draw_beside(view: View, run: Run) -> Part:
    """Return what training has brought: answers and a story, beside an untrained model and a 5-gram."""
    questions, story = run.baseline_samples.get("questions"), run.baseline_samples.get("story")
    listed = questions if isinstance(questions, list) else []
    rows = [draw_row(row, "question") for row in listed if isinstance(row, dict)]
    if isinstance(story, dict):
        rows.append(draw_row(story, "begins"))
    if not rows:
        return view.absent(BASELINE_SAMPLES)
    columns = [Column("what it is given", False), *(Column(words, False) for words in WRITERS.values())]
    return view.table(view.word("What training has brought"), columns, rows)


def draw_row(texts: dict[str, Any], prompt: str) -> list[Part]:
    """Return a prompt and how each model goes on from it."""
    cells = [str(texts.get(key, "")) for key in WRITERS]
    shown = [text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …" for text in cells]
    return [join(element("span", text, lang="tr")) for text in (str(texts.get(prompt, "")), *shown)]
