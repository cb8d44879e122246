"""Encode many texts at once: each distinct word a single time; the rest is array arithmetic.

A word's ids depend on the word alone (see tokenizer.py), and most words of a corpus have occurred before. So
a batch is split into words by its bytes. Arrow finds equal words, SentencePiece encodes the new ones, and
numpy gathers the ids of all.

B bytes    W words    U distinct words    N ids    T texts
"""

from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer, check_word_lengths

NEWLINE_BYTE, SPACE_BYTE = 0x0A, 0x20  # of UTF-8
MAX_CACHED_WORDS = 1 << 20  # distinct words in the cache; when it has more, it is emptied
MAX_CACHED_BYTES = 1 << 28  # of these words and their ids, likewise: data that is no text has long words
WORDS_PER_BLOCK = 1 << 20  # encoded in one go, which bounds memory
WORDS_PER_CALL = 256  # to SentencePiece


class BatchEncoder:
    """Encodes batches of texts with one tokenizer and caches the ids of words."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        (self.newline_id,) = tokenizer.encode("\n")
        self.clear_cache()

    def clear_cache(self) -> None:
        """Empty the cache of all words but the newline."""
        self.cached_words = pa.array([b"\n"], pa.binary())
        self.cached_ids = np.array([self.newline_id], np.int32)  # of all cached words, one after another
        self.starts_U, self.counts_U = np.zeros(1, np.int32), np.ones(1, np.int32)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of all texts, each from its `<s>` to its `</s>`, and how many each text has.

        Between `<s>` and `</s>` they are those of Tokenizer.encode. Raises UserError for a word too long.
        """
        data_B, ends_T = utf8_bytes(texts)
        offsets_W = np.append(find_word_starts(data_B, ends_T), len(data_B)).astype(np.int32)
        blocks = [
            self.encode_words(data_B, offsets_W[first : first + WORDS_PER_BLOCK + 1])
            for first in range(0, len(offsets_W) - 1, WORDS_PER_BLOCK)
        ]
        upto_W = np.cumsum(np.concatenate([[0], *(counts for _, counts in blocks)]), dtype=np.int64)
        counts_T = np.diff(upto_W[np.searchsorted(offsets_W, ends_T)], prepend=0) + 2
        last_T = np.cumsum(counts_T) - 1
        first_T = last_T - counts_T + 1
        ids_N = np.empty(upto_W[-1] + 2 * len(counts_T), np.int32)
        is_text_N = np.ones(len(ids_N), bool)
        is_text_N[first_T] = is_text_N[last_T] = False
        ids_N[is_text_N] = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in blocks)])
        ids_N[first_T], ids_N[last_T] = BOS, EOS
        return ids_N, counts_T

    def encode_words(self, data_B: np.ndarray, offsets_W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of the words between consecutive offsets, and how many each word has."""
        buffers = [None, pa.py_buffer(offsets_W), pa.py_buffer(data_B)]
        words = pa.Array.from_buffers(pa.binary(), len(offsets_W) - 1, buffers).dictionary_encode()
        row_W = self.look_up(words.dictionary)[words.indices.to_numpy()]
        counts_W = self.counts_U[row_W]
        before_W = np.cumsum(counts_W, dtype=np.int32) - counts_W
        position_N = np.repeat(self.starts_U[row_W] - before_W, counts_W)
        position_N += np.arange(len(position_N), dtype=np.int32)
        return self.cached_ids[position_N], counts_W

    def look_up(self, distinct: pa.Array) -> np.ndarray:
        """Return each word's row in the cache, after adding the words that are new."""
        cached_bytes = self.cached_words.nbytes + self.cached_ids.nbytes
        if len(self.cached_words) > MAX_CACHED_WORDS or cached_bytes > MAX_CACHED_BYTES:
            self.clear_cache()
        row_U = pc.fill_null(pc.index_in(distinct, self.cached_words), -1).to_numpy().copy()
        new = np.flatnonzero(row_U < 0)
        if len(new):
            words = distinct.take(pa.array(new))
            row_U[new] = np.arange(len(self.cached_words), len(self.cached_words) + len(new))
            ids, counts_U = self.encode_new_words(words.to_pylist())
            starts_U = len(self.cached_ids) + np.cumsum(counts_U, dtype=np.int32) - counts_U
            self.cached_words = pa.concat_arrays([self.cached_words, words])
            self.cached_ids = np.append(self.cached_ids, ids)
            self.starts_U = np.append(self.starts_U, starts_U)
            self.counts_U = np.append(self.counts_U, counts_U)
        return row_U

    def encode_new_words(self, words: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Return SentencePiece's ids of distinct words, and how many each word has.

        BPE reads many words at once, joined by newlines, which none of them has. Unigram reads each alone: a
        sum of many scores loses the digits that decide between two segmentations of a word.
        """
        check_word_lengths(words)
        ids, counts = [], []
        for first in range(0, len(words), WORDS_PER_CALL):
            chunk = words[first : first + WORDS_PER_CALL]
            if self.tokenizer.kind == "unigram":
                encoded = self.tokenizer.sp.encode(chunk, num_threads=1)
                counts.append(np.fromiter(map(len, encoded), np.int32, len(encoded)))
                ids.append(np.fromiter(chain.from_iterable(encoded), np.int32))
            else:
                joined = np.array(self.tokenizer.sp.encode(b"\n".join(chunk)), np.int32)
                newlines = np.flatnonzero(joined == self.newline_id)
                counts.append(np.diff(newlines, prepend=-1, append=len(joined)).astype(np.int32) - 1)
                ids.append(np.delete(joined, newlines))
        return np.concatenate(ids), np.concatenate(counts)


def utf8_bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all texts, and each text's end in them. U+2581 is a space, as in `encode`."""
    texts = texts.cast(pa.large_string())
    if pc.any(pc.match_substring(texts, METASPACE)).as_py():
        texts = pc.replace_substring(texts, METASPACE, " ")
    _, offsets, data = texts.buffers()
    offsets_T = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    first, last = offsets_T[[0, -1]]
    data_B = np.frombuffer(data, np.uint8)[first:last] if data else np.empty(0, np.uint8)
    return data_B, offsets_T[1:] - first


def find_word_starts(data_B: np.ndarray, ends_T: np.ndarray) -> np.ndarray:
    """Return the starts of tokenizer.WORD's words: at a text, a space, a newline, and after a newline."""
    newline_B = data_B == NEWLINE_BYTE
    is_start_B = (data_B == SPACE_BYTE) | newline_B
    is_start_B[1:] |= newline_B[:-1]
    starts_T = np.append(0, ends_T[:-1])
    is_start_B[starts_T[starts_T < len(data_B)]] = True
    return np.flatnonzero(is_start_B)
