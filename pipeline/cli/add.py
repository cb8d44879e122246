"""What `tezgah add my.txt …` does: bring text files in as a source of the corpus, and say what that means."""

import codecs
import glob
import os
import re
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from ruamel.yaml.comments import CommentedMap

from pipeline.cli import estimate
from pipeline.cli.check import AllParams
from pipeline.cli.graph import after, dvc
from pipeline.cli.preset import checked, dumped, round_trip
from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import translate
from pipeline.common.io import whole_file, write_whole
from pipeline.common.params import PARAMS_FILE, read_yaml
from pipeline.corpus.filters.apply import DROPPING, Examiner, bits
from pipeline.corpus.filters.decontaminate import Grams
from pipeline.corpus.params import RAW, CorpusParams, Rules
from pipeline.corpus.readers.decompress import SUFFIXES
from pipeline.corpus.readers.files import file_records
from pipeline.corpus.readers.records import Record, Unreadable
from pipeline.text.casing import lower

CHUNK = 1 << 20  # bytes
LOOKED_AT = 2_000  # documents of each file
STRICT = 0.2  # of the documents; a rule that would drop more of them is meant for other text
LONG_DOCUMENT = 50_000  # characters on average, beyond which a text file probably lacks its blank lines
LONG_LOOK = 30 * 60  # seconds, beyond which a first look is none
FIRST: dict[str, dict[str, float]] = {
    "train": {"steps": 150},
    "encoder": {"steps": 30},
    "sft": {"epochs": 0.2},
}
LETTERS = str.maketrans("çğıöşüâîû", "cgiosuaiu")


def run(files: Sequence[Path], name: str | None, column: str | None, copy: bool, track: bool) -> None:
    """Check the files, link them under data/raw/corpus (copy them, `dvc add` them), and write the source.

    A file in another encoding than UTF-8 gets a copy in UTF-8; the files themselves stay as they are.
    Raises UserError, with nothing left behind, where one cannot be read or params.yaml would not be in order.
    """
    source = name or source_name(files[0])
    files = list({file.resolve(): file for file in files}.values())  # each once
    if not re.fullmatch(r"[A-Za-z0-9_-]+", source):
        raise UserError(f"--name: {source!r}: letters, digits, - and _ only, as `-S` addresses it")
    document = read_yaml(PARAMS_FILE, round_trip())
    corpus = document.get("corpus")
    if not isinstance(corpus, dict) or not isinstance(corpus.get("sources"), dict):
        raise UserError(f"{PARAMS_FILE}: corpus.sources: must hold sources by name, or be {{}}")
    if source in corpus["sources"]:
        raise UserError(f"{PARAMS_FILE}: corpus.sources.{source}: is there already; give another --name")
    made: list[Path] = []
    try:
        placed = [place(file, copy or track, made) for file in files]
        paths = [glob.escape(file.as_posix()) for file in placed]
        entry = CommentedMap(kind="local", path=paths[0] if len(paths) == 1 else paths)
        if column:
            entry["text_column"] = column
        entry["weight"] = 1.0
        corpus["sources"][source] = entry
        params = checked(dumped(document))
        texts = {file: looked_at(file, column, params.corpus.min_chars) for file in placed}
        for file, found in texts.items():
            print(f"{file}: {described(found)}")
        if strict := too_strict(params.corpus, [text for found in texts.values() for text in found]):
            entry["without"] = strict
        text = dumped(document)
        notes, to_run = estimate.warnings(params), after(["slice_corpus"])
        takes = estimate.about(params, to_run)
        if track:
            dvc("add", "--quiet", *map(str, placed))
        write_whole(PARAMS_FILE, text)
    except BaseException:
        for file in made:
            file.unlink(missing_ok=True)
        raise
    print(f"{PARAMS_FILE}: corpus.sources.{source}: {', '.join(paths)}")
    if listed := ", ".join(strict):
        print(translate(f"rules that more than a fifth of the documents break do not look at them: {listed}"))
    for note in notes:
        print(translate(f"note: {note}"))
    print(translate(f"`dvc repro` will run: {', '.join(to_run)}; {takes}"))
    if look := first_look(params, to_run):
        print(translate(f"a first look: {look}"))


def source_name(file: Path) -> str:
    """A source's name of a file's: `Şiirlerim 2.txt` as `siirlerim-2`."""
    stem = lower(file.name.split(".")[0]).translate(LETTERS)
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "mine"


def place(file: Path, copy: bool, made: list[Path]) -> Path:
    """Where a file lies under data/raw/corpus. What is linked, copied or converted for it joins `made`."""
    if not file.is_file():
        raise UserError(f"{file}: {'a folder; name its files' if file.is_dir() else 'no such file'}")
    folder = Path(RAW)
    found = encoding(file)
    inside = file.resolve().is_relative_to(folder.resolve()) and found == "utf-8"
    if inside:
        return folder / file.resolve().relative_to(folder.resolve())
    target = folder / file.name
    if os.path.lexists(target):
        if found == "utf-8" and target.exists() and target.samefile(file) and not copy:
            return target
        raise UserError(f"{target}: is there already; rename {file}, or remove that")
    made.append(target)
    if found != "utf-8":
        with open(file, encoding=found) as old, whole_file(target) as new:
            while text := old.read(CHUNK):
                new.write(text.encode("utf-8"))
        print(translate(f"{file}: {found}; {target} is a copy in UTF-8"))
    elif copy:
        with open(file, "rb") as old, whole_file(target) as new:
            shutil.copyfileobj(old, new, CHUNK)
    else:
        target.symlink_to(file.resolve())
    return target


