"""Unique ids for the documents of the corpus."""

import hashlib

from pipeline.text.clean import clean

MAX_CHARS = 200  # a longer id of a record is not taken over


class DocumentIds:
    """Makes ids: `<source>-<the record's own id>`, or `<source>-<number>` where a record has none.

    An id that another document has, or could get, is made unique by the document's number behind it.
    Only records' own ids are remembered (by a 64-bit hash). Of numbers only the highest of each source is.
    """

    def __init__(self) -> None:
        self._own: set[int] = set()
        self._highest: dict[str, int] = {}

    def from_number(self, source: str, number: int) -> str:
        """Return the id of the source's document `number`, which must be higher than any before."""
        id = f"{source}-{number}"
        if self._own and _hash64(id) in self._own:
            return self.from_record(id, number)
        self._highest[source] = number
        return id

    def from_record(self, id: str, number: int) -> str:
        """Return `id`, or if that is taken, `id` followed by the document's number in its source."""
        while self._is_number(id) or _hash64(id) in self._own:
            id = f"{id}-{number}"
        self._own.add(_hash64(id))
        return id

    def _is_number(self, id: str) -> bool:
        source, _, number = id.rpartition("-")
        return source in self._highest and number.isdecimal() and int(number) <= self._highest[source]


def clean_record_id(id: str | None) -> str | None:
    """Return a record's own id, cleaned; None if it is not usable: absent, too long, or more than a line."""
    if id is None or len(id) > MAX_CHARS:
        return None
    id = clean(id)
    return id if id and "\n" not in id else None


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "little")
