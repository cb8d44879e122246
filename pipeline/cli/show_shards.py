"""What `tezgah shards` does: a table of the shards, and the text of any window of them."""

from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.common import i18n
from pipeline.common.errors import UserError
from pipeline.shards.format import Shards, check_tokenizer, read_manifest
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer

FOLDER, TOKENIZER = Path("data/shards"), Path("models/tokenizer")
MARKS = {BOS: "<s>", EOS: "</s>"}


def run(split: str, start: int | None, count: int) -> None:
    """Print a row for each shard of a split; with `start`, the text of `count` tokens from there as well.

    Raises UserError where nothing is packed, for a split that is none, and for a window outside of it.
    """
    manifest = read_manifest(FOLDER)
    splits = [name for name, value in manifest.items() if isinstance(value, dict)]
    if split not in splits:
        raise UserError(f"--split: {split}: no such split; there are {', '.join(splits)}")
    check_tokenizer(FOLDER, TOKENIZER)
    shards = Shards(FOLDER / split)
    table = Table("file", "tokens", "from", "documents", "MB of text", "sha256", title=str(shards.folder))
    for shard, first in zip(shards.entries, shards.starts.tolist(), strict=False):
        megabytes = f"{shard['bytes'] / 1e6:.2f}"
        counts = [f"{number:,}" for number in (shard["tokens"], first, shard["documents"])]
        table.add_row(shard["file"], *counts, megabytes, shard["sha256"][:12])
    table.add_section()
    table.add_row("all", f"{shards.tokens:,}", "", f"{shards.documents:,}", f"{shards.bytes / 1e6:.2f}")
    Console(highlight=False).print(i18n.translate_table(table))
    if start is not None:
        if not 0 <= start < shards.tokens or count < 1:
            window = f"--start {start} --count {count}"
            raise UserError(f"{window}: no such window; {shards.folder} has {shards.tokens:,} tokens")
        ids = shards.read(start, min(start + count, shards.tokens)).tolist()
        print(decoded(Tokenizer.load(TOKENIZER), ids))  # not by rich, which makes emoji of :smile:


def decoded(tokenizer: Tokenizer, ids: list[int]) -> str:
    """The text of ids, each `<s>` and `</s>` on a line of its own."""
    marks = [place for place, token in enumerate(ids) if token in MARKS]
    lines = []
    for start, stop in pairwise([-1, *marks, len(ids)]):
        lines.append(tokenizer.decode(ids[start + 1 : stop]))
        lines.append(MARKS[ids[stop]] if stop < len(ids) else "")
    return "\n".join(filter(None, lines))
