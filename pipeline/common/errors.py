"""Errors of the user: one line on standard error, exit status 1, no traceback."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from pipeline.common.i18n import Translatable, translate

if TYPE_CHECKING:
    import typer


class UserError(ValueError):
    """A mistake that the user can fix. The message is one line: file, key or row; value; what to do.

    It is given as a template and what fills its places, or whole. `message` is what translates.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.message = Translatable(template, **values)
        super().__init__(self.message)


# Advice for the commonest errors of the operating system.
ADVICE = {
    errno.ENOSPC: "the disk is full; free some room and start again",
    errno.EDQUOT: "your quota of the disk is used up; free some room and start again",
    errno.ENOENT: "no such file; `dvc repro` makes it, or name one that is there",
    errno.EACCES: "no permission; change who may read and write it",
    errno.EROFS: "the disk is read-only; work in a folder that can be written",
    errno.EISDIR: "a folder; name a file",
    errno.ENOTDIR: "not a folder; name one",
    errno.EEXIST: "already exists; remove it, or name another",
    errno.EIO: "the disk fails to read or write; copy what is on it, and check it",
    errno.ENAMETOOLONG: "the name is too long; shorten it",
}


def one_line(error: BaseException | str) -> str:
    """Return the message of `error` folded to one line, for a terminal or a log; a tab in a line as \\t.

    A message that can be translated stays one.
    """
    message = getattr(error, "message", error)
    if isinstance(message, Translatable):
        return message
    return " ".join(re.sub(r"(?<=\S)\t(?=\S)", r"\\t", str(error)).split())


def describe_error(error: Exception) -> str:
    """Return an error as one line, with advice for errors of the operating system."""
    number = getattr(error, "errno", None)
    if number not in ADVICE:
        from pipeline.common.library_messages import (
            recognize,
        )  # here: a command without a mistake needs it not

        return recognize(one_line(error))
    advice = Translatable(ADVICE[number])
    file = getattr(error, "filename", None)
    return Translatable("{file}: {advice}", file=file, advice=advice) if file else advice


def describe_missing_package(error: ModuleNotFoundError) -> str:
    """Return one line about a package that is not installed."""
    return Translatable("package {name} is missing; run `make install`", name=error.name)


def describe_usage_error(error: "typer.TyperException") -> str:
    """Return one line about a mistake in the command line.

    Empty where Typer has already shown the help.
    """
    from pipeline.common.library_messages import recognize  # here: a command without a mistake needs it not

    sentence = one_line(error.format_message()).rstrip(".")
    if not sentence:
        return ""
    message = recognize(sentence)
    context = getattr(error, "ctx", None)
    takes_text = context is not None and any(p.param_type_name == "argument" for p in context.command.params)
    if takes_text and sentence.startswith("No such option") and "(Possible" not in sentence:
        message = Translatable("{message}; put -- before text that begins with -", message=message)
    return Translatable("{message}; --help tells what there is", message=message)


def print_error(message: str) -> None:
    """Print an error as one line on standard error."""
    print(one_line(translate("error: {message}", message=message)), file=sys.stderr)


def print_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: print one line for a missing package and for Ctrl-C, else the traceback."""
    ours = isinstance(error, ModuleNotFoundError) and str(error.name).startswith(("pipeline", "stages"))
    if os.environ.get("TEZGAH_DEBUG") == "1" or ours:
        sys.__excepthook__(kind, error, trace)
    elif isinstance(error, ModuleNotFoundError):
        print_error(describe_missing_package(error))
    elif isinstance(error, KeyboardInterrupt):
        print_error(Translatable("stopped"))
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
            print_error(message)
        raise SystemExit(1) from None
    raise SystemExit(status)
