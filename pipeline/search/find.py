"""Search in an index: by words, each found in all its forms, by an encoder's vectors, or by both."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.common.errors import UserError
from pipeline.encoder.numpy_table import SearchEncoder, open_encoder
from pipeline.search.index import damaged_error, read_version
from pipeline.search.vectors import Vectors, hash_encoder, read_vectors
from pipeline.search.words import Word, expand_key, find_words
from pipeline.text.normalize import normalize_text

TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0  # of a word in titles and headings, and in the text
MAX_MATCHES = 30_000  # passages of the words that choose candidates; others rank these
CANDIDATES = 200  # passages of the words, and as many of the vectors, that are ranked by both
# An encoder's weight is for the scores of `bm25s`, which leave out the factor k1 + 1 that SQLite has.
BM25_SCALE = 2.2
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


class Index:
    """An index that is open for searching."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection, self.path = connection, path

    def search(self, query: str, limit: int = 5, by: Way | None = None) -> list[Hit]:
        """Return up to `limit` passages, the best first.

        `by`: "words", "vectors" or "both"; both by default where the vectors can be used. Raises UserError
        for a query without a word, and for vectors that cannot be used.

        By words, passages with a word's own key come first. Where they are too few, those follow that have
        another form of a short stem.
        """
        words = list_words(query)
        if by is None:
            by = "words" if self.encoder is None or self.encoder_problem else "both"
        keys = [word.key for word in words]
        if by == "vectors":
            return self._read_hits(self._search_vectors(query, limit), keys)
        if by == "both":
            return self._read_hits(self._search_both(query, keys, limit), keys)
        scores = self._rank(keys, limit)
        if len(scores) < limit:
            forms = dict.fromkeys(key for word in words for key in expand_key(word.letters))
            keys += [key for key in forms if key not in keys]
            scores |= {
                passage: score for passage, score in self._rank(keys, limit).items() if passage not in scores
            }
        return self._read_hits(dict(list(scores.items())[:limit]), keys)

    def _search_vectors(self, query: str, limit: int) -> dict[int, float]:
        """Return the cosines of the passages that vectors find, the best first."""
        return self._vectors.best(self._cosines(query), limit)

    def _search_both(self, query: str, keys: list[str], limit: int) -> dict[int, float]:
        """Return BM25 plus the weighted cosine of passages that words or vectors find, the best first."""
        cosines_N = self._cosines(query)
        nearest = self._vectors.best(cosines_N, CANDIDATES)
        passages = list(nearest | self._score(self._pick_rare(keys), CANDIDATES))
        scores = self._score(keys, len(passages), passages)
        cosines = self._vectors.select(cosines_N, passages)
        weight = BM25_SCALE * self._encoder.prefix_weight
        scores = {
            passage: scores.get(passage, 0.0) + weight * cosines.get(passage, 0.0) for passage in passages
        }
        return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit])

    def _rank(self, keys: list[str], limit: int) -> dict[int, float]:
        """Return the BM25 of the passages that have one of `keys`, the best first.

        Where they are very many, the rarest keys choose candidates, and all keys rank them.
        """
        rare = self._pick_rare(keys)
        if len(rare) < len(set(keys)):
            candidates = self._score(rare, max(limit, CANDIDATES))
            if len(candidates) >= limit:
                return self._score(keys, limit, list(candidates))
        return self._score(keys, limit)

    def _pick_rare(self, keys: list[str]) -> list[str]:
        """Return the rarest keys, which MAX_MATCHES passages have altogether; one at least."""
        select = "SELECT doc FROM terms WHERE term = ?"
        counts = [(sum(count for (count,) in self._read(select, (key,))), key) for key in set(keys)]
        counts.sort()
        totals = accumulate(count for count, _ in counts)
        return [
            key
            for i, (total, (_, key)) in enumerate(zip(totals, counts, strict=True))
            if total <= MAX_MATCHES or i == 0
        ]

    def _score(self, keys: list[str], limit: int, among: list[int] | None = None) -> dict[int, float]:
        """Return the BM25 of passages that have one of `keys`, the best first, of `among` alone if given."""
        expression = " OR ".join(f'"{key}"' for key in keys)
        condition = f"WHERE +rowid IN ({', '.join(map(str, among))})" if among is not None else ""
        select = f"SELECT rowid, -bm25(words, ?, ?) FROM words(?) {condition} ORDER BY 2 DESC, 1 LIMIT ?"
        return dict(self._read(select, (TITLE_WEIGHT, BODY_WEIGHT, expression, limit)))

    def _read_hits(self, scores: dict[int, float], keys: list[str]) -> list[Hit]:
        """Return the passages of some scores, in their order. Words with one of `keys` are marked."""
        select = f"""
            SELECT p.id, path, name, title, heading, place_kind, place, text FROM passages p
            JOIN documents d ON d.id = document_id JOIN files f ON f.id = file_id
            WHERE p.id IN ({", ".join(map(str, scores))})
        """
        rows = {row[0]: row for row in self._read(select, ())}
        return [
            Hit(*(score, *rows[passage], find_spans(rows[passage][-1], set(keys))))
            for passage, score in scores.items()
        ]

    def _read(self, select: str, values: tuple[Any, ...]) -> list[Any]:
        """Return the rows of a query. Raises UserError where the file is damaged."""
        try:
            return self.connection.execute(select, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise damaged_error(self.path, error) from None

    @cached_property
    def encoder(self) -> tuple[Path, str] | None:
        """The folder and the hash of the encoder that made the vectors; None where there are none."""
        rows = self._read("SELECT folder, sha256 FROM encoder", ())
        return (Path(rows[0][0]), rows[0][1]) if rows else None

    @cached_property
    def encoder_problem(self) -> UserError | None:
        """What is wrong with the encoder of the vectors; None where nothing is, and where there are none."""
        if self.encoder is None:
            return None
        folder, digest = self.encoder
        try:
            same = hash_encoder(folder) == digest
        except OSError:
            return UserError(
                f"{self.path}: its encoder {folder} is gone; name another: tezgah index FOLDER --encoder"
                " models/encoder"
            )
        if same:
            return None
        return UserError(f"{self.path}: its encoder {folder} has changed; run `tezgah index FOLDER` again")

    @cached_property
    def _encoder(self) -> SearchEncoder:
        """The encoder that made the vectors. Raises UserError where there is none, or another one."""
        if self.encoder is None:
            raise UserError(
                f"{self.path}: no vectors in it; make them: tezgah index FOLDER --encoder models/encoder"
            )
        if self.encoder_problem:
            raise self.encoder_problem
        return open_encoder(self.encoder[0])

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
        raise UserError(f"query: {query[:40]!r}: no word in it; give some")
    return words


def find_spans(text: str, keys: set[str]) -> list[tuple[int, int]]:
    """Return where words with one of the keys stand in a text."""
    return [(word.start, word.end) for word in find_words(text) if word.key in keys]


@contextmanager
def open_index(path: Path | str) -> Iterator[Index]:
    """Yield an index for searching. Raises UserError where there is none, or one that is not read here."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no index there; make one: tezgah index FOLDER --to {path}")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        if not read_version(connection, path):
            raise UserError(f"{path}: an empty index; fill it: tezgah index FOLDER --to {path}")
        yield Index(connection, path)
    except sqlite3.DatabaseError as error:
        raise damaged_error(path, error) from None
    finally:
        connection.close()
