"""The page that tells the story of a run: `reports/index.html`, one file that needs nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pipeline.reporting import about, differences, evaluation, inputs, recipe, samples, training
from pipeline.reporting.data import Run
from pipeline.reporting.markup import Html, element, join
from pipeline.reporting.view import Extras, View

STYLE = Path(__file__).with_name("page.css")
NO_REQUEST = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Section(NamedTuple):
    """A section: its place in the address, its title, what it explains, and what draws it."""

    id: str
    title: str
    introduction: str
    draw: Callable[[View], Html]


COMPARISON = Section(
    "comparison",
    "Two runs",
    "What differs between the runs, and what is chance.",
    differences.draw_comparison,
)
SECTIONS = [
    Section(
        "graph",
        "From text to model",
        "Seven stages, each of which reads what earlier ones have written. Change a param, and only what"
        " depends on it is built again.",
        about.draw_graph,
    ),
    Section(
        "corpus",
        "The text it was made from",
        "A model knows nothing but its text. Filters take out what is no prose, what is said twice, and what"
        " the evaluation asks.",
        inputs.draw_corpus,
    ),
    Section(
        "tokenizer",
        "How it sees text",
        "A model reads no letters but tokens: pieces that are frequent in its text. Turkish words with many"
        " suffixes become several.",
        inputs.draw_tokenizer,
    ),
    Section(
        "training",
        "How it learned",
        "Training lowers the loss: how surprised the model is by the next token. Bits per byte measure the"
        " same for any tokenizer, so they can be compared with n-grams, which only count.",
        training.draw_training,
    ),
    Section(
        "pairs",
        "Its grammar",
        "Two sentences that differ in one thing, and one of them is wrong. Does the model find the right one"
        " likelier?",
        evaluation.draw_pairs,
    ),
    Section(
        "retrieval",
        "Finding a text",
        "The encoder turns sentences into vectors, so that texts are found by meaning. Word search is what"
        " it has to beat.",
        evaluation.draw_retrieval,
    ),
    Section(
        "questions",
        "Questions, right and wrong",
        "The tuned model answers questions. An answer is right if it is one of the expected ones to the"
        " letter.",
        evaluation.draw_questions,
    ),
    Section(
        "first-words",
        "First words",
        "What people type first, as a person wrote it down, and never in training.",
        evaluation.draw_first_words,
    ),
    Section(
        "samples",
        "What it writes",
        "The same beginnings, continued again and again while it learned.",
        samples.draw_samples,
    ),
    Section("params", "Its params", "All choices of the run, from {}.", recipe.draw_params),
    Section("again", "Make it again", "What is needed to get the same models.", recipe.draw_reproduction),
]


def draw_page(
    run: Run,
    lang: str = "en",
    other: Run | None = None,
    extras: Extras | None = None,
) -> str:
    """Return the page of a run as HTML.

    `other` is a run to lay beside it, A to its B. `extras` are what no declared file tells. `lang` is
    en or tr. The same arguments give the same text on every machine.
    """
    view = View([run] if other is None else [other, run], extras or Extras(), lang)
    sections = ([COMPARISON] if other else []) + SECTIONS
    title = view.word("The story of a run") if other is None else view.word("The story of two runs")
    contents = [element("li", element("a", view.word(each.title), href=f"#{each.id}")) for each in sections]
    body = join(
        element("a", view.word("Skip to the content"), href="#content", class_="skip"),
        element(
            "header",
            element("p", "Tezgâh", class_="brand", lang="tr"),
            element("h1", title),
            about.draw_about(view),
        ),
        element("nav", element("ol", contents), aria_label=view.word("Contents")),
        element("main", [draw_section(view, each) for each in sections], id="content"),
        element("footer", element("p", view.say("Every number here comes from a file of the run."))),
    )
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{NO_REQUEST}">'),
        Html('<link rel="icon" href="data:,">'),
        element("title", f"Tezgâh – {title}"),
        element("style", Html(STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!doctype html>\n{element('html', element('head', head), element('body', body), lang=lang)}\n"


def draw_section(view: View, section: Section) -> Html:
    """Return a section with its heading and what it explains."""
    heading = element("h2", view.word(section.title))
    introduction = view.say_paragraph(
        section.introduction, element("code", "params.yaml"), class_="introduction"
    )
    return element("section", heading, introduction, section.draw(view), id=section.id)
