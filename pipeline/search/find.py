"""Search in an index: by words, each found in all its forms, by an encoder's vectors, or by both."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from pipeline.common.errors import UserError
from pipeline.encoder.numpy_table import SearchEncoder, open_encoder
from pipeline.search.database import damaged_error, read_version
from pipeline.search.vectors import Vectors, hash_encoder, read_vectors
from pipeline.search.words import KEY_LETTERS, Word, edit_word, expand_key, find_words, is_known, vary_marks
from pipeline.text.normalize import normalize_text

TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0  # of a word in titles and headings, and in the text
MAX_MATCHES = 30_000  # passages of the words that choose candidates; others rank these
CANDIDATES = 200  # passages of the words, and as many of the vectors, that are ranked by both
# An encoder's weight is for the scores of `bm25s`, which leave out the factor k1 + 1 that SQLite has.
BM25_SCALE = 2.2
MAX_COUNTS = 100_000  # keys whose numbers of passages are remembered
MAX_QUERY_WORDS = 64  # the others of a longer query are left out


Way = Literal["words", "vectors", "both"]


@dataclass(frozen=True)
class Hit:
    """A passage that was found. A higher `score` is better; `spans` are where the query's words stand."""

    score: float
    passage: int  # its id in the index
    path: str
    document: str
    title: str
    heading: str
    place_kind: str
    place: int
    text: str
    spans: list[tuple[int, int]]


class QueryWord(NamedTuple):
    """A word of a query: the keys that may be meant by it, those of its forms too, and its weight."""

    meant: frozenset[str]
    keys: frozenset[str]
    weight: float


