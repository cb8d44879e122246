"""Answers out of documents: the right sentence, the right place, and the right refusal.

    python -m benchmarks.ask ../shared/data/eval/xquad.tr.json

XQuAD-tr's paragraphs are indexed by their words. Half of the questions chose the threshold and the weights of
`pipeline/search/quote.py`; the other half is told. A quote is right where it holds the answer, a place where
the sentence is of the question's paragraph. A refusal is right where that paragraph was taken out: the
question's own passages are left out of what was found. Beside it: the sentence with most words in common, of
the first passage. Shares with their 95 % intervals over paragraphs. Prints a table and one JSON line.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.search.find import Index, open_index
from pipeline.search.index import update_index
from pipeline.search.quote import MIN_COVERAGE, PASSAGES, find_quote
from pipeline.statistics.intervals import estimate_mean
from pipeline.text.casing import lower
from pipeline.text.grounded import best_sentence

MANY = 40  # passages, of which those of the question's paragraph are left out


class Case(NamedTuple):
    """A question, the number of its paragraph, and its answers."""

    question: str
    paragraph: int
    answers: list[str]


def read_cases(path: Path) -> tuple[list[str], list[Case]]:
    """Return the paragraphs of a file of XQuAD, and its questions in a fixed random order."""
    paragraphs, cases = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for row in article["paragraphs"]:
            for asked in row["qas"]:
                answers = [answer["text"] for answer in asked["answers"]]
                cases.append(Case(asked["question"], len(paragraphs), answers))
            paragraphs.append(row["context"])
    random.Random(0).shuffle(cases)
    return paragraphs, cases


def holds_answer(sentence: str, case: Case) -> bool:
    """Tell if a sentence has one of the answers in it."""
    text = lower(" ".join(sentence.split()))
    return any(lower(" ".join(answer.split())) in text for answer in case.answers)


def measure(index: Index, cases: list[Case]) -> dict[str, np.ndarray]:
    """Return what came of each question: 1 or 0 for each figure."""
    rows: dict[str, list[bool]] = {}
    for case in cases:
        hits = index.search(case.question, MANY)
        own = str(case.paragraph)
        quote = find_quote(index, case.question, hits)
        taken_out = find_quote(index, case.question, [hit for hit in hits if hit.document != own])
        plain = best_sentence(hits[0].text, case.question)
        for name, value in {
            "right quote": quote is not None and holds_answer(quote.sentence, case),
            "right place": quote is not None and quote.hit.document == own,
            "refused though told": quote is None,
            "refused where taken out": taken_out is None,
            "first passage, most words in common": holds_answer(plain, case),
        }.items():
            rows.setdefault(name, []).append(value)
    return {name: np.array(values, float) for name, values in rows.items()}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("xquad", type=Path, help="xquad.tr.json")
    args = parser.parse_args()
    paragraphs, cases = read_cases(args.xquad)
    with tempfile.TemporaryDirectory() as made:
        folder, file = Path(made, "docs"), Path(made, "index.sqlite")
        folder.mkdir()
        lines = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(paragraphs)]
        (folder / "paragraphs.jsonl").write_text("\n".join(lines), encoding="utf-8")
        update_index(file, folder, None, True, lambda *_: None)
        with open_index(file) as index:
            halves = {"chosen on": cases[::2], "told": cases[1::2]}
            figures = {half: measure(index, rows) for half, rows in halves.items()}
    clusters = np.array([case.paragraph for case in halves["told"]])
    print(f"{len(halves['told'])} questions, {PASSAGES} passages, least coverage {MIN_COVERAGE}")
    print("| figure | chosen on | told | 95 % |\n|---|---|---|---|")
    told = {}
    for name, values in figures["told"].items():
        low, high = estimate_mean(values, clusters).interval()
        told[name] = {"share": values.mean(), "low": low, "high": high}
        chosen = figures["chosen on"][name].mean()
        print(f"| {name} | {chosen:.3f} | **{values.mean():.3f}** | {low:.3f} to {high:.3f} |")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
