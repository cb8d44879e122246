"""Answers out of documents: the right sentence, the right place, and the right refusal.

    python -m benchmarks.ask ../shared/data/eval/xquad.tr.json

XQuAD-tr's paragraphs are indexed by their words. Half of the questions chose the threshold and the weights of
`pipeline/search/quote.py`; the other half is told. `pipeline/evaluation/grounded.py` says what each figure
is. Prints a table of shares with their 95 % intervals over paragraphs, and one JSON line.
"""

import argparse
import json
import random
from pathlib import Path

from pipeline.eval_sets.readers import Question, flatten_squad
from pipeline.evaluation.grounded import measure_grounded
from pipeline.search.quote import MIN_COVERAGE, PASSAGES

FIGURES = ("right_quote", "right_place", "false_refusals", "refused_without", "words_in_common")


def read_questions(path: Path) -> list[Question]:
    """Return the questions of a file of XQuAD in a fixed random order."""
    squad = json.loads(path.read_text(encoding="utf-8"))
    questions = [
        Question(row["question"], tuple(row["answers"]), "all", "all", row["context"])
        for _, row in flatten_squad(squad, path)
    ]
    random.Random(0).shuffle(questions)
    return questions


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("xquad", type=Path, help="xquad.tr.json")
    args = parser.parse_args()
    questions = read_questions(args.xquad)
    passages = {row.passage for row in questions}
    halves = {"chosen on": questions[::2], "told": questions[1::2]}
    figures = {}
    for half, rows in halves.items():
        measured = measure_grounded(rows, None, passages)
        assert measured, "XQuAD tells its answers"
        figures[half] = measured.figures
    print(f"{len(halves['told'])} questions, {PASSAGES} passages, least coverage {MIN_COVERAGE}")
    print("| figure | chosen on | told | 95 % |\n|---|---|---|---|")
    for name in FIGURES:
        chosen, told = (figures[half][name] for half in halves)
        bounds = f"{told['low']:.3f} to {told['high']:.3f}"
        print(f"| {name} | {chosen['share']:.3f} | **{told['share']:.3f}** | {bounds} |")
    print(json.dumps({name: figures["told"][name] for name in FIGURES}))


if __name__ == "__main__":
    main()
