"""Apply the filters that look at each document by itself, a batch of documents at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np
import pyarrow as pa

from pipeline.corpus import report_examples
from pipeline.corpus.filters.boilerplate import remove_boilerplate
from pipeline.corpus.filters.language import MIN_PROBABILITY, turkish_probability
from pipeline.corpus.filters.quality import has_bad_lines, is_not_prose
from pipeline.corpus.filters.repetition import is_repetitive
from pipeline.corpus.params import Rules
from pipeline.corpus.rows import FILTERED_TYPE
from pipeline.corpus.stats import CHANGING_RULES, DROPPING_RULES, EXCERPT_CHARS
from pipeline.data.splits import hash_key
from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.overlap.minhash import NO_SIGNATURE, SIGNATURE_HASHES, folded_words, minhash_signatures
from pipeline.overlap.text_batch import TextBatch
from pipeline.text.clean import clean
from pipeline.text.comparison_keys import duplicate_key
from pipeline.text.personal_data import mask_personal_data

MIN_PARAGRAPH_CHARS = 40  # shorter lines may well repeat from document to document
BATCH_CHARS = 1_000_000


@dataclass
class FilterPipeline:
    """The filters with all that they need. A worker process has one."""

    rules: Rules
    min_chars: int
    seed: int
    eval_ngrams: EvalNgrams

    def apply(self, raw: list[str], skipped_rules: np.ndarray) -> pa.Array:
        """Filter texts into rows of FILTERED_SCHEMA, an array of structs.

        `skipped_rules` [texts] has the bits of the rules that are not applied to each text (see `rule_bits`).
        """
        batches = [self._apply_batch(raw[span], skipped_rules[span]) for span in batch_slices(raw)]
        return pa.concat_arrays([pa.array([], FILTERED_TYPE), *batches])

    def _apply_batch(self, raw: list[str], skipped_rules: np.ndarray) -> pa.StructArray:
        applies = {
            name: np.full(len(raw), getattr(self.rules, name)) & (skipped_rules & rule_bits([name]) == 0)
            for name in Rules.model_fields
        }
        cleaned = [clean(text) for text in raw]
        without_boilerplate = _apply_where(applies["boilerplate"], remove_boilerplate, cleaned)
        rule = self._dropping_rule(TextBatch(without_boilerplate), applies)
        kept = rule < 0
        texts = _apply_where(kept & applies["personal_data"], mask_personal_data, without_boilerplate)
        versions = raw, cleaned, without_boilerplate, texts  # before and after each changing rule
        sizes = np.array([_byte_lengths(version) for version in versions])
        lost, changed = -np.diff(sizes, axis=0).T, _change_excerpts(versions)
        key, choice = self._hash_keys(texts, kept)
        batch = TextBatch([text if is_kept else "" for text, is_kept in zip(texts, kept, strict=True)])
        columns = {
            "text": pa.array(_shorten_dropped(texts, kept), pa.large_string()),
            "rule": pa.array(rule),
            "raw": pa.array(sizes[0]),
            "size": pa.array(sizes[-1]),
            "length": pa.array([len(text) for text in texts], pa.int64()),
            "lost": pa.FixedSizeListArray.from_arrays(pa.array(lost.ravel()), len(CHANGING_RULES)),
            "changed": pa.FixedSizeListArray.from_arrays(
                pa.array(changed, pa.large_string()), len(CHANGING_RULES)
            ),
            "key": pa.array(key),
            "choice": pa.array(choice),
            **_paragraph_columns(batch, applies["repeated_paragraphs"]),
            **self._word_columns(batch, applies),
        }
        fields = list(FILTERED_TYPE)
        return pa.StructArray.from_arrays([columns[field.name] for field in fields], fields=fields)

    def _dropping_rule(self, batch: TextBatch, applies: dict[str, np.ndarray]) -> np.ndarray:
        """Return the index [documents] of the first rule that drops each document; -1: none."""
        rule = np.full(len(batch.texts), -1, np.int8)
        rule[batch.lengths < self.min_chars] = DROPPING_RULES.index("too_short")
        predicates = {
            "language": lambda: turkish_probability(batch.texts) < MIN_PROBABILITY,
            "repetition": lambda: is_repetitive(batch),
            "lines": lambda: has_bad_lines(batch),
            "prose": lambda: is_not_prose(batch),
        }
        for name, is_bad in predicates.items():
            if applies[name].any():
                rule[is_bad() & applies[name] & (rule < 0)] = DROPPING_RULES.index(name)
        return rule

    def _hash_keys(self, texts: list[str], kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both hashes of `hash_key` [texts], 0 where a text is not kept."""
        keys = [hash_key(duplicate_key(text), self.seed) for text in compress(texts, kept)]
        hashes = np.zeros((2, len(texts)), np.uint64)
        hashes[:, kept] = np.array(keys, np.uint64).reshape(-1, 2).T
        return hashes[0], hashes[1]

    def _word_columns(self, batch: TextBatch, applies: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """Return the columns of the rules that compare words, `grams` and `signature`."""
        count = len(batch.texts)
        is_needed = (applies["near_copies"] | applies["contamination"]).any()
        words = folded_words(batch if is_needed else TextBatch([""] * count))
        signatures = np.full((count, SIGNATURE_HASHES), NO_SIGNATURE)
        if applies["near_copies"].any():
            signatures[applies["near_copies"]] = minhash_signatures(words)[applies["near_copies"]]
        return {
            "grams": _list_array(*self.eval_ngrams.match(words, applies["contamination"])),
            "signature": pa.FixedSizeListArray.from_arrays(pa.array(signatures.ravel()), SIGNATURE_HASHES),
        }


def batch_slices(texts: list[str]) -> list[slice]:
    """Divide texts into batches of BATCH_CHARS characters, or of one longer text."""
    starts: list[int] = []
    size = BATCH_CHARS + 1
    for i, text in enumerate(texts):
        size += len(text)
        if size > BATCH_CHARS:
            starts, size = [*starts, i], len(text)
    return [slice(*pair) for pair in pairwise([*starts, len(texts)])]


def rule_bits(rules: Iterable[str]) -> int:
    """Return a bit set of rules."""
    return sum(1 << list(Rules.model_fields).index(rule) for rule in rules)


def _change_excerpts(versions: Sequence[list[str]]) -> list[str]:
    """Return what each changing rule did to each text, for the report: all rules of one text, then the next.

    `versions` holds the texts before the first rule and after each.
    """
    functions = (
        report_examples.repair_excerpt,
        report_examples.removed_lines_excerpt,
        report_examples.first_marker_excerpt,
    )
    by_rule = [map(excerpt, *pair) for excerpt, pair in zip(functions, pairwise(versions), strict=True)]
    return [excerpt for of_text in zip(*by_rule, strict=True) for excerpt in of_text]


def _shorten_dropped(texts: list[str], kept: np.ndarray) -> list[str]:
    """Return the texts; of those not kept only the beginning, for the report, which has no personal data."""
    return [
        text if is_kept else mask_personal_data(text[: 4 * EXCERPT_CHARS])[:EXCERPT_CHARS]
        for text, is_kept in zip(texts, kept, strict=True)
    ]


def _paragraph_columns(batch: TextBatch, applies: np.ndarray) -> dict[str, pa.Array]:
    """Return the columns `paragraphs`, `bytes` and `characters`, empty where `applies` is false."""
    lines = batch.lines
    long = np.flatnonzero((lines.lengths >= MIN_PARAGRAPH_CHARS) & applies[lines.document])
    order = long[np.lexsort((batch.hash_spans(lines)[long], lines.document[long]))]
    document, hashes = lines.document[order], batch.hash_spans(lines)[order]
    byte_lengths, lengths = batch.byte_lengths(lines)[order] + 1, lines.lengths[order] + 1
    is_first = np.ones(len(order), bool)
    is_first[1:] = (document[1:] != document[:-1]) | (hashes[1:] != hashes[:-1])
    starts = np.flatnonzero(is_first)
    offsets = np.searchsorted(document[starts], np.arange(len(batch.texts) + 1))
    values = {
        "paragraphs": hashes[starts],
        "bytes": _sum_from(byte_lengths, starts),
        "characters": _sum_from(lengths, starts),
    }
    return {name: _list_array(column, offsets) for name, column in values.items()}


def _sum_from(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the sum of the values from each start to the next."""
    return np.add.reduceat(values, starts) if len(starts) else values


def _byte_lengths(texts: list[str]) -> list[int]:
    return [len(text.encode("utf-8", "surrogatepass")) for text in texts]


def _apply_where(mask: np.ndarray, change: Callable[[str], str], texts: list[str]) -> list[str]:
    return [change(text) if applies else text for text, applies in zip(texts, mask, strict=True)]


def _list_array(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(offsets, pa.array(values))
