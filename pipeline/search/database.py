"""The SQLite file of an index: its tables, how it is opened, and that one program writes it at a time.

`files`, `documents` and `passages` hold what was read. `words` is an FTS5 table over the keys of the
passages' words (words.py) and of their titles and headings; its rows are the passages' ids. It keeps no text
of its own: a deletion passes the keys again. `terms` tells how many passages have a key. `vectors` has those
of all passages, if an encoder was named (vectors.py), and `encoder` tells which.
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.library_messages import recognize

# Another way to make keys (words.py) is another version too: a deletion passes what was added.
SCHEMA_VERSION = 2
APPLICATION_ID = 0x54657A67  # in the file's head: what tells an index from other SQLite files
PAGE_BYTES = 16 << 10  # several passages in each, so that little of it is empty
WAIT_SECONDS = 30.0  # for a reader that is about to end
SCHEMA = """
CREATE TABLE folder (path TEXT NOT NULL);
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL REFERENCES files, name TEXT NOT NULL,
    title TEXT NOT NULL, place_kind TEXT NOT NULL
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL REFERENCES documents,
    heading TEXT NOT NULL, text TEXT NOT NULL, place INTEGER NOT NULL
);
CREATE INDEX documents_of_file ON documents (file_id);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE TABLE encoder (folder TEXT NOT NULL, sha256 TEXT NOT NULL, is_complete INTEGER NOT NULL);
CREATE TABLE vectors (
    first_passage INTEGER PRIMARY KEY, last_passage INTEGER NOT NULL, passages BLOB NOT NULL,
    scales BLOB NOT NULL, numbers BLOB NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (
    head, body, content = '', tokenize = 'unicode61 remove_diacritics 0'
);
CREATE VIRTUAL TABLE terms USING fts5vocab ('words', 'row');
"""


@contextmanager
def lock_index(path: Path) -> Iterator[None]:
    """Keep other processes from updating the index inside the block. Raises UserError where one does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                "{path}: another process updates it; wait until it has ended", path=path
            ) from None
        yield


@contextmanager
def open_for_writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the index, made anew where there is none. Raises UserError for another file.

    Meanwhile other programs search what was complete before (WAL). Afterwards it is one file again.
    """
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS)
    try:
        if not read_version(connection, path):
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            yield connection
        finally:
            connection.rollback()
            with suppress(sqlite3.OperationalError):  # another program has it open
                connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise damaged_error(path, error) from None
    finally:
        connection.close()


def read_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of an index, 0 for an empty file. Raises UserError for one that is not read here."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        return 0
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise UserError("{path}: an SQLite file of something else; name another file", path=path)
    if version < SCHEMA_VERSION:
        raise UserError(
            "{path}: an index of an older version; remove it and run `tezgah index` again", path=path
        )
    if version > SCHEMA_VERSION:
        raise UserError(
            "{path}: an index of a newer version; update this program, or make another index", path=path
        )
    return int(version)


def damaged_error(path: Path, error: Exception) -> UserError:
    """Return the error for a file that is no index, or a broken one, or cannot be read now."""
    if isinstance(error, sqlite3.OperationalError):
        return UserError("{path}: cannot be read now: {reason}", path=path, reason=recognize(str(error)))
    return UserError(
        "{path}: no index, or a damaged one ({reason}); name another file, or remove it and index again",
        path=path,
        reason=recognize(str(error)),
    )
