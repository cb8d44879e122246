"""Drop documents that contain text of the evaluation sets.

As for GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C) n-grams of 13 words are compared, without case
and punctuation, and n-grams that many documents share are ignored. A document is dropped if it contains a
tenth of the other n-grams of a text, or half of all n-grams of a longer text. Shorter texts, from eight words
on, are compared whole.

    group   documents that are near-copies of one another, which count as one
"""

from dataclasses import dataclass

import numpy as np

from pipeline.overlap.minhash import Words, folded_words, word_ngrams
from pipeline.overlap.text_batch import TextBatch

NGRAM_WORDS, MIN_TEXT_WORDS = 13, 8
# An n-gram is common, and ignored, if more groups of documents have it, or in a large corpus more than this
# share of the documents.
COMMON_NGRAM, COMMON_NGRAM_SHARE = 10, 1e-4
MIN_RARE_SHARE = 0.1  # of a text's n-grams that are not common
# Or this share of all its n-grams, if it has so many: a text so long is no common phrase, however widespread.
MIN_SHARE, LONG_TEXT_NGRAMS = 0.5, 30


@dataclass
class EvalNgrams:
    """The word n-grams of the evaluation sets, numbered in the order of `hashes_by_length`."""

    hashes_by_length: dict[int, np.ndarray]  # words of an n-gram: sorted hashes of all n-grams of that length
    texts: np.ndarray  # indices of the texts that have each n-gram, one n-gram after another
    offsets: np.ndarray  # [n-grams + 1], where those of each n-gram begin in `texts`

    @classmethod
    def from_texts(cls, texts: list[str]) -> "EvalNgrams":
        """Collect all n-grams of 13 words, and the whole of texts of 8 to 12 words."""
        words = folded_words(TextBatch(list(dict.fromkeys(texts))))
        counts = np.diff(words.offsets)
        hashes_by_length, pairs, total = {}, [np.empty((2, 0), np.int64)], 0
        for length in range(MIN_TEXT_WORDS, NGRAM_WORDS + 1):
            ngrams = word_ngrams(words, length)
            is_wanted = counts >= length if length == NGRAM_WORDS else counts == length  # [texts]
            text = np.repeat(np.arange(len(counts)), np.diff(ngrams.offsets))
            mask = is_wanted[text]
            hashes, index = np.unique(ngrams.hashes[mask], return_inverse=True)
            if len(hashes):
                hashes_by_length[length] = hashes
                pairs.append(np.unique(np.stack([total + index, text[mask]]), axis=1))
                total += len(hashes)
        ngram, text = np.concatenate(pairs, axis=1)
        return cls(hashes_by_length, text, np.searchsorted(ngram, np.arange(total + 1)))

    def match(self, words: Words, is_checked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the evaluation n-grams in each document for which `is_checked` [documents] is true.

        Returns their numbers, each once a document, and the offsets [documents + 1] at which those of each
        document begin.
        """
        pairs, total = [np.empty((2, 0), np.int64)], 0
        for length, hashes in self.hashes_by_length.items():
            ngrams = word_ngrams(words, length)
            index = np.minimum(np.searchsorted(hashes, ngrams.hashes), len(hashes) - 1)
            matches = np.flatnonzero(hashes[index] == ngrams.hashes)
            document = np.searchsorted(ngrams.offsets, matches, side="right") - 1
            pairs.append(np.stack([document, total + index[matches]])[:, is_checked[document]])
            total += len(hashes)
        document, ngram = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return ngram, np.searchsorted(document, np.arange(len(words.offsets)))

    def contaminated_documents(
        self, document: np.ndarray, ngram: np.ndarray, group: np.ndarray
    ) -> np.ndarray:
        """Return a mask [documents] of those that contain too much of an evaluation text.

        `document` and `ngram` are pairs: the document has the n-gram. `group` [documents] numbers the group
        of each document.
        """
        _, group_ngram = np.unique(np.stack([group[document], ngram]), axis=1)
        ngram_count = len(self.offsets) - 1
        group_count = np.bincount(group_ngram, minlength=ngram_count)
        is_common = group_count > max(COMMON_NGRAM, int(COMMON_NGRAM_SHARE * len(group)))
        text_counts = np.diff(self.offsets)[ngram]  # texts that each pair's n-gram belongs to
        ends = np.cumsum(text_counts)
        position = np.arange(text_counts.sum()) - np.repeat(
            ends - text_counts - self.offsets[ngram], text_counts
        )
        pairs = np.stack([np.repeat(document, text_counts), self.texts[position]])
        is_rare = np.repeat(~is_common, np.diff(self.offsets))  # [texts' n-grams], as `texts`
        all_ngrams = np.bincount(self.texts, minlength=1)  # [texts]
        rare_ngrams = np.bincount(self.texts[is_rare], minlength=1)
        by_rare = _documents_with_share(pairs[:, is_rare[position]], rare_ngrams, MIN_RARE_SHARE)
        is_long = all_ngrams[pairs[1]] >= LONG_TEXT_NGRAMS
        by_all = _documents_with_share(pairs[:, is_long], all_ngrams, MIN_SHARE)
        mask = np.zeros(len(group), bool)
        mask[np.concatenate([by_rare, by_all])] = True
        return mask


def _documents_with_share(pairs: np.ndarray, ngram_counts: np.ndarray, min_share: float) -> np.ndarray:
    """Return the documents that contain at least `min_share` of the n-grams of some text.

    Each of the `pairs` (document, text) stands for one n-gram that they share. `ngram_counts` [texts] counts
    those of each text.
    """
    (document, text), shared = np.unique(pairs, axis=1, return_counts=True)
    return document[shared >= min_share * ngram_counts[text]]
