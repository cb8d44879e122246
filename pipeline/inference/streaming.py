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


def decode_characters(ids: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """Yield the text of `ids`, each piece as soon as it is complete.

    One character may be spread over several byte tokens, which are buffered until it is whole. What is
    still broken when the ids end is left out.
    """
    pending: list[int] = []
    for token in ids:
        pending.append(token)
        text = decode(pending)
        if text and not text.endswith(REPLACEMENT):
            yield text
            pending = []
    rest = decode(pending).rstrip(REPLACEMENT) if pending else ""
    if rest:
        yield rest


def cut_at_stop(pieces: Iterable[str], stop_strings: Iterable[str]) -> Iterator[str]:
    """Yield the text of `pieces` before the first stop string to be completed, and read no further.

    A stop string is recognized however the pieces cut it, and no part of it is yielded. Text that may be
    its beginning is buffered until that is decided. Raises ValueError for an empty stop string.
    """
    stop_strings = list(stop_strings)
    if "" in stop_strings:
        raise ValueError("a stop string is empty")
    pending = ""
    for piece in pieces:
        pending += piece
        matches = [
            (pending.find(stop) + len(stop), pending.find(stop)) for stop in stop_strings if stop in pending
        ]  # end and start
        if matches:
            _, start = min(matches)
            if start:
                yield pending[:start]
            return
        safe_length = len(pending) - partial_stop_length(pending, stop_strings)
        if safe_length:
            yield pending[:safe_length]
            pending = pending[safe_length:]
    if pending:
        yield pending


def partial_stop_length(text: str, stop_strings: Iterable[str]) -> int:
    """Return the number of characters at the end of `text` that may be the beginning of a stop string."""
    lengths = (n for stop in stop_strings for n in range(1, len(stop)) if text.endswith(stop[:n]))
    return max(lengths, default=0)
