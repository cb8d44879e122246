"""`tezgah index` and `tezgah search`: the documents of a folder, and passages of them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.search.find import Hit, open_index
from pipeline.search.index import update_index

SHOWN_NOTES = 20
MAX_HITS = 10_000


def run_index(folder: Path, index: Path, encoder: Path | None, words_only: bool) -> None:
    """Bring an index up to date with a folder, and print what has changed. See `update_index`."""
    if encoder is not None and words_only:
        raise UserError("--encoder and --words-only exclude each other; give one")
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        tasks = {name: progress.add_task(translate(name), total=None) for name in ("files", "vectors")}
        changes = update_index(
            index,
            folder,
            encoder,
            words_only,
            lambda name, done, total: progress.update(tasks[name], completed=done, total=total),
        )
    print(
        translate(
            f"{index}: files: {changes.added:,} read, {changes.unchanged:,} as before, {changes.renamed:,}"
            f" renamed, {changes.removed:,} removed"
        )
    )
    if changes.embedded:
        print(translate(f"passages with a new vector: {changes.embedded:,}"))
    if changes.encoder_error:
        print(translate("note: no new vectors; name an encoder by --encoder, or give --words-only:"))
        print(translate(str(changes.encoder_error)))
    if changes.skipped:
        print(translate(f"note: files of other formats, left out: {changes.skipped:,}"))
    notes = changes.unreadable | changes.partial
    for path, reason in list(notes.items())[:SHOWN_NOTES]:
        print(f"{translate('note')}: {path}: {translate(reason)}")
    if (more := len(notes) - SHOWN_NOTES) > 0:
        print(translate(f"note: further files that could not be read whole: {more:,}"))


def run_search(query: str, index: Path, limit: int, lexical: bool, dense: bool, as_json: bool) -> None:
    """Print the passages that a query finds.

    Raises UserError for no index, a query without a word, and vectors that are asked for and cannot be used.
    """
    if not 1 <= limit <= MAX_HITS:
        raise UserError(f"-n: {limit}: give 1 to {MAX_HITS:,}")
    if lexical and dense:
        raise UserError("--lexical and --dense exclude each other; give one, or neither for both")
    with open_index(index) as opened:
        hits = opened.search(query, limit, "words" if lexical else "vectors" if dense else None)
        if opened.encoder and opened.encoder_error and not lexical:
            reason = translate(str(opened.encoder_error))
            print(translate(f"note: by words alone: {reason}"), file=sys.stderr)
    if as_json:
        for hit in hits:
            print(json.dumps(asdict(hit), ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for hit in hits:
        console.print(render_hit(hit))
        console.print(render_passage(hit), end="\n\n")
    if not hits:
        print(translate("nothing found"))


def render_hit(hit: Hit) -> Text:
    """Return the line above a passage: its score and place."""
    return Text(f"{hit.score:.1f}  ", style="bold").append_text(render_place(hit))


def render_place(hit: Hit) -> Text:
    """Return where a passage stands: its file and place, and its headings."""
    place = translate(f"{hit.place_kind} {hit.place}")
    parts = [f"{hit.path}, {place}", *(part for part in (hit.title, hit.heading) if part)]
    return Text("  ".join(parts), style="bold")


def render_passage(hit: Hit) -> Text:
    """Return a passage in which the words of the query stand out."""
    text = Text(hit.text)
    for start, end in hit.spans:
        text.stylize("bold yellow", start, end)
    return text
