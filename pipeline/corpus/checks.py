"""Errors for a corpus with too little text, which say what has removed it and what to do."""

from pipeline.common.errors import UserError
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
    """Raise UserError if a source has less bytes `available` than its share of corpus.max_bytes."""
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
        f"corpus.max_bytes: {total}: source {name} has {available[name]} bytes after the rules, less"
        f" than its share of {budgets[name]}; lower max_bytes to {lower}, lower the weight, or set"
        " max_bytes to null"
    )


def check_source(name: str, stats: SourceStats, examples: Examples) -> None:
    """Raise UserError for a source of which nothing is kept; its owner cannot have meant that."""
    if not stats.total_kept().documents:
        removed = {rule: count.documents for rule, count in stats.removed.items()}
        raise empty_source_error(name, stats.read.documents, removed, examples)


def empty_source_error(name: str, documents: int, removed: dict[str, int], examples: Examples) -> UserError:
    """Return the error for a source of which nothing is left; `removed` counts its documents by rule."""
    if not documents:
        return UserError(f"corpus.sources.{name}: no text in its files; put text there or remove the source")
    removed = {rule: count for rule, count in removed.items() if count}
    listed = ", ".join(f"{rule} {count}" for rule, count in removed.items())
    main_rule = max(removed, key=lambda rule: removed[rule])
    hint = HINTS.get(main_rule, f"spare it that rule: corpus.sources.{name}.without: [{main_rule}]")
    if main_rule == "unreadable":
        faults = (text for _, id, text in examples.by_rule.get(main_rule, []) if id.startswith(f"{name}-"))
        hint = f"such as: {next(faults, '')}"
    return UserError(f"corpus.sources.{name}: of {documents} documents none is left ({listed}); {hint}")


def check_splits(totals: SourceStats, params: CorpusParams) -> None:
    """Raise UserError for a corpus one of whose splits is empty."""
    documents = totals.total_kept().documents
    advice = "or add text (in a .txt, a blank line ends a document)"
    for split, fraction in (("val", params.val_fraction), ("test", params.test_fraction)):
        if not totals.kept[split].documents:
            key = f"corpus.{split}_fraction: {fraction}"
            raise UserError(f"{key} of {documents} documents left {split} empty; raise it {advice}")
    if not totals.kept["train"].documents:
        raise UserError(
            f"corpus.val_fraction and test_fraction: of {documents} documents none is left for train; "
            f"lower them {advice}"
        )
