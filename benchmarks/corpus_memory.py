"""Peak memory and speed of slice_corpus on a synthetic file of many short documents.

    python -m benchmarks.corpus_memory --gigabytes 5 --format txt.gz

Writes the file to a temporary folder (TMPDIR chooses where), slices it in a process of its own, and
prints a table line for people and one JSON line for machines.
"""

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TEXT = "bir bu ve için olan günü Ankara'nın sözleşme çalışan kişiler yıllarında gelişmiş şöyle dağıldı ığdır"
FORMATS = ("txt", "txt.gz", "jsonl", "jsonl.gz", "csv")
BLOCK_DOCUMENTS = 1000


def texts(document_bytes: int) -> Iterator[str]:
    """Different documents of about `document_bytes` UTF-8 bytes each, without end."""
    rng = random.Random(0)
    words = TEXT.split()
    phrases = [" ".join(rng.choices(words, k=8)) for _ in range(4096)]
    mean = sum(len(phrase.encode()) + 1 for phrase in phrases) / len(phrases)
    count = max(1, round((document_bytes - 12) / mean))
    number = 0
    while True:
        yield f"{number} " + " ".join(rng.choices(phrases, k=count))
        number += 1


def write_source(path: Path, size: int, document_bytes: int) -> tuple[int, int]:
    """Write about `size` bytes of text to `path`; return documents and bytes of text."""
    kind = path.name.split(".")[1]
    documents = written = 0
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else open(path, "wb") as file:
        if kind == "csv":
            file.write(b"text\n")
        stream = texts(document_bytes)
        while written < size:
            block = [next(stream) for _ in range(BLOCK_DOCUMENTS)]
            match kind:
                case "jsonl":
                    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in block]
                case "txt":
                    lines = [text + "\n" for text in block]
                case _:
                    lines = [f'"{text}"' for text in block]
            file.write(("\n".join(lines) + "\n").encode())
            documents += len(block)
            written += sum(len(text.encode()) for text in block)
    return documents, written


def slice_here(root: Path) -> None:
    """Slice the one source below `root` and print seconds and peak memory as JSON."""
    from pipeline.corpus.params import CorpusParams
    from pipeline.corpus.slice import slice_corpus
    from pipeline.files import whole_folder
    from pipeline.params import parse

    section = {
        "sources": {"synthetic": {"kind": "local", "path": "data/raw/corpus/*"}},
        "min_chars": 20,
        "max_bytes": None,
        "on_error": "fail",
        "val_fraction": 0.06,
        "test_fraction": 0.04,
    }
    start = time.perf_counter()
    with whole_folder(root / "data/corpus") as folder:
        metrics = slice_corpus(parse(section, "corpus", CorpusParams), 42, folder, root)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"kept": metrics["kept"]["documents"], "seconds": seconds, "peak_mib": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=0.2, help="of text (10^9 bytes)")
    parser.add_argument("--format", choices=FORMATS, default="txt.gz")
    parser.add_argument("--document-bytes", type=int, default=200)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        slice_here(args.child)
        return

    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "data/raw/corpus", f"synthetic.{args.format}")
        source.parent.mkdir(parents=True)
        documents, size = write_source(source, int(args.gigabytes * 1e9), args.document_bytes)
        command = [sys.executable, "-m", "benchmarks.corpus_memory", "--child", name]
        done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    result = {
        "format": args.format,
        "gigabytes": round(size / 1e9, 3),
        "documents": documents,
        "kept": done["kept"],
        "seconds": round(done["seconds"], 1),
        "megabytes_per_second": round(size / 1e6 / done["seconds"], 1),
        "peak_mib": round(done["peak_mib"]),
    }
    print(
        "  ".join(
            f"{key.replace('_', ' ')} {value:,}" if key != "format" else value
            for key, value in result.items()
        )
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
