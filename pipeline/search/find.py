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
        """Return up to `limit` passages, the best first. Raises UserError for a query without a word."""
        keys = expand_query(query)
        expression = " OR ".join(f'"{key}"' for key in keys)
        select = """
            SELECT -bm25(words, ?, ?), path, name, title, heading, place_kind, place, text
            FROM words(?) JOIN passages p ON p.id = words.rowid
            JOIN documents d ON d.id = document_id JOIN files f ON f.id = file_id
            ORDER BY 1 DESC, p.id LIMIT ?
        """
        try:
            rows = self.connection.execute(select, (TITLE_WEIGHT, BODY_WEIGHT, expression, limit)).fetchall()
        except sqlite3.DatabaseError as error:
            raise damaged_error(self.path, error) from None
        known = set(keys)
        return [Hit(*(*row, find_spans(row[-1], known))) for row in rows]


def expand_query(query: str) -> list[str]:
    """Return the keys by which a query's words are found. Raises UserError for a query without a word."""
    words = {word.key: word.letters for word in find_words(normalize_text(query))}
    if not words:
        raise UserError(f"query: {query[:40]!r}: no word in it; give some")
    chosen = list(words.values())[:MAX_QUERY_WORDS]
    return list(dict.fromkeys(key for word in chosen for key in expand_key(word)))


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
