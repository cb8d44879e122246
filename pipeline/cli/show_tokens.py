"""`tezgah tokenize "…"`: the pieces of a text, with their ids and bytes."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.common.i18n import Translatable, translate, translate_table
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer
from pipeline.tokenizer_training.report import WORD

COLORS = [f"black on bright_{color}" for color in ("cyan", "yellow", "green", "magenta")]


def print_tokens(text: str, folder: Path) -> None:
    """Print the text with its pieces in colors, and a table row for each piece: id, piece, bytes.

    Raises UserError where there is no tokenizer, and for text that it cannot encode.
    """
    tokenizer = Tokenizer.load(folder)
    ids = tokenizer.encode(text)
    console = Console(highlight=False)
    colored = Text()
    table = Table("id", "piece", "bytes")
    for i, token in enumerate(ids):
        piece = tokenizer.id_to_piece(token)
        colored.append(piece, style=COLORS[i % len(COLORS)])
        colored.append("" if console.is_terminal else " ")  # visible without colors
        table.add_row(str(token), escape(piece), piece_bytes(tokenizer, token).hex(" "))
    console.print(colored, soft_wrap=True)
    console.print(translate_table(table))
    print(translate(count_units(text, len(ids))))


def count_units(text: str, tokens: int) -> Translatable:
    """Return how many tokens, bytes and words a text has, and their ratios where it has words."""
    size, words = len(text.encode("utf-8")), len(WORD.findall(text))
    counts = Translatable(
        "{tokens} tokens, {size} bytes, {words} words", tokens=tokens, size=size, words=words
    )
    if not words:
        return counts
    return Translatable(
        "{counts}: {bytes_per_token:.2f} bytes per token, {tokens_per_word:.2f} tokens per word",
        counts=counts,
        bytes_per_token=size / tokens,
        tokens_per_word=tokens / words,
    )


def piece_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """Return the UTF-8 bytes of a token."""
    piece = tokenizer.id_to_piece(token)
    if tokenizer.is_byte(token):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(METASPACE, " ").encode("utf-8")
