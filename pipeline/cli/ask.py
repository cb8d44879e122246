"""`tezgah ask`: an answer out of an index of documents, quoted with its place."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.cli.search import print_words_alone, render_place
from pipeline.common.paths import REPORTS, SFT_MODEL
from pipeline.search.find import open_index
from pipeline.search.quote import NOT_FOUND, Quote, find_quote
from pipeline.text.grounded import ask_about

READINGS = "miniworld_readings"  # the task that measures how a model answers about passages


def run_ask(question: str, docs: Path, folder: Path, as_json: bool) -> None:
    """Print the sentence of the documents that answers a question, and where it stands.

    A chat model whose report says that it answers better than a quote phrases the answer first. Raises
    UserError for no index, or a question without a word.
    """
    with open_index(docs) as index:
        quote = find_quote(index, question)
        if index.encoder and index.encoder_error:
            print_words_alone(index.encoder_error)
    phrased = phrase(quote, question, folder) if quote and phrases(folder) else None
    if as_json:
        print(json.dumps(describe_answer(quote, phrased), ensure_ascii=False))
        return
    if phrased:
        print(phrased, end="\n\n")
    print_quote(quote)


def phrase(quote: Quote, question: str, folder: Path) -> str:
    """Return a chat model's answer about a passage."""
    from pipeline.cli.infer import infer  # here: it takes seconds

    return "".join(infer(ask_about(quote.hit.text, question), folder))


def describe_answer(quote: Quote | None, phrased: str | None = None) -> dict[str, Any]:
    """Return an answer as JSON has it."""
    return {
        "answer": phrased or (quote.sentence if quote else NOT_FOUND),
        "quote": quote and asdict(quote),
    }


def print_quote(quote: Quote | None) -> None:
    """Print the sentence of the documents that answers a question, and its place."""
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if quote is None:
        console.print(NOT_FOUND)
        return
    console.print(Text(f"“{quote.sentence}”"))
    console.print(Text("— ").append_text(render_place(quote.hit)))


def phrases(folder: Path) -> bool:
    """Tell if a chat model answers about passages better than their best sentence, by its own report."""
    report = REPORTS / "evaluate/metrics.json"
    if folder.resolve() != SFT_MODEL.resolve() or not report.is_file():
        return False
    try:
        metrics = json.loads(report.read_text(encoding="utf-8"))
        return is_better(metrics["questions"][READINGS], metrics["grounded"][READINGS])
    except (ValueError, KeyError, TypeError):
        return False


def is_better(answers: Mapping[str, Any], quotes: Mapping[str, Any]) -> bool:
    """Tell if the lower bound of the model's right answers lies above the share of quotes that are right."""
    return bool(answers["told"]["low"] > quotes["right_quote"]["share"])
