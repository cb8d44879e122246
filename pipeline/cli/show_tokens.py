"""What `tezgah tokenize "…"` does: show how a text is cut into pieces."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.common import i18n
from pipeline.tokenizer.tokenizer import SPACE, Tokenizer
from pipeline.tokenizer_training.report import WORD

COLOURS = [f"black on bright_{colour}" for colour in ("cyan", "yellow", "green", "magenta")]


def run(text: str, folder: Path) -> None:
    """Print the text in the colours of its pieces, and a row for each: id, piece, bytes.

    Raises UserError where there is no tokenizer, or for text that is none.
    """
    tokenizer = Tokenizer.load(folder)
    ids = tokenizer.encode(text)
    console = Console(highlight=False)
    coloured = Text()
    table = Table("id", "piece", "bytes")
    for place, token in enumerate(ids):
        piece = tokenizer.piece(token)
        coloured.append(piece, style=COLOURS[place % len(COLOURS)])
        coloured.append("" if console.is_terminal else " ")  # where there are no colours
        table.add_row(str(token), escape(piece), piece_bytes(tokenizer, token).hex(" "))
    console.print(coloured, soft_wrap=True)
    console.print(i18n.translate_table(table))
    size, words = len(text.encode("utf-8")), len(WORD.findall(text))
    counts = f"{len(ids)} tokens, {size} bytes, {words} words"
    if words:
        counts += f": {size / len(ids):.2f} bytes per token, {len(ids) / words:.2f} tokens per word"
    console.print(i18n.translate(counts), soft_wrap=True)


def piece_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """The UTF-8 bytes that a token of text stands for."""
    piece = tokenizer.piece(token)
    if tokenizer.is_byte(token):
        return bytes([int(piece[3:5], 16)])
    return piece.replace(SPACE, " ").encode("utf-8")