def encoding(file: Path) -> str:
    """`utf-8`, `utf-16` or `cp1254`, the old Turkish code page, as the bytes tell.

    Compressed files and parquet are left to their readers. Raises UserError for text that is none of them,
    which a file is too that has letters in UTF-8 before the byte that is not.
    """
    if file.suffix in (*SUFFIXES, ".parquet"):
        return "utf-8"
    with open(file, "rb") as stream:
        marked = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if marked:
        wrong, _ = first_wrong(file, "utf-16")
        if wrong is None:
            return "utf-16"
        raise UserError(f"{file}: not UTF-16 at byte {wrong}; save it as UTF-8")
    wrong, plain = first_wrong(file, "utf-8")
    if wrong is None:
        return "utf-8"
    if not plain:
        raise UserError(f"{file}: not UTF-8 at byte {wrong}; save it as UTF-8")
    wrong, _ = first_wrong(file, "cp1254")
    if wrong is not None:
        raise UserError(f"{file}: neither UTF-8 nor windows-1254 at byte {wrong}; save it as UTF-8")
    return "cp1254"


def first_wrong(file: Path, name: str) -> tuple[int | None, bool]:
    """The first byte of a file that is no text in an encoding, or None; whether all before it is ASCII.

    Raises UserError for a file that holds zero bytes where that encoding has none.
    """
    decoder = codecs.getincrementaldecoder(name)()
    read, plain = 0, True
    with open(file, "rb") as stream:
        while True:
            raw = stream.read(CHUNK)
            if b"\0" in raw and name != "utf-16":
                raise UserError(f"{file}: no text; give txt, jsonl, csv, tsv or parquet")
            waiting = decoder.getstate()[0]  # of a character that the last chunk cut
            try:
                decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                return read - len(waiting) + error.start, plain and (waiting + raw)[: error.start].isascii()
            if not raw:
                return None, plain
            read, plain = read + len(raw), plain and raw.isascii()


def looked_at(file: Path, column: str | None, shortest: int) -> list[str]:
    """A file's first documents.

    Raises UserError for a file that cannot be read, or without a document of `shortest` characters.
    """
    documents: list[str] = []
    for record in file_records(file, column):
        if isinstance(record, Unreadable):
            raise UserError(record.message)
        if isinstance(record, Record) and record.text.strip():
            documents.append(record.text.strip())
        if len(documents) == LOOKED_AT:
            break
    if not documents:
        raise UserError(f"{file}: no text in it; give a file that holds some")
    if all(len(text) < shortest for text in documents):
        raise UserError(f"{file}: no text of corpus.min_chars {shortest} characters; lower that, or add text")
    return documents


def described(documents: list[str]) -> str:
    """How a file reads: how many documents it has, and how one begins."""
    more = "at least " if len(documents) == LOOKED_AT else ""
    begins = one_line(documents[0][:60])
    long = sum(map(len, documents)) / len(documents) > LONG_DOCUMENT
    advice = "; they are long: put a blank line between documents, or set documents: line" if long else ""
    return translate(f"{more}{len(documents):,} documents; the first begins “{begins}…”") + translate(advice)


def too_strict(corpus: CorpusParams, documents: list[str]) -> list[str]:
    """The rules on that would drop more than a STRICT part of the documents."""
    examiner = Examiner(corpus.rules, corpus.min_chars, 0, Grams.of_texts([]))
    spared: list[str] = []
    while True:
        seen = examiner.examine(documents, np.full(len(documents), bits(spared)))
        dropped = np.bincount(seen.field("rule").to_numpy() + 1, minlength=len(DROPPING) + 1)[1:]
        more = [
            rule
            for rule, count in zip(DROPPING, dropped, strict=True)
            if rule in Rules.model_fields and count > STRICT * len(documents)
        ]
        if not more:
            return [rule for rule in DROPPING if rule in spared]
        spared += more  # what they dropped the rules after them have not seen yet


def first_look(params: AllParams, stages: Collection[str]) -> str:
    """An experiment of a few steps and how long it takes here; nothing where that is no short look."""
    sections = {name: getattr(params, name).model_copy(update=few) for name, few in FIRST.items()}
    flags = [f"-S {name}.{key}={value}" for name, few in FIRST.items() for key, value in few.items()]
    try:
        found = estimate.seconds_here(params.model_copy(update=sections))
        whole = estimate.seconds_here(params)
    except UserError:  # a device that is not here
        return ""
    takes, all_of_it = (sum(each[stage] for stage in stages) for each in (found, whole))
    if takes > min(LONG_LOOK, all_of_it / 2):
        return ""
    return f"dvc exp run {' '.join(flags)}; about {estimate.roughly(takes)} here"
