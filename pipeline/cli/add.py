"""`tezgah add my.txt …`: make text files a source of the corpus, and print which stages will run."""

import codecs
import glob
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ruamel.yaml.comments import CommentedMap

from pipeline.cli import estimate
from pipeline.cli.check import AllParams
from pipeline.cli.detect_conversations import refuse_conversations
from pipeline.cli.graph import run_dvc, stages_after
from pipeline.cli.preset import check_params_text, dump_yaml, round_trip_yaml
from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.io import atomic_file, write_atomic
from pipeline.common.params import read_yaml
from pipeline.common.paths import PARAMS_FILE, RAW_CORPUS
from pipeline.corpus.filters.apply import FilterPipeline, rule_bits
from pipeline.corpus.params import CorpusParams, Rules
from pipeline.corpus.readers.files import file_format, read_file
from pipeline.corpus.readers.records import Record
from pipeline.corpus.stats import DROPPING_RULES
from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.readers.decompress import is_compressed
from pipeline.readers.lines import detect_utf16
from pipeline.readers.rows import Note, Unreadable
from pipeline.text.careless import TO_ASCII
from pipeline.text.casing import lower

CHUNK_BYTES = 1 << 20
SAMPLE_DOCUMENTS = 2_000  # of each file
MAX_DROPPED_SHARE = 0.2  # of the documents; a rule that drops more is meant for other text
LONG_DOCUMENT_CHARS = 50_000  # on average; a text file with longer ones probably lacks blank lines
MAX_FIRST_RUN_SECONDS = 30 * 60  # a longer first run is not suggested
# Values of a short first run.
FIRST_RUN: dict[str, dict[str, float]] = {
    "train": {"steps": 150},
    "encoder": {"steps": 30},
    "sft": {"epochs": 0.2},
}


class Sample(NamedTuple):
    """The beginning of a file."""

    documents: list[str]  # at most SAMPLE_DOCUMENTS
    notes: list[str]


def add_files(
    files: Sequence[Path],
    name: str | None,
    column: str | None,
    copy: bool,
    track: bool,
    has_header: bool = True,
) -> None:
    """Check the files, link them under data/raw/corpus (copy them, `dvc add` them), and write the source.

    A file in another encoding than UTF-8 gets a copy in UTF-8. The files themselves stay as they are.
    `has_header`: see `read_table`. Raises UserError where a file cannot be read (for a single record only
    where corpus.on_error is not skip) or params.yaml would not be valid. Nothing is left behind then.
    """
    source, files = name or source_name(files[0]), list_once(files)
    document, sources = read_sources("corpus", source)
    skip_unreadable = document["corpus"].get("on_error") == "skip"
    with removing_on_error() as created:
        placed = [link_or_copy(file, copy or track, skip_unreadable, created) for file in files]
        entry, paths = make_entry(placed)
        if column:
            entry["text_column"] = column
        if not has_header:
            entry["header"] = False
        entry["weight"] = 1.0
        if column is None:
            for file, path in zip(files, placed, strict=True):
                refuse_conversations(path, file)
        samples = {
            file: read_sample(path, file, column, has_header, skip_unreadable)
            for file, path in zip(files, placed, strict=True)
        }
        sources[source] = entry
        params = check_params_text(dump_yaml(document))
        for file, sample in samples.items():
            refuse_short_documents(file, sample.documents, params.corpus.min_chars)
            print_message(
                "{file}: {documents}", file=file, documents=describe_documents(file, sample.documents)
            )
        reader_notes = dict.fromkeys(note for sample in samples.values() for note in sample.notes)
        texts = [text for sample in samples.values() for text in sample.documents]
        if without := find_rules_too_strict(params.corpus, texts):
            entry["without"] = without
        text = dump_yaml(document)
        notes, to_run = estimate.find_shortages(params), stages_after(["slice_corpus"])
        duration = estimate.describe_time(params, to_run)
        write_source(text, placed, track)
    print(f"{PARAMS_FILE}: corpus.sources.{source}: {', '.join(paths)}")
    if listed := ", ".join(without):
        print_message(
            "rules that more than a fifth of the documents break do not look at them: {listed}", listed=listed
        )
    print_next_run([*reader_notes, *notes], to_run, duration)
    if suggestion := suggest_first_run(params, to_run):
        print_message("a first look: {suggestion}", suggestion=suggestion)


def source_name(file: Path) -> str:
    """Return the name of a source made from that of a file: `Şiirlerim 2.txt` as `siirlerim-2`."""
    stem = lower(file.name.split(".")[0]).translate(TO_ASCII)
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "mine"


def list_once(files: Sequence[Path]) -> list[Path]:
    """Return each of the files once, whatever paths lead to it."""
    return list({os.path.realpath(file): file for file in files}.values())  # a link to itself stays


