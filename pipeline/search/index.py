"""Bring an index up to date with a folder of documents. Everything of a batch of files is one transaction."""

import os
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.io import sha256
from pipeline.common.library_messages import describe_system_error, recognize
from pipeline.encoder.numpy_table import open_encoder
from pipeline.readers.decompress import content_suffix
from pipeline.search.database import lock_index, open_for_writing
from pipeline.search.files import READERS, UnreadableFile, read_documents
from pipeline.search.passages import split_passages
from pipeline.search.vectors import Watch, remove_vectors, update_vectors
from pipeline.search.words import make_keys

BATCH_BYTES = 8 << 20  # of files in a transaction


@dataclass
class Changes:
    """What an update of an index has done, in files.

    `unreadable` are the files and folders that could not be read, with the reasons. What was read of a file
    before stays, if it is the system that does not let it be read now.
    """

    added: int = 0
    removed: int = 0
    renamed: int = 0
    unchanged: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)  # files of which a part could not be read
    skipped: int = 0  # files of no format that is read
    embedded: int = 0  # passages that were given a vector
    encoder_error: UserError | None = None  # why passages were given none, where the index has vectors


def update_index(
    path: Path,
    folder: Path,
    encoder: Path | None = None,
    words_only: bool = False,
    watch: Watch = lambda name, done, total: None,
) -> Changes:
    """Bring the index at `path` up to date with the files of `folder`, and return what has changed.

    A file counts as the same by its content. `encoder` is a folder whose encoder makes the vectors from now
    on; `words_only` removes them. Raises UserError where the folder does not exist or is not that of the
    index, the encoder cannot be used, another process is at work on the index, it cannot be written, is of
    another version or damaged, or the disk is full. The index then has what was complete before.
    """
    if not folder.is_dir():
        raise UserError("{folder}: no such folder; name the one that has your documents", folder=folder)
    try:
        with lock_index(path), open_for_writing(path) as connection:
            check_folder(connection, path, folder)
            if words_only:
                connection.execute("DELETE FROM vectors")
                connection.execute("DELETE FROM encoder")
            opened = open_encoder(encoder) if encoder else None  # its faults are told before an hour's work
            changes = update_files(connection, folder, path, watch)
            if not encoder and (known := connection.execute("SELECT folder FROM encoder").fetchone()):
                encoder = Path(known[0])
                try:
                    opened = open_encoder(encoder)
                except UserError as error:
                    changes.encoder_error = error
            if encoder and opened:
                changes.embedded = update_vectors(connection, encoder, opened, watch)
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            return changes
    except sqlite3.OperationalError as error:
        raise UserError(
            "{path}: {reason}; the index is as it was before the last batch",
            path=path,
            reason=recognize(str(error)),
        ) from None


def check_folder(connection: sqlite3.Connection, path: Path, folder: Path) -> None:
    """Remember the folder of a new index. Raises UserError where the index is of another folder."""
    rows = connection.execute("SELECT path FROM folder").fetchall()
    if not rows:
        connection.execute("INSERT INTO folder (path) VALUES (?)", (str(folder.resolve()),))
    elif rows[0][0] != str(folder.resolve()):
        raise UserError(
            "{path}: the index of {folder}; give --to another file, or remove it if the folder has moved",
            path=path,
            folder=rows[0][0],
        )


