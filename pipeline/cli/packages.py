"""The packages of an extra, which the usual installation lacks."""

from importlib.util import find_spec

from pipeline.common.errors import UserError


def require_packages(extra: str, *names: str) -> None:
    """Raise UserError unless the packages `names` of an extra are installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(
            "{missing}: not installed; run `pip install -e '.[{extra}]'`",
            missing=", ".join(missing),
            extra=extra,
        )
