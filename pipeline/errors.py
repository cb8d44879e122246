"""How a user's mistake ends: one line on standard error, exit status 1, no traceback."""

import errno
import importlib
import os
import sys
from collections.abc import Callable

import typer


class UserError(ValueError):
    """Something the user can mend. The message is one line: file, key or row; value; what to do."""


# What to do about the operating system's commonest refusals.
ADVICE = {
    errno.ENOSPC: "the disk is full; free some room and start again",
    errno.EDQUOT: "your quota of the disk is used up; free some room and start again",
    errno.EACCES: "no permission; change who may read and write it",
    errno.EROFS: "the disk is read-only; work in a folder that can be written",
}


def one_line(error: BaseException) -> str:
    """The message of `error` folded to one line, for a terminal or a log."""
    return " ".join(str(error).split())


def explained(error: Exception) -> str:
    """An error in one line, those of the operating system with what to do."""
    number = getattr(error, "errno", None)
    if number not in ADVICE:
        return one_line(error)
    file = getattr(error, "filename", None)
    return f"{file}: {ADVICE[number]}" if file else ADVICE[number]


def said(message: str) -> str:
    """A message in the language that TEZGAH_LANG names: `tr`, or English."""
    if os.environ.get("TEZGAH_LANG", "") != "tr":
        return message
    # By its name: what is said alters no output, so the catalogue is no dependency of the stages.
    return importlib.import_module("pipeline.language").said(message)


def run(command: Callable[..., None]) -> None:
    """Run `command` as a Typer program whose user errors are one line.

    `UserError` and the operating system's own errors (disk full, no permission, no such file)
    print `error: …` and exit with status 1; Ctrl-C exits with 130. Anything else is a fault of
    ours and keeps its traceback, as do all errors when TEZGAH_DEBUG=1.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run_app(app)


def run_app(app: typer.Typer) -> None:
    """The same for a ready Typer program (see `run`)."""
    try:
        app()
    except (UserError, OSError) as error:
        if os.environ.get("TEZGAH_DEBUG") == "1":
            raise
        print(said(f"error: {explained(error)}"), file=sys.stderr)
        raise SystemExit(1) from None
