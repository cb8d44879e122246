"""A model's folder on the Hugging Face hub: what may be sent, what is there already, and one commit.

Large files go the client's own way: by hf_xet in blocks of at most 64 MiB, or by LFS as whole files where
hf_xet is missing or HF_HUB_DISABLE_XET=1. A push that was cut sends no block or file again that has arrived.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.io import sha256
from pipeline.common.params import describe_yaml_error
from pipeline.common.paths import DVC_FILE
from pipeline.hub.access import ENV_FILE, read_token

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

CARD = "README.md"
MODEL_FILES = ("*.safetensors", "*.gguf", "*.onnx", "*.html")
# What a model needs beside its weights. Nothing else is sent, whatever lies in the folder.
COMPANIONS = (
    "README*.md", "LICENSE*", "NOTICE*", "*.json", "*.jinja", "*.txt", "tokenizer.model", "*.onnx.data",
    "Modelfile",
)  # fmt: skip
NEVER = ("*.partial", "optimizer*", "checkpoint*", "trainer_state.json")  # of training, not of a model
TOKENS_PAGE = "https://huggingface.co/settings/tokens"
TIMEOUT = 100  # seconds without an answer, as the client would wait without end


def check_name(name: str) -> None:
    """Raise UserError for the name of a repository that is no OWNER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        has_owner = name.count("/") == 1
    except HFValidationError:
        has_owner = False
    if not has_owner:
        raise UserError(
            "NAME: {name}: not OWNER/NAME, as in ayse/masal; write both with the letters a to "
            "z, digits, -, _ and .",
            name=repr(name),
        )


def check_folder(folder: Path) -> None:
    """Raise UserError for a folder that is not there, or that no model is pushed from."""
    if not folder.is_dir():
        raise UserError("{folder}: no such folder; name one that `tezgah export` has written", folder=folder)
    place = folder.resolve()
    project = next((above for above in (place, *place.parents) if (above / DVC_FILE).is_file()), None)
    if place == project or Path.cwd().is_relative_to(place):
        raise UserError(
            "{folder}: holds the whole project; name the folder of one model, below exports/", folder=folder
        )
    inside = place.relative_to(project).parts if project else ()
    closed = [part for part in inside if part.startswith(".") or (part == "data" and part == inside[0])]
    if closed:
        top = f"{closed[0]}/"
        raise UserError(
            "{folder}: lies in {top}, which is never pushed; name a folder below exports/",
            folder=folder,
            top=top,
        )


def list_files(folder: Path) -> tuple[list[str], list[str]]:
    """Return the files of a folder that may be sent, and those that are left out, as relative paths."""
    sent: list[str] = []
    left_out: list[str] = []
    for above, folders, files in os.walk(folder):
        closed = [name for name in folders if name.startswith(".") or Path(above, name).is_symlink()]
        folders[:] = [name for name in folders if name not in closed]  # os.walk goes into these
        for path in [Path(above, name) for name in (*closed, *files)]:
            chosen = sent if may_be_sent(path, folder) else left_out
            chosen.append(path.relative_to(folder).as_posix())
    return sorted(sent), sorted(left_out)


def may_be_sent(path: Path, folder: Path) -> bool:
    """Return true for a file of a model that lies in the folder, also behind a link that stays in it."""
    name = path.name
    if name.startswith(".") or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return False
    return matches(name, (*MODEL_FILES, *COMPANIONS)) and not matches(name, NEVER)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return true if a file's name matches one of the patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def check_files(folder: Path, files: list[str]) -> None:
    """Raise UserError unless there is a model among the files that may be sent."""
    if not any(matches(Path(file).name, MODEL_FILES) for file in files):
        raise UserError(
            "{folder}: no model in it ({model_files}); push what `tezgah export` has written",
            folder=folder,
            model_files=", ".join(MODEL_FILES),
        )


def read_card(folder: Path, files: list[str]) -> "ModelCard":
    """Return the card of a model. Raises UserError where it or what the hub asks of it is missing."""
    from huggingface_hub import ModelCard

    path = folder / CARD
    if CARD not in files:
        raise UserError(
            "{path}: missing; run `tezgah export` first, which writes the cards, and push its folder",
            path=path,
        )
    try:
        card = ModelCard.load(path)
    except Exception as error:  # PyYAML's own, ValueError, TypeError: each is a fault of the card
        mark = getattr(error, "problem_mark", None)
        fault = one_line(error)
        if mark:
            problem = describe_yaml_error(error)
            fault = Translatable("{problem}, line {line}", problem=problem, line=mark.line + 2)
        raise UserError(
            "{path}: its front matter is no YAML ({fault}); fix what is between --- and ---",
            path=path,
            fault=fault,
        ) from None
    fields = card.data.to_dict()
    if not fields.get("license"):
        raise UserError(
            "{path}: license: missing; export again with --license, or write it between --- and ---",
            path=path,
        )
    for key in ("language", *(["license_name"] if fields["license"] == "other" else [])):
        if not fields.get(key):
            raise UserError("{path}: {key}: missing; write it between --- and ---", path=path, key=key)
    return card


