"""Search in an index: by words, each found in all its forms."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.search.index import damaged_error, read_version
from pipeline.search.words import expand_key, find_words
from pipeline.text.normalize import normalize_text

TITLE_WEIGHT, BODY_WEIGHT = 2.0, 1.0  # of a word in titles and headings, and in the text
MAX_QUERY_WORDS = 64  # different ones; the others of a longer query are left out


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

    def search(self, query: str, limit: int = 5) -> list[Hit]:
        """Return up to `limit` passages, the best first. Raises UserError for a query without a word.

        Passages with a word's own key come first. Where they are too few, those follow that have another form
        of a short stem.
        """
        words = list_words(query)
        own = list(words)
        forms = [key for letters in words.values() for key in expand_key(letters) if key not in words]
        hits = self._find(own, limit, {*own, *forms})
        if forms and len(hits) < limit:
            known = {hit.passage for hit in hits}
            others = self._find([*own, *forms], limit, {*own, *forms})
            hits += [hit for hit in others if hit.passage not in known]
        return hits[:limit]

    def _find(self, keys: list[str], limit: int, shown: set[str]) -> list[Hit]:
        """Return the passages that have one of `keys`, by bm25. Words with a key of `shown` are marked."""
        expression = " OR ".join(f'"{key}"' for key in keys)
        select = """
            SELECT -bm25(words, ?, ?), p.id, path, name, title, heading, place_kind, place, text
            FROM words(?) JOIN passages p ON p.id = words.rowid
            JOIN documents d ON d.id = document_id JOIN files f ON f.id = file_id
            ORDER BY 1 DESC, p.id LIMIT ?
        """
        try:
            rows = self.connection.execute(select, (TITLE_WEIGHT, BODY_WEIGHT, expression, limit)).fetchall()
        except sqlite3.DatabaseError as error:
            raise damaged_error(self.path, error) from None
        return [Hit(*(*row, find_spans(row[-1], shown))) for row in rows]


def list_words(query: str) -> dict[str, str]:
    """Return the words of a query by their keys. Raises UserError for a query without a word."""
    words = {word.key: word.letters for word in find_words(normalize_text(query))}
    if not words:
        raise UserError(f"query: {query[:40]!r}: no word in it; give some")
    return dict(list(words.items())[:MAX_QUERY_WORDS])


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
