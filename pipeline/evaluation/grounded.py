"""Answers out of documents, as `tezgah ask` quotes them: right quotes, right places, right refusals."""

import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.eval_sets.readers import Question
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.evaluation.questions import holds_answer, is_correct
from pipeline.search.find import open_index
from pipeline.search.index import update_index
from pipeline.search.quote import find_quote
from pipeline.search.words import find_words
from pipeline.statistics.intervals import estimate_mean
from pipeline.text.grounded import NOT_IN_PASSAGE, best_sentence

HITS = 40  # found passages, of which the question's own is left out
QUOTE, BASELINE = "quote", "words_in_common"


def measure_grounded(
    questions: Sequence[Question], encoder: Path | None, others: Collection[str] = ()
) -> Measured | None:
    """Measure the quotes for questions about passages; None unless a passage tells an answer.

    All passages and `others` are indexed as documents are, with the vectors of the folder `encoder`, if
    given.

    - `right_quote`: the quoted sentence holds the answer
    - `right_place`: it is of the question's own passage
    - `false_refusals`: nothing was quoted, though the passage tells
    - `refused_without`: nothing was quoted where the question's own passage is left out
    - `words_in_common`: of the first passage by BM25, the sentence with most words in common has the answer

    Questions of one passage are a cluster. One without a word, which no search takes, is left out.
    """
    told = [row for row in questions if row.passage and not is_correct(NOT_IN_PASSAGE, row)]
    told = [row for row in told if any(find_words(row.question))]
    if not told:
        return None
    passages = dict.fromkeys([row.passage for row in questions if row.passage] + sorted(others))
    numbers = {passage: str(number) for number, passage in enumerate(passages)}
    results: dict[str, list[bool]] = {}
    with tempfile.TemporaryDirectory() as made:
        file, folder = Path(made, "index.sqlite"), Path(made, "passages")
        folder.mkdir()
        rows = [json.dumps({"id": number, "text": text}) for text, number in numbers.items()]
        (folder / "passages.jsonl").write_text("\n".join(rows), encoding="utf-8")
        update_index(file, folder, encoder, words_only=encoder is None)
        with open_index(file) as index:
            for row in told:
                own = numbers[row.passage]
                hits = index.search(row.question, HITS)
                quote = find_quote(index, row.question, hits)
                without = find_quote(index, row.question, [hit for hit in hits if hit.document != own])
                first = next((hit.text for hit in index.search(row.question, 1, by="words")), "")
                for name, is_true in {
                    "right_quote": quote is not None and holds_answer(quote.sentence, row),
                    "right_place": quote is not None and quote.hit.document == own,
                    "false_refusals": quote is None,
                    "refused_without": without is None,
                    BASELINE: holds_answer(best_sentence(first, row.question), row),
                }.items():
                    results.setdefault(name, []).append(is_true)
    right = {QUOTE: np.array(results["right_quote"]), BASELINE: np.array(results[BASELINE])}
    items = Items(
        keys=hash_items((row.question, row.passage, *row.answers) for row in told),
        clusters=hash_items((row.passage,) for row in told),
        scores=right,
        right=right,
    )
    figures: dict[str, Any] = {name: share(values, items.clusters) for name, values in results.items()}
    return Measured(figures | {"n": len(told), "passages": len(passages)}, items)


def share(values: Sequence[bool], clusters: np.ndarray) -> dict[str, float]:
    """Return the share of true values and its interval."""
    estimate = estimate_mean(values, clusters)
    low, high = estimate.share_interval()
    return {"share": estimate.value, "low": low, "high": high}
