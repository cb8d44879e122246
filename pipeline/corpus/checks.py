"""Errors for a corpus with too little text, which say what has removed it and what to do."""

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, join_texts
from pipeline.corpus.params import CorpusParams
from pipeline.corpus.select import Selection
from pipeline.corpus.stats import Examples, SourceStats

HINTS = {
    "too_short": "lower corpus.min_chars",
    "duplicate": "remove the source: it repeats the ones before it",
    "over_budget": "its share of corpus.max_bytes is less than its shortest document: raise it or the weight",
}


def check_byte_budgets(
    params: CorpusParams,
    available: dict[str, int],
    selection: Selection,
    stats: dict[str, SourceStats],
    examples: Examples,
) -> None:
    """Raise UserError if a source has fewer bytes `available` than its share of corpus.max_bytes."""
    budgets, total = params.byte_budgets(), params.max_bytes or 0
    name = next((name for name, budget in budgets.items() if available[name] < budget), None)
    if name is None:
        return
    if not available[name]:
        in_source = selection.documents.source == list(params.sources).index(name)
        removed = {rule: count.documents for rule, count in stats[name].removed.items()}
        removed |= {rule: int((mask & in_source).sum()) for rule, mask in selection.removed_by_rule.items()}
        raise empty_source_error(name, stats[name].read.documents, removed, examples)
    lower = min(int(available[other] * total / budget) for other, budget in budgets.items() if budget)
    raise UserError(
        "corpus.max_bytes: {total}: source {name} has {available} bytes after the rules, "
        "less than its share of {share}; lower max_bytes to {lower}, lower the weight, "
        "or set max_bytes to null",
        total=total,
        name=name,
        available=available[name],
        share=budgets[name],
        lower=lower,
    )


def check_source(name: str, stats: SourceStats, examples: Examples) -> None:
    """Raise UserError for a source of which nothing is kept; its owner cannot have meant that."""
    if not stats.total_kept().documents:
        removed = {rule: count.documents for rule, count in stats.removed.items()}
        raise empty_source_error(name, stats.read.documents, removed, examples)


def empty_source_error(name: str, documents: int, removed: dict[str, int], examples: Examples) -> UserError:
    """Return the error for a source of which nothing is left; `removed` counts its documents by rule."""
    if not documents:
        return UserError(
            "corpus.sources.{name}: no text in its files; put text there or remove the source", name=name
        )
    removed = {rule: count for rule, count in removed.items() if count}
    listed = join_texts(", ", (join_texts(" ", [Translatable(rule), str(n)]) for rule, n in removed.items()))
    main_rule = max(removed, key=lambda rule: removed[rule])
    if main_rule == "unreadable":
        faults = (text for _, id, text in examples.by_rule.get(main_rule, []) if id.startswith(f"{name}-"))
        hint = Translatable("such as: {fault}", fault=next(faults, ""))
    elif main_rule in HINTS:
        hint = Translatable(HINTS[main_rule])
    else:
        hint = Translatable(
            "spare it that rule: corpus.sources.{name}.without: [{rule}]", name=name, rule=main_rule
        )
    return UserError(
        "corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}",
        name=name,
        documents=documents,
        listed=listed,
        hint=hint,
    )


def check_splits(totals: SourceStats, params: CorpusParams) -> None:
    """Raise UserError for a corpus one of whose splits is empty."""
    documents = totals.total_kept().documents
    advice = Translatable("or add text (in a .txt, a blank line ends a document)")
    for split, fraction in (("val", params.val_fraction), ("test", params.test_fraction)):
        if not totals.kept[split].documents:
            key = f"corpus.{split}_fraction: {fraction}"
            raise UserError(
                "{key} of {documents} documents left {split} empty; raise it {advice}",
                key=key,
                documents=documents,
                split=split,
                advice=advice,
            )
    if not totals.kept["train"].documents:
        raise UserError(
            "corpus.val_fraction and test_fraction: of {documents} documents none is left for "
            "train; lower them {advice}",
            documents=documents,
            advice=advice,
        )
