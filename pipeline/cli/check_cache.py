"""Cache of the files that `tezgah check` reads whole, in the scratch folder.

Every stage begins with a check, so a large file is read again only where it, or the code that reads it, has
changed.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.common.fingerprint import hash_strings, scratch_folder
from pipeline.common.i18n import dump_messages, load_messages
from pipeline.common.io import write_json
from pipeline.common.paths import PARAMS_FILE

CACHE_FOLDER = "check"
READER_ROOMS = (
    "common",
    "eval_sets",
    "hub",
    "readers",
    "sft",
    "text",
    "tokenizer",
)  # the code that reads the files
ROOMS = Path(__file__).parents[1]


def read_once(name: str, files: Sequence[Path], settings: object, read: Callable[[], list[str]]) -> list[str]:
    """Return what `read` returns for the files, or has returned for them: notes, one line each.

    `name` is what the files are for, `settings` what else the result depends on. Errors are not kept, and
    nothing is kept where the scratch folder cannot be written or the current folder is no project.
    """
    code = [file for room in READER_ROOMS for file in sorted((ROOMS / room).glob("**/*.py"))]
    state = hash_strings([repr(settings), *map(describe_state, [*files, *code])])
    key = hash_strings([name, *(str(file.absolute()) for file in files)])[:16]
    cached = scratch_folder() / CACHE_FOLDER / f"{key}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):  # not there, or damaged
        content = json.loads(cached.read_text(encoding="utf-8"))
        if content["state"] == state:
            return [*load_messages(content["notes"])]
    notes = read()
    if PARAMS_FILE.exists():
        with suppress(OSError):
            write_json(cached, {"state": state, "notes": dump_messages(notes)})
    return notes


def describe_state(file: Path) -> str:
    """Return path, size and time of last change of a file."""
    status = file.stat()
    return f"{file.absolute()} {status.st_size} {status.st_mtime_ns}"
