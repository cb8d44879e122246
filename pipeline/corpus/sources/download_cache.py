"""Where what comes from the net lies until it has been read."""

import hashlib
from pathlib import Path

from pipeline.common.fingerprint import scratch


def folder_of(what: str) -> Path:
    """A folder for it in the stage's scratch, named as checkpoints are, so that `tezgah clean` and the end of
    the stage remove it.
    """
    digest = hashlib.sha256(what.encode()).hexdigest()
    return scratch() / "slice_corpus" / f"{digest[:12]}-{digest[12:20]}"