def update_files(connection: sqlite3.Connection, folder: Path, index: Path, watch: Watch) -> Changes:
    """Add, rename and remove files. See `update_index`."""
    changes = Changes()
    known = dict(connection.execute("SELECT path, sha256 FROM files"))
    files = list_files(folder, index, changes)
    if known and not files and not changes.unreadable:
        raise UserError(
            "{folder}: no files in it, but {index} has {count}; to empty it, remove it",
            folder=folder,
            index=index,
            count=len(known),
        )
    # Paths by content, of which copies have the same, and by format.
    deleted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(known.keys() - files.keys(), reverse=True):
        if not any(path.startswith(f"{hidden}/") for hidden in changes.unreadable):
            deleted[known[path], content_suffix(Path(path))].append(path)
    size, removed = 0, list[int]()  # passages
    for number, (path, file) in enumerate(files.items()):
        watch("files", number, len(files))
        try:
            digest = sha256(file)
            size += file.stat().st_size
        except OSError as error:
            changes.unreadable[path] = describe_system_error(error)
            continue
        if known.get(path) == digest:
            changes.unchanged += 1
            continue
        copies = deleted[digest, content_suffix(file)]
        if path not in known and copies:
            connection.execute("UPDATE files SET path = ? WHERE path = ?", (path, copies.pop()))
            changes.renamed += 1
            continue
        if path in known:
            removed += remove_file(connection, path)
        try:
            if note := add_file(connection, path, file, digest):
                changes.partial[path] = note
            changes.added += 1
        except UnreadableFile as error:
            removed += remove_file(connection, path)
            changes.unreadable[path] = error.message
        if size > BATCH_BYTES:
            remove_vectors(connection, removed)
            connection.commit()
            size, removed = 0, []
    for path in chain.from_iterable(deleted.values()):
        removed += remove_file(connection, path)
        changes.removed += 1
    remove_vectors(connection, removed)
    connection.commit()
    return changes


def list_files(folder: Path, index: Path, changes: Changes) -> dict[str, Path]:
    """Return the files below a folder that have a format which is read, by their paths in it.

    Hidden ones, links that lead out of the folder and the index itself are left out. Notes in `changes` what
    cannot be read, and how many files have other formats.
    """

    def note(error: OSError) -> None:
        path = Path(error.filename).relative_to(folder).as_posix()
        changes.unreadable[path] = describe_system_error(error)

    files: dict[str, Path] = {}
    inside = os.path.realpath(folder)
    own = {os.path.realpath(index) + ending for ending in ("", "-wal", "-shm", "-journal")}
    for root, folders, names in os.walk(folder, onerror=note):  # does not follow links to folders
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file, real = Path(root, name), os.path.realpath(Path(root, name))
            path = file.relative_to(folder).as_posix()
            if name.startswith(".") or real in own or not real.startswith(f"{inside}{os.sep}"):
                continue
            if not path.isprintable():
                reason = Translatable("its name is no text in UTF-8; rename it")
                changes.unreadable[ascii(path)] = reason
            elif content_suffix(file) not in READERS:
                changes.skipped += 1
            elif file.is_file():
                files[path] = file
    return files


def add_file(connection: sqlite3.Connection, path: str, file: Path, digest: str) -> str:
    """Add the documents of a file, and return what could not be read of it; empty where all was.

    Raises UnreadableFile, and may have added a part then.
    """
    note = ""
    connection.execute("UPDATE encoder SET is_complete = 0")
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


def remove_file(connection: sqlite3.Connection, path: str) -> list[int]:
    """Remove a file and what was read of it, if it is there, and return its passages, whose vectors stay."""
    of_file = "document_id IN (SELECT d.id FROM documents d JOIN files f ON f.id = file_id WHERE path = ?)"
    select = f"""
        SELECT p.id, title, heading, text FROM passages p JOIN documents d ON d.id = document_id
        WHERE {of_file}
    """
    delete = "INSERT INTO words (words, rowid, head, body) VALUES ('delete', ?, ?, ?)"
    rows = connection.execute(select, (path,)).fetchall()
    for passage_id, *texts in rows:
        connection.execute(delete, (passage_id, *join_keys(*texts)))
    connection.execute(f"DELETE FROM passages WHERE {of_file}", (path,))
    connection.execute("DELETE FROM documents WHERE file_id = (SELECT id FROM files WHERE path = ?)", (path,))
    connection.execute("DELETE FROM files WHERE path = ?", (path,))
    return [row[0] for row in rows]


def join_keys(title: str, heading: str, text: str) -> tuple[str, str]:
    """Return the keys of title and heading, and those of the text, as `words` takes them."""
    return " ".join(make_keys(f"{title} {heading}")), " ".join(make_keys(text))
