"""What learning a vocabulary from a large split costs: seconds and peak memory.

    python -m benchmarks.tokenizer_sample ../shared/data/corpus --gigabytes 10

The split is the texts of a folder again and again, each copy under ids of its own. Prints a line for people
and a JSON line for machines.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.texts import folder_texts
from pipeline.data.writer import SplitWriter
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.train import sample_lines, train_sentencepiece


def measure(split: Path, settings: TokenizerParams) -> dict[str, float]:
    """Sample and train; in a process that has done nothing else."""
    began = time.perf_counter()
    lines = list(sample_lines(split, settings.sample_bytes, seed=0))
    sampled = time.perf_counter() - began
    train_sentencepiece(lines, settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"sampling_s": sampled, "seconds": time.perf_counter() - began, "peak_gib": peak}


def write(split: Path, folder: Path, size: float) -> None:
    """A split of that many bytes."""
    writer, written, number = SplitWriter(split), 0, 0
    texts = folder_texts(folder)
    sizes = [len(text.encode()) for text in texts]
    while written < size:
        for text, length in zip(texts, sizes, strict=True):
            writer.add(f"d{number}", f"source{number % 3}", text, length)
            number, written = number + 1, written + length
            if written >= size:
                break
    writer.close()


def main() -> None:
    """Write the split, measure each kind in a process of its own, remove the split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--kind", help="measure this kind of a split that is there, in this process")
    parser.add_argument("--sample-megabytes", type=float, default=50)
    args = parser.parse_args()
    if args.kind:
        settings = TokenizerParams(
            kind=args.kind,
            vocab_size=32_000,
            sample_bytes=round(args.sample_megabytes * 1e6),
            max_piece_chars=24,
            morphemes=False,
        )
        print(json.dumps(measure(args.folder, settings)))
        return
    place = Path(tempfile.mkdtemp())
    try:
        write(place / "train", args.folder, args.gigabytes * 1e9)
        for kind in ("bpe", "unigram"):
            command = [
                sys.executable,
                "-m",
                "benchmarks.tokenizer_sample",
                str(place / "train"),
                "--kind",
                kind,
            ]
            command += ["--sample-megabytes", str(args.sample_megabytes)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            seconds, sampling, peak = (found[key] for key in ("seconds", "sampling_s", "peak_gib"))
            print(f"{kind}: {seconds:.0f} s ({sampling:.0f} s of sampling), {peak:.2f} GiB")
            print(json.dumps({"gigabytes": args.gigabytes, "kind": kind, **found}))
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
