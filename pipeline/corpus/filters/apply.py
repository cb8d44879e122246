"""What the rules say of a batch of documents, each looked at by itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np
import pyarrow as pa

from pipeline.corpus import report_examples
from pipeline.corpus.dedup.minhash import NONE, ORDERS, folded_words, signatures
from pipeline.corpus.filters.boilerplate import without_boilerplate
from pipeline.corpus.filters.decontaminate import Grams
from pipeline.corpus.filters.language import LEAST, turkish
from pipeline.corpus.filters.pii import without_personal_data
from pipeline.corpus.filters.quality import badly_lined, not_prose
from pipeline.corpus.filters.repetition import repetitive
from pipeline.corpus.filters.text_batch import LaidOut
from pipeline.corpus.params import Rules
from pipeline.corpus.stats import EXCERPT
from pipeline.data.splits import digest
from pipeline.text.clean import clean
from pipeline.text.normalize import duplicate_key
from pipeline.text.repair import repair

DROPPING = ("too_short", "language", "repetition", "lines", "prose")  # the rules here that drop documents
CHANGING = ("cleaning", "boilerplate", "personal_data")  # and those that change them
PARAGRAPH = 40  # characters; shorter lines may well repeat from document to document
BATCH_CHARS = 1_000_000  # looked at together

EXAMINED = pa.struct(
    [
        ("text", pa.large_string()),  # clean; of a dropped document its beginning
        ("rule", pa.int8()),  # that dropped it, a place in DROPPING; -1: none
        ("raw", pa.int64()),  # UTF-8 bytes as it was read
        ("length", pa.int64()),  # characters of the clean text
        ("lost", pa.list_(pa.int64(), len(CHANGING))),  # of them by each changing rule; less than 0: won
        ("changed", pa.list_(pa.large_string(), len(CHANGING))),  # what each did, for people; "": nothing
        ("key", pa.uint64()),  # equal for copies
        ("choice", pa.uint64()),  # a random number that its text draws
        ("paragraphs", pa.large_list(pa.uint64())),  # hashes of its longer lines, each once
        ("bytes", pa.large_list(pa.int64())),  # and the bytes that go with each
        ("characters", pa.large_list(pa.int64())),
        ("grams", pa.large_list(pa.int64())),  # that it shares with the evaluation sets
        ("signature", pa.list_(pa.uint32(), ORDERS)),
    ]
)


@dataclass
class Examiner:
    """The rules with all that they need; a worker process has one."""

    rules: Rules
    min_chars: int
    seed: int
    grams: Grams

    def examine(self, raw: list[str], spared: np.ndarray) -> pa.Array:
        """EXAMINED of some texts; each is `spared` the rules whose bits are set (see `bits`)."""
        batches = [self._batch(raw[span], spared[span]) for span in together(raw)]
        return pa.concat_arrays([pa.array([], EXAMINED), *batches])

    def _batch(self, raw: list[str], spared: np.ndarray) -> pa.StructArray:
        for_rule = {
            name: np.full(len(raw), getattr(self.rules, name)) & (spared & bits([name]) == 0)
            for name in Rules.model_fields
        }
        cleaned = [clean(repair(text)) for text in raw]
        bare = _changed(cleaned, without_boilerplate, for_rule["boilerplate"])
        rule = self._dropped(LaidOut(bare), for_rule)
        kept = rule < 0
        texts = _changed(bare, without_personal_data, kept & for_rule["personal_data"])
        sizes = [_bytes(forms) for forms in (raw, cleaned, bare, texts)]
        ways = report_examples.repaired, report_examples.left_out, report_examples.marked
        done = [
            map(way, *pair) for way, pair in zip(ways, pairwise((raw, cleaned, bare, texts)), strict=True)
        ]
        changed = [excerpt for of_text in zip(*done, strict=True) for excerpt in of_text]
        keys = [digest(duplicate_key(text), self.seed) for text in compress(texts, kept)]
        key, choice = np.zeros((2, len(texts)), np.uint64)
        key[kept], choice[kept] = np.array(keys, np.uint64).reshape(-1, 2).T
        batch = LaidOut([text if stays else "" for text, stays in zip(texts, kept, strict=True)])
        # Of what is dropped only the beginning is kept, for the report, which has no personal data.
        excerpts = [
            text if stays else without_personal_data(text[: 4 * EXCERPT])[:EXCERPT]
            for text, stays in zip(texts, kept, strict=True)
        ]
        lost = -np.diff(np.array(sizes), axis=0).T
        compared = for_rule["near_copies"] | for_rule["contamination"]
        words = folded_words(batch if compared.any() else LaidOut([""] * len(texts)))
        marks = np.full((len(texts), ORDERS), NONE)
        if for_rule["near_copies"].any():
            marks[for_rule["near_copies"]] = signatures(words)[for_rule["near_copies"]]
        columns = [
            pa.array(excerpts, pa.large_string()),
            pa.array(rule),
            pa.array(sizes[0], pa.int64()),
            pa.array([len(text) for text in texts], pa.int64()),
            pa.FixedSizeListArray.from_arrays(pa.array(lost.ravel()), len(CHANGING)),
            pa.FixedSizeListArray.from_arrays(pa.array(changed, pa.large_string()), len(CHANGING)),
            pa.array(key),
            pa.array(choice),
            *_paragraphs(batch, for_rule["repeated_paragraphs"]),
            _lists(*self.grams.found(words, for_rule["contamination"])),
            pa.FixedSizeListArray.from_arrays(pa.array(marks.ravel()), ORDERS),
        ]
        return pa.StructArray.from_arrays(columns, fields=list(EXAMINED))

    def _dropped(self, batch: LaidOut, for_rule: dict[str, np.ndarray]) -> np.ndarray:
        """The first rule that drops each document; -1: none."""
        rule = np.full(len(batch.texts), -1, np.int8)
        rule[batch.lengths < self.min_chars] = DROPPING.index("too_short")
        says = {
            "language": lambda: turkish(batch.texts) < LEAST,
            "repetition": lambda: repetitive(batch),
            "lines": lambda: badly_lined(batch),
            "prose": lambda: not_prose(batch),
        }
        for name, dropped in says.items():
            if for_rule[name].any():
                rule[dropped() & for_rule[name] & (rule < 0)] = DROPPING.index(name)
        return rule


def together(texts: list[str]) -> list[slice]:
    """Stretches of some texts that are looked at together, of BATCH_CHARS or of one longer text."""
    starts: list[int] = []
    size = BATCH_CHARS + 1
    for place, text in enumerate(texts):
        size += len(text)
        if size > BATCH_CHARS:
            starts, size = [*starts, place], len(text)
    return [slice(*pair) for pair in pairwise([*starts, len(texts)])]


def bits(rules: Iterable[str]) -> int:
    """A number that stands for some rules, a bit for each."""
    return sum(1 << list(Rules.model_fields).index(rule) for rule in rules)


def _paragraphs(batch: LaidOut, looked_at: np.ndarray) -> list[pa.Array]:
    lines = batch.lines
    long = np.flatnonzero((lines.lengths >= PARAGRAPH) & looked_at[lines.document])
    order = long[np.lexsort((batch.hashes(lines)[long], lines.document[long]))]
    document, hashes = lines.document[order], batch.hashes(lines)[order]
    widths = batch.bytes(lines)[order] + 1, lines.lengths[order] + 1
    first = np.ones(len(order), bool)
    first[1:] = (document[1:] != document[:-1]) | (hashes[1:] != hashes[:-1])
    starts = np.flatnonzero(first)
    of = np.searchsorted(document[starts], np.arange(len(batch.texts) + 1))
    summed = (np.add.reduceat(width, starts) if len(starts) else width for width in widths)
    return [_lists(values, of) for values in (hashes[starts], *summed)]


def _bytes(texts: list[str]) -> list[int]:
    return [len(text.encode("utf-8", "surrogatepass")) for text in texts]


def _changed(texts: list[str], change: Callable[[str], str], where: np.ndarray) -> list[str]:
    return [change(text) if there else text for text, there in zip(texts, where, strict=True)]


def _lists(values: np.ndarray, of: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(of, pa.array(values))
