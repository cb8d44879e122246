"""Peak memory and speed of slice_corpus on inputs of several sizes, every rule on.

    python -m benchmarks.corpus_size CORPUS --gigabytes 0.3 1 3

The inputs are made of a folder's texts and copies of them with up to three fifths of their words replaced
(perturbed.py), as one file of JSON lines in a temporary folder (TMPDIR chooses where). Each is sliced by a
process of its own with two workers, whose memory is counted together, what they share once. Prints a row for
each for people and one JSON line for machines.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.perturbed import perturb_text
from benchmarks.texts import folder_texts

MOST = 0.6  # of a copy's words are replaced
WORKERS = 2
EVERY = 0.5  # seconds between two looks at the memory


def write_source(path: Path, size: int, texts: list[str]) -> tuple[int, int]:
    """Write about `size` bytes of text; documents and bytes that were written."""
    rng = random.Random(0)
    pool = [word for text in rng.sample(texts, min(300, len(texts))) for word in text.split()]
    documents = written = 0
    with open(path, "w", encoding="utf-8") as file:
        while written < size:
            for text in texts:
                copy = text if documents < len(texts) else perturb_text(text, rng.uniform(0, MOST), pool, rng)
                file.write(json.dumps({"text": copy}, ensure_ascii=False) + "\n")
                documents += 1
                written += len(copy.encode())
                if written >= size:
                    break
    return documents, written


def slice_here(root: Path, held: list[str]) -> None:
    """Slice the one source below `root`; print what was kept and the seconds as JSON."""
    from pipeline.common.io import atomic_folder
    from pipeline.common.params import parse_section
    from pipeline.corpus.build import slice_corpus
    from pipeline.corpus.params import CorpusParams, Rules

    section = {
        "sources": {"web": {"kind": "local", "path": "data/raw/corpus/web.jsonl"}},
        "min_chars": 20, "max_bytes": None, "on_error": "fail", "val_fraction": 0.06, "test_fraction": 0.04,
        "rules": dict.fromkeys(Rules.model_fields, True),
    }  # fmt: skip
    params = parse_section(section, "corpus", CorpusParams)
    began = time.perf_counter()
    with atomic_folder(root / "data/corpus") as folder:
        done = slice_corpus(params, 42, folder, root / "scratch", root, held, WORKERS)
    seconds = time.perf_counter() - began
    print(json.dumps({"kept": done.metrics["kept"], "seconds": seconds}))


def watched(command: list[str]) -> tuple[dict, float]:
    """What the command prints, and the most memory (MiB) that it and its children had at a time."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most = 0
    while child.poll() is None:
        total = 0
        for process in (psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:  # has just ended
                continue
        most = max(most, total)
        time.sleep(EVERY)
    assert child.stdout
    assert child.returncode == 0
    return json.loads(child.stdout.read().splitlines()[-1]), most / 2**20


def main() -> None:
    """Make the inputs and slice them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, nargs="*", default=[0.3, 1.0], help="of text (10^9 bytes)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    texts = folder_texts(args.folder)
    if args.child:
        slice_here(args.child, texts[::100])
        return
    rows = []
    for gigabytes in args.gigabytes:
        with tempfile.TemporaryDirectory() as name:
            source = Path(name, "data/raw/corpus/web.jsonl")
            source.parent.mkdir(parents=True)
            documents, size = write_source(source, int(gigabytes * 1e9), texts)
            command = [sys.executable, "-m", "benchmarks.corpus_size", str(args.folder), "--child", name]
            done, most = watched(command)
        row = {
            "gigabytes": size / 1e9, "documents": documents, **done, "peak_mib": most,
            "megabytes_per_second": size / 1e6 / done["seconds"],
        }  # fmt: skip
        print(f"{row['gigabytes']:6.2f} GB  {documents:10,} documents  {row['seconds']:7.0f} s"
              f"  {row['megabytes_per_second']:5.1f} MB/s  {most:6,.0f} MiB at most", flush=True)  # fmt: skip
        rows.append(row)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
