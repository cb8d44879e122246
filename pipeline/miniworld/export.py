"""Ground truth of the miniworld as files for the later stages: conversations, questions, pairs, morphemes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.common.io import write_json
from pipeline.miniworld import conversations, first_words, grammar, readings, texts

PAIRS_PER_TYPE = 100
CONVERSATIONS_PER_DOCUMENT = 1.15  # each is read once: new conversations teach more than a second reading
JSON_LINES_FILES = (
    "conversations", "questions", "seen_questions", "readings", "first_words_dev", "first_words_test",
    "minimal_pairs", "queries",
)  # fmt: skip


def write_ground_truth(
    folder: Path, seed: int, documents: int, small_talk: float, queries: Iterable[tuple[str, str]]
) -> dict[str, int]:
    """Write the files of `data/corpus/miniworld/` into `folder`; return how many rows each has.

    `documents` is the number of texts that the miniworld source composed. At 0 there is no such source, and
    the files are empty. `small_talk` is the share of greetings, names and chat in the conversations.
    `queries` are pairs of a question and the id of the test document that answers it.
    """
    folder.mkdir()
    rows: dict[str, Iterable[Mapping[str, Any]]] = dict.fromkeys(JSON_LINES_FILES, ())
    segmentations: Iterable[tuple[str, str]] = ()
    if documents:
        count = max(1, round(documents * CONVERSATIONS_PER_DOCUMENT))
        rows["conversations"] = conversations.compose_conversations(
            seed, count, texts.compose_short_story, small_talk
        )
        rows["questions"] = conversations.compose_questions()
        rows["seen_questions"] = conversations.compose_seen_questions()
        rows["readings"] = readings.compose_held_out_readings(texts.compose_short_story)
        rows["first_words_dev"] = first_words.read_first_words("dev")
        rows["first_words_test"] = first_words.read_first_words("test")
        rows["minimal_pairs"] = grammar.compose_minimal_pairs(seed, PAIRS_PER_TYPE)
        rows["queries"] = ({"query": query, "document_id": id} for query, id in queries)
        segmentations = grammar.segment_words(seed)
    counts = {
        name: _write_lines(folder / f"{name}.jsonl", map(_to_json, rows[name])) for name in JSON_LINES_FILES
    }
    table = ("\t".join(row) for row in segmentations)
    counts["segmentations"] = _write_lines(folder / "segmentations.tsv", table)
    write_json(folder / "manifest.json", {"miniworld": documents > 0, "counts": counts})
    return counts


def _to_json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _write_lines(path: Path, lines: Iterable[str]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count