@contextmanager
def hub_for_pushing(name: str) -> Iterator[None]:
    """Access the hub inside the block, with the token of `.env`. Its errors become UserErrors of one line."""
    from httpx2 import HTTPError
    from huggingface_hub.utils import disable_progress_bars, get_session

    if "HF_TOKEN" not in os.environ and (token := read_token(ENV_FILE)):
        os.environ["HF_TOKEN"] = token
    # hf_xet writes down at once which blocks have arrived, instead of every 20 seconds.
    os.environ.setdefault("HF_XET_DATA_SESSION_XORB_METADATA_FLUSH_INTERVAL", "0s")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs every attempt
    if not sys.stderr.isatty():
        disable_progress_bars()
    get_session().timeout = TIMEOUT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the client's, of several lines
            yield
    except UserError:
        raise
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        if getattr(error, "filename", None):  # a file here
            raise
        raise explain_refusal(name, error) from None


def explain_refusal(name: str, error: Exception) -> UserError:
    """Return the error about what the hub refuses, with advice."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the client wraps the errors of LFS
    if isinstance(error, OfflineModeIsEnabled):
        return UserError("HF_HUB_OFFLINE: is set, so nothing can be sent; unset it")
    status, told = status_of(error), getattr(error, "server_message", None) or str(error)
    told = one_line(told.splitlines()[0] if told else type(error).__name__)
    if status == 401:
        return UserError(
            "{name}: the hub does not know the token; make one that may write at {tokens_page}",
            name=name,
            tokens_page=TOKENS_PAGE,
        )
    if status == 403:
        return UserError(
            "{name}: the token has no right to write there ({told}); make one with it at {tokens_page}, or "
            "name an owner you may write for",
            name=name,
            told=told,
            tokens_page=TOKENS_PAGE,
        )
    if status == 404:
        return UserError(
            "{name}: not there, or not to be seen with this token; check the name and the token", name=name
        )
    if status in (409, 412):
        return UserError(
            "{name}: something else changes it at the same time ({told}); run again", name=name, told=told
        )
    if status in (400, 402, 413, 422):
        return UserError("{name}: the hub refuses it ({told})", name=name, told=told)
    return UserError("{name}: cannot reach the hub ({told}); run again to resume", name=name, told=told)


def status_of(error: Exception) -> int | None:
    """Return the HTTP status of an error, of which hf_xet tells only in its message."""
    if response := getattr(error, "response", None):
        return response.status_code
    found = re.search(r"HTTP status client error \((\d{3})", str(error))
    return int(found[1]) if found else None


def check_token() -> None:
    """Raise UserError where there is no token, or one that may only read."""
    from huggingface_hub import HfApi, get_token

    if get_token() is None:
        raise UserError(
            "HF_TOKEN: missing; make a token that may write at {tokens_page} and put it in "
            ".env: HF_TOKEN=hf_…",
            tokens_page=TOKENS_PAGE,
        )
    access = HfApi().whoami().get("auth", {}).get("accessToken", {})
    if access.get("role") == "read":
        raise UserError(
            "HF_TOKEN: may only read; make a token that may write at {tokens_page}", tokens_page=TOKENS_PAGE
        )


def check_card(card: "ModelCard", path: Path) -> None:
    """Raise UserError where the hub refuses a card's front matter."""
    try:
        card.validate()
    except ValueError as error:
        raise UserError(
            "{path}: the hub refuses the front matter ({error}); fix it", path=path, error=one_line(error)
        ) from None


def find_visibility(name: str) -> str | None:
    """Return `private` or `public` for a repository that the token may write to. None if there is none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    api = HfApi()
    try:
        is_private = api.model_info(name).private
    except RepositoryNotFoundError:
        return None
    api.auth_check(name, write=True)
    return "private" if is_private else "public"


def find_new(folder: Path, files: list[str], name: str) -> list[str]:
    """Return the files that the repository lacks or has with another content. It tells by their hashes."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    entries = HfApi().list_repo_tree(name, recursive=True)
    there = {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
    return [file for file in files if file not in there or not is_same(folder / file, there[file])]


def is_same(path: Path, entry: Any) -> bool:
    """Return true if a file has the content that the hub tells of."""
    from huggingface_hub.utils.sha import git_hash

    if path.stat().st_size != entry.size:
        return False
    if entry.lfs:
        return sha256(path) == entry.lfs.sha256
    return git_hash(path.read_bytes()) == entry.blob_id


def send_files(folder: Path, files: list[str], name: str, message: str) -> None:
    """Upload the files and commit them to the main branch, all or none."""
    from huggingface_hub import CommitOperationAdd, HfApi

    additions = [CommitOperationAdd(path_in_repo=file, path_or_fileobj=folder / file) for file in files]
    HfApi().create_commit(name, additions, commit_message=message)