def read_sources(section: str, source: str) -> tuple[Any, Any]:
    """Return all of params.yaml and the sources of a section in it, to be changed.

    Raises UserError for a bad name of a new source, and where one has it already.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", source):
        raise UserError(
            "--name: {source}: letters, digits, - and _ only, as `-S` addresses it", source=repr(source)
        )
    document = read_yaml(PARAMS_FILE, round_trip_yaml())
    values = document.get(section)
    sources = values.get("sources") if isinstance(values, dict) else None
    if not isinstance(sources, dict):
        raise UserError(
            "{params_file}: {section}.sources: must hold sources by name, or be {{}}",
            params_file=PARAMS_FILE,
            section=section,
        )
    if source in sources:
        raise UserError(
            "{params_file}: {section}.sources.{source}: already exists; give another --name",
            params_file=PARAMS_FILE,
            section=section,
            source=source,
        )
    return document, sources


def make_entry(placed: Sequence[Path]) -> tuple[CommentedMap, list[str]]:
    """Return the entry of a local source with these files, and the globs that name them in it."""
    paths = [glob.escape(file.as_posix()) for file in placed]
    return CommentedMap(kind="local", path=paths[0] if len(paths) == 1 else paths), paths


@contextmanager
def removing_on_error() -> Iterator[list[Path]]:
    """Yield a list for the files that are created, which are removed where the block raises an error."""
    created: list[Path] = []
    try:
        yield created
    except BaseException:
        for file in created:
            file.unlink(missing_ok=True)
        raise


def write_source(text: str, placed: Sequence[Path], track: bool) -> None:
    """Write params.yaml with what is new, after `dvc add` of its files if they are tracked."""
    if track:
        run_dvc("add", "--quiet", *map(str, placed))
    write_atomic(PARAMS_FILE, text)


def print_next_run(notes: Iterable[str], to_run: Iterable[str], duration: str) -> None:
    """Print the notes, and what `dvc repro` will run and for how long."""
    for note in notes:
        print_message("note: {note}", note=note)
    print_message("`dvc repro` will run: {to_run}; {duration}", to_run=", ".join(to_run), duration=duration)


def link_or_copy(
    file: Path, copy: bool, skip_unreadable: bool, created: list[Path], folder: Path = RAW_CORPUS
) -> Path:
    """Bring a file under `folder` and return its path there.

    `skip_unreadable`: see `detect_encoding`.
    A link or copy that is made for it is appended to `created`. Raises UserError for what is not a file, and
    where another file has its name.
    """
    if file.is_dir():
        raise UserError("{file}: a folder; name its files", file=file)
    if not file.is_file():
        raise UserError("{file}: no such file", file=file)
    encoding = detect_encoding(file, skip_unreadable)
    if file.resolve().is_relative_to(folder.resolve()) and encoding == "utf-8":
        return folder / file.resolve().relative_to(folder.resolve())
    target = folder / file.name
    if target in created:
        raise UserError(
            "{file}: another of these files is called {name} too; rename one of them",
            file=file,
            name=file.name,
        )
    if os.path.lexists(target):
        if encoding == "utf-8" and target.exists() and target.samefile(file) and not copy:
            return target
        raise UserError("{target}: already exists; rename {file}, or remove that", target=target, file=file)
    created.append(target)
    if encoding != "utf-8":
        with open(file, encoding=encoding) as old, atomic_file(target) as new:
            while text := old.read(CHUNK_BYTES):
                new.write(text.encode("utf-8"))
        print_message(
            "{file}: {encoding}; {target} is a copy in UTF-8", file=file, encoding=encoding, target=target
        )
    elif copy:
        with open(file, "rb") as old, atomic_file(target) as new:
            shutil.copyfileobj(old, new, CHUNK_BYTES)
    else:
        target.symlink_to(file.resolve())
    return target


def detect_encoding(file: Path, skip_unreadable: bool) -> str:
    """Return the encoding of a file: `utf-8`, a `UTF-16`, or `cp1254`, the old Turkish code page.

    Compressed files and Parquet count as `utf-8`, as their readers decode them. Raises UserError for text in
    none of the three. A file with letters in UTF-8 before a byte that is not UTF-8 is damaged, not cp1254;
    with `skip_unreadable` its reader tells which lines are.
    """
    if is_compressed(file) or file_format(file) == ".parquet":
        return "utf-8"
    with open(file, "rb") as stream:
        utf16 = detect_utf16(stream.read(CHUNK_BYTES))
    if utf16 is not None:
        wrong, _ = find_undecodable_byte(file, utf16)
        if wrong is None:
            return utf16
        raise UserError("{file}: not UTF-16 at byte {wrong}; save it as UTF-8", file=file, wrong=wrong)
    wrong, is_ascii = find_undecodable_byte(file, "utf-8")
    if wrong is None or (skip_unreadable and not is_ascii):
        return "utf-8"
    if not is_ascii:
        raise UserError("{file}: not UTF-8 at byte {wrong}; save it as UTF-8", file=file, wrong=wrong)
    wrong, _ = find_undecodable_byte(file, "cp1254")
    if wrong is not None:
        raise UserError(
            "{file}: neither UTF-8 nor windows-1254 at byte {wrong}; save it as UTF-8", file=file, wrong=wrong
        )
    return "cp1254"


def find_undecodable_byte(file: Path, encoding: str) -> tuple[int | None, bool]:
    """Return the position of the first byte that cannot be decoded, or None; and if all before it is ASCII.

    Raises UserError for a file with zero bytes as cp1254.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    n_read, is_ascii = 0, True
    with open(file, "rb") as stream:
        while True:
            raw = stream.read(CHUNK_BYTES)
            if b"\0" in raw and encoding == "cp1254":
                raise UserError("{file}: no text; give txt, jsonl, csv, tsv or parquet", file=file)
            pending = decoder.getstate()[0]  # bytes of a character cut by the end of the last chunk
            try:
                decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                before = (pending + raw)[: error.start]
                return n_read - len(pending) + error.start, is_ascii and before.isascii()
            if not raw:
                return None, is_ascii
            n_read, is_ascii = n_read + len(raw), is_ascii and raw.isascii()


