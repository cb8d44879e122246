"""What the evaluation sets hold, so that no document of the corpus gives their answers away.

As for GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C): runs of 13 words are compared, without case and
marks; those that many documents share are formulas and give nothing away. Shorter texts of the sets, from
eight words on, are compared whole.
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.corpus.laid_out import LaidOut
from pipeline.corpus.signatures import Words, folded_words, runs

LONGEST, SHORTEST = 13, 8  # words
FORMULA = 10  # documents; a run that more of them have gives nothing away


@dataclass
class Grams:
    """The runs of words of the evaluation sets, by their length: sorted hashes."""

    of_length: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: list[str]) -> "Grams":
        """All runs of 13 words in some texts, and the whole of texts of 8 to 12 words."""
        words = folded_words(LaidOut(texts))
        counts = np.diff(words.of)
        found = {}
        for length in range(SHORTEST, LONGEST + 1):
            of_length = runs(words, length)
            chosen = counts >= length if length == LONGEST else counts == length
            found[length] = np.unique(of_length.hashes[np.repeat(chosen, np.diff(of_length.of))])
        return cls({length: hashes for length, hashes in found.items() if len(hashes)})

    def __len__(self) -> int:
        return sum(map(len, self.of_length.values()))

    def found(self, words: Words, looked_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the runs that each document `looked_at` has, each once, and where each one's begin."""
        pairs, before = [np.empty((2, 0), np.int64)], 0
        for length, hashes in self.of_length.items():
            here = runs(words, length)
            places = np.minimum(np.searchsorted(hashes, here.hashes), len(hashes) - 1)
            hit = np.flatnonzero(hashes[places] == here.hashes)
            document = np.searchsorted(here.of, hit, side="right") - 1
            pairs.append(np.stack([document, before + places[hit]])[:, looked_at[document]])
            before += len(hashes)
        document, gram = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return gram, np.searchsorted(document, np.arange(len(words.of)))
