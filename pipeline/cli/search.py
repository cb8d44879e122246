"""`tezgah index` and `tezgah search`: the documents of a folder, and passages of them."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message, translate
from pipeline.search.find import Hit, open_index
from pipeline.search.index import update_index

SHOWN_NOTES = 20
MAX_HITS = 10_000
PLACES = {  # kinds of places in a document
    "page": "page {number}",
    "line": "line {number}",
    "row": "row {number}",
    "paragraph": "paragraph {number}",
}


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
    print_message(
        "{index}: files: {added:,} read, {unchanged:,} as before, {renamed:,} renamed, {removed:,} removed",
        index=index,
        added=changes.added,
        unchanged=changes.unchanged,
        renamed=changes.renamed,
        removed=changes.removed,
    )
    if changes.embedded:
        print_message("passages with a new vector: {embedded:,}", embedded=changes.embedded)
    if changes.encoder_error:
        print_message("note: no new vectors; name an encoder by --encoder, or give --words-only:")
        print(translate(changes.encoder_error.message))
    if changes.skipped:
        print_message("note: files of other formats, left out: {skipped:,}", skipped=changes.skipped)
    notes = changes.unreadable | changes.partial
    for path, reason in list(notes.items())[:SHOWN_NOTES]:
        print_message("note: {path}: {reason}", path=path, reason=reason)
    if (more := len(notes) - SHOWN_NOTES) > 0:
        print_message("note: further files that could not be read whole: {more:,}", more=more)


def run_search(query: str, index: Path, limit: int, lexical: bool, dense: bool, as_json: bool) -> None:
    """Print the passages that a query finds.

    Raises UserError for no index, a query without a word, and vectors that are asked for and cannot be used.
    """
    if not 1 <= limit <= MAX_HITS:
        raise UserError("-n: {limit}: give 1 to {max_hits:,}", limit=limit, max_hits=MAX_HITS)
    if lexical and dense:
        raise UserError("--lexical and --dense exclude each other; give one, or neither for both")
    with open_index(index) as opened:
        hits = opened.search(query, limit, "words" if lexical else "vectors" if dense else None)
        if opened.encoder and opened.encoder_error and not lexical:
            print_words_alone(opened.encoder_error)
    if as_json:
        for hit in hits:
            print(json.dumps(asdict(hit), ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    for hit in hits:
        console.print(render_hit(hit))
        console.print(render_passage(hit), end="\n\n")
    if not hits:
        print_message("nothing found")


def print_words_alone(reason: UserError) -> None:
    """Print a note on standard error: why an index's vectors are not used."""
    print(translate("note: by words alone: {reason}", reason=reason), file=sys.stderr)


def render_hit(hit: Hit) -> Text:
    """Return the line above a passage: its score and place."""
    return Text(translate("{score:.1f}  ", score=hit.score), style="bold").append_text(render_place(hit))


def render_place(hit: Hit) -> Text:
    """Return where a passage stands: its file and place, and its headings."""
    place = translate(PLACES[hit.place_kind], number=hit.place)
    parts = [f"{hit.path}, {place}", *(part for part in (hit.title, hit.heading) if part)]
    return Text("  ".join(parts), style="bold")


def render_passage(hit: Hit) -> Text:
    """Return a passage in which the words of the query stand out."""
    text = Text(hit.text)
    for start, end in hit.spans:
        text.stylize("bold yellow", start, end)
    return text
