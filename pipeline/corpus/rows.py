"""The columns of a document on its way through slice_corpus, each with its type, and who has which."""

import pyarrow as pa

from pipeline.corpus.stats import CHANGING_RULES
from pipeline.overlap.minhash import SIGNATURE_HASHES

COLUMNS = {
    # Where a row comes from.
    "source": pa.string(),
    "task": pa.int64(),  # number of the ReadTask
    "row": pa.int64(),  # number of the row in its task
    "number": pa.int64(),  # of the document in its source, from 0
    "id": pa.string(),  # as the source gives it
    "queries": pa.list_(pa.string()),  # questions that it answers (miniworld)
    "skipped_rules": pa.int64(),  # bits of the rules that are not applied to it (see `rule_bits`)
    # As read. After the filters it is clean, and of a dropped document only its beginning is left.
    "text": pa.large_string(),
    # Instead of a document.
    "note": pa.string(),  # something the user should know, as `write_message` writes it
    "fault": pa.string(),  # one line on what cannot be read, written so too
    "missing": pa.bool_(),  # the fault is no reason to stop
    "fatal": pa.bool_(),  # nothing after the fault can be read
    "last": pa.bool_(),  # a row without a document that ends the task
    # What the filters find.
    "rule": pa.int8(),  # that dropped it, an index into DROPPING_RULES; -1: none
    "raw": pa.int64(),  # UTF-8 bytes as it was read
    "size": pa.int64(),  # UTF-8 bytes of the clean text
    "length": pa.int64(),  # characters of the clean text
    "lost": pa.list_(pa.int64(), len(CHANGING_RULES)),  # bytes that each removed; negative where it added
    "changed": pa.list_(pa.large_string(), len(CHANGING_RULES)),  # excerpt of what each changed; "": nothing
    "key": pa.uint64(),  # hash of the normalized text, equal for duplicates
    "choice": pa.uint64(),  # second hash of it, a random number that chooses the split
    "paragraphs": pa.large_list(pa.uint64()),  # hashes of its longer lines, each once
    "bytes": pa.large_list(pa.int64()),  # bytes of each of these, with its repeats and line ends
    "characters": pa.large_list(pa.int64()),  # characters of each
    "grams": pa.large_list(pa.int64()),  # n-grams that it shares with the evaluation sets
    "signature": pa.list_(pa.uint32(), SIGNATURE_HASHES),  # MinHash
}


def _schema(*names: str) -> pa.Schema:
    return pa.schema([(name, COLUMNS[name]) for name in names])


READ_SCHEMA = _schema(  # of the readers
    "source", "task", "row", "id", "queries", "text", "skipped_rules",
    "note", "fault", "missing", "fatal", "last",
)  # fmt: skip
FILTERED_SCHEMA = _schema(  # of the filters
    "text", "rule", "raw", "size", "length", "lost", "changed", "key", "choice",
    "paragraphs", "bytes", "characters", "grams", "signature",
)  # fmt: skip
STAGED_SCHEMA = _schema(  # of the staging area
    "source", "number", "id", "queries", "text", "size", "length", "key", "choice",
    "paragraphs", "bytes", "characters", "grams", "signature",
)  # fmt: skip
FILTERED_TYPE = pa.struct(list(FILTERED_SCHEMA))  # the filters return one column of structs
