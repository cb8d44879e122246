"""Access to the Hugging Face hub, or a server with its API (`HF_ENDPOINT`), with errors of one line."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.common.errors import UserError, one_line

ENV_FILE = Path(".env")  # may hold HF_TOKEN=…


@contextmanager
def hub_access(key: str, name_key: str = "", revision_key: str = "") -> Iterator[None]:
    """Access the hub inside the block, with the token of `.env`. Its errors become UserErrors of one line.

    They begin with `key`, which is where the set is named, or where its name and its revision stand: by
    default in `dataset` and `revision` below `key`.
    """
    name_key, revision_key = name_key or f"{key}.dataset", revision_key or f"{key}.revision"
    if "HF_TOKEN" not in os.environ and (token := read_token(ENV_FILE)):
        os.environ["HF_TOKEN"] = token
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from datasets.exceptions import DataFilesNotFoundError, DatasetNotFoundError
    from httpx2 import HTTPError
    from huggingface_hub import errors

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs every attempt
    no_access = errors.GatedRepoError, errors.RepositoryNotFoundError, errors.RevisionNotFoundError
    try:
        yield
    except (*no_access, DatasetNotFoundError) as error:
        if "evision" in str(error) and "gated" not in str(error):
            raise UserError(
                "{revision_key}: not there; leave it out to be told the current one",
                revision_key=revision_key,
            ) from None
        raise UserError(
            "{name_key}: not there, or not to be read without leave ({error}); check its name, "
            "or ask for access on its page and put a token in the environment or in .env: "
            "HF_TOKEN=hf_…",
            name_key=name_key,
            error=one_line(error),
        ) from None
    except (errors.EntryNotFoundError, DataFilesNotFoundError, FileNotFoundError) as error:
        raise UserError("{key}: {error}", key=key, error=one_line(error)) from None
    except (errors.HfHubHTTPError, HTTPError, OSError) as error:
        raise UserError(
            "{key}: cannot reach the hub ({error}); run again to resume", key=key, error=one_line(error)
        ) from None


def read_token(path: Path) -> str | None:
    """Return the HF_TOKEN of an `.env` file; None if it has none."""
    if not path.is_file():
        return None
    lines = (line.partition("=") for line in path.read_text("utf-8").splitlines())
    variables = {key.strip().removeprefix("export "): value.strip().strip("\"'") for key, _, value in lines}
    return variables.get("HF_TOKEN") or None
