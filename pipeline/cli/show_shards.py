"""`tezgah shards`: a table of the shards, and the text of any window of them."""

from itertools import pairwise

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, format_number, translate_table
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
        raise UserError(
            "--split: {split}: no such split; there are {splits}", split=split, splits=", ".join(splits)
        )
    check_tokenizer(SHARDS, TOKENIZER)
    shards = Shards(SHARDS / split)
    title = Text(str(shards.folder), style="table.title")  # a path, which is not translated
    table = Table("file", "tokens", "from", "documents", "MB of text", "sha256", title=title)
    for shard, first in zip(shards.entries, shards.starts.tolist(), strict=False):
        counts = [format_number(number) for number in (shard["tokens"], first, shard["documents"])]
        table.add_row(shard["file"], *counts, format_megabytes(shard["bytes"]), shard["sha256"][:12])
    table.add_section()
    tokens, documents = format_number(shards.tokens), format_number(shards.documents)
    table.add_row(Translatable("all"), tokens, "", documents, format_megabytes(shards.bytes))
    Console(highlight=False).print(translate_table(table))
    if start is not None:
        if not 0 <= start < shards.tokens or count < 1:
            raise UserError(
                "--start {start} --count {count}: no such window; {folder} has {tokens:,} tokens",
                start=start,
                count=count,
                folder=shards.folder,
                tokens=shards.tokens,
            )
        ids = shards.read(start, min(start + count, shards.tokens)).tolist()
        print(decode_with_markers(Tokenizer.load(TOKENIZER), ids))  # rich would make an emoji of :smile:


def format_megabytes(size: int) -> Translatable:
    """Return a number of bytes in megabytes."""
    return format_number(size / 1e6, ".2f")


def decode_with_markers(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Return the text of token ids, each `<s>` and `</s>` on a line of its own."""
    positions = [i for i, token in enumerate(ids) if token in MARKERS]
    lines = []
    for start, stop in pairwise([-1, *positions, len(ids)]):
        lines.append(tokenizer.decode(ids[start + 1 : stop]))
        lines.append(MARKERS[ids[stop]] if stop < len(ids) else "")
    return "\n".join(filter(None, lines))
