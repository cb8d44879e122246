"""`tezgah serve`: models behind OpenAI's endpoints, and a page to talk with them."""

import errno
import re
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from pipeline.cli.infer import open_model
from pipeline.cli.packages import require_packages
from pipeline.cli.revisions import fetch_folder, split_revision
from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message, translate
from pipeline.common.library_messages import describe_system_error
from pipeline.common.paths import BASE_MODEL, ENCODER_MODEL, SFT_MODEL

PACKAGES = ("fastapi", "uvicorn", "llguidance")
MAX_SLOTS = 1024
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def run_server(
    models: Sequence[str],
    encoder: Path | None,
    docs: Path | None,
    host: str,
    port: int,
    token: str | None,
    slots: int,
    max_waiting: int,
    seconds: float,
    int8: bool = False,
    device: str = "auto",
) -> None:
    """Serve models until Ctrl-C: folders, or FOLDER@REVISION.

    Without any, the SFT model and the base model that are there. Raises UserError for missing packages,
    models that cannot be opened, an address that is in use, and one that others can reach without a token.
    """
    require_packages("serve", *PACKAGES)
    check_limits(port, slots, max_waiting, seconds)
    is_open = not is_loopback(host)
    if is_open and not token:
        raise UserError(
            "--host: {host}: others can reach this address; give a secret: --token, or TEZGAH_TOKEN",
            host=host,
        )
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise UserError("--token: give ASCII letters, digits and signs without a space, or leave it out")
    listener = bind(host, port)
    import uvicorn

    from pipeline.serving.app import Limits, create_app
    from pipeline.serving.documents import Documents
    from pipeline.serving.models import Catalog, ServedEncoder, ServedModel, name_models

    defaults = [str(folder) for folder in (SFT_MODEL, BASE_MODEL) if folder.is_dir()]
    split = [split_revision(text) for text in list(models) or defaults or [str(SFT_MODEL)]]
    served_models = [
        ServedModel(name, folder, *open_model(folder, device), slots, int8)
        for name, folder in zip(name_models(split), map(find_folder, split), strict=True)
    ]
    served = None
    if encoder is None and ENCODER_MODEL.is_dir():
        encoder = ENCODER_MODEL
    if encoder is not None:
        served = ServedEncoder(encoder.resolve().name, encoder)
    documents = Documents(docs) if docs else None
    own = f"[{host}]" if ":" in host else host
    names = () if is_open else (*LOOPBACK_NAMES, own)
    app = create_app(Catalog(served_models, served, documents), Limits(max_waiting, seconds), names, token)
    place = f"http://{own}:{listener.getsockname()[1]}"
    known = ", ".join([model.name for model in served_models] + ([served.name] if served else []))
    print_message(
        "{place}: a page to talk with {known}; the API is under {place}/v1", place=place, known=known
    )
    print(translate("Ctrl-C ends"), file=sys.stderr, flush=True)
    config = uvicorn.Config(
        app, log_level="warning", timeout_keep_alive=5, timeout_graceful_shutdown=3, server_header=False
    )
    with suppress(KeyboardInterrupt):  # the usual end
        uvicorn.Server(config).run(sockets=[listener])


def find_folder(named: tuple[Path, str | None]) -> Path:
    """Return a model's folder; of another revision a copy. Raises UserError where it cannot be had."""
    folder, revision = named
    return folder if revision is None else fetch_folder(folder, revision)


def check_limits(port: int, slots: int, max_waiting: int, seconds: float) -> None:
    """Raise UserError for a number out of range."""
    if not 0 <= port < 65536:
        raise UserError("--port: {port}: give 1 to 65535, or 0 for a free one", port=port)
    if not 1 <= slots <= MAX_SLOTS:
        raise UserError("--slots: {slots}: give 1 to {max_slots}", slots=slots, max_slots=MAX_SLOTS)
    if max_waiting < 0:
        raise UserError("--queue: {max_waiting}: give 0 or more", max_waiting=max_waiting)
    if not 0 < seconds < float("inf"):
        raise UserError("--seconds: {seconds:g}: give a number above 0", seconds=seconds)


def is_loopback(host: str) -> bool:
    """Return true for an address that only this machine can reach."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises UserError where it cannot."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)  # who calls before the server has started is heard then
        return listener
    except socket.gaierror:
        raise UserError(
            "--host: {host}: no such address; 127.0.0.1 is this machine alone", host=host
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise UserError(
                "--host: {host}: no address of this machine; 127.0.0.1 is this machine alone", host=host
            ) from None
        raise UserError(
            "{host}:{port}: {reason}; name another --port, or end what uses it",
            host=host,
            port=port,
            reason=describe_system_error(error),
        ) from None
