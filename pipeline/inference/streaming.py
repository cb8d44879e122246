"""From a stream of tokens to a stream of text that is safe to show piece by piece."""

from collections.abc import Callable, Iterable, Iterator

REPLACEMENT = "\ufffd"  # what decoding makes of bytes that are no whole character


def whole_characters(ids: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """The text of `ids`, as soon as it stands.

    One character may be spread over several byte tokens: they are held until it is whole. What is
    still broken when the ids end is left out.
    """
    held: list[int] = []
    for token in ids:
        held.append(token)
        text = decode(held)
        if text and not text.endswith(REPLACEMENT):
            yield text
            held = []
    rest = decode(held).rstrip(REPLACEMENT) if held else ""
    if rest:
        yield rest


def until(pieces: Iterable[str], stops: Iterable[str]) -> Iterator[str]:
    """The text of `pieces` before the first stop string to be completed; reads no further.

    A stop string is found however the pieces cut it, and no part of it is yielded: text that may be
    its beginning is held until that is decided. Raises ValueError for an empty stop string.
    """
    stops = list(stops)
    if "" in stops:
        raise ValueError("a stop string is empty")
    held = ""
    for piece in pieces:
        held += piece
        found = [(held.find(stop) + len(stop), held.find(stop)) for stop in stops if stop in held]
        if found:
            _, start = min(found)
            if start:
                yield held[:start]
            return
        show = len(held) - undecided(held, stops)
        if show:
            yield held[:show]
            held = held[show:]
    if held:
        yield held


def undecided(text: str, stops: Iterable[str]) -> int:
    """How many characters at the end of `text` may turn out to begin a stop string."""
    sizes = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return max(sizes, default=0)
