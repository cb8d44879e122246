"""Decoding of a token stream into text that is safe to print piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

REPLACEMENT = "\ufffd"  # U+FFFD, into which decoding turns bytes that are no whole character
CUT_MARK = " …"  # ends a text that was cut off, for people to see


@dataclass
class TextStream:
    """A text that is generated while it is read, piece by piece."""

    pieces: Iterator[str]
    is_cut: bool = False  # known once all pieces are read: the text was cut off, and did not end by itself

    def __iter__(self) -> Iterator[str]:
        return self.pieces


def mark_cut(text: TextStream) -> Iterator[str]:
    """Yield the pieces of `text`, and CUT_MARK after them where it was cut off."""
    yield from text
    if text.is_cut:
        yield CUT_MARK


class TextDecoder:
    """Turns tokens into text that is safe to show, piece by piece. Joined, the pieces are all of it.

    One character may be spread over several byte tokens, which are held back until it is whole. A stop string
    is recognized however the tokens cut it: the text ends before the first to be completed. What may be its
    beginning is held back until that is decided. Raises ValueError for an empty stop string.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop_strings: Iterable[str] = ()) -> None:
        self.decode, self.stop_strings = decode, list(stop_strings)
        if "" in self.stop_strings:
            raise ValueError("a stop string is empty")
        self.ids: list[int] = []  # of a character that is not whole
        self.pending = ""  # what may begin a stop string
        self.is_stopped = False  # by a stop string; later tokens are no part of the text

    def add(self, token: int) -> str:
        """Return the text that is safe to show once `token` is known; it may be empty."""
        self.ids.append(token)
        text = self.decode(self.ids)
        if not text or text.endswith(REPLACEMENT):
            return ""
        self.ids = []
        return self._cut(text)

    def finish(self) -> str:
        """Return what was held back, as no token follows. A broken character at the end is left out."""
        rest = self._cut(self.decode(self.ids).rstrip(REPLACEMENT)) if self.ids else ""
        rest += "" if self.is_stopped else self.pending
        self.ids, self.pending = [], ""
        return rest

    def _cut(self, text: str) -> str:
        """Return what is safe of `pending` and `text`, and keep the rest."""
        if self.is_stopped:
            return ""
        text = self.pending + text
        ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in self.stop_strings if stop in text]
        self.is_stopped = bool(ends)
        safe = min(ends)[1] if ends else len(text) - partial_stop_length(text, self.stop_strings)
        self.pending = "" if ends else text[safe:]
        return text[:safe]


def partial_stop_length(text: str, stop_strings: Iterable[str]) -> int:
    """Return the number of characters at the end of `text` that may be the beginning of a stop string."""
    lengths = (
        n for stop in stop_strings for n in range(1, min(len(stop), len(text) + 1)) if text.endswith(stop[:n])
    )
    return max(lengths, default=0)