class Index:
    """An index that is open for searching. What another program changes in it is seen by the next search."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection, self.path = connection, path
        self._version = -1  # of the content that is cached
        self._counts: dict[str, int] = {}  # passages that have a key

    def search(self, query: str, limit: int = 5, by: Way | None = None) -> list[Hit]:
        """Return up to `limit` passages, the best first.

        `by`: "words", "vectors" or "both"; both by default where the vectors can be used. Raises UserError
        for a query without a word, and for vectors that cannot be used.

        By words, passages with a word's own key come first. Where they are too few, those follow that have
        another form of a short stem.
        """
        words = list_words(query)
        with self._snapshot():
            if by is None:
                by = "words" if self.encoder is None or self.encoder_error else "both"
            keys = self._choose_keys(words)
            if by == "vectors":
                return self._read_hits(self._search_vectors(query, limit), keys)
            scores, keys = self._search_words(words, keys, limit)
            if by == "both":
                scores = self._add_vectors(query, keys, scores, limit)
            return self._read_hits(dict(list(scores.items())[:limit]), keys)

    def count_passages(self) -> int:
        """Return how many passages the index has."""
        count: int = self.connection.execute("SELECT count(*) FROM passages").fetchone()[0]
        return count

    def knows_word(self, query: str) -> bool:
        """Return true if a word of a query stands in a passage, in any form of it."""
        try:
            words = list_words(query)
        except UserError:
            return False
        with self._snapshot():
            return any(self._count(key) for key in self._choose_keys(words))

    def weigh_words(self, query: str) -> list[QueryWord]:
        """Return the words of a query, each with how much it tells of a passage: rare ones more.

        Raises UserError for a query without a word.
        """
        words = list_words(query)
        weighed = []
        with self._snapshot():
            passages = self.count_passages()
            for word in words:
                meant = self._choose_keys([word])
                if not any(map(self._count, meant)):
                    meant = [word.key, *vary_marks(word.key)]
                forms = {
                    form for key in meant for form in expand_key(word.letters if key == word.key else key)
                }
                found = max(map(self._count, meant)) or max(map(self._count, forms), default=0)
                # The weight of BM25, never below zero; of a word that stands nowhere as if it did once.
                weight = math.log(1 + (passages - found + 0.5) / (max(found, 1) + 0.5))
                weighed.append(QueryWord(frozenset(meant), frozenset([*meant, *forms]), weight))
        return weighed

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Let all that is read inside the block be of one moment, and forget what was cached before it."""
        try:
            self.connection.execute("BEGIN")
            (version,) = self.connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._version = version
                self._counts.clear()
                for name in ("encoder", "encoder_error", "_encoder", "_vectors"):
                    self.__dict__.pop(name, None)
            yield
        except sqlite3.DatabaseError as error:
            raise damaged_error(self.path, error) from None
        finally:
            self.connection.rollback()

    def _choose_keys(self, words: list[Word]) -> list[str]:
        """Return the keys of a query's words. Of one that no passage has, those of words that were meant."""
        keys = []
        for word in words:
            others = [] if self._count(word.key) else self._guess_keys(word)
            keys += others or [word.key]
        return keys

    def _guess_keys(self, word: Word) -> list[str]:
        """Return the keys of the index that a word may stand for.

        They differ in marks. Where there are none, and the lexicon does not know the word either, it is the
        commonest key that one typing error makes of it.
        """
        others = [key for key in vary_marks(word.key) if self._count(key)]
        if others or len(word.letters) < KEY_LETTERS or is_known(word.letters):
            return others
        counts = [(self._count(key), key) for key in edit_word(word.letters)]
        return [key for count, key in sorted(counts, reverse=True)[:1] if count]

    def _search_words(
        self, words: list[Word], keys: list[str], limit: int
    ) -> tuple[dict[int, float], list[str]]:
        """Return the scores of the passages that words find, the best first, and the keys that were used.

        Scores of those with other forms alone are no higher than the lowest of the others.
        """
        scores = self._rank(keys, limit)
        if len(scores) < limit:
            forms = dict.fromkeys(key for word in words for key in expand_key(word.letters))
            keys = keys + [key for key in forms if key not in keys]
            highest = min(scores.values(), default=math.inf)
            others = self._rank(keys, limit)
            scores |= {p: min(score, highest) for p, score in others.items() if p not in scores}
        return scores, keys

    def _search_vectors(self, query: str, limit: int) -> dict[int, float]:
        """Return the cosines of the passages that vectors find, the best first."""
        best = self._vectors.best(self._cosines(query), limit)
        return {passage: cosine for passage, cosine in best.items() if cosine > 0}

    def _add_vectors(
        self, query: str, keys: list[str], scores: dict[int, float], limit: int
    ) -> dict[int, float]:
        """Return the scores of passages that words or vectors find, by both, the best first.

        A score is BM25 plus the weighted cosine.
        """
        cosines_N = self._cosines(query)
        nearest = self._vectors.best(cosines_N, max(limit, CANDIDATES))
        others = [passage for passage, cosine in nearest.items() if passage not in scores and cosine > 0]
        scores = scores | dict.fromkeys(others, 0.0) | self._score(keys, len(others), others)
        weight = BM25_SCALE * self._encoder.prefix_weight
        for passage, cosine in self._vectors.select(cosines_N, list(scores)).items():
            scores[passage] += weight * cosine
        return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))

    def _rank(self, keys: list[str], limit: int) -> dict[int, float]:
        """Return the BM25 of the passages that have one of `keys`, the best first: candidates, or `limit`.

        Where they are very many, the rarest keys choose candidates, and all keys rank them.
        """
        rare, count = self._pick_rare(keys), max(limit, CANDIDATES)
        if len(rare) < len(set(keys)):
            candidates = self._score(rare, count)
            if len(candidates) >= limit:
                return self._score(keys, count, list(candidates))
        return self._score(keys, count)

    def _pick_rare(self, keys: list[str]) -> list[str]:
        """Return the rarest keys, which MAX_MATCHES passages have altogether; one at least."""
        counts = sorted((self._count(key), key) for key in set(keys))
        totals = accumulate(count for count, _ in counts)
        pairs = zip(totals, counts, strict=True)
        return [key for i, (total, (_, key)) in enumerate(pairs) if total <= MAX_MATCHES or i == 0]

    def _count(self, key: str) -> int:
        """Return how many passages have a key."""
        if key not in self._counts:
            if len(self._counts) >= MAX_COUNTS:
                self._counts.clear()
            row = self.connection.execute("SELECT doc FROM terms WHERE term = ?", (key,)).fetchone()
            self._counts[key] = row[0] if row else 0
        return self._counts[key]

    def _score(self, keys: list[str], limit: int, among: list[int] | None = None) -> dict[int, float]:
        """Return the BM25 of passages that have one of `keys`, the best first, of `among` alone if given."""
        expression = " OR ".join(f'"{key}"' for key in keys)
        condition = f"WHERE +rowid IN ({', '.join(map(str, among))})" if among is not None else ""
        select = f"SELECT rowid, -bm25(words, ?, ?) FROM words(?) {condition} ORDER BY 2 DESC, 1 LIMIT ?"
        values = (TITLE_WEIGHT, BODY_WEIGHT, expression, limit)
        return dict(self.connection.execute(select, values).fetchall())

    def _read_hits(self, scores: dict[int, float], keys: list[str]) -> list[Hit]:
        """Return the passages of some scores, in their order. Words with one of `keys` are marked."""
        select = f"""
            SELECT p.id, path, name, title, heading, place_kind, place, text FROM passages p
            JOIN documents d ON d.id = document_id JOIN files f ON f.id = file_id
            WHERE p.id IN ({", ".join(map(str, scores))})
        """
        rows = {row[0]: row for row in self.connection.execute(select)}
        return [
            Hit(*(score, *rows[passage], find_spans(rows[passage][-1], set(keys))))
            for passage, score in scores.items()
        ]

    @cached_property
    def encoder(self) -> tuple[Path, str, bool] | None:
        """The encoder of the vectors: its folder, its hash, and if every passage has its vector; or None."""
        row = self.connection.execute("SELECT folder, sha256, is_complete FROM encoder").fetchone()
        return (Path(row[0]), row[1], bool(row[2])) if row else None

    @cached_property
    def encoder_error(self) -> UserError | None:
        """Why the vectors cannot be used; None where they can."""
        try:
            self._encoder  # noqa: B018
        except UserError as error:
            return error
        return None

    @cached_property
    def _encoder(self) -> SearchEncoder:
        """The encoder that made the vectors. Raises UserError where there is none, or another one."""
        if self.encoder is None:
            raise UserError(
                "{path}: no vectors in it; make them: tezgah index FOLDER --encoder models/encoder",
                path=self.path,
            )
        folder, digest, is_complete = self.encoder
        try:
            encoder = open_encoder(folder)
        except UserError as error:
            raise UserError(
                "{path}: its encoder cannot be used: {error}", path=self.path, error=error
            ) from None
        if not is_complete:
            raise UserError("{path}: vectors are missing; run `tezgah index FOLDER` again", path=self.path)
        if hash_encoder(folder) != digest:
            raise UserError(
                "{path}: its encoder {folder} has changed; run `tezgah index FOLDER` again",
                path=self.path,
                folder=folder,
            )
        return encoder

    @cached_property
    def _vectors(self) -> Vectors:
        return read_vectors(self.connection, self._encoder.width)

    def _cosines(self, query: str) -> np.ndarray:
        """Return the cosine [N] of every passage's vector with that of a query."""
        return self._vectors.cosines(self._encoder.embed([normalize_text(query)])[0])


def list_words(query: str) -> list[Word]:
    """Return the words of a query, each as often as it stands there. Raises UserError where it has none."""
    words = list(islice(find_words(normalize_text(query)), MAX_QUERY_WORDS))
    if not words:
        raise UserError("query: {query}: no word in it; give some", query=repr(query[:40]))
    return words


def find_spans(text: str, keys: set[str]) -> list[tuple[int, int]]:
    """Return where words with one of the keys stand in a text."""
    return [(word.start, word.end) for word in find_words(text) if word.key in keys]


@contextmanager
def open_index(path: Path | str) -> Iterator[Index]:
    """Yield an index for searching. Raises UserError where there is none, or one that is not read here."""
    path = Path(path)
    if not path.is_file():
        raise UserError("{path}: no index there; make one: tezgah index FOLDER --to {path}", path=path)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        if not read_version(connection, path):
            raise UserError("{path}: an empty index; fill it: tezgah index FOLDER --to {path}", path=path)
        yield Index(connection, path)
    except sqlite3.DatabaseError as error:
        raise damaged_error(path, error) from None
    finally:
        connection.close()
