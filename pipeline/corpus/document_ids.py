"""Ids that no two documents of the corpus share."""

import hashlib

from pipeline.corpus.hash_set import HashSet
from pipeline.text.clean import clean

MAX_CHARS = 200  # a longer id of a record is not taken over


class Ids:
    """Gives out `<source>-<the record's own id>`, or `<source>-<number>` where it has none.

    Where another document has that id already, or might have it, the number follows it.
    Only own ids are remembered (by a 64-bit hash), of numbers just the highest of each source.
    """

    def __init__(self) -> None:
        self._own = HashSet()
        self._highest: dict[str, int] = {}

    def numbered(self, source: str, number: int) -> str:
        """The id of the source's document `number`, which must be higher than any before."""
        id = f"{source}-{number}"
        if self._own and _hash64(id) in self._own:
            return self.own(id, number)
        self._highest[source] = number
        return id

    def own(self, id: str, number: int) -> str:
        """`id`, or where that is taken, `id` with the document's number in its source behind it."""
        while self._is_number(id) or not self._own.add(_hash64(id)):
            id = f"{id}-{number}"
        return id

    def _is_number(self, id: str) -> bool:
        source, _, number = id.rpartition("-")
        return source in self._highest and number.isdecimal() and int(number) <= self._highest[source]


def usable(id: str | None) -> str | None:
    """A record's own id where it is fit to be one: a line of clean text."""
    if id is None or len(id) > MAX_CHARS:
        return None
    id = clean(id)
    return id if id and "\n" not in id else None


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "little")
