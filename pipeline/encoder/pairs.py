"""Training pairs: a query and a passage that belong together, from the text of one document.

surroundings  a sentence, and the five sentences around it (with the sentence among them in a share of cases)
crops         two parts of one passage (independent cropping, Izacard et al. 2022, arXiv 2112.09118)
halves        what stands before and behind a sentence's beginning
headings      a heading, and the sentences below it
questions     a question, and the sentences after it

A word search misses a passage that has other words than the query. Sentences and their surroundings teach
just that: which words stand near each other.

S sentences    N tokens of all sentences    B pairs in a batch
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.encoder.sentences import PASSAGE, split_sentences
from pipeline.encoder.vocabulary import encode_texts
from pipeline.tokenizer.special import BOS, EOS, PAD, UNK

PairKind = Literal["surroundings", "crops", "halves", "headings", "questions"]
KINDS: tuple[PairKind, ...] = ("surroundings", "crops", "halves", "headings", "questions")

MIN_WORDS = 4  # of a query; fewer words seldom tell what a text is about
MAX_HEADING_WORDS = 12
MAX_BYTES = 2**28  # of text that is held in memory, with some ten times as much around it
CROP = (0.25, 0.6)  # least and largest share of a passage in a crop
DOCUMENTS_AT_ONCE = 1000
ORDER, TEXT, POOL, CHOICE = range(4)  # uses of random numbers; each has its own stream

QUESTION = re.compile(r"\?[\"”’')]*$")
SENTENCE_END = re.compile(r"[.!?…:;,][\"”’')]*$")


class DocumentSample(NamedTuple):
    """Documents to take pairs from, and how many the corpus has."""

    texts: list[str]
    document_count: int


def sample_documents(texts: Iterable[str], seed: int, max_bytes: int = MAX_BYTES) -> DocumentSample:
    """Return all texts, or where they have more than `max_bytes` a uniform sample of them, in order.

    Every document has a random number; the limit below which it is kept falls as memory fills. The sample
    has at least half of `max_bytes`, where no document is longer than a tenth of it.
    """
    rng = np.random.default_rng([seed, CHOICE])
    kept: list[tuple[float, str]] = []
    limit, size, count = 1.0, 0, 0
    for text in texts:
        count += 1
        if (number := rng.random()) >= limit:
            continue
        kept.append((number, text))
        size += len(text.encode())
        while size > max_bytes and len(kept) > 1:
            limit *= 0.8
            kept = [(other, each) for other, each in kept if other < limit]
            size = sum(len(each.encode()) for _, each in kept)
    return DocumentSample([text for _, text in kept], count)


class Sentences(NamedTuple):
    """The sentences of documents as token ids, one after another in one array.

    Only documents with two sentences or more, one of which can be a query, are among them.
    """

    ids_N: np.ndarray  # int32
    start_S: np.ndarray  # [S + 1], the first token of each sentence, and N
    first_S: np.ndarray  # the first sentence of each sentence's document
    end_S: np.ndarray  # the sentence after the last one of it
    is_query_S: np.ndarray  # long enough for a query
    is_heading_S: np.ndarray  # a short line without a mark at its end, not the last of its document
    is_question_S: np.ndarray  # not the last of its document
    document_count: int

    def tokens(self, first: int, end: int) -> np.ndarray:
        """Return the token ids of the sentences from `first` up to `end`, without that."""
        return self.ids_N[self.start_S[first] : self.start_S[end]]

    def passage(self, sentence: int, before: int) -> tuple[int, int]:
        """Return the passage, first sentence and end, with up to `before` sentences before this one."""
        first, end = self.first_S[sentence], self.end_S[sentence]
        start = max(first, min(sentence - before, end - PASSAGE))
        return int(start), int(min(start + PASSAGE, end))


def read_sentences(texts: Sequence[str], tokenizer: Tokenizer) -> Sentences:
    """Return the sentences of documents, tokenized. Raises UserError where no document has two sentences."""
    ids: list[np.ndarray] = []
    flags: list[tuple[bool, bool, bool]] = []
    bounds: list[tuple[int, int]] = []
    for start in range(0, len(texts), DOCUMENTS_AT_ONCE):
        documents = [split_sentences(text) for text in texts[start : start + DOCUMENTS_AT_ONCE]]
        documents = [sentences for sentences in documents if is_usable(sentences)]
        for sentences in documents:
            bounds += [(len(bounds), len(bounds) + len(sentences))] * len(sentences)
            flags += [describe_sentence(sentence) for sentence in sentences[:-1]]
            flags.append((count_words(sentences[-1]) >= MIN_WORDS, False, False))
        ids += encode_texts(tokenizer, [sentence for sentences in documents for sentence in sentences])
    if not ids:
        raise UserError("data/corpus/train: no document has two sentences to make a pair of; add text")
    lengths = np.array([len(row) for row in ids], np.int64)
    first_S, end_S = np.array(bounds, np.int64).reshape(-1, 2).T
    is_query_S, is_heading_S, is_question_S = np.array(flags, bool).reshape(-1, 3).T
    return Sentences(
        np.concatenate(ids),
        np.concatenate([[0], np.cumsum(lengths)]),
        first_S,
        end_S,
        is_query_S & (lengths > 0),
        is_heading_S & (lengths > 0),
        is_question_S & (lengths > 0),
        len(np.unique(first_S)),
    )


def is_usable(sentences: Sequence[str]) -> bool:
    """Return whether a document has a sentence to ask with and another one to find."""
    return len(sentences) > 1 and any(count_words(sentence) >= MIN_WORDS for sentence in sentences)


def describe_sentence(sentence: str) -> tuple[bool, bool, bool]:
    """Return whether a sentence, not the last of its document, is a query, a heading and a question."""
    words = count_words(sentence)
    is_heading = words <= MAX_HEADING_WORDS and not SENTENCE_END.search(sentence)
    return words >= MIN_WORDS, is_heading, QUESTION.search(sentence) is not None


def count_words(sentence: str) -> int:
    """Return the number of words between spaces."""
    return sentence.count(" ") + 1


def passage_frequencies(sentences: Sentences, vocab_size: int) -> tuple[np.ndarray, int]:
    """Return in how many passages each token stands [V], and how many passages there are."""
    document_S = np.cumsum(sentences.first_S == np.arange(len(sentences.first_S))) - 1
    block_S = (np.arange(len(sentences.first_S)) - sentences.first_S) // PASSAGE
    passage_S = np.cumsum(np.diff(document_S * len(block_S) + block_S, prepend=-1) != 0) - 1
    passage_N = np.repeat(passage_S, np.diff(sentences.start_S))
    once = np.unique(passage_N.astype(np.int64) * vocab_size + sentences.ids_N)
    return np.bincount(once % vocab_size, minlength=vocab_size), int(passage_S[-1]) + 1


def inverse_document_frequencies(sentences: Sentences, vocab_size: int) -> np.ndarray:
    """Return the weight of every token by its rarity in the passages [V]."""
    return rarity(*passage_frequencies(sentences, vocab_size))


def rarity(frequency_V: np.ndarray, count: int) -> np.ndarray:
    """Return ln((count + 1) / (frequency + 1)) for tokens that stand in `frequency` of `count` texts [V].

    It is never negative. Special tokens weigh nothing, the unknown one among them.
    """
    weights_V = np.log((count + 1) / (frequency_V + 1)).astype(np.float32)
    weights_V[[UNK, BOS, EOS, PAD]] = 0.0
    return weights_V


class Pairs(NamedTuple):
    """B pairs as token ids, and the sentences that each pair is from."""

    queries: list[np.ndarray]
    passages: list[np.ndarray]
    range_Bx2: np.ndarray  # first sentence and end
    keys: list[list[bytes]]  # the queries and the passages before any word was dropped


class PairSampler:
    """The pairs of every step: a pure function of (seed, step, row) for given sentences."""

    def __init__(
        self,
        sentences: Sentences,
        weights: dict[PairKind, float],
        kept_fraction: float,
        word_dropout: float,
        batch_size: int,
        seed: int,
    ) -> None:
        """`weights` are the shares of the kinds, `kept_fraction` of surroundings with the sentence itself.

        Raises UserError where a step takes more pairs of a kind than there are sentences to make them of.
        """
        self.sentences, self.seed = sentences, seed
        self.kept_fraction, self.word_dropout = kept_fraction, word_dropout
        self.positions = list_positions(sentences)
        ends = np.cumsum([weights[kind] for kind in KINDS]) / sum(weights.values())
        rows = np.diff(np.round(ends * batch_size).astype(int), prepend=0).tolist()
        self.rows = {kind: count for kind, count in zip(KINDS, rows, strict=True) if count}  # of a batch
        for kind, count in self.rows.items():
            if count > len(self.positions[kind]):
                raise UserError(
                    "params.yaml: encoder.pairs.{kind}: {share}: a step takes {count} such pairs, "
                    "and data/corpus/train has sentences for {possible}; lower it or "
                    "encoder.batch_size, or add text",
                    kind=kind,
                    share=weights[kind],
                    count=count,
                    possible=len(self.positions[kind]),
                )

    def sample(self, step: int) -> Pairs:
        """Return the pairs of a step. None stands twice in an epoch of its kind."""
        rng = np.random.default_rng([self.seed, TEXT, step])
        queries, passages, ranges = [], [], []
        keys: list[list[bytes]] = [[], []]
        for kind, rows in self.rows.items():
            for sentence in self.choose_positions(kind, step, rows):
                query, passage, bounds = self.make_pair(kind, int(sentence), rng)
                for side, ids in zip(keys, (query, passage), strict=True):
                    side.append(ids.tobytes())
                queries.append(self.drop_words(query, rng))
                passages.append(self.drop_words(passage, rng))
                ranges.append(bounds)
        return Pairs(queries, passages, np.array(ranges), keys)

    def choose_positions(self, kind: PairKind, step: int, rows: int) -> np.ndarray:
        """Return the sentences from which the pairs of a kind are made in a step."""
        positions = self.positions[kind]
        epochs, places = np.divmod(step * rows + np.arange(rows), len(positions))
        chosen = [
            epoch_order(self.seed, kind, int(epoch), len(positions))[places[epochs == epoch]]
            for epoch in np.unique(epochs)
        ]
        return positions[np.concatenate(chosen)]

    def make_pair(
        self, kind: PairKind, sentence: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Return the query's and the passage's tokens, and the sentences they are from."""
        sentences = self.sentences
        if kind in ("headings", "questions"):
            end = int(min(sentence + PASSAGE, sentences.end_S[sentence]))
            query, passage = sentences.tokens(sentence, sentence + 1), sentences.tokens(sentence + 1, end)
            return query, passage, (sentence, end)
        if kind == "halves":
            first, last = sentences.first_S[sentence], sentences.end_S[sentence]
            cut = max(sentence, first + 1)
            start, end = int(max(first, cut - PASSAGE)), int(min(cut + PASSAGE, last))
            halves = [sentences.tokens(start, cut), sentences.tokens(cut, end)]
            one = int(rng.integers(2))
            return halves[one], halves[1 - one], (start, end)
        start, end = sentences.passage(sentence, before=int(rng.integers(PASSAGE)))
        passage = sentences.tokens(start, end)
        if kind == "crops":
            return crop(passage, rng), crop(passage, rng), (start, end)
        query = sentences.tokens(sentence, sentence + 1)
        if rng.random() >= self.kept_fraction:
            after = sentences.tokens(sentence + 1, end)
            passage = np.concatenate([sentences.tokens(start, sentence), after])
        return query, passage, (start, end)

    def drop_words(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the tokens without a share of `word_dropout` of them; all of them where none were left."""
        if not self.word_dropout:
            return ids
        left = ids[rng.random(len(ids)) >= self.word_dropout]
        return left if len(left) else ids


def list_positions(sentences: Sentences) -> dict[PairKind, np.ndarray]:
    """Return by kind of pair the sentences from which one can be made."""
    queries = np.flatnonzero(sentences.is_query_S)
    return {
        "surroundings": queries,
        "crops": queries,
        "halves": queries,
        "headings": np.flatnonzero(sentences.is_heading_S),
        "questions": np.flatnonzero(sentences.is_question_S),
    }


@lru_cache(maxsize=2 * len(KINDS))
def epoch_order(seed: int, kind: PairKind, epoch: int, count: int) -> np.ndarray:
    """Return the order in which an epoch reads the positions of a kind, a permutation of their indices."""
    return np.random.default_rng([seed, ORDER, KINDS.index(kind), epoch]).permutation(count)


def crop(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a part of the tokens, from a quarter to three fifths of them."""
    length = max(1, round(rng.uniform(*CROP) * len(ids)))
    start = int(rng.integers(len(ids) - length + 1))
    return ids[start : start + length]


class HeldOut(NamedTuple):
    """Texts to ask with, and for each the passage to find."""

    queries: list[str]
    passages: list[str]
    documents: list[int]  # the document of each


def sample_held_out(texts: Sequence[str], size: int, seed: int) -> tuple[HeldOut, HeldOut]:
    """Return two pools of at most `size` passages: sentences to ask with, and remembered words.

    In the first a sentence asks for the five around it, without it. In the second half of its words, drawn at
    random, ask for all six. Documents are cut into passages of six sentences, so that no two passages share
    one, and all documents give one passage before one gives two.
    """
    rng = np.random.default_rng([seed, POOL])
    blocks: list[tuple[int, float, int, list[str]]] = []
    for document, text in enumerate(texts):
        sentences = split_sentences(text)
        parts = [sentences[start : start + PASSAGE] for start in range(0, len(sentences), PASSAGE)]
        usable = [part for part in parts if is_usable(part)]
        order = rng.permutation(len(usable))
        blocks += [(i, rng.random(), document, usable[part]) for i, part in enumerate(order)]
    around: list[tuple[str, str, int]] = []
    remembered: list[tuple[str, str, int]] = []
    for _, _, document, block in sorted(blocks, key=lambda each: each[:2]):
        askable = [i for i, sentence in enumerate(block) if count_words(sentence) >= MIN_WORDS]
        asked = int(rng.choice(askable))
        words = block[asked].split()
        kept = np.sort(rng.permutation(len(words))[: (len(words) + 1) // 2])
        around.append((block[asked], " ".join(block[:asked] + block[asked + 1 :]), document))
        remembered.append((" ".join(words[i] for i in kept), " ".join(block), document))
    return make_pool(around, size), make_pool(remembered, size)


def sample_halves(texts: Sequence[str], size: int, seed: int) -> HeldOut:
    """Return at most `size` documents cut in two: one half asks for the other.

    A half has up to six sentences, those next to the cut.
    """
    rng = np.random.default_rng([seed, POOL, 1])
    pairs = []
    for document in rng.permutation(len(texts)):
        sentences = split_sentences(texts[document])
        if is_usable(sentences):
            middle = len(sentences) // 2
            halves = [sentences[max(0, middle - PASSAGE) : middle], sentences[middle : middle + PASSAGE]]
            query, passage = (" ".join(halves[i]) for i in rng.permutation(2))
            pairs.append((query, passage, int(document)))
    return make_pool(pairs, size)


def make_pool(pairs: Iterable[tuple[str, str, int]], size: int) -> HeldOut:
    """Return the first `size` pairs of query, passage and document such that no string occurs twice.

    With a string twice, a right answer could count as wrong.
    """
    pool = HeldOut([], [], [])
    seen: set[str] = set()
    for query, passage, document in pairs:
        if len(pool.queries) == size:
            break
        if len({query, passage} - seen) == 2:
            seen |= {query, passage}
            pool.queries.append(query)
            pool.passages.append(passage)
            pool.documents.append(document)
    return pool
