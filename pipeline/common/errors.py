"""Errors of the user: one line on standard error, exit status 1, no traceback."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.common.i18n import translate

if TYPE_CHECKING:
    import typer


class UserError(ValueError):
    """A mistake that the user can fix. The message is one line: file, key or row; value; what to do."""


# Advice for the commonest errors of the operating system.
ADVICE = {
    errno.ENOSPC: "the disk is full; free some room and start again",
    errno.EDQUOT: "your quota of the disk is used up; free some room and start again",
    errno.ENOENT: "no such file; `dvc repro` makes it, or name one that is there",
    errno.EACCES: "no permission; change who may read and write it",
    errno.EROFS: "the disk is read-only; work in a folder that can be written",
}


def one_line(error: BaseException | str) -> str:
    """Return the message of `error` folded to one line, for a terminal or a log; a tab in a line as \\t."""
    return " ".join(re.sub(r"(?<=\S)\t(?=\S)", r"\\t", str(error)).split())


def describe_error(error: Exception) -> str:
    """Return an error as one line, with advice for errors of the operating system."""
    number = getattr(error, "errno", None)
    if number not in ADVICE:
        return one_line(error)
    file = getattr(error, "filename", None)
    return f"{file}: {ADVICE[number]}" if file else ADVICE[number]


def describe_missing_package(error: ModuleNotFoundError) -> str:
    """Return one line about a package that is not installed."""
    return f"package {error.name} is missing; run `make install`"


def describe_usage_error(error: "typer.TyperException") -> str:
    """Return one line about a mistake in the command line.

    Empty where Typer has already shown the help.
    """
    message = one_line(error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    takes_text = context is not None and any(p.param_type_name == "argument" for p in context.command.params)
    if takes_text and message.startswith("No such option") and "(Possible" not in message:
        message += "; put -- before text that begins with -"
    return f"{message}; --help tells what there is" if message else ""


def print_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: print one line for a missing package and for Ctrl-C, else the traceback."""
    ours = isinstance(error, ModuleNotFoundError) and str(error.name).startswith(("pipeline", "stages"))
    if os.environ.get("TEZGAH_DEBUG") == "1" or ours:
        sys.__excepthook__(kind, error, trace)
    elif isinstance(error, ModuleNotFoundError):
        print(translate(f"error: {describe_missing_package(error)}"), file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print(translate("error: stopped"), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def install() -> None:
    """Print uncaught errors with `print_uncaught`, and `?` for letters that the terminal's encoding lacks.

    Must be the first statement of a script, before imports that take seconds.
    """
    sys.excepthook = print_uncaught
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush_output() -> None:
    """Write what is printed so far. Raises OSError where it cannot be written, and drops it."""
    try:
        print(end="", flush=True)
    except OSError:  # Python would try again when it ends, and print a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def run_command(command: Callable[..., None]) -> None:
    """Run `command` as a Typer program whose user errors are one line.

    `UserError` and the operating system's own errors (disk full, no permission, no such file)
    print `error: …` and exit with status 1; Ctrl-C exits with 130. A closed pipe (`… | head -1`) ends the
    program in silence. Anything else is a bug and keeps its traceback, as do all errors when TEZGAH_DEBUG=1.
    """
    import typer  # here: it takes time, and may be missing

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    run_app(app)


def run_app(app: "typer.Typer") -> None:
    """Run a Typer program as `run_command` does."""
    import typer

    try:
        try:
            status = app(standalone_mode=False)
        finally:
            flush_output()
    except BrokenPipeError:
        raise SystemExit(1) from None
    except (UserError, OSError, ModuleNotFoundError, typer.TyperException) as error:
        if os.environ.get("TEZGAH_DEBUG") == "1":
            raise
        if isinstance(error, ModuleNotFoundError):
            message = describe_missing_package(error)
        elif isinstance(error, typer.TyperException):
            message = describe_usage_error(error)
        else:
            message = describe_error(error)
        if message:
            print(translate(f"error: {message}"), file=sys.stderr)
        raise SystemExit(1) from None
    raise SystemExit(status)
