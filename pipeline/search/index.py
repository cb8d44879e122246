"""The index of a folder's documents: one SQLite file, which a kill leaves whole.

`files`, `documents` and `passages` hold what was read. `words` is an FTS5 table over the keys of the
passages' words (words.py) and of their titles and headings; its rows are the passages' ids. It keeps no text
of its own: a deletion passes the keys again. `terms` tells how many passages have a key. `vectors` has one
for each passage, if an encoder was named (vectors.py), and `encoder` tells which. Everything of a batch of
files is one transaction.
"""

import fcntl
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.io import sha256
from pipeline.encoder.numpy_table import open_encoder
from pipeline.readers.decompress import content_suffix
from pipeline.search.files import READERS, UnreadableFile, read_documents
from pipeline.search.passages import split_passages
from pipeline.search.vectors import remove_vectors, update_vectors
from pipeline.search.words import make_keys

SCHEMA_VERSION = 2
BATCH_BYTES = 8 << 20  # of files in a transaction
PAGE_BYTES = 16 << 10  # several passages in each, so that little of it is empty
WAIT_SECONDS = 30.0  # for a reader that is about to end
SCHEMA = """
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL REFERENCES files, name TEXT NOT NULL,
    title TEXT NOT NULL, place_kind TEXT NOT NULL
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents, heading TEXT NOT NULL,
    text TEXT NOT NULL, place INTEGER NOT NULL
);
CREATE INDEX documents_of_file ON documents (file_id);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE TABLE encoder (folder TEXT NOT NULL, sha256 TEXT NOT NULL, width INTEGER NOT NULL);
CREATE TABLE vectors (
    passage_id INTEGER PRIMARY KEY REFERENCES passages, scale REAL NOT NULL, numbers BLOB NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (
    head, body, content = '', tokenize = 'unicode61 remove_diacritics 0'
);
CREATE VIRTUAL TABLE terms USING fts5vocab ('words', 'row');
"""


# Called with what is counted ("files" or "vectors"), how many are done, and of how many.
Watch = Callable[[str, int, int], None]


@dataclass
class Changes:
    """What an update of an index has done. `unreadable` are the files left out, with the reasons."""

    added: int = 0
    removed: int = 0
    renamed: int = 0
    unchanged: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)  # files of which a part could not be read
    skipped: int = 0  # files of no format that is read
    embedded: int = 0  # passages that were given a vector


def update_index(
    path: Path,
    folder: Path,
    encoder: Path | None = None,
    words_only: bool = False,
    watch: Watch = lambda name, done, total: None,
) -> Changes:
    """Bring the index at `path` up to date with the files of `folder`, and return what has changed.

    A file counts as the same by its content. `encoder` is a folder whose encoder makes the vectors from now
    on; `words_only` removes them. Raises UserError where a folder does not exist, the encoder is damaged,
    another process is at work on the index, it is of another version or damaged, or the disk is full. The
    index then has what was complete before.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name the one that has your documents")
    with lock_index(path), open_for_writing(path) as connection:
        try:
            if words_only:
                remove_vectors(connection)
            elif encoder is None and (known := connection.execute("SELECT folder FROM encoder").fetchone()):
                encoder = Path(known[0])
            if encoder is not None:
                open_encoder(encoder)  # what is wrong with it is told before an hour's work
            changes = update_files(connection, folder, path, watch)
            if encoder is not None:
                changes.embedded = update_vectors(connection, encoder, watch)
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            return changes
        except sqlite3.OperationalError as error:
            raise UserError(f"{path}: {error}; the index is as it was before the last batch") from None


def update_files(connection: sqlite3.Connection, folder: Path, index: Path, watch: Watch) -> Changes:
    """Add, rename and remove files. See `update_index`."""
    changes = Changes()
    known = dict(connection.execute("SELECT path, sha256 FROM files"))
    files = {}
    for file in list_files(folder):
        if file.resolve() == index.resolve():
            continue
        if content_suffix(file) in READERS:
            files[file.relative_to(folder).as_posix()] = file
        else:
            changes.skipped += 1
    deleted: dict[str, list[str]] = defaultdict(list)  # paths by content; copies have the same
    for path in sorted(known.keys() - files.keys(), reverse=True):
        deleted[known[path]].append(path)
    size = 0
    for number, (path, file) in enumerate(files.items()):
        watch("files", number, len(files))
        try:
            digest = sha256(file)
        except OSError as error:
            changes.unreadable[path] = error.strerror or str(error)
            continue
        if known.get(path) == digest:
            changes.unchanged += 1
            continue
        if path not in known and deleted.get(digest):
            old_path = deleted[digest].pop()
            connection.execute("UPDATE files SET path = ? WHERE path = ?", (path, old_path))
            changes.renamed += 1
            continue
        if path in known:
            remove_file(connection, path)
        try:
            if note := add_file(connection, path, file, digest):
                changes.partial[path] = note
            changes.added += 1
        except UnreadableFile as error:
            remove_file(connection, path)
            changes.unreadable[path] = str(error)
        size += file.stat().st_size
        if size > BATCH_BYTES:
            connection.commit()
            size = 0
    for path in chain.from_iterable(deleted.values()):
        remove_file(connection, path)
        changes.removed += 1
    connection.commit()
    return changes


def list_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, sorted, without hidden ones and links that lead out of it."""
    inside = folder.resolve()
    for root, folders, names in os.walk(folder):  # does not follow links to folders
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(root, name)
            if not name.startswith(".") and file.resolve().is_relative_to(inside) and file.is_file():
                yield file


