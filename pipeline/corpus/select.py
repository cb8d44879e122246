"""Deduplication: chooses which of the staged documents stay.

It compares the numbers and hashes that the filters have staged of each document, and reads no text. Byte
budgets come after it (byte_budget.py).
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.corpus.dedup.exact import find_duplicates
from pipeline.corpus.dedup.paragraphs import (
    RepeatedParagraphs,
    find_paragraph_owners,
    find_repeated_paragraphs,
    remaining_text,
)
from pipeline.corpus.params import CorpusParams
from pipeline.corpus.staging import Documents, StagingArea, list_values
from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.overlap.near_duplicates import find_near_duplicates, group_near_duplicates


@dataclass
class Selection:
    """The documents that stay, and by which rule each other one was removed."""

    documents: Documents
    kept: np.ndarray  # mask [documents] of those that no rule has removed so far
    sizes: np.ndarray  # [documents] UTF-8 bytes without the repeated paragraphs that other documents keep
    removed_by_rule: dict[str, np.ndarray] = field(default_factory=dict)  # masks [documents]
    repeated: RepeatedParagraphs = field(default_factory=RepeatedParagraphs.none)
    # [repeated paragraphs] The document that keeps each.
    paragraph_owner: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def remove(self, rule: str, mask: np.ndarray) -> bool:
        """Remove the documents of a mask that are kept so far; return whether there were any."""
        mask = mask & self.kept
        self.removed_by_rule[rule] = mask | self.removed_by_rule.get(rule, False)
        self.kept &= ~mask
        return bool(mask.any())

    def removing_rule(self, document: int) -> str:
        """Return the rule that has removed a document."""
        return next(rule for rule, mask in self.removed_by_rule.items() if mask[document])


def deduplicate(
    documents: Documents, staging: StagingArea, params: CorpusParams, eval_ngrams: EvalNgrams
) -> Selection:
    """Return the documents that stay when copies and texts of the evaluation sets are removed.

    Each rule sees only what those before it have kept.

    - duplicate: of documents with equal text the first in reading order stays.
    - contamination: a document that contains an evaluation text goes. This comes before near_copies, so that
      no such document is the one that stays of its group.
    - near_copies: of a group the longest document stays, of equally long ones the first.
    - repeated_paragraphs: a paragraph of many documents stays in the first of them alone.
    """
    rules, count = params.rules, len(documents.size)
    selection = Selection(documents, np.ones(count, bool), documents.size)
    selection.remove("duplicate", find_duplicates(documents))

    group = np.arange(count)
    if rules.near_copies:
        group = group_near_duplicates(staging.signature_readers(), selection.kept)
    if rules.contamination:
        selection.remove("contamination", find_contaminated(staging, eval_ngrams, selection.kept, group))
    selection.remove("near_copies", find_near_duplicates(group, documents.size, selection.kept))

    if rules.repeated_paragraphs:
        selection.repeated = find_repeated_paragraphs(staging, selection.kept)
    assign_paragraphs(selection, staging, params.min_chars)
    return selection


def find_contaminated(
    staging: StagingArea, eval_ngrams: EvalNgrams, kept: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Return a mask of the kept documents that contain text of the evaluation sets.

    `group` [documents] comes from `group_near_duplicates`.
    """
    columns = list(list_values(staging, "grams"))
    document = np.concatenate([document for document, _ in columns])
    gram = np.concatenate([gram for _, gram in columns])
    in_kept = kept[document]
    return eval_ngrams.contaminated_documents(document[in_kept], gram[in_kept], group)


def assign_paragraphs(selection: Selection, staging: StagingArea, min_chars: int) -> None:
    """Choose the document that keeps each repeated paragraph: the first one that is kept itself.

    A document that has less than `min_chars` left without its repeated paragraphs is removed. As it may keep
    paragraphs of others, these are then given to the next document.
    """
    documents, repeated = selection.documents, selection.repeated
    while len(repeated.hashes):
        selection.paragraph_owner = find_paragraph_owners(staging, repeated, selection.kept)
        selection.sizes, lengths = remaining_text(staging, repeated, selection.paragraph_owner, documents)
        too_short = (lengths < min_chars) & (lengths < documents.length)
        if not selection.remove("repeated_paragraphs", too_short):
            return
