"""The documents that each source keeps when corpus.max_bytes allows it only a part of its text."""

import numpy as np

from pipeline.corpus.params import CorpusParams
from pipeline.corpus.select import Selection, assign_paragraphs
from pipeline.corpus.staging import StagingArea


def available_bytes(selection: Selection, params: CorpusParams) -> dict[str, int]:
    """Return the UTF-8 bytes that are left of each source after deduplication."""
    kept = {name: _kept_of_source(selection, i) for i, name in enumerate(params.sources)}
    return {name: int(selection.sizes[mask].sum()) for name, mask in kept.items()}


def apply_byte_budgets(selection: Selection, staging: StagingArea, params: CorpusParams) -> None:
    """Remove what exceeds each source's share of corpus.max_bytes.

    Repeated paragraphs of the removed documents go to other documents, which so become longer. That is
    repeated until nothing exceeds a budget.
    """
    while _remove_over_budget(selection, params):
        assign_paragraphs(selection, staging, params.min_chars)


def select_within_budget(
    key: np.ndarray, sizes: np.ndarray, candidates: np.ndarray, budget: int
) -> np.ndarray:
    """Return a mask of the candidates (a mask) to keep, of at most `budget` bytes in all.

    Documents are taken by their `key`, a random number, in ascending order, until one does not fit. Of the
    others those that are short enough fill the rest. The key must be independent of the hash that chooses
    the split.
    """
    order = np.flatnonzero(candidates)
    order = order[np.argsort(key[order], kind="stable")]
    fits = np.cumsum(sizes[order]) <= budget
    selected = np.zeros(len(candidates), bool)
    selected[order[fits]] = True
    remaining = budget - int(sizes[order[fits]].sum())
    for document in order[~fits].tolist():
        if remaining < budget / 1000:
            break
        if sizes[document] <= remaining:
            selected[document] = True
            remaining -= int(sizes[document])
    return selected


def _remove_over_budget(selection: Selection, params: CorpusParams) -> bool:
    """Remove what exceeds the budgets at the present sizes; return whether anything was removed."""
    is_over = np.zeros(len(selection.kept), bool)
    budgets = params.byte_budgets()
    for i, name in enumerate(params.sources):
        if name in budgets:
            candidates = _kept_of_source(selection, i)
            within = select_within_budget(selection.documents.key, selection.sizes, candidates, budgets[name])
            is_over |= candidates & ~within
    return selection.remove("over_budget", is_over)


def _kept_of_source(selection: Selection, source: int) -> np.ndarray:
    """Return a mask [documents] of the kept documents of source number `source`."""
    return selection.kept & (selection.documents.source == source)
