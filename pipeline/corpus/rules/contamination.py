"""What the evaluation sets hold, so that no document of the corpus gives their answers away.

As for GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C) runs of 13 words are compared, without case and
marks, and those that many documents share are formulas, which give nothing away. A document goes that holds
a tenth of what is left of a text, or half of all of a longer one. Shorter texts, from eight words on, are
compared whole.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.corpus.laid_out import LaidOut
from pipeline.corpus.signatures import Words, folded_words, runs

LONGEST, SHORTEST = 13, 8  # words
FORMULA = 10  # documents; a run that more of them have gives nothing away
LEAST = 0.1  # of a text's other runs, in a document that gives it away
MOST, MANY = 0.5, 30  # or this part of all, if they are so many: that is no formula, however widespread


@dataclass
class Grams:
    """The runs of words of the evaluation sets."""

    of_length: dict[int, np.ndarray]  # sorted hashes of all runs of so many words; numbered in this order
    text: np.ndarray  # of each run, the first that has it

    @classmethod
    def of(cls, texts: list[str]) -> "Grams":
        """All runs of 13 words in some texts, and the whole of texts of 8 to 12 words."""
        words = folded_words(LaidOut(texts))
        counts = np.diff(words.of)
        found, owners = {}, [np.empty(0, np.int64)]
        for length in range(SHORTEST, LONGEST + 1):
            here = runs(words, length)
            chosen = counts >= length if length == LONGEST else counts == length
            text = np.repeat(np.arange(len(texts)), np.diff(here.of))
            hashes, first = np.unique(here.hashes[chosen[text]], return_index=True)
            if len(hashes):
                found[length] = hashes
                owners.append(text[chosen[text]][first])
        return cls(found, np.concatenate(owners))

    def found(self, words: Words, looked_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the runs that each document `looked_at` has, each once, and where each's begin."""
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

    def given_away(self, document: np.ndarray, gram: np.ndarray, count: int) -> np.ndarray:
        """Which of `count` documents give a text away; `document` has the run `gram`, pair by pair."""
        formula = np.bincount(gram, minlength=len(self.text)) > FORMULA
        runs = np.bincount(self.text, minlength=1)  # of each text
        long = runs[self.text] >= MANY
        a_part = self._holding(document, gram, ~formula, LEAST)
        most = self._holding(document, gram, long, MOST)
        bad = np.zeros(count, bool)
        bad[np.concatenate([a_part, most])] = True
        return bad

    def _holding(self, document: np.ndarray, gram: np.ndarray, those: np.ndarray, least: float) -> np.ndarray:
        """The documents that have so large a part of `those` runs of a text."""
        counts = np.bincount(self.text[those], minlength=1)
        document, gram = document[those[gram]], gram[those[gram]]
        pairs, held = np.unique(np.stack([document, self.text[gram]]), axis=1, return_counts=True)
        return pairs[0, held >= least * counts[pairs[1]]]
