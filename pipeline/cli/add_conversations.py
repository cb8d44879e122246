"""`tezgah add --sft mine.jsonl …`: make files of conversations a source of tuning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipeline.cli import estimate
from pipeline.cli.add import (
    link_or_copy,
    list_once,
    make_entry,
    print_next_run,
    read_sources,
    removing_on_error,
    source_name,
    write_source,
)
from pipeline.cli.add_task import parse_columns
from pipeline.cli.graph import stages_after
from pipeline.cli.preset import check_params_text, dump_yaml
from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import print_message
from pipeline.common.paths import PARAMS_FILE, RAW_SFT
from pipeline.readers.files import check_format
from pipeline.sft.conversations import read_files
from pipeline.sft.findings import Findings
from pipeline.tokenizer.chat_template import ROLES


def add_conversations(
    files: Sequence[Path], name: str | None, column: str | None, copy: bool, track: bool
) -> None:
    """Check the files, link them under data/raw/sft (copy them, `dvc add` them), and write the source.

    `column` says which columns are what: `user=soru,assistant=yanıt`. Raises UserError as `add_files` does,
    and for a file of an unknown format. Nothing is left behind then.
    """
    # A template may have a comma of its own.
    columns = parse_columns(column, rf",\s*(?=(?:{'|'.join(ROLES)})=)") if column else None
    if columns is not None and (columns.keys() - ROLES.keys() or not {"user", "assistant"} <= columns.keys()):
        raise UserError(
            "--column: {column}: give user=…,assistant=…, or with system=… too", column=repr(column)
        )
    source, files = name or source_name(files[0]), list_once(files)
    for file in files:
        if file.is_file():
            check_format(file)
    document, sources = read_sources("sft", source)
    on_error: Literal["fail", "skip"] = "skip" if document["sft"].get("on_error") == "skip" else "fail"
    notes: list[str] = []
    with removing_on_error() as created:
        placed = [link_or_copy(file, copy or track, on_error == "skip", created, RAW_SFT) for file in files]
        for file, path in zip(files, placed, strict=True):
            findings = Findings(on_error)
            # A link's own path is what its owner knows. A copy may be the one in UTF-8.
            conversations = list(read_files([file if path.is_symlink() else path], findings, columns))
            print_message(
                "{file}: {count:,} conversations; the first begins “{begins}…”",
                file=file,
                count=len(conversations),
                begins=one_line(next((m["content"] for m in conversations[0]), "")[:60]),
            )
            notes += findings.list_notes(str(file))
        sources[source], paths = make_entry(placed)
        if columns is not None:
            sources[source]["columns"] = columns
        text = dump_yaml(document)
        params, to_run = check_params_text(text), stages_after(["train_sft"])
        duration = estimate.describe_time(params, to_run)
        write_source(text, placed, track)
    print(f"{PARAMS_FILE}: sft.sources.{source}: {', '.join(paths)}")
    print_next_run(notes, to_run, duration)
