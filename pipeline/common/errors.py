"""How a user's mistake ends: one line on standard error, exit status 1, no traceback."""

import errno
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.common.i18n import translate

if TYPE_CHECKING:
    import typer


class UserError(ValueError):
    """Something the user can mend. The message is one line: file, key or row; value; what to do."""


# What to do about the operating system's commonest refusals.
ADVICE = {
    errno.ENOSPC: "the disk is full; free some room and start again",
    errno.EDQUOT: "your quota of the disk is used up; free some room and start again",
    errno.ENOENT: "no such file; `dvc repro` makes it, or name one that is there",
    errno.EACCES: "no permission; change who may read and write it",
    errno.EROFS: "the disk is read-only; work in a folder that can be written",
}


def one_line(error: BaseException | str) -> str:
    """The message of `error` folded to one line, for a terminal or a log."""
    return " ".join(str(error).split())


def explained(error: Exception) -> str:
    """An error in one line, those of the operating system with what to do."""
    number = getattr(error, "errno", None)
    if number not in ADVICE:
        return one_line(error)
    file = getattr(error, "filename", None)
    return f"{file}: {ADVICE[number]}" if file else ADVICE[number]


def missing(error: ModuleNotFoundError) -> str:
    """A package that is not installed, in one line."""
    return f"package {error.name} is missing; run `make install`"


def misused(error: "typer.TyperException") -> str:
    """A mistake in the command line, in one line; nothing where the help, shown already, is the answer."""
    message = one_line(error.format_message()).rstrip(".")
    return f"{message}; --help tells what there is" if message else ""


def last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an uncaught error as `sys.excepthook`: one line for a missing package and for Ctrl-C."""
    ours = isinstance(error, ModuleNotFoundError) and str(error.name).startswith(("pipeline", "stages"))
    if os.environ.get("TEZGAH_DEBUG") == "1" or ours:
        sys.__excepthook__(kind, error, trace)
    elif isinstance(error, ModuleNotFoundError):
        print(translate(f"error: {missing(error)}"), file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print(translate("error: stopped"), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def install() -> None:
    """Let uncaught errors end in one line where they can.

    The first statement of a stage's script and of the command, before imports that take seconds.
    """
    sys.excepthook = last_words


def run(command: Callable[..., None]) -> None:
    """Run `command` as a Typer program whose user errors are one line.

    `UserError` and the operating system's own errors (disk full, no permission, no such file)
    print `error: …` and exit with status 1; Ctrl-C exits with 130. Anything else is a fault of
    ours and keeps its traceback, as do all errors when TEZGAH_DEBUG=1.
    """
    import typer  # here: it takes time, and may be missing

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run_app(app)


def run_app(app: "typer.Typer") -> None:
    """The same for a ready Typer program (see `run`)."""
    import typer

    try:
        status = app(standalone_mode=False)
    except (UserError, OSError, ModuleNotFoundError, typer.TyperException) as error:
        if os.environ.get("TEZGAH_DEBUG") == "1":
            raise
        if isinstance(error, ModuleNotFoundError):
            says = missing(error)
        elif isinstance(error, typer.TyperException):
            says = misused(error)
        else:
            says = explained(error)
        if says:
            print(translate(f"error: {says}"), file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(status)
