"""The rules of FineWeb-2 and its MinHash, here and in datatrove, on the same documents, one core each.

    python -m venv .venv-datatrove
    .venv-datatrove/bin/pip install datatrove[processing]==0.10.1 spacy tokenizers
    python -m benchmarks.corpus_rules CORPUS --datatrove .venv-datatrove/bin/python

Speeches, statutes and runs of sentences of a folder of texts, cleaned. In turn, several rounds: the rules for
repetition, lines and prose; datatrove's three filters with the limits of `tur_Latn` and spaCy's Turkish
tokenizer, and again with words that are cut at spaces; signatures and clustering; datatrove's four steps.
Prints megabytes of text a second (medians), the factors, and on how many documents the verdicts are the same.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.near_copies import signed
from benchmarks.texts import folder_texts
from pipeline.corpus.filters.apply import batch_slices
from pipeline.corpus.filters.quality import STOP_WORDS, has_bad_lines, is_not_prose
from pipeline.corpus.filters.repetition import is_repetitive
from pipeline.overlap.near_duplicates import group_near_duplicates
from pipeline.overlap.text_batch import TextBatch
from pipeline.text.clean import clean

EVERY = 6  # of the documents one is taken
THEIRS = """
import json, sys, tempfile, time
from datatrove.data import Document
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils import text as cutting
job = json.load(open(sys.argv[1]))
if job["words"] == "spaces":
    plain = lambda text, language="tur": text.split()
    for module in list(sys.modules.values()):
        if getattr(module, "split_into_words", None):
            module.split_into_words = plain
documents = [Document(text=text, id=str(number)) for number, text in enumerate(job["texts"])]
if job["what"] == "rules":
    common = job["frequent"]
    filters = [
        GopherRepetitionFilter(
            dup_line_frac=0.272, dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0,
            top_n_grams=((2, 0.214), (3, 0.168), (4, 0.147)),
            dup_n_grams=((5, 0.154), (6, 0.144), (7, 0.134), (8, 0.124), (9, 0.113), (10, 0.103)),
            language="tur"),
        FineWebQualityFilter(line_punct_thr=0.091, short_line_thr=999, char_duplicates_ratio=0.1,
                             new_line_ratio=0.222, language="tur"),
        GopherQualityFilter(min_avg_word_length=3, max_avg_word_length=21, max_non_alpha_words_ratio=0.773,
                            min_stop_words=2, stop_words=common, language="tur"),
    ]
    [one.filter(documents[0]) for one in filters]  # loads the tokenizer
    began = time.perf_counter()
    kept = [all(one.filter(document) is True for one in filters) for document in documents]
    print(json.dumps({"seconds": time.perf_counter() - began, "kept": kept}))
else:
    with tempfile.TemporaryDirectory() as folder:
        config = minhash.MinhashConfig()
        sign = minhash.MinhashDedupSignature(f"{folder}/s", config, language="tur")
        sign.get_shingles("bir iki üç dört beş altı")
        began = time.perf_counter()
        sign.run(iter(documents))
        pairs = minhash.MinhashDedupBuckets(f"{folder}/s", f"{folder}/b", config=config)
        for bucket in range(config.num_buckets):
            pairs.run(None, bucket, config.num_buckets)
        minhash.MinhashDedupCluster(f"{folder}/b", f"{folder}/r", config=config).run(None, 0, 1)
        list(minhash.MinhashDedupFilter(f"{folder}/r").run(iter(documents), 0, 1))
        print(json.dumps({"seconds": time.perf_counter() - began}))
"""


def chosen(folder: Path) -> list[str]:
    """A sixth of the documents; sentences in runs of seven, as a document of one says nothing."""
    texts = [clean(text)[:100_000] for text in folder_texts(folder, without=["nutuk.txt"])]
    short = [text for text in texts if len(text) < 300]
    runs = ["\n".join(short[at : at + 7]) for at in range(0, len(short), 7)]
    return [*(text for text in texts if len(text) >= 300), *runs][::EVERY]


def our_rules(texts: list[str]) -> tuple[float, np.ndarray]:
    """Seconds, and which documents stay."""
    began = time.perf_counter()
    bad = []
    for span in batch_slices(texts):
        batch = TextBatch(texts[span])
        bad.append(is_repetitive(batch) | has_bad_lines(batch) | is_not_prose(batch))
    return time.perf_counter() - began, ~np.concatenate(bad)


def our_copies(texts: list[str]) -> float:
    """Seconds of signatures and clusters."""
    began = time.perf_counter()
    found = signed(texts)
    group_near_duplicates([lambda: found], np.ones(len(texts), bool))
    return time.perf_counter() - began


def theirs(python: Path, texts: list[str], what: str, words: str = "spacy") -> dict:
    """What datatrove takes for the same, in an interpreter that has it."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as job:
        json.dump({"texts": texts, "what": what, "words": words, "frequent": STOP_WORDS}, job)
        job.flush()
        environment = {**os.environ, "PYTHONPATH": ""}
        done = subprocess.run(
            [python, "-c", THEIRS, job.name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, check=True, text=True,
        )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--datatrove", type=Path, help="a Python that has datatrove and spaCy")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    texts = chosen(options.folder)
    size = sum(len(text.encode()) for text in texts) / 1e6
    our_rules(texts[:50])
    seconds: dict[str, list[float]] = {}
    same = 1.0
    for _ in range(options.rounds):
        took, kept = our_rules(texts)
        seconds.setdefault("rules", []).append(took)
        seconds.setdefault("near_copies", []).append(our_copies(texts))
        if options.datatrove:
            found = theirs(options.datatrove, texts, "rules")
            seconds.setdefault("datatrove_rules", []).append(found["seconds"])
            same = float((np.array(found["kept"]) == kept).mean())
            plain = theirs(options.datatrove, texts, "rules", "spaces")
            seconds.setdefault("datatrove_rules_plain", []).append(plain["seconds"])
            copies = theirs(options.datatrove, texts, "minhash")
            seconds.setdefault("datatrove_minhash", []).append(copies["seconds"])
    speed = {name: size / statistics.median(times) for name, times in seconds.items()}
    print(f"{len(texts)} documents, {size:.1f} MB, {options.rounds} rounds")
    for name, rate in speed.items():
        print(f"{name:24}{rate:9.2f} MB/s")
    found = {"megabytes": size, "megabytes_per_second": speed}
    if options.datatrove:
        factors = {
            "rules": speed["rules"] / speed["datatrove_rules"],
            "rules_plain": speed["rules"] / speed["datatrove_rules_plain"],
            "near_copies": speed["near_copies"] / speed["datatrove_minhash"],
        }
        print(
            "  ".join(f"{name} {factor:.1f} x" for name, factor in factors.items()),
            f"  same verdict {same:.2%}",
        )
        found |= {"factors": factors, "same": same}
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
