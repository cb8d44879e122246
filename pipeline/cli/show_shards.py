"""`tezgah shards`: a table of the shards, and the text of any window of them."""

from itertools import pairwise

from rich.console import Console
from rich.table import Table

from pipeline.common import i18n
from pipeline.common.errors import UserError
from pipeline.common.paths import SHARDS, TOKENIZER
from pipeline.shards.format import Shards, check_tokenizer, read_manifest
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer

MARKERS = {BOS: "<s>", EOS: "</s>"}


def print_shards(split: str, start: int | None, count: int) -> None:
    """Print a row for each shard of a split; with `start`, the text of `count` tokens from there as well.

    Raises UserError where nothing is packed, for an unknown split, and for a window outside of it.
    """
    manifest = read_manifest(SHARDS)
    splits = [name for name, value in manifest.items() if isinstance(value, dict)]
    if split not in splits:
        raise UserError(f"--split: {split}: no such split; there are {', '.join(splits)}")
    check_tokenizer(SHARDS, TOKENIZER)
    shards = Shards(SHARDS / split)
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
        print(decode_with_markers(Tokenizer.load(TOKENIZER), ids))  # rich would make an emoji of :smile:


def decode_with_markers(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Return the text of token ids, each `<s>` and `</s>` on a line of its own."""
    positions = [i for i, token in enumerate(ids) if token in MARKERS]
    lines = []
    for start, stop in pairwise([-1, *positions, len(ids)]):
        lines.append(tokenizer.decode(ids[start + 1 : stop]))
        lines.append(MARKERS[ids[stop]] if stop < len(ids) else "")
    return "\n".join(filter(None, lines))