def add_file(connection: sqlite3.Connection, path: str, file: Path, digest: str) -> str:
    """Add the documents of a file, and return what could not be read of it; empty where all was.

    Raises UnreadableFile, and may have added a part then.
    """
    note = ""
    insert = "INSERT INTO files (path, sha256) VALUES (?, ?)"
    file_id = connection.execute(insert, (path, digest)).lastrowid
    for document in read_documents(file):
        note = note or document.note
        row = (file_id, document.name, document.title, document.place_kind)
        insert = "INSERT INTO documents (file_id, name, title, place_kind) VALUES (?, ?, ?, ?)"
        document_id = connection.execute(insert, row).lastrowid
        for passage in split_passages(document):
            insert = "INSERT INTO passages (document_id, heading, text, place) VALUES (?, ?, ?, ?)"
            values = (document_id, passage.heading, passage.text, passage.place)
            passage_id = connection.execute(insert, values).lastrowid
            keys = join_keys(document.title, passage.heading, passage.text)
            connection.execute("INSERT INTO words (rowid, head, body) VALUES (?, ?, ?)", (passage_id, *keys))
    return note


def remove_file(connection: sqlite3.Connection, path: str) -> None:
    """Remove a file and what was read of it, if it is there."""
    of_file = "document_id IN (SELECT d.id FROM documents d JOIN files f ON f.id = file_id WHERE path = ?)"
    select = f"""
        SELECT p.id, title, heading, text FROM passages p JOIN documents d ON d.id = document_id
        WHERE {of_file}
    """
    delete = "INSERT INTO words (words, rowid, head, body) VALUES ('delete', ?, ?, ?)"
    for passage_id, *texts in connection.execute(select, (path,)).fetchall():
        connection.execute(delete, (passage_id, *join_keys(*texts)))
    passages = f"SELECT id FROM passages WHERE {of_file}"
    connection.execute(f"DELETE FROM vectors WHERE passage_id IN ({passages})", (path,))
    connection.execute(f"DELETE FROM passages WHERE {of_file}", (path,))
    connection.execute("DELETE FROM documents WHERE file_id = (SELECT id FROM files WHERE path = ?)", (path,))
    connection.execute("DELETE FROM files WHERE path = ?", (path,))


def join_keys(title: str, heading: str, text: str) -> tuple[str, str]:
    """Return the keys of title and heading, and those of the text, as `words` takes them."""
    return " ".join(make_keys(f"{title} {heading}")), " ".join(make_keys(text))


@contextmanager
def lock_index(path: Path) -> Iterator[None]:
    """Keep other processes from updating the index inside the block. Raises UserError where one does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path}: another process updates it; wait until it has ended") from None
        yield


@contextmanager
def open_for_writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to the index, made anew where there is none. Raises UserError for another file."""
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if not read_version(connection, path):
            connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        yield connection
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise damaged_error(path, error) from None
    finally:
        connection.close()  # what was not committed is undone


def read_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of an index, 0 for an empty file. Raises UserError for one that is not read here."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if 0 < version < SCHEMA_VERSION:
        raise UserError(f"{path}: an index of an older version; remove it and run `tezgah index` again")
    if version > SCHEMA_VERSION:
        raise UserError(f"{path}: an index of a newer version; update this program, or make another index")
    if not version and tables:
        raise UserError(f"{path}: an SQLite file of something else; name another file")
    return version


def damaged_error(path: Path, error: Exception) -> UserError:
    """Return the error for a file that is no index, or a broken one."""
    return UserError(f"{path}: no index that can be read ({error}); remove it and run `tezgah index` again")
