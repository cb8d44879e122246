"""How fast text becomes shards, and shards become batches, beside SentencePiece's own speed on the same text.

    python -m benchmarks.shards ../shared/data/corpus

Every round encodes the whole text anew, in one process, with nothing remembered: first by SentencePiece,
whole documents one after another, then by BatchEncoder; then `write_split` by one and by two workers, their
start included. Medians of the rounds, a table for people and one JSON line for machines.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.texts import folder_texts, write_split_of
from pipeline.packing.encode import BatchEncoder, find_word_starts, utf8_bytes
from pipeline.packing.writer import write_manifest, write_split
from pipeline.shards.best_fit import BestFitSampler
from pipeline.shards.format import Shards
from pipeline.shards.sampler import WindowSampler
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer_training.hf_export import write_tokenizer_folder
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.train import sample_lines, train_sentencepiece

BATCH_BYTES = 8 << 20  # as a row group of the corpus


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def batches(texts: list[str]) -> list[pa.Array]:
    """The texts in arrays of about a row group each."""
    found, some, size = [], [], 0
    for text in texts:
        some.append(text)
        size += len(text.encode())
        if size >= BATCH_BYTES:
            found.append(pa.array(some))
            some, size = [], 0
    return [*found, pa.array(some, pa.string())]


def parts(tokenizer: Tokenizer, arrays: list[pa.Array]) -> dict[str, float]:
    """Seconds of each part of the encoding; of what lays out the ids, what the others leave."""
    seconds = dict.fromkeys(("split", "dictionary", "encode"), 0.0)

    class Timed(BatchEncoder):
        def encode_new_words(self, words):
            began = time.perf_counter()
            found = super().encode_new_words(words)
            seconds["encode"] += time.perf_counter() - began
            return found

    encoder = Timed(tokenizer)
    total = timed(lambda: [encoder.encode(array) for array in arrays])
    for array in arrays:
        began = time.perf_counter()
        data_B, ends_T = utf8_bytes(array)
        offsets_W = np.append(find_word_starts(data_B, ends_T), len(data_B)).astype(np.int32)
        seconds["split"] += time.perf_counter() - began
        buffers = [None, pa.py_buffer(offsets_W), pa.py_buffer(data_B)]
        words = pa.Array.from_buffers(pa.binary(), len(offsets_W) - 1, buffers)
        seconds["dictionary"] += timed(words.dictionary_encode)
    return {**seconds, "look up, lay out": total - sum(seconds.values())}


def loader(shards: Shards, context: int) -> dict[str, float]:
    """Million tokens a second that one process reads, of windows and of rows of whole documents."""
    found = {}
    for name, kind in (("windows", WindowSampler), ("rows", BestFitSampler)):
        numbered = kind(shards, context, seed=0)
        numbered.read(0, 8)  # the epoch's order
        count = min(numbered.rows_per_epoch, 4_000_000 // context)
        seconds = timed(lambda of=numbered, count=count: [of.read(first, 8) for first in range(0, count, 8)])
        found[f"{name} of {context}"] = count * context / seconds / 1e6
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", default="bpe")
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--megabytes", type=float, default=1e9, help="of text, at most")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    texts, size = [], 0
    for text in folder_texts(args.folder):
        if size < args.megabytes * 1e6:
            texts.append(text)
            size += len(text.encode())
    arrays = batches(texts)
    with tempfile.TemporaryDirectory() as place:
        corpus, folder = Path(place, "corpus"), Path(place, "tokenizer")
        write_split_of(corpus, {str(number): text for number, text in enumerate(texts)})
        settings = TokenizerParams(
            kind=args.kind,
            vocab_size=args.vocab_size,
            sample_bytes=50_000_000,
            max_piece_chars=24,
            morphemes=False,
        )
        write_tokenizer_folder(
            folder, train_sentencepiece(sample_lines(corpus, settings.sample_bytes, 0), settings)
        )
        tokenizer = Tokenizer.load(folder)
        speeds: dict[str, list[float]] = {}
        for number in range(args.rounds):
            sentencepiece = timed(lambda: [tokenizer.sp.encode(text) for text in texts])
            encoder = BatchEncoder(tokenizer)
            ours = timed(lambda encoder=encoder: [encoder.encode(array) for array in arrays])
            folders = [Path(place, f"{number}-{workers}") for workers in (1, 2)]
            one, two = (
                timed(partial(write_split, to, corpus, folder, 4_000_000, workers))
                for workers, to in enumerate(folders, start=1)
            )
            row = {"SentencePiece": sentencepiece, "BatchEncoder": ours, "1 worker": one, "2 workers": two}
            for name, seconds in row.items():
                speeds.setdefault(f"{name}, MB/s", []).append(size / seconds / 1e6)
            speeds.setdefault("BatchEncoder / SentencePiece", []).append(sentencepiece / ours)
            speeds.setdefault("2 workers / 1", []).append(one / two)
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        seconds = parts(tokenizer, arrays)
        medians |= {f"{name}, share": value / sum(seconds.values()) for name, value in seconds.items()}
        split = Path(place, "shards/train")
        packed = write_split(split, corpus, folder, 4_000_000, 1)
        write_manifest(split.parent, tokenizer, {"train": packed})
        for context in (256, 1024):
            rates = loader(Shards(split), context)
            medians |= {f"{name}, M tokens/s": rate for name, rate in rates.items()}
            medians[f"padding of rows of {context}"] = BestFitSampler(
                Shards(split), context, 0
            ).padding_fraction()
    print(f"{size / 1e6:.1f} MB of text, {args.kind}, {args.vocab_size} pieces")
    for name, value in medians.items():
        print(f"{name:34} {value:9.3f}")
    print(json.dumps({"megabytes": size / 1e6, "kind": args.kind, "vocab_size": args.vocab_size, **medians}))


if __name__ == "__main__":
    main()
