"""How a user's mistake ends: one line on standard error, exit status 1, no traceback."""

import os
import sys
from collections.abc import Callable

import typer


class UserError(ValueError):
    """Something the user can mend. The message is one line: file, key or row; value; what to do."""


def one_line(error: BaseException) -> str:
    """The message of `error` folded to one line, for a terminal or a log."""
    return " ".join(str(error).split())


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
        print(f"error: {one_line(error)}", file=sys.stderr)
        raise SystemExit(1) from None
