"""Download cache: folders for files that are kept until they have been read."""

import hashlib
from pathlib import Path

from pipeline.common.fingerprint import scratch_folder


def download_folder(identity: str) -> Path:
    """Return a folder for what `identity` names, in the stage's scratch folder.

    It is named as checkpoints are, so that `tezgah clean` and the end of the stage remove it.
    """
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return scratch_folder() / "slice_corpus" / f"{digest[:12]}-{digest[12:20]}"
