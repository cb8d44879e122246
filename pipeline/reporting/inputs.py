"""What the model was made from: the sources and their filters, and how the tokenizer cuts a text."""

from pipeline.reporting.charts import draw_bars
from pipeline.reporting.data import PARAGRAPH, PIECES, REMOVED, Run, read_pieces, read_removed
from pipeline.reporting.markup import Html, Part, element, join
from pipeline.reporting.view import METRICS, Column, View, code

EXAMPLES = 3  # of what a filter removed
FILTERS = {
    "unreadable": "unreadable records",
    "cleaning": "characters that are no text",
    "boilerplate": "menus and cookie notices",
    "too_short": "too short documents",
    "language": "documents that are not Turkish",
    "repetition": "documents that repeat themselves",
    "lines": "lists and headings",
    "prose": "documents without sentences",
    "personal_data": "personal data",
    "duplicate": "equal copies",
    "contamination": "texts of the evaluation",
    "near_copies": "near copies",
    "repeated_paragraphs": "paragraphs of many documents",
    "over_budget": "more than max_bytes",
}
SPLITS = ("train", "val", "test")
TINTS = 4  # colors of tokens
PIECES_SHOWN = 40


def draw_corpus(view: View) -> Html:
    """Return the sources of the corpus, and what each filter removed, with examples."""
    stage = "slice_corpus"
    if not view.run.branch(stage, "sources"):
        return view.absent(f"{stage}/{METRICS}")

    def draw_sources(run: Run) -> Html:
        columns = [Column("source of text", False), Column("documents in"), Column("kept"), Column("MB kept")]
        columns += [Column(split) for split in SPLITS]
        rows = [
            [
                code(name),
                *(
                    view.figure(stage, f"sources.{name}.{at}", "count", run)
                    for at in ("in.documents", "kept.documents")
                ),
                view.figure(stage, f"sources.{name}.kept.bytes", "millions", run),
                *(view.figure(stage, f"sources.{name}.{split}.documents", "count", run) for split in SPLITS),
            ]
            for name in run.branch(stage, "sources")
        ]
        return view.table(view.word("Sources, in documents"), columns, rows)

    return join(view.sides(draw_sources), view.sides(lambda run: draw_filters(view, run)))


def draw_filters(view: View, run: Run) -> Part:
    """Return how much each filter removed, and examples of it."""
    stage = "slice_corpus"
    removed = {
        rule: run.value(stage, f"removed.{rule}.bytes") or 0.0 for rule in run.branch(stage, "removed")
    }
    idle = ", ".join(name_filter(view, rule) for rule, size in removed.items() if not size)
    parts: list[Part] = []
    if any(removed.values()):
        bars = [
            (
                name_filter(view, rule),
                size,
                view.say(
                    "{} documents, {} bytes",
                    *(
                        view.figure(stage, f"removed.{rule}.{unit}", "count", run)
                        for unit in ("documents", "bytes")
                    ),
                ),
            )
            for rule, size in removed.items()
            if size
        ]
        parts.append(
            draw_bars(f"filters-{view.side(run)}", view.word("What each filter removed, in bytes"), bars)
        )
        parts.append(view.say_paragraph("These removed nothing: {}.", idle) if idle else None)
    elif set(run.branch(stage, "sources")) == {"miniworld"}:
        parts.append(
            view.say_paragraph(
                "No filter removed anything: the texts of the miniworld are composed, and only other sources"
                " are filtered. The filters are: {}.",
                idle,
            )
        )
    else:
        parts.append(view.say_paragraph("No filter removed anything. The filters are: {}.", idle))
    if not run.text(REMOVED):
        return [*parts, view.absent(REMOVED)]
    for rule, examples in read_removed(run.text(REMOVED)).items():
        quotes = [[element("p", code(id)), view.quote(text)] for id, text in examples[:EXAMPLES]]
        parts.append(
            element("details", element("summary", view.say("Removed by {}", name_filter(view, rule))), quotes)
        )
    return parts


def name_filter(view: View, rule: str) -> str:
    """Return what a filter removes, in words."""
    return view.word(FILTERS[rule]) if rule in FILTERS else rule


def draw_tokenizer(view: View) -> Html:
    """Return a paragraph cut into tokens, and how well the vocabulary fits Turkish."""
    return view.sides(lambda run: [draw_tokens(view, run), draw_fit(view, run), draw_pieces(view, run)])


def draw_tokens(view: View, run: Run) -> Html:
    """Return the paragraph with its tokens in colors."""
    if not run.tokens:
        return view.absent("../models/tokenizer")
    tokens = [
        element("span", piece, class_=f"token t{i % TINTS}", title=str(id))
        for i, (id, piece) in enumerate(run.tokens)
    ]
    source = "models/tokenizer"
    size = len(PARAGRAPH.encode("utf-8"))
    return element(
        "figure",
        element("p", tokens, class_="tokens", lang="tr"),
        element(
            "figcaption",
            view.say(
                "{} tokens for {} bytes. Every color is one token, as the model reads it.",
                view.number(len(run.tokens), "count", f"{source}#tokens"),
                view.number(size, "count", f"{source}#bytes"),
            ),
        ),
    )


def draw_fit(view: View, run: Run) -> Html:
    """Return the figures of the tokenizer on validation text."""
    stage = "train_tokenizer"
    if not run.branch(stage, "val"):
        return view.absent(f"{stage}/{METRICS}")
    figures = [
        ("bytes in a token", "val.bytes_per_token", "2"),
        ("tokens in a word", "val.tokens_per_word", "2"),
        ("words that are one token", "val.single_piece_words", "percent"),
        ("tokens that are single bytes, for want of a piece", "val.byte_fallback_rate", "percent"),
        ("pieces that validation text never used", "val.unused_pieces", "count"),
        ("texts that come back from tokens unchanged", "val.exact_round_trip", "percent"),
    ]
    tables = run.branch(stage, "morpheme_boundaries")
    figures += [
        (template, f"morpheme_boundaries.{name}.{path}", "percent")
        for name in tables
        for template, path in (
            ("cuts that fall between morphemes", "precision"),
            ("boundaries of morphemes that are cut", "recall"),
        )
    ]
    rows = [
        [view.word(label), view.figure(stage, path, kind, run)]
        for label, path, kind in figures
        if run.value(stage, path) is not None
    ]
    return view.table(view.word("On validation text"), [Column("figure", False), Column("value")], rows)


def draw_pieces(view: View, run: Run) -> Html:
    """Return the longest pieces, the most used ones, and those that were never used."""
    lists = read_pieces(run.text(PIECES))
    if not lists:
        return view.absent(PIECES)
    titles = ("The longest pieces", "The most used on validation text", "Never used there, such as")
    parts = [
        [
            element("h3", view.word(title)),
            element(
                "p",
                [[element("span", piece, class_="piece"), " "] for piece, _ in pieces[:PIECES_SHOWN]],
                lang="tr",
            ),
        ]
        for title, (_, pieces) in zip(titles, lists, strict=False)
        if pieces
    ]
    return view.details("Pieces of the vocabulary", parts)
