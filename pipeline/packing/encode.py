"""Encode many texts at once: each different word a single time; the rest is array arithmetic.

A word's ids depend on the word alone (see tokenizer.py), and most words of a corpus have been met before. So
a batch is cut into words by its bytes, Arrow finds equal ones, SentencePiece encodes those that are new, and
numpy lays out the ids of all.

B bytes    W words    U different words    N ids    T texts
"""

from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tokenizer.tokenizer import BOS, EOS, SPACE, Tokenizer, check_words

NEWLINE, BLANK = 0x0A, 0x20  # as bytes
KEPT_WORDS = 1 << 20  # different words whose ids are remembered; beyond them the memory starts anew
KEPT_BYTES = 1 << 28  # of these words and their ids, likewise: what is no text has long words
WORDS_AT_ONCE = 1 << 20  # laid out in one go, which bounds memory
NEW_AT_ONCE = 256  # words that SentencePiece reads in one call


class BatchEncoder:
    """Encodes batches of texts with one tokenizer and remembers the words that it has met."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        (self.newline,) = tokenizer.encode("\n")
        self.forget()

    def forget(self) -> None:
        """Remember no word but the newline."""
        self.known = pa.array([b"\n"], pa.binary())
        self.ids = np.array([self.newline], np.int32)  # of all known words, one after another
        self.starts_U, self.counts_U = np.zeros(1, np.int32), np.ones(1, np.int32)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all texts one after another, each from its `<s>` to its `</s>`, and how many each has.

        Between the two markers they are those of Tokenizer.encode. Raises UserError for a word too long.
        """
        data_B, ends_T = utf8(texts)
        offsets_W = np.append(word_starts(data_B, ends_T), len(data_B)).astype(np.int32)
        blocks = [
            self.words(data_B, offsets_W[first : first + WORDS_AT_ONCE + 1])
            for first in range(0, len(offsets_W) - 1, WORDS_AT_ONCE)
        ]
        upto_W = np.cumsum(np.concatenate([[0], *(counts for _, counts in blocks)]), dtype=np.int64)
        counts_T = np.diff(upto_W[np.searchsorted(offsets_W, ends_T)], prepend=0) + 2
        last_T = np.cumsum(counts_T) - 1
        first_T = last_T - counts_T + 1
        result = np.empty(upto_W[-1] + 2 * len(counts_T), np.int32)
        inside = np.ones(len(result), bool)
        inside[first_T] = inside[last_T] = False
        result[inside] = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in blocks)])
        result[first_T], result[last_T] = BOS, EOS
        return result, counts_T

    def words(self, data_B: np.ndarray, offsets_W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ids of the words that lie between the offsets, and how many each has."""
        buffers = [None, pa.py_buffer(offsets_W), pa.py_buffer(data_B)]
        found = pa.Array.from_buffers(pa.binary(), len(offsets_W) - 1, buffers).dictionary_encode()
        row_W = self.rows(found.dictionary)[found.indices.to_numpy()]
        counts_W = self.counts_U[row_W]
        before_W = np.cumsum(counts_W, dtype=np.int32) - counts_W
        place_N = np.repeat(self.starts_U[row_W] - before_W, counts_W)
        place_N += np.arange(len(place_N), dtype=np.int32)
        return self.ids[place_N], counts_W

    def rows(self, different: pa.Array) -> np.ndarray:
        """Where the table has these words; it learns those that are new."""
        if len(self.known) > KEPT_WORDS or self.known.nbytes + self.ids.nbytes > KEPT_BYTES:
            self.forget()
        row_U = pc.fill_null(pc.index_in(different, self.known), -1).to_numpy().copy()
        new = np.flatnonzero(row_U < 0)
        if len(new):
            words = different.take(pa.array(new))
            row_U[new] = np.arange(len(self.known), len(self.known) + len(new))
            ids, counts_U = self.learned(words.to_pylist())
            starts_U = len(self.ids) + np.cumsum(counts_U, dtype=np.int32) - counts_U
            self.known = pa.concat_arrays([self.known, words])
            self.ids = np.append(self.ids, ids)
            self.starts_U = np.append(self.starts_U, starts_U)
            self.counts_U = np.append(self.counts_U, counts_U)
        return row_U

    def learned(self, words: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of different words one after another, and how many each has, as SentencePiece has them.

        BPE reads many words at once, parted by newlines, which none of them has; unigram each alone, as a sum
        of many scores loses the digits that decide between two ways to cut a word.
        """
        check_words(words)
        ids, counts = [], []
        for first in range(0, len(words), NEW_AT_ONCE):
            some = words[first : first + NEW_AT_ONCE]
            if self.tokenizer.kind == "unigram":
                each = self.tokenizer.sp.encode(some, num_threads=1)
                counts.append(np.fromiter(map(len, each), np.int32, len(each)))
                ids.append(np.fromiter(chain.from_iterable(each), np.int32))
            else:
                found = np.array(self.tokenizer.sp.encode(b"\n".join(some)), np.int32)
                marks = np.flatnonzero(found == self.newline)
                counts.append(np.diff(marks, prepend=-1, append=len(found)).astype(np.int32) - 1)
                ids.append(np.delete(found, marks))
        return np.concatenate(ids), np.concatenate(counts)


def utf8(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all texts one after another, and where each ends. U+2581 is a space, as in `encode`."""
    texts = texts.cast(pa.large_string())
    if pc.any(pc.match_substring(texts, SPACE)).as_py():
        texts = pc.replace_substring(texts, SPACE, " ")
    _, offsets, data = texts.buffers()
    offsets_T = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    first, last = offsets_T[[0, -1]]
    data_B = np.frombuffer(data, np.uint8)[first:last] if data else np.empty(0, np.uint8)
    return data_B, offsets_T[1:] - first


def word_starts(data_B: np.ndarray, ends_T: np.ndarray) -> np.ndarray:
    """Where the words of tokenizer.WORD begin: at a text, a space, a newline, and after a newline."""
    newline_B = data_B == NEWLINE
    first_B = (data_B == BLANK) | newline_B
    first_B[1:] |= newline_B[:-1]
    starts_T = np.append(0, ends_T[:-1])
    first_B[starts_T[starts_T < len(data_B)]] = True
    return np.flatnonzero(first_B)
