"""What the evaluation sets hold, so that no document of the corpus gives their answers away.

As for GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C) runs of 13 words are compared, without case and
marks, and those that many documents share are formulas, which give nothing away. A document goes that holds
a tenth of what is left of a text, or half of all of a longer one. Shorter texts, from eight words on, are
compared whole.

    run     a number that stands for some words in a row
    group   documents that are near-copies of one another, which count as one
"""

from dataclasses import dataclass

import numpy as np

from pipeline.corpus.dedup.minhash import Words, folded_words, runs
from pipeline.corpus.filters.text_batch import LaidOut

LONGEST, SHORTEST = 13, 8  # words
# Documents; a run that more of them have gives nothing away, and of a large corpus more than this part.
FORMULA, FORMULA_PART = 10, 1e-4
LEAST = 0.1  # of a text's other runs, in a document that gives it away
MOST, MANY = 0.5, 30  # or this part of all, if they are so many: that is no formula, however widespread


@dataclass
class Grams:
    """The runs of words of the evaluation sets."""

    of_length: dict[int, np.ndarray]  # sorted hashes of all runs of so many words; numbered in this order
    texts: np.ndarray  # that have each run, one run after another
    of: np.ndarray  # where each run's begin, and where the last one's end

    @classmethod
    def of_texts(cls, texts: list[str]) -> "Grams":
        """All runs of 13 words in some texts, and the whole of texts of 8 to 12 words."""
        words = folded_words(LaidOut(list(dict.fromkeys(texts))))
        counts = np.diff(words.of)
        found, pairs, before = {}, [np.empty((2, 0), np.int64)], 0
        for length in range(SHORTEST, LONGEST + 1):
            here = runs(words, length)
            chosen = counts >= length if length == LONGEST else counts == length
            text = np.repeat(np.arange(len(counts)), np.diff(here.of))
            there = chosen[text]
            hashes, run = np.unique(here.hashes[there], return_inverse=True)
            if len(hashes):
                found[length] = hashes
                pairs.append(np.unique(np.stack([before + run, text[there]]), axis=1))
                before += len(hashes)
        run, text = np.concatenate(pairs, axis=1)
        return cls(found, text, np.searchsorted(run, np.arange(before + 1)))

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

    def given_away(self, document: np.ndarray, gram: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Which documents give a text away; `document` has the run `gram`, pair by pair. `group` [documents]
        numbers the group of each.
        """
        _, shared = np.unique(np.stack([group[document], gram]), axis=1)
        runs = len(self.of) - 1
        formula = np.bincount(shared, minlength=runs) > max(FORMULA, int(FORMULA_PART * len(group)))
        owned = np.diff(self.of)[gram]  # texts that each pair's run belongs to
        place = np.arange(owned.sum()) - np.repeat(np.cumsum(owned) - owned - self.of[gram], owned)
        pairs = np.stack([np.repeat(document, owned), self.texts[place]])
        telling = np.repeat(~formula, np.diff(self.of))  # of each text's runs
        all_runs = np.bincount(self.texts, minlength=1)
        a_part = _holding(pairs[:, telling[place]], np.bincount(self.texts[telling], minlength=1), LEAST)
        most = _holding(pairs[:, all_runs[pairs[1]] >= MANY], all_runs, MOST)
        bad = np.zeros(len(group), bool)
        bad[np.concatenate([a_part, most])] = True
        return bad


def _holding(pairs: np.ndarray, runs: np.ndarray, least: float) -> np.ndarray:
    """The documents that have so large a part of a text's runs, of which `runs` are the numbers; each of the
    `pairs`, of a document and a text, stands for one.
    """
    (document, text), held = np.unique(pairs, axis=1, return_counts=True)
    return document[held >= least * runs[text]]
