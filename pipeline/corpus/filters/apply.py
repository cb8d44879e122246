"""Apply the filters that look at each document by itself, a batch of documents at a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import compress, pairwise

import numpy as np
import pyarrow as pa

from pipeline.corpus import report_examples
from pipeline.corpus.dedup.minhash import NO_SIGNATURE, SIGNATURE_HASHES, folded_words, minhash_signatures
from pipeline.corpus.filters.boilerplate import remove_boilerplate
from pipeline.corpus.filters.decontaminate import EvalNgrams
from pipeline.corpus.filters.language import MIN_PROBABILITY, turkish_probability
from pipeline.corpus.filters.pii import mask_personal_data
from pipeline.corpus.filters.quality import has_bad_lines, is_not_prose
from pipeline.corpus.filters.repetition import is_repetitive
from pipeline.corpus.filters.text_batch import TextBatch
from pipeline.corpus.params import Rules
from pipeline.corpus.stats import EXCERPT_CHARS
from pipeline.data.splits import hash_key
from pipeline.text.clean import clean
from pipeline.text.comparison_keys import duplicate_key
from pipeline.text.repair import repair

DROPPING_RULES = ("too_short", "language", "repetition", "lines", "prose")  # those here that drop documents
CHANGING_RULES = ("cleaning", "boilerplate", "personal_data")  # those that change them
MIN_PARAGRAPH_CHARS = 40  # shorter lines may well repeat from document to document
BATCH_CHARS = 1_000_000

FILTERED_SCHEMA = pa.struct(
    [
        ("text", pa.large_string()),  # clean; of a dropped document its beginning
        ("rule", pa.int8()),  # that dropped it, an index into DROPPING_RULES; -1: none
        ("raw", pa.int64()),  # UTF-8 bytes as it was read
        ("length", pa.int64()),  # characters of the clean text
        # Bytes that each changing rule removed; negative where it added some.
        ("lost", pa.list_(pa.int64(), len(CHANGING_RULES))),
        # Excerpt of what each changed, for the report; "": nothing.
        ("changed", pa.list_(pa.large_string(), len(CHANGING_RULES))),
        ("key", pa.uint64()),  # equal for copies
        ("choice", pa.uint64()),  # random number, seeded by its text
        ("paragraphs", pa.large_list(pa.uint64())),  # hashes of its longer lines, each once
        ("bytes", pa.large_list(pa.int64())),  # bytes of each of these, with its repeats and line ends
        ("characters", pa.large_list(pa.int64())),  # characters of each
        ("grams", pa.large_list(pa.int64())),  # n-grams that it shares with the evaluation sets
        ("signature", pa.list_(pa.uint32(), SIGNATURE_HASHES)),
    ]
)


@dataclass
class FilterPipeline:
    """The filters with all that they need. A worker process has one."""

    rules: Rules
    min_chars: int
    seed: int
    eval_ngrams: EvalNgrams

    def apply(self, raw: list[str], skipped_rules: np.ndarray) -> pa.Array:
        """Filter texts into rows of FILTERED_SCHEMA.

        `skipped_rules` [texts] has the bits of the rules that are not applied to each text (see `rule_bits`).
        """
        batches = [self._apply_batch(raw[span], skipped_rules[span]) for span in batch_slices(raw)]
        return pa.concat_arrays([pa.array([], FILTERED_SCHEMA), *batches])

    def _apply_batch(self, raw: list[str], skipped_rules: np.ndarray) -> pa.StructArray:
        applies = {
            name: np.full(len(raw), getattr(self.rules, name)) & (skipped_rules & rule_bits([name]) == 0)
            for name in Rules.model_fields
        }
        cleaned = [clean(repair(text)) for text in raw]
        without_boilerplate = _apply_where(applies["boilerplate"], remove_boilerplate, cleaned)
        rule = self._dropping_rule(TextBatch(without_boilerplate), applies)
        kept = rule < 0
        texts = _apply_where(kept & applies["personal_data"], mask_personal_data, without_boilerplate)
        versions = raw, cleaned, without_boilerplate, texts  # before and after each changing rule
        sizes = [_byte_lengths(version) for version in versions]
        excerpt_functions = (
            report_examples.repair_excerpt,
            report_examples.removed_lines_excerpt,
            report_examples.first_marker_excerpt,
        )
        by_rule = [
            map(excerpt, *pair) for excerpt, pair in zip(excerpt_functions, pairwise(versions), strict=True)
        ]
        changed = [excerpt for of_text in zip(*by_rule, strict=True) for excerpt in of_text]
        keys = [hash_key(duplicate_key(text), self.seed) for text in compress(texts, kept)]
        key, choice = np.zeros((2, len(texts)), np.uint64)
        key[kept], choice[kept] = np.array(keys, np.uint64).reshape(-1, 2).T
        batch = TextBatch([text if is_kept else "" for text, is_kept in zip(texts, kept, strict=True)])
        # Of what is dropped only the beginning is kept, for the report, which has no personal data.
        excerpts = [
            text if is_kept else mask_personal_data(text[: 4 * EXCERPT_CHARS])[:EXCERPT_CHARS]
            for text, is_kept in zip(texts, kept, strict=True)
        ]
        lost = -np.diff(np.array(sizes), axis=0).T
        needs_words = applies["near_copies"] | applies["contamination"]
        words = folded_words(batch if needs_words.any() else TextBatch([""] * len(texts)))
        signatures = np.full((len(texts), SIGNATURE_HASHES), NO_SIGNATURE)
        if applies["near_copies"].any():
            signatures[applies["near_copies"]] = minhash_signatures(words)[applies["near_copies"]]
        columns = [
            pa.array(excerpts, pa.large_string()),
            pa.array(rule),
            pa.array(sizes[0], pa.int64()),
            pa.array([len(text) for text in texts], pa.int64()),
            pa.FixedSizeListArray.from_arrays(pa.array(lost.ravel()), len(CHANGING_RULES)),
            pa.FixedSizeListArray.from_arrays(pa.array(changed, pa.large_string()), len(CHANGING_RULES)),
            pa.array(key),
            pa.array(choice),
            *_paragraph_columns(batch, applies["repeated_paragraphs"]),
            _list_array(*self.eval_ngrams.match(words, applies["contamination"])),
            pa.FixedSizeListArray.from_arrays(pa.array(signatures.ravel()), SIGNATURE_HASHES),
        ]
        return pa.StructArray.from_arrays(columns, fields=list(FILTERED_SCHEMA))

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


def _paragraph_columns(batch: TextBatch, applies: np.ndarray) -> list[pa.Array]:
    """Return the columns `paragraphs`, `bytes` and `characters`, empty where `applies` is false."""
    lines = batch.lines
    long = np.flatnonzero((lines.lengths >= MIN_PARAGRAPH_CHARS) & applies[lines.document])
    order = long[np.lexsort((batch.hash_spans(lines)[long], lines.document[long]))]
    document, hashes = lines.document[order], batch.hash_spans(lines)[order]
    sizes = batch.byte_lengths(lines)[order] + 1, lines.lengths[order] + 1
    is_first = np.ones(len(order), bool)
    is_first[1:] = (document[1:] != document[:-1]) | (hashes[1:] != hashes[:-1])
    starts = np.flatnonzero(is_first)
    offsets = np.searchsorted(document[starts], np.arange(len(batch.texts) + 1))
    sums = (np.add.reduceat(size, starts) if len(starts) else size for size in sizes)
    return [_list_array(values, offsets) for values in (hashes[starts], *sums)]


def _byte_lengths(texts: list[str]) -> list[int]:
    return [len(text.encode("utf-8", "surrogatepass")) for text in texts]


def _apply_where(mask: np.ndarray, change: Callable[[str], str], texts: list[str]) -> list[str]:
    return [change(text) if applies else text for text, applies in zip(texts, mask, strict=True)]


def _list_array(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(offsets, pa.array(values))
