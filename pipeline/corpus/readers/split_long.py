"""Cut what is too long for one document."""

MAX_CHARS = 100_000  # of one document, about 15,000 words


def cut(text: str, limit: int = MAX_CHARS) -> list[str]:
    """Pieces of at most `limit` characters that join to `text` again.

    Cut after the last line break in the second half of the limit; where there is none, after the last
    space there; else at the limit. A piece depends on the text up to its own end + `limit` alone, so
    that a stream can be cut while it is read.
    """
    pieces = []
    start = 0
    while len(text) - start > limit:
        end = _last_break(text, start + limit // 2, start + limit)
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces


def _last_break(text: str, low: int, high: int) -> int:
    for mark in ("\n", " "):
        at = text.rfind(mark, low, high)
        if at >= 0:
            return at + 1
    return high
