"""Split texts that are too long for one document."""

MAX_CHARS = 100_000  # of one document, about 15,000 words


def split_long_text(text: str, limit: int = MAX_CHARS) -> list[str]:
    """Split `text` into pieces of at most `limit` characters, which join to `text` again.

    It is split after the last line break in the second half of the limit, or else after the last space
    there, or else at the limit. A piece depends only on the text up to its own end + `limit`, so that a
    stream can be split while it is read.
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
    for separator in ("\n", " "):
        position = text.rfind(separator, low, high)
        if position >= 0:
            return position + 1
    return high
