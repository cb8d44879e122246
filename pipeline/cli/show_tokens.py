"""`tezgah tokenize "…"`: the pieces of a text, with their ids and bytes."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.common import i18n
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
    console.print(i18n.translate_table(table))
    size, words = len(text.encode("utf-8")), len(WORD.findall(text))
    counts = f"{len(ids)} tokens, {size} bytes, {words} words"
    if words:
        counts += f": {size / len(ids):.2f} bytes per token, {len(ids) / words:.2f} tokens per word"
    console.print(i18n.translate(counts), soft_wrap=True)


def piece_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """Return the UTF-8 bytes of a token."""
    piece = tokenizer.id_to_piece(token)
    if tokenizer.is_byte(token):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(METASPACE, " ").encode("utf-8")