def read_sample(
    path: Path, file: Path, column: str | None, has_header: bool, skip_unreadable: bool
) -> Sample:
    """Return the beginning of a file at `path`. Messages call it `file`.

    Raises UserError for a file that cannot be read, or without a document; for a record that cannot be read
    unless `skip_unreadable`.
    """
    documents: list[str] = []
    notes: list[str] = []
    faults: list[str] = []
    for record in read_file(path, column, name=str(file), has_header=has_header):
        if isinstance(record, Unreadable):
            faults.append(record.message)
            if not skip_unreadable:
                raise UserError("{fault}, or set corpus.on_error: skip", fault=record.message)
        elif isinstance(record, Note):
            notes.append(record.message)
        elif isinstance(record, Record) and record.text.strip():
            documents.append(record.text.strip())
        if len(documents) == SAMPLE_DOCUMENTS:
            break
    if not documents:
        if faults:
            raise UserError("{fault}", fault=faults[0])
        raise UserError("{file}: no text in it; give a file that holds some", file=file)
    if faults:
        notes.append(
            Translatable(
                "{file}: unreadable records that are left out: {count}; the first: {fault}",
                file=file,
                count=len(faults),
                fault=faults[0],
            )
        )
    return Sample(documents, notes)


def refuse_short_documents(file: Path, documents: list[str], min_chars: int) -> None:
    """Raise UserError unless one of the documents has `min_chars` characters."""
    if all(len(text) < min_chars for text in documents):
        raise UserError(
            "{file}: no text of corpus.min_chars {min_chars} characters; lower that, or add text",
            file=file,
            min_chars=min_chars,
        )


def describe_documents(file: Path, documents: list[str]) -> str:
    """Return a line about a file's documents: how many there are, and how the first begins."""
    count, begins = len(documents), one_line(documents[0][:60])
    if count == SAMPLE_DOCUMENTS:
        text = Translatable(
            "at least {count:,} documents; the first begins “{begins}…”", count=count, begins=begins
        )
    else:
        text = Translatable("{count:,} documents; the first begins “{begins}…”", count=count, begins=begins)
    if sum(map(len, documents)) / count > LONG_DOCUMENT_CHARS and file_format(file) == ".txt":
        return Translatable(
            "{text}; they are long: put a blank line between documents, or set documents: line", text=text
        )
    return text


def find_rules_too_strict(corpus: CorpusParams, documents: list[str]) -> list[str]:
    """Return the rules in use that would drop more than MAX_DROPPED_SHARE of the documents."""
    filters = FilterPipeline(corpus.rules, corpus.min_chars, 0, EvalNgrams.from_texts([]))
    strict: list[str] = []
    while True:
        filtered = filters.apply(documents, np.full(len(documents), rule_bits(strict)))
        n_dropped = np.bincount(filtered.field("rule").to_numpy() + 1, minlength=len(DROPPING_RULES) + 1)[1:]
        more = [
            rule
            for rule, count in zip(DROPPING_RULES, n_dropped, strict=True)
            if rule in Rules.model_fields and count > MAX_DROPPED_SHARE * len(documents)
        ]
        if not more:
            return [rule for rule in DROPPING_RULES if rule in strict]
        strict += more  # later rules have not yet seen the documents that these dropped


def suggest_first_run(params: AllParams, stages: Collection[str]) -> str:
    """Return the command for a short first run and its time, or an empty string where it is not short."""
    sections = {name: getattr(params, name).model_copy(update=values) for name, values in FIRST_RUN.items()}
    flags = [
        f"-S {name}.{key}={value}" for name, values in FIRST_RUN.items() for key, value in values.items()
    ]
    first_run = estimate.stored_stage_seconds(params.model_copy(update=sections))
    full_run = estimate.stored_stage_seconds(params)
    if first_run is None or full_run is None:
        return ""
    short, full = (sum(seconds[stage] for stage in stages) for seconds in (first_run, full_run))
    if short > min(MAX_FIRST_RUN_SECONDS, full / 2):
        return ""
    command, duration = f"dvc exp run {' '.join(flags)}", estimate.format_duration(short)
    return Translatable("{command}; about {duration} here", command=command, duration=duration)
