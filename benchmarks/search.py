"""Search in many documents: how fast, how large, and how often the right passage comes first.

    python -m benchmarks.search ../shared/data/corpus ../shared/data/dated --encoder models/encoder \\
        --xquad ../shared/data/eval/xquad.tr.json --passages 300000

Questions are those of XQuAD-tr. Quality is measured over its own paragraphs, beside FTS5 over whole words,
which is what SQLite does by itself. Speed is measured over the texts of the folders. Where they are too few,
they come again with their sentences in another order. Prints a table and one JSON line.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.texts import folder_texts
from pipeline.encoder.numpy_table import open_encoder
from pipeline.encoder.sentences import split_sentences
from pipeline.eval_sets.readers import Retrieval, read_retrieval
from pipeline.eval_sets.tasks import EvalTask
from pipeline.search.find import Index, open_index
from pipeline.search.index import update_index
from pipeline.search.vectors import read_vectors

FILE_DOCUMENTS = 100  # of a JSON lines file


def write_documents(folder: Path, texts: Iterable[str], bytes_at_most: float = float("inf")) -> int:
    """Write texts as JSON lines, and return their bytes."""
    folder.mkdir()
    size = 0
    numbered = enumerate(texts)
    while size < bytes_at_most and (batch := list(islice(numbered, FILE_DOCUMENTS))):
        lines = [json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in batch]
        (folder / f"{batch[0][0]:09}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        size += sum(len(text.encode()) for _, text in batch)
    return size


def repeat_texts(texts: list[str]) -> Iterator[str]:
    """Yield texts, and then the same again and again with their sentences in another order."""
    yield from texts
    rng = random.Random(0)
    while True:
        for text in texts:
            sentences = split_sentences(text)
            rng.shuffle(sentences)
            yield " ".join(sentences)


def measure_quality(task: Retrieval, encoder: Path | None, place: Path) -> dict[str, float]:
    """Return how often the right paragraph of XQuAD comes first, by each way to search."""
    write_documents(place / "xquad", task.documents)
    update_index(place / "xquad.sqlite", place / "xquad", encoder)
    figures = {}
    with open_index(place / "xquad.sqlite") as index:
        for way in ("words", "vectors", "both") if encoder else ("words",):
            found = [[int(h.document) for h in index.search(query, 5, way)] for query in task.queries]
            pairs = list(zip(found, task.targets, strict=True))
            figures[f"{way}, first"] = sum(hits[:1] == [right] for hits, right in pairs) / len(pairs)
            figures[f"{way}, among five"] = sum(right in hits for hits, right in pairs) / len(pairs)
    plain = sqlite3.connect(":memory:")
    plain.execute("CREATE VIRTUAL TABLE p USING fts5 (text, tokenize = 'unicode61')")
    plain.executemany("INSERT INTO p (rowid, text) VALUES (?, ?)", enumerate(task.documents))
    right = 0
    for query, target in zip(task.queries, task.targets, strict=True):
        words = " OR ".join(f'"{word}"' for word in query.replace('"', " ").split())
        hits = plain.execute("SELECT rowid FROM p WHERE p MATCH ? ORDER BY rank LIMIT 1", (words,)).fetchall()
        right += hits == [(target,)]
    figures["whole words of SQLite, first"] = right / len(task.queries)
    return figures


def measure_times(index: Index, queries: list[str], way: Any) -> tuple[float, float]:
    """Return the median and the 95th percentile of the milliseconds that a query takes."""
    index.search(queries[0], 5, way)  # reads the vectors
    times = []
    for query in queries:
        began = time.perf_counter()
        index.search(query, 5, way)
        times.append(1000 * (time.perf_counter() - began))
    return median(times), quantiles(times, n=20)[-1]


def measure_cold(index: Path, query: str, rounds: int = 5) -> float:
    """Return the seconds of `tezgah search` as a program of its own: the median of some rounds."""
    times = []
    for _ in range(rounds):
        command = [sys.executable, "-m", "pipeline.cli", "search", query, "--docs", str(index)]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ)
        times.append(time.perf_counter() - began)
    return median(times)


def measure_scale(
    texts: list[str], passages: int, encoder: Path | None, queries: list[str], place: Path
) -> dict[str, float]:
    """Return the speed and the size of an index of about `passages` passages."""
    folder, path = place / f"texts{passages}", place / f"{passages}.sqlite"
    # A passage has some 800 bytes of such texts.
    size = write_documents(folder, repeat_texts(texts), passages * 830)
    began = time.perf_counter()
    update_index(path, folder)
    seconds = time.perf_counter() - began
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM passages").fetchone()
    figures = {
        "passages": count,
        "MB of text": size / 1e6,
        "indexed, MB a second": size / 1e6 / seconds,
        "file / text": path.stat().st_size / size,
    }
    with open_index(path) as index:
        times = measure_times(index, queries, "words")
        figures |= dict(zip(("words, ms, median", "words, ms, 95 %"), times, strict=True))
    figures["cold search by words, s"] = measure_cold(path, queries[0])
    if encoder is None:
        return figures
    began = time.perf_counter()
    update_index(path, folder, encoder)
    figures["passages embedded a second"] = count / (time.perf_counter() - began)
    opened = open_encoder(encoder)
    width = opened.width
    figures["width"] = width
    figures["file / (1.5 text + vectors)"] = path.stat().st_size / (1.5 * size + count * width)
    with open_index(path) as index:
        vectors = read_vectors(index.connection, width)
        query_D = opened.embed(queries[:1])[0]
        times = []
        for _ in range(50):
            began = time.perf_counter()
            vectors.cosines(query_D)
            times.append(1000 * (time.perf_counter() - began))
        figures["scan, ms"] = median(times)
        times = measure_times(index, queries, "both")
        figures |= dict(zip(("both, ms, median", "both, ms, 95 %"), times, strict=True))
    figures["cold search by both, s"] = measure_cold(path, queries[0])
    connection.close()
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", help="the texts")
    parser.add_argument("--xquad", type=Path, required=True, help="xquad.tr.json")
    parser.add_argument("--encoder", type=Path, help="an encoder's folder")
    parser.add_argument("--passages", type=int, nargs="*", default=[100_000, 300_000])
    parser.add_argument("--queries", type=int, default=300)
    args = parser.parse_args()
    columns = {"query": "question", "document": "context"}
    task = read_retrieval(
        "xquad", EvalTask(kind="retrieval", path=args.xquad.name, columns=columns), args.xquad.parent
    )
    texts = [text for folder in args.folders for text in folder_texts(folder)]
    with tempfile.TemporaryDirectory() as place:
        results: dict[str, Any] = {"quality": measure_quality(task, args.encoder, Path(place))}
        step = max(1, len(task.queries) // args.queries)
        for passages in args.passages:
            results[f"{passages} passages"] = measure_scale(
                texts, passages, args.encoder, task.queries[::step], Path(place)
            )
    for name, figures in results.items():
        print(f"\n{name}")
        for key, value in figures.items():
            print(f"  {key:34} {value:,.3f}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
