"""Texts that benchmarks measure on: those of a folder of files, and a split of the corpus made of them."""

from collections.abc import Collection, Mapping
from pathlib import Path

from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Record
from pipeline.data.writer import SplitWriter


def folder_texts(folder: Path, without: Collection[str] = ()) -> list[str]:
    """The texts of all files of a folder, in the order of their names, `without` some."""
    files = [file for file in sorted(folder.glob("*.*")) if file.name not in without]
    records = (record for file in files for record in read_file(file))
    return [record.text for record in records if isinstance(record, Record)]


def write_split_of(split: Path, texts: Mapping[str, str]) -> None:
    """Write texts, by their ids, as a split of the corpus."""
    writer = SplitWriter(split)
    for id, text in texts.items():
        writer.add(id, "all", text, len(text.encode()))
    writer.close()
